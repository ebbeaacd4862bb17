"""Values as the engine holds them between tasks.

A parameter is its wire text and is passed on without being read. An artifact is a place with its companion, and a list
of artifacts is a tuple; ``None`` is an artifact that is not there. Only conditions, loop items and the like are decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from typedpipe.runtime.task import decode, encode
from typedpipe.types.model import Type, is_artifact

NULL_TEXT = "null"


@dataclass(frozen=True, slots=True)
class Stored:
    """An artifact: where it lies on this machine (None when it is elsewhere) and its companion."""

    path: str | None
    companion: dict[str, Any] = field(hash=False)

    @property
    def uri(self) -> str:
        return str(self.companion.get("uri") or self.path or "")


Value: TypeAlias = "str | Stored | tuple[Value, ...] | None"


def load(text: str) -> Any:
    """The plain Python value of wire text.

    >>> load('{"a":[1,2.5,null]}')
    {'a': [1, 2.5, None]}
    """
    return decode(text, "any")


def dump(value: object) -> str:
    """Wire text of a plain value."""
    return encode(value, "any")


def is_none(value: Value) -> bool:
    return value is None or value == NULL_TEXT


def nothing(type_: Type) -> Value:
    """What stands for a value that a branch did not make."""
    return None if is_artifact(type_) else NULL_TEXT


def gathered(values: Sequence[Value], type_: Type) -> Value:
    """The values that a loop's bodies gave for one output, in the order of the items."""
    if is_artifact(type_):
        return tuple(values)
    return as_list(values)


def as_list(values: Sequence[Value]) -> Value:
    """A list of values: wire text when they are parameters, a tuple as soon as one is an artifact."""
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) == len(values):
        return "[" + ",".join(texts) + "]"
    return tuple(None if value == NULL_TEXT else value for value in values)
