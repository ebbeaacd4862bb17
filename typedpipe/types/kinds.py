"""Kinds of Python classes that have fields: TypedDicts, NamedTuples, pydantic models, dataclasses."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any, TypeGuard

from typedpipe.types.model import StructForm


def is_typed_dict(cls: type[Any]) -> bool:
    """Whether the class is a TypedDict from ``typing`` or ``typing_extensions``."""
    return hasattr(cls, "__required_keys__") and issubclass(cls, dict)


def is_named_tuple(cls: type[Any]) -> TypeGuard[type[tuple[Any, ...]]]:
    """Whether the class is a NamedTuple, typed or from ``collections``."""
    return hasattr(cls, "_fields") and issubclass(cls, tuple)


def names_of(cls: Any) -> tuple[str, ...]:
    """Field names of a NamedTuple."""
    names: tuple[str, ...] = cls._fields
    return names


def is_pydantic(cls: type[Any]) -> bool:
    """Whether the class is a pydantic model; checks with pydantic only if the program has imported it."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(cls, pydantic.BaseModel)


def struct_form(cls: type[Any]) -> StructForm | None:
    """The kind of class with fields that the user wrote; None for any other class."""
    if is_typed_dict(cls):
        return "typeddict"
    if is_named_tuple(cls):
        return "namedtuple"
    if is_pydantic(cls):
        return "pydantic"
    return "dataclass" if dataclasses.is_dataclass(cls) else None
