"""Python classes as types: scalars, enums, dataclasses, TypedDicts, NamedTuples, pydantic models, artifacts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, TypeAlias

from typedpipe.types.artifacts import Artifact, artifact_type
from typedpipe.types.kinds import is_named_tuple, is_pydantic, is_typed_dict, names_of
from typedpipe.types.model import (
    ANY,
    PLAIN,
    StructField,
    StructType,
    Type,
    is_artifact,
)
from typedpipe.types.problems import BadAnnotation
from typedpipe.types.texts import remember_struct
from typedpipe.types.values import enum_type

FieldOf: TypeAlias = Callable[[type, object], tuple[Type, bool | None]]
"""Resolves the annotation of a class field: its type, and whether ``Required``/``NotRequired`` is given."""

_INSTEAD: Final[dict[str, str]] = {
    "bytes": "write the bytes to an artifact (`Input[Artifact]`), or pass base64 text as `str`",
    "set": "use `list[T]`",
    "frozenset": "use `list[T]`",
    "tuple": "use `list[T]` if all items have the same type, or a `NamedTuple`",
    "complex": "use a `NamedTuple` of two floats",
    "Decimal": "use `str`, and create the Decimal in the component",
    "date": "use `datetime`, or `str`",
    "time": "use `datetime`, or `str`",
    "timedelta": "use `float`, in seconds",
    "Path": "use `InputPath[T]` or `OutputPath[T]` for a file, or `str`",
    "PosixPath": "use `InputPath[T]` or `OutputPath[T]` for a file, or `str`",
    "UUID": "use `str`",
    "object": "use `Any`",
    "DataFrame": "write it to a file and pass `Input[Dataset]`",
    "ndarray": "write it to a file and pass `Input[Dataset]`, or use `list[float]`",
}
_SUPPORTED: Final = (
    "supported types are int, float, bool, str, datetime, list[T], dict[str, T], Literal, an Enum, a TypedDict, a dataclass, "
    "a NamedTuple, a pydantic model, T | None, and artifacts as Input[T]"
)


def register(cls: type[Any], type_: Type) -> None:
    """Register the type of the annotation ``cls``. The plug point for classes that typedpipe does not know.

    >>> from pathlib import PurePosixPath
    >>> from typedpipe.types.model import STR
    >>> register(PurePosixPath, STR)
    """
    PLAIN[cls] = type_


def class_type(cls: type[Any], field_of: FieldOf) -> Type:
    """The type of a class that an annotation names."""
    if issubclass(cls, Artifact):
        return artifact_type(cls)
    if issubclass(cls, Enum):
        return enum_type(cls)
    if is_typed_dict(cls):
        return StructType(cls.__name__, "typeddict", _typed_dict_fields(cls, field_of))
    if is_named_tuple(cls):
        return remember_struct(cls, StructType(cls.__name__, "namedtuple", _named_tuple_fields(cls, field_of)))
    if is_pydantic(cls):
        return remember_struct(cls, StructType(cls.__name__, "pydantic", _pydantic_fields(cls, field_of)))
    if dataclasses.is_dataclass(cls):
        return remember_struct(cls, StructType(cls.__name__, "dataclass", _dataclass_fields(cls, field_of)))
    raise not_a_type(cls.__name__)


def not_a_type(name: str) -> BadAnnotation:
    """The error for an annotation that is not supported between tasks."""
    return BadAnnotation(
        "TP101", f"`{name}` is not supported as an input or output type", _INSTEAD.get(name, _SUPPORTED)
    )


def is_user_class(cls: type[Any]) -> bool:
    """Whether the class is defined by the user, so that its source is shipped with the component."""
    if cls in PLAIN or cls.__module__ == Artifact.__module__:
        return False
    known = issubclass(cls, Artifact | Enum) or is_typed_dict(cls) or is_named_tuple(cls) or is_pydantic(cls)
    return known or dataclasses.is_dataclass(cls)


def _typed_dict_fields(cls: Any, field_of: FieldOf) -> tuple[StructField, ...]:
    fields: list[StructField] = []
    for name, annotation in cls.__annotations__.items():
        type_, required = field_of(cls, annotation)
        fields.append(_field(cls, name, type_, name in cls.__required_keys__ if required is None else required))
    return tuple(fields)


def _named_tuple_fields(cls: Any, field_of: FieldOf) -> tuple[StructField, ...]:
    hints = getattr(cls, "__annotations__", {})
    types = [(name, field_of(cls, hints[name])[0] if name in hints else ANY) for name in names_of(cls)]
    return tuple(_field(cls, name, type_, name not in cls._field_defaults) for name, type_ in types)


def _dataclass_fields(cls: Any, field_of: FieldOf) -> tuple[StructField, ...]:
    fields: list[StructField] = []
    for field in dataclasses.fields(cls):
        if field.init:
            required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            fields.append(_field(cls, field.name, field_of(owner(cls, field.name), field.type)[0], required))
    return tuple(fields)


def _pydantic_fields(cls: Any, field_of: FieldOf) -> tuple[StructField, ...]:
    fields: list[StructField] = []
    for name, field in cls.model_fields.items():
        try:
            type_ = field_of(cls, field.annotation)[0]
        except BadAnnotation:
            type_ = ANY  # a pydantic type, such as EmailStr: the model checks it in the container
        fields.append(_field(cls, name, type_, bool(field.is_required())))
    return tuple(fields)


def owner(cls: type[Any], name: str) -> type:
    """The base class that annotates the field: its module holds the annotation's names."""
    return next((base for base in cls.__mro__ if name in vars(base).get("__annotations__", {})), cls)


def _field(cls: type[Any], name: str, type_: Type, required: bool) -> StructField:
    if is_artifact(type_):
        raise BadAnnotation(
            "TP102",
            f"`{cls.__name__}.{name}` is an artifact, which a parameter cannot contain",
            "add a separate input for the artifact: `Input[T]`",
        )
    return StructField(name, type_, required)
