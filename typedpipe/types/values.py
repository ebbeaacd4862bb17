"""Python constants: their wire text and their type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any, Final, TypeAlias, cast

from typedpipe.diagnostics.record import replace
from typedpipe.runtime.task import WireError, class_name, encode, layout_of, to_text, write_foreign
from typedpipe.types.kinds import is_named_tuple, struct_form
from typedpipe.types.model import (
    ANY,
    DATETIME,
    FLOAT,
    NULL,
    EnumMember,
    EnumType,
    ListType,
    LiteralType,
    StructField,
    StructForm,
    StructType,
    Type,
    union,
)
from typedpipe.types.problems import BadAnnotation
from typedpipe.types.texts import remember_enum

_MOST_SHAPES: Final = 16
"""Up to this many different dicts and lists in one list keep their own types; more are described by one type."""

TRUE: Final = LiteralType(("true",))
FALSE: Final = LiteralType(("false",))
_LONGEST: Final = 4000
"""Bits of an int that is written in decimal. Python parses at most 4,300 decimal digits, but any number of hexadecimal ones."""
_TAG: Final = "$tp"
_TAG_WIRE: Final = "\\u0024tp"


_INSTEAD = {
    "set": "a set has no order; pass a list",
    "frozenset": "a set has no order; pass a list",
    "bytes": "bytes are not text; pass a str, or write them to an artifact",
    "bytearray": "bytes are not text; pass a str, or write them to an artifact",
    "ndarray": "pass `.tolist()`, or write the array to an artifact",
    "DataFrame": "write it to a file in a component, and pass the artifact",
    "generator": "pass a list instead of a generator",
    "function": "name it in `include=[...]` of the component, or import it inside the function",
    "Decimal": "pass a str, and create the Decimal in the component",
    "date": "pass a datetime with a time zone, or a str",
    "timedelta": "pass the number of seconds as a float",
    "PosixPath": "pass `str(path)`",
    "ellipsis": "`...` is not a value",
}
_BASES: tuple[type, ...] = (int, float, str, list, tuple, dict)


class NotAConstant(ValueError):
    """The value cannot be sent to a container. ``reason`` explains why, with the path inside the value."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason = str(self)


def constant(value: object) -> tuple[str, Type]:
    """Wire text of a Python value, and the value's type.

    Raises:
        NotAConstant: the value, or a part of it, has no wire form.

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
    except ValueError:  # Python's limit on the digits of an int; the wire has none
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
    r"""The wire text of a str, as the runtime's ``to_text`` makes it, in a third of the time.

    >>> string_wire("a $ {{b}}")
    '"a \\u0024 {\\u007bb}}"'
    """
    text = encode_basestring_ascii(value)
    if "\\ud" in text and not _encodable(value):
        raise NotAConstant("the text contains a lone surrogate, which cannot be encoded", path)
    return safe(text)


def safe(text: str) -> str:
    r"""Add the escapes of the wire to JSON text, which keep engines from reading tags and variables in it.

    >>> print(safe('"{{x}}$"'))
    "{\u007bx}}\u0024"
    """
    if "$" in text or "{{" in text or "\x7f" in text:
        return text.replace("{{", "{\\u007b").replace("$", "\\u0024").replace("\x7f", "\\u007f")
    return text


def python_literal(value: object) -> str:
    r"""A Python literal in ASCII, free of Argo's and Kubernetes' syntax.

    >>> print(python_literal(["{{x}}", "$HOME", -2]))
    ['{\x7bx}}', '\x24HOME', -2]
    """
    if isinstance(value, int) and value.bit_length() > _LONGEST:
        return hex(value)
    if isinstance(value, list):
        return f"[{', '.join(map(python_literal, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{python_literal(key)}: {python_literal(item)}' for key, item in value.items())}}}"
    return ascii(value).replace("{{", "{\\x7b").replace("$", "\\x24")


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


def object_wire(fields: Mapping[str, str], path: str = "", mark: str = "") -> str:
    """The wire text of a JSON object, built from its fields' wire texts. ``mark`` is that of an object: its state."""
    if mark:
        named = "".join([f"{string_wire(name, path)}:{text}," for name, text in fields.items()])
        return f'{{{named}"{_TAG_WIRE}":{mark}}}'
    wire = f"{{{','.join([f'{string_wire(name, path)}:{text}' for name, text in fields.items()])}}}"
    return f'{{"{_TAG_WIRE}":["quote",{wire}]}}' if _TAG in fields else wire


def _any(value: object, path: str) -> Described:
    known = _SIMPLE.get(type(value))
    return known(value, path) if known is not None else _other(value, path)


