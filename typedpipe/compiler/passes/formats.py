"""Formats of f-strings, tried on a value of each type that the formatted value may have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from typedpipe.types.json_text import json_data
from typedpipe.types.model import (
    AnyType,
    DictType,
    EnumType,
    ListType,
    LiteralType,
    NullType,
    ScalarType,
    StructType,
    Type,
)
from typedpipe.types.texts import member_problem, parts_of

_SCALARS: Final[dict[str, Any]] = {
    "int": 1,
    "float": 0.5,
    "bool": True,
    "str": "a",
    "datetime": datetime(2000, 1, 1, tzinfo=UTC),
}


def format_problem(type_: Type, spec: str, conversion: str) -> tuple[Type, str] | None:
    """The part of a type that does not take a format, and Python's reason; None if every part takes it.

    >>> from typedpipe.types.model import STR, INT
    >>> format_problem(STR, "d", "")
    (ScalarType(kind='str'), "Unknown format code 'd' for object of type 'str'")
    >>> format_problem(INT, ">8", "")
    """
    if not spec:
        return None
    if conversion:
        return _refused(type_, "a", spec)
    for part in parts_of(type_):
        found = _part_problem(part, spec)
        if found is not None:
            return found
    return None


def _part_problem(part: Type, spec: str) -> tuple[Type, str] | None:
    match part:
        case AnyType():
            return None
        case LiteralType():
            tried = (_refused(part, json_data(wire), spec) for wire in part.values)
            return next((found for found in tried if found is not None), None)
        case EnumType():
            reason = member_problem(part, spec)
            return (part, reason) if reason else None
        case ScalarType():
            return _refused(part, _SCALARS[part.kind], spec)
        case NullType():
            return _refused(part, None, spec)
        case ListType():
            return _refused(part, [], spec)
        case DictType():
            return _refused(part, {}, spec)
        case StructType():
            return _refused(part, () if part.form == "namedtuple" else {}, spec)
        case _:
            return None


def _refused(type_: Type, sample: object, spec: str) -> tuple[Type, str] | None:
    try:
        format(sample, spec)
    except (ValueError, TypeError, OverflowError) as error:
        return type_, str(error)
    return None
