"""User text made safe for a terminal: every character occupies its own cells and has no side effects.

Control characters, bidirectional overrides and lone surrogates are spelled out instead of sent; tabs become spaces;
wide characters take two cells and combining ones none, so that a caret is under the character it points at.
"""

from __future__ import annotations

import unicodedata

TAB = 4
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_JOINERS = "\u200d\ufe0f"  # zero-width joiner and emoji selector: parts of emoji sequences


def shown(text: str) -> str:
    r"""Spell out every character of a text that is not visible.

    >>> shown("a\x1b[31mb\u202ec")
    'a␛[31mb<U+202E>c'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown_character(character) for character in text)


def _shown_character(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    number = ord(character)
    if number < 0x20:
        return chr(0x2400 + number)
    if number == 0x7F:
        return "\u2421"
    if unicodedata.category(character) in _HIDDEN:
        return f"<U+{number:04X}>"
    return " "  # the other spaces


def width(text: str) -> int:
    """Number of terminal cells that a text from :func:`shown` takes.

    >>> width("日本"), width("e\u0301")
    (4, 1)
    """
    if text.isascii():
        return len(text)
    from wcwidth import wcwidth  # its tables take 30 ms to load, and most texts are ASCII

    return sum(max(wcwidth(character), 0) for character in text)


def expand(line: str) -> tuple[list[str], list[int]]:
    """Split a source line into the pieces to print, one per character, and the start cell of each (and the end)."""
    pieces: list[str] = []
    starts = [0]
    for character in line:
        at = starts[-1]
        piece = " " * (TAB - at % TAB) if character == "\t" else _shown_character(character)
        pieces.append(piece)
        starts.append(at + width(piece))
    return pieces, starts
