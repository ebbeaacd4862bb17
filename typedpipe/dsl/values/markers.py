r"""Markers that carry pipeline values through text until the text is used.

``f"{value}"``, ``str(value)`` and ``repr(value)`` must return text before there is a value. They return a marker: 32 letters
and digits with the number of the value and a checksum. It reads as a hexadecimal number, so that a YAML library quotes
it where it would quote a number, and no library escapes it.

A number, a bool or an enum prints as a plain word too, so this *plain* marker is all that stands for it. Any other text
may contain whatever a shell, YAML, HTML or JSON gives a meaning. For such a value a *bait* stands before the marker: each
character that any of these escapes. The form in which the bait arrives shows what was done to the text. Text that was put
into JSON strings is put into them again when the value is known; after anything else the text is an error, because the
value would not be escaped. Letters, digits and punctuation are in the bait because ``.upper()``, ``.split()`` or
``.replace("-", "_")`` damage them: they would change the text around the value, but not the value.

The bait has no line break, ``%``, ``$`` or brace, so that `textwrap.dedent`, ``%s``, ``.format`` and templates work
on the text around it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from typedpipe.dsl.marker_form import HEAD, START, TAIL, note_marker, present
from typedpipe.dsl.tracing import Site, Trace, error, site_here
from typedpipe.types.json_text import json_data
from typedpipe.types.model import EnumType, LiteralType, NullType, ScalarType, Type, UnionType
from typedpipe.types.texts import member_texts

_LETTERS = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"  # importing `string` costs more than all of this
)
_BAIT = f"{START}{_LETTERS} -_./,:;=+*?!@#&|<>()[]~^`: #//é'\"\\"
_MARKER = f"0x{HEAD}([0-9a-f]{{4}})([0-9a-f]{{6}})([0-9a-f]{{4}}){TAIL}"
_CHECKS = 65521  # the largest prime of four hexadecimal digits


@dataclass(slots=True)
class Insertion:
    """A value in a text: ``{value!conversion:spec}``."""

    value: Any
    spec: str
    conversion: str
    bait: str
    site: Site | None
    used: bool


class Table(Protocol):
    """The insertions of one function: of a pipeline that is traced, or of a container component."""

    @property
    def nonce(self) -> int:
        """A number that tells the markers of one function from those of another."""
        ...

    @property
    def formats(self) -> list[Any]:
        """The insertions; a marker holds an index."""
        ...


class Piece(NamedTuple):
    """A value as it stands in a text that a task receives."""

    inserted: Insertion
    conversion: str
    escapes: str


Pieces: TypeAlias = list[str | Piece]
"""A text as constant pieces, and values with their formats."""


class Damage(NamedTuple):
    """The operation that changed a text before it arrived. ``by`` is "" if that cannot be seen."""

    by: Literal["", "foreign", "shell", "html", "yaml", "repr", "json"]


# -------------------------------------------------------------------------------------------------- writing


def write(table: Table, value: object, spec: str = "", *, plain: bool) -> str:
    """The marker for ``{value:spec}``; ``plain`` says that the text needs no escapes, whatever the value is."""
    return _insert(table, Insertion(value, spec, "", "" if plain else _BAIT, site_here(), used=False))


def write_repr(table: Table, value: object, shown: str) -> str:
    """The marker for ``{value!r}``, in text that a debugger can show. Nobody needs to use it."""
    return _insert(table, Insertion(value, "", "r", f"<{shown}> {_BAIT}", site_here(), used=True))


def _insert(table: Table, inserted: Insertion) -> str:
    note_marker()
    number, nonce = len(table.formats), table.nonce % 16**4
    table.formats.append(inserted)
    return f"{inserted.bait}0x{HEAD}{nonce:04x}{number:06x}{_checksum(nonce, number):04x}{TAIL}"


def _checksum(nonce: int, number: int) -> int:
    return (nonce * 31337 + number * 7919 + 1) % _CHECKS


_WORD = r"[A-Za-z0-9_.]*"
_PLAIN_SPEC = r"[+-]?#?(?:0[0-9]+)?_?(?:\.[0-9]+)?[bdeEfFgGoxX]?"


def is_plain(type_: Type, spec: str = "") -> bool:
    """Whether the text consists of letters, digits and ``+-._``, whatever the value is.

    >>> from typedpipe.types.model import INT, STR
    >>> is_plain(INT, "03d"), is_plain(INT, ">8"), is_plain(STR)
    (True, False, False)
    """
    if not isinstance(type_, UnionType):
        return _has_plain_text(type_, spec)
    return all(_has_plain_text(part, spec) for part in type_.members)


def _has_plain_text(type_: Type, spec: str) -> bool:
    match type_:
        case ScalarType():
            return type_.kind in ("int", "float", "bool") and (not spec or re.fullmatch(_PLAIN_SPEC, spec) is not None)
        case NullType():
            return True
        case LiteralType():
            return not spec and all(
                re.fullmatch(_WORD, json_data(wire) if wire.startswith('"') else wire) for wire in type_.values
            )
        case EnumType():
            texts = member_texts(type_, spec, "")
            return bool(texts) and all(re.fullmatch(_WORD, text) for _, text in texts)
        case _:
            return False


# -------------------------------------------------------------------------------------------------- reading


def pieces(table: Table, text: str) -> Pieces | Damage:
    """Split a text at its markers, unless one belongs to another pipeline or was changed."""
    parts: Pieces = []
    position = 0
    for match in re.finditer(_MARKER, text):
        nonce, number, check = (int(group, 16) for group in match.groups())
        if _checksum(nonce, number) != check:
            return Damage("")
        if nonce != table.nonce % 16**4:
            return Damage("foreign")
        if number >= len(table.formats):
            return Damage("")
        inserted: Insertion = table.formats[number]
        before = text[position : match.start()]
        how = next((form for form in _forms(inserted.bait) if before.endswith(form.bait)), None)
        if how is None:
            return Damage(_changed_by(inserted.bait, before))
        before = before.removesuffix(how.bait)
        if before:
            parts.append(before)
        parts.append(Piece(inserted, how.conversion or inserted.conversion, how.escapes))
        position = match.end()
    parts += [text[position:]] if position < len(text) else []
    if any(isinstance(part, str) and present(part) for part in parts):
        return Damage("")
    for part in parts:
        if isinstance(part, Piece):
            part.inserted.used = True
    return parts


class _Form(NamedTuple):
    """The bait as it arrives after the escapes of JSON; an ``é`` that ``ascii()`` escaped shows the conversion ``!a``."""

    bait: str
    conversion: str
    escapes: str


_DEPTH = 4
"""JSON text inside JSON text, that many times."""


@cache
def _forms(bait: str) -> tuple[_Form, ...]:
    if not bait:
        return (_Form("", "", ""),)
    forms = [_Form(bait, "", "")]
    if not bait.startswith(START):
        forms.append(_Form(_ascii(bait), "a", ""))
    last = forms
    for _ in range(_DEPTH):
        last = list(_in_json(last))
        forms += last
    return tuple(forms)


def _ascii(bait: str) -> str:
    return bait.encode("ascii", "backslashreplace").decode("ascii")


def _in_json(forms: list[_Form]) -> Iterator[_Form]:
    for form in forms:
        yield _Form(json.dumps(form.bait)[1:-1], form.conversion, form.escapes + "a")
        if not form.bait.isascii():
            yield _Form(json.dumps(form.bait, ensure_ascii=False)[1:-1], form.conversion, form.escapes + "u")


def _changed_by(bait: str, before: str) -> Literal["", "shell", "html", "yaml", "repr"]:
    """The library that changed the bait, as far as it can be seen."""
    tail = " ".join(before[-2 * len(bait) :].split())  # YAML folds long lines
    for form in _forms(bait):
        for by, changed in _changes(form.bait):
            if tail.endswith(changed[-40:]):
                return by
    return "yaml" if r"\xE9" in tail else ""


def _changes(bait: str) -> Iterator[tuple[Literal["shell", "html", "yaml", "repr"], str]]:
    from html import escape

    yield "shell", bait.replace("'", "'\"'\"'")
    yield "html", escape(bait)
    yield "html", escape(bait).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield "yaml", bait.replace("'", "''")
    yield "repr", repr(bait)[1:-1]
    yield "repr", ascii(bait)[1:-1]


# ------------------------------------------------------------------------------------------------ reporting


def told(trace: Trace | None) -> None:
    """Note that a text was reported: none of those created so far is reported as unused."""
    for inserted in trace.formats if trace is not None else ():
        inserted.used = True


def check_used(trace: Trace) -> None:
    """Report texts with pipeline values that no task ever received."""
    for inserted in trace.formats:
        if not inserted.used:
            error(
                "TP160",
                "this text contains a pipeline value, but the text is never passed to a task unchanged",
                inserted.site,
                help="pass the text to a component, and print or transform it there (`base64`, `re.sub`, …)",
            )
