"""Markers that carry pipeline values through f-strings until the text is used.

``f"{value}"`` calls ``__format__``, which must return text. The marker consists of private-use characters: a start, the
trace's nonce, the number of the value in the trace, a checksum, an end. Letters, digits, a space and punctuation are
included so that ``.upper()``, ``.split()``, ``.replace("-", "_")``, ``re.sub``, ``shlex.quote`` and similar calls
damage the marker: they would change the text around the value, but not the value; slicing and wrapping damage any form.
A damaged marker is an error, and so is one that no task ever received. A marker has no line break, ``%`` or brace, so
that `textwrap.dedent`, ``%s`` and ``.format`` of the text around it work correctly.
"""

from __future__ import annotations

import re
import string
from typing import Any, Literal, TypeAlias

from typedpipe.dsl.tracing import Trace, error, site_here

_ZERO = 0xF0100
_BASE = 16
START, END, POISON = "\U000f0001", "\U000f0002", "\U000f0003"
_BAIT = string.ascii_letters + string.digits + " -_./,:;=+*?!@#&|<>()[]~^`'\"\\"
_DIGIT = f"[{chr(_ZERO)}-{chr(_ZERO + _BASE - 1)}]"
_MARKER = f"{START}{re.escape(_BAIT)}({_DIGIT}{{4}})({_DIGIT}{{5}})({_DIGIT}){END}"
_SHOWN = f"(?s:(?:{START}|{re.escape(ascii(START)[1:-1])}).*?(?:{END}|{re.escape(ascii(END)[1:-1])}|$))"
_OURS = f"[{START}{END}{POISON}{chr(_ZERO)}-{chr(_ZERO + _BASE - 1)}]"


def _digits(number: int, width: int) -> str:
    out = []
    for _ in range(width):
        number, digit = divmod(number, _BASE)
        out.append(chr(_ZERO + digit))
    return "".join(reversed(out))


def _number(text: str) -> int:
    value = 0
    for char in text:
        value = value * _BASE + ord(char) - _ZERO
    return value


def _checksum(nonce: int, number: int) -> int:
    return (nonce * 7 + number * 3 + number // _BASE * 5) % _BASE


def write(trace: Trace, value: object, spec: str) -> str:
    """The marker for ``{value:spec}``."""
    number = len(trace.formats)
    trace.formats.append([value, spec, site_here(), False])
    nonce = trace.nonce % _BASE**4
    return f"{START}{_BAIT}{_digits(nonce, 4)}{_digits(number, 5)}{_digits(_checksum(nonce, number), 1)}{END}"


def present(text: str) -> bool:
    """Whether the text has a marker, intact or damaged."""
    return not text.isascii() and re.search(_OURS, text) is not None


def shown(text: str) -> str:
    """The text of an exception, with pipeline values as the user wrote them instead of markers."""
    return re.sub(_SHOWN, "{…}", text)


Pieces: TypeAlias = list[str | tuple[Any, str]]
"""A text as constant pieces, and values with their formats."""


def pieces(trace: Trace, text: str) -> Pieces | Literal["foreign", "damaged"]:
    """Split a text at its markers, unless one belongs to another pipeline or was changed."""
    parts: Pieces = []
    position = 0
    for match in re.finditer(_MARKER, text):
        nonce, number, check = (_number(group) for group in match.groups())
        if _checksum(nonce, number) == check and nonce != trace.nonce % _BASE**4:
            return "foreign"
        if _checksum(nonce, number) != check or number >= len(trace.formats):
            break
        if match.start() > position:
            parts.append(text[position : match.start()])
        entry = trace.formats[number]
        entry[3] = True
        parts.append((entry[0], entry[1]))
        position = match.end()
    rest = text[position:]
    if present(rest) or any(isinstance(part, str) and present(part) for part in parts):
        return "damaged"
    return [*parts, rest] if rest else parts


def told(trace: Trace) -> None:
    """Note that a text was reported: none of those created so far is reported as unused."""
    for entry in trace.formats:
        entry[3] = True


def check_used(trace: Trace) -> None:
    """Report f-strings with pipeline values that no task ever received."""
    for _, _, site, used in trace.formats:
        if not used:
            error(
                "TP160",
                "this text contains a pipeline value, but the text is never passed to a task unchanged",
                site,
                help="pass the text to a component, and print or transform it there (`json.dumps`, `re.sub`, …)",
            )
