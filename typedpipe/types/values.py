"""Python constants: their text on the wire, and their own type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any, Final, TypeAlias

from typedpipe.runtime.task import to_text
from typedpipe.types.model import (
    FLOAT,
    NULL,
    ListType,
    LiteralType,
    StructField,
    StructType,
    Type,
    union,
)

_MOST_SHAPES: Final = 16
"""So many differing dicts in one list keep a type each; more are described by one type."""

TRUE: Final = LiteralType(("true",))
FALSE: Final = LiteralType(("false",))
_TAG: Final = "$tp"
_TAG_WIRE: Final = "\\u0024tp"


class NotAConstant(ValueError):
    """The value cannot be sent to a container. ``reason`` says why, with the place inside the value."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = str(self)


def constant(value: object) -> tuple[str, Type]:
    """The wire text of a Python value, and the value's own type.

    Raises:
        NotAConstant: the value, or a part of it, has no form on the wire.

    >>> constant({"lr": 0.1, "layers": [1, 2]})[0]
    '{"lr":0.1,"layers":[1,2]}'
    """
    try:
        return _any(value, "")
    except RecursionError:
        raise NotAConstant("the value is nested too deeply, or contains itself") from None


Described: TypeAlias = tuple[str, Type]


def _null(_: Any, _path: str) -> Described:
    return "null", NULL


def _bool(value: Any, _path: str) -> Described:
    return ("true", TRUE) if value else ("false", FALSE)


def _int(value: Any, _path: str) -> Described:
    try:
        text = int.__repr__(value)
    except ValueError:  # Python's own limit on the digits of an int; the wire has none
        text = to_text(value)
    return text, LiteralType((text,))


def _float(value: Any, _path: str) -> Described:
    if isfinite(value):
        return float.__repr__(value), FLOAT
    return f'{{"{_TAG_WIRE}":["float","{float.__repr__(value)}"]}}', FLOAT


def _str(value: Any, path: str) -> Described:
    text = string_wire(value, path)
    return text, LiteralType((text,))


def string_wire(value: str, path: str = "") -> str:
    r"""A str's wire text, as the runtime's ``to_text`` makes it, at a third of the time.

    >>> string_wire("a $ {{b}}")
    '"a \\u0024 {\\u007bb}}"'
    """
    text = encode_basestring_ascii(value)
    if "\\ud" in text and not _encodable(value):
        raise NotAConstant("the text contains a lone surrogate, which cannot be encoded", path)
    if "$" in text or "{{" in text or "\x7f" in text:
        text = text.replace("{{", "{\\u007b").replace("$", "\\u0024").replace("\x7f", "\\u007f")
    return text


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _list(value: Sequence[object], path: str) -> Described:
    described = [_any(item, f"{path}[{index}]") for index, item in enumerate(value)]
    text = ",".join([item[0] for item in described])
    return f"[{text}]", ListType(joined([item[1] for item in described]))


def _dict(value: Mapping[Any, object], path: str) -> Described:
    texts: dict[str, str] = {}
    fields: list[StructField] = []
    for key, item in value.items():
        if not isinstance(key, str):
            raise NotAConstant(f"dict keys must be `str`, found `{type(key).__name__}` {key!r}", path)
        texts[key], type_ = _any(item, f"{path}[{key!r}]")
        fields.append(StructField(key, type_))
    return object_wire(texts, path), StructType("dict", "literal", tuple(fields))


def object_wire(fields: Mapping[str, str], path: str = "") -> str:
    """The wire text of a JSON object, of its fields' wire texts."""
    wire = f"{{{','.join([f'{string_wire(name, path)}:{text}' for name, text in fields.items()])}}}"
    return f'{{"{_TAG_WIRE}":["quote",{wire}]}}' if _TAG in fields else wire


def _any(value: object, path: str) -> Described:
    known = _SIMPLE.get(type(value))
    return known(value, path) if known is not None else _other(value, path)


def _other(value: object, path: str) -> Described:
    from typedpipe.types import instances  # only values that are no plain JSON need it

    return instances.describe(value, path, _any)


def joined(types: Sequence[Type]) -> Type:
    """The type of the items of a list display: one literal type for the literals, and a union with the rest."""
    texts: dict[str, None] = {}
    rest: dict[Type, None] = {}
    for type_ in types:
        if isinstance(type_, LiteralType):
            texts.update(dict.fromkeys(type_.values))
        else:
            rest[type_] = None
    if len(rest) > _MOST_SHAPES:
        rest = dict.fromkeys(_merged(tuple(rest)))
    literal: tuple[Type, ...] = (LiteralType(tuple(texts)),) if texts else ()
    return union(*literal, *rest)


def _merged(types: tuple[Type, ...]) -> list[Type]:
    """One struct for those with the same fields, one list and one dict: a long list of them stays small."""
    structs: dict[tuple[str, str, tuple[str, ...]], list[StructType]] = {}
    lists: list[Type] = []
    merged: list[Type] = []
    for type_ in types:
        if isinstance(type_, StructType):
            names = tuple(field.name for field in type_.fields)
            structs.setdefault((type_.name, type_.form, names), []).append(type_)
        elif isinstance(type_, ListType):
            lists.append(type_.item)
        else:
            merged.append(type_)
    for (name, _, names), alike in structs.items():
        fields = [StructField(n, joined([struct.fields[at].type for struct in alike])) for at, n in enumerate(names)]
        merged.append(StructType(name, alike[0].form, tuple(fields)))
    return [*merged, ListType(joined(lists))] if lists else merged


_SIMPLE: Final[dict[type, Callable[[Any, str], Described]]] = {
    type(None): _null,
    bool: _bool,
    int: _int,
    float: _float,
    str: _str,
    list: _list,
    tuple: _list,
    range: _list,
    dict: _dict,
}
