"""The form of the markers that stand for pipeline values in text: how they and their rests are recognised."""

from __future__ import annotations

import re
from typing import Final

HEAD, TAIL = "7eD95cB1fA", "Ec4bF8d0"
START = "tPvZqXwK"
NO_TEXT = "\U000f0003"
"""Stands in the text of an object that no text may contain, such as a task."""
_LEAST: Final = 6
"""The length of a rest of a marker that is recognised: shorter ones occur in ordinary text."""


_RESTS: Final = (
    *(word[at : at + _LEAST] for word in (HEAD, TAIL, START) for at in range(len(word) - _LEAST + 1)),
    NO_TEXT,
    r"\U000f0003",
    r"\udb80\udc03",
)
_OTHER_CASE: Final = (HEAD.lower(), START.lower())
_SHOWN: Final = (
    f"(?s:(<[^<>]*>) {START}.*?(?:{TAIL}|$)|(?:{START}|0x{HEAD}|{NO_TEXT}(?!<)).*?(?:{TAIL}|$)|{NO_TEXT}(<[^<>]*>))"
)


_written: Final[list[bool]] = []
"""Not empty once this process has written a marker: until then no text needs to be searched."""


def note_marker() -> None:
    """Note that there is text with markers."""
    if not _written:
        _written.append(True)


def present(text: str) -> bool:
    """Whether the text has a marker, intact or damaged.

    >>> note_marker()
    >>> present("a1b2c3"), present("n=0x7eD95cB1fA0001")
    (False, True)
    """
    if not _written:
        return False
    for rest in _RESTS:  # substrings are found ten times as fast as one pattern for all
        if rest in text:
            return True
    lower = text.lower()
    return any(word in lower for word in _OTHER_CASE)


def without_text(shown: str) -> str:
    """The ``repr()`` of an object that no text may contain, such as a task."""
    note_marker()
    return f"{NO_TEXT}{shown}"


def shown(text: str) -> str:
    """A message with pipeline values as ``{…}``, or as ``repr()`` describes them, instead of markers.

    >>> shown("0x7eD95cB1fA00010000007a6aEc4bF8d0 items")
    '{…} items'
    """
    return re.sub(_SHOWN, lambda match: match[1] or match[2] or "{…}", text)