def _other(value: Any, path: str) -> Described:
    """Wire text and type of a value whose class is not one of JSON's."""
    cls: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]  # the class of Any
    if issubclass(cls, Enum):
        return _any(value.value, path)[0], _enum(cls, path)
    if isinstance(value, datetime):
        return _datetime(value, path), DATETIME
    form = struct_form(cls)
    if form is not None and not isinstance(value, type):
        return _struct(value, form, path)
    if getattr(value, "ndim", None) == 0 and hasattr(value, "dtype") and hasattr(value, "item"):
        scalar: Any = value
        return _any(scalar.item(), path)  # a scalar of numpy or torch
    for plain in _BASES:
        if isinstance(value, plain) and not is_named_tuple(cls):
            return _any(plain(value), path)
    if isinstance(value, Mapping):
        return _any(dict(cast("Mapping[object, object]", value)), path)
    why = _INSTEAD.get(cls.__name__, "pass plain data: numbers, text, lists, dicts, or a dataclass")
    raise NotAConstant(f"`{cls.__name__}` cannot be passed to a task: {why}", path)


def _enum(cls: type[Enum], path: str) -> Type:
    try:
        return enum_type(cls)
    except BadAnnotation as error:
        raise NotAConstant(error.problem.message, path) from None


def _datetime(value: datetime, path: str) -> str:
    try:
        return encode(value, "datetime")
    except WireError as error:
        raise NotAConstant(error.reason, path) from None


def _struct(value: Any, form: StructForm, path: str) -> tuple[str, StructType]:
    cls: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]  # the class of Any
    layout = layout_of(cls)
    assert layout is not None  # it has a form
    given = layout.fields(value)
    parts = {name: _field(item, layout.foreign(name), f"{path}.{name}") for name, item in given.items()}
    try:
        mark = layout.mark(value, given, path)
    except WireError as error:
        raise NotAConstant(error.reason, error.path) from None
    fields = tuple(StructField(name, part[1]) for name, part in parts.items())
    own = StructType(cls.__name__, form, fields, not layout.plain, cls.__module__)
    text = "" if mark is None else object_mark(mark)
    return object_wire({name: part[0] for name, part in parts.items()}, path, text), own


def object_mark(mark: Sequence[object]) -> str:
    """The wire text of the mark of an object: the name of its class, and state that is not in its fields.

    >>> object_mark(["Config"])
    '["object","Config"]'
    """
    return to_text(["object", *mark])


def object_mark_of(type_: Type | None) -> str:
    """The mark of an object that is put together from its fields; empty if its constructor makes it from them."""
    return object_mark([class_name(type_.name)]) if isinstance(type_, StructType) and type_.restored else ""


def _field(value: object, codec: Any, path: str) -> Described:
    try:
        return _any(value, path)
    except NotAConstant:
        if codec is None:
            raise
    try:
        return to_text(write_foreign(value, codec, path)), ANY
    except WireError as error:
        raise NotAConstant(error.reason, error.path) from None


def enum_type(cls: type[Enum]) -> EnumType:
    """The type of an enum: its members, with the wire text of each value."""
    members: list[EnumMember] = []
    names: dict[str, str] = {}
    for member in cls:
        try:
            wire = constant(member.value)[0]
        except NotAConstant as error:
            raise BadAnnotation(
                "TP101",
                f"the value of `{cls.__name__}.{member.name}` cannot be passed to a task: {error.reason}",
                "use a str or an int as the value of the member",
            ) from None
        other = names.setdefault(wire, member.name)
        if other != member.name:
            raise BadAnnotation(
                "TP101",
                f"`{cls.__name__}.{other}` and `{cls.__name__}.{member.name}` have the same JSON value",
                "use a different str or int as the value of each member",
            )
        members.append(EnumMember(member.name, wire))
    if not members:
        raise BadAnnotation("TP101", f"the enum `{cls.__name__}` has no members", "add a member")
    return remember_enum(cls, EnumType(cls.__name__, tuple(members), cls.__module__))


def joined(types: Sequence[Type]) -> Type:
    """The item type of a list display: one literal type for the literals, in a union with the rest."""
    texts: dict[str, None] = {}
    rest: dict[Type, None] = {}
    for type_ in types:
        if isinstance(type_, LiteralType):
            texts.update(dict.fromkeys(type_.values))
        else:
            rest[type_] = None
    kept = _merged(tuple(rest), every=len(rest) > _MOST_SHAPES) if len(rest) > 1 else rest
    literal: tuple[Type, ...] = (LiteralType(tuple(texts)),) if texts else ()
    return union(*literal, *kept)


def _merged(types: tuple[Type, ...], *, every: bool) -> list[Type]:
    """Merge objects of one class into one type; if ``every``, also lists, and dicts with the same fields.

    Types of long lists stay small by it.
    """
    structs: dict[tuple[str, ...], list[StructType]] = {}
    lists: list[Type] = []
    merged: list[Type] = []
    for type_ in types:
        if isinstance(type_, StructType) and (every or type_.form != "literal"):
            key = (type_.name, type_.form, type_.home, *(field.name for field in type_.fields))
            structs.setdefault(key, []).append(type_)
        elif isinstance(type_, ListType) and every:
            lists.append(type_.item)
        else:
            merged.append(type_)
    for first, *others in structs.values():
        fields = (
            replace(field, type=joined([field.type, *(other.fields[at].type for other in others)]))
            for at, field in enumerate(first.fields)
        )
        merged.append(replace(first, fields=tuple(fields)))
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
