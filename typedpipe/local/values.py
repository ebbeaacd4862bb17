"""Values as the engine holds them between tasks.

A parameter is its wire text and is passed on without being read. An artifact is a place with its descriptor, and a list
of artifacts is a tuple; ``None`` is an artifact that is not there. Only conditions, loop items and the like are decoded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from typedpipe.runs.model import Value
from typedpipe.runtime.task import decode, encode
from typedpipe.types.assignable import mismatch
from typedpipe.types.display import show
from typedpipe.types.model import Type, is_artifact
from typedpipe.types.values import constant

NULL_TEXT = "null"


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


def raw_text(value: Value) -> str:
    """A parameter as a container's argument: a str as it is, anything else as its JSON.

    >>> raw_text('"a b"'), raw_text("3"), raw_text("null")
    ('a b', '3', '')
    """
    if is_none(value):
        return ""
    if not isinstance(value, str):
        raise TypeError("an artifact has no value; use its path or URI")
    plain = load(value)
    return plain if isinstance(plain, str) else json.dumps(plain)


def raw_value(text: str, type_: Type) -> str:
    """The wire text of what a container wrote to an output parameter's file.

    A str keeps every character. Other types are read as JSON, or, where that does not fit, as a bare word.

    Raises:
        ValueError: the text is no value of the type.
    """
    tried: list[object] = [text, text.strip()]
    try:
        tried.insert(0 if mismatch(constant(text)[1], type_) else 2, json.loads(text))
    except (ValueError, RecursionError):
        pass
    if text.strip() in ("True", "False"):
        tried.append(text.strip() == "True")
    for value in tried:
        if mismatch(constant(value)[1], type_) is None:
            return dump(value)
    shown = text if len(text) <= 80 else text[:77] + "..."
    raise ValueError(f"expected `{show(type_)}`, found the string {shown!r}")
