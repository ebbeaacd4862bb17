"""Python classes as types: scalars, enums, dataclasses, TypedDicts, NamedTuples, pydantic models, artifacts."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final

from typedpipe.types.artifacts import Artifact, artifact_type
from typedpipe.types.kinds import struct_form
from typedpipe.types.model import PLAIN, Type
from typedpipe.types.problems import BadAnnotation
from typedpipe.types.structs import FieldOf, struct
from typedpipe.types.values import enum_type

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
    form = struct_form(cls)
    if form is not None:
        return struct(cls, form, field_of)
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
    return issubclass(cls, Artifact | Enum) or struct_form(cls) is not None
