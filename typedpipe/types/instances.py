"""Constants that are no plain JSON: dataclasses, NamedTuples, pydantic models, enums, datetimes and subclasses."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, cast

from typedpipe.runtime.task import WireError, encode
from typedpipe.types.classes import enum_type, is_named_tuple, struct_form
from typedpipe.types.model import DATETIME, StructField, StructType, Type
from typedpipe.types.problems import BadAnnotation
from typedpipe.types.values import NotAConstant, object_wire

_INSTEAD = {
    "set": "a set has no order: pass a list",
    "frozenset": "a set has no order: pass a list",
    "bytes": "bytes are not text: pass a str, or write them to an artifact",
    "bytearray": "bytes are not text: pass a str, or write them to an artifact",
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
_PLAIN: tuple[type, ...] = (int, float, str, list, tuple, dict)


def describe(value: Any, path: str, inner: Callable[[object, str], tuple[str, Type]]) -> tuple[str, Type]:
    """The wire text and own type of a value whose class is not one of JSON's; ``inner`` describes its parts."""
    cls: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]  # the class of Any
    if issubclass(cls, Enum):
        return inner(value.value, path)[0], _enum(cls, path)
    if isinstance(value, datetime):
        return _datetime(value, path), DATETIME
    form = struct_form(cls)
    if form is not None and not isinstance(value, type):
        return _struct(value, StructType(cls.__name__, form, ()), path, inner)
    if getattr(value, "ndim", None) == 0 and hasattr(value, "dtype") and hasattr(value, "item"):
        scalar: Any = value
        return inner(scalar.item(), path)  # a scalar of numpy or torch
    for plain in _PLAIN:
        if isinstance(value, plain) and not is_named_tuple(cls):
            return inner(plain(value), path)
    if isinstance(value, Mapping):
        return inner(dict(cast("Mapping[object, object]", value)), path)
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


def _struct(
    value: Any, type_: StructType, path: str, inner: Callable[[object, str], tuple[str, Type]]
) -> tuple[str, StructType]:
    names = _field_names(value)
    parts = {name: inner(getattr(value, name), f"{path}.{name}") for name in names}
    own = StructType(type_.name, type_.form, tuple(StructField(name, part[1]) for name, part in parts.items()))
    return object_wire({name: part[0] for name, part in parts.items()}, path), own


def _field_names(value: Any) -> list[str]:
    fields = getattr(value, "_fields", None) or getattr(type(value), "model_fields", None)  # pyright: ignore[reportUnknownArgumentType]  # the class of Any
    if fields is not None:
        return list(fields)
    return [field.name for field in dataclasses.fields(value) if field.init]
