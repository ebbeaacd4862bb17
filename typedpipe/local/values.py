"""Values between tasks, as the engine holds them.

A parameter is its wire text and is passed on without being parsed. An artifact is a path with its descriptor, and a
list of artifacts is a tuple; ``None`` is a missing artifact. Only conditions, loop items and similar values are
decoded. If an expression fails, its value is the text of the error: whoever requires the value fails with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from typedpipe.runs.model import Value
from typedpipe.runtime.task import ERROR, decode, encode
from typedpipe.types.assignable import mismatch
from typedpipe.types.display import show
from typedpipe.types.json_text import json_data, json_text
from typedpipe.types.model import Type, is_artifact
from typedpipe.types.values import constant

NULL_TEXT = "null"


def load(text: str) -> Any:
    """Convert wire text to a plain Python value.

    >>> load('{"a":[1,2.5,null]}')
    {'a': [1, 2.5, None]}
    """
    return decode(text, "any")


def dump(value: object) -> str:
    """Convert a plain value to wire text."""
    return encode(value, "any")


def is_none(value: Value) -> bool:
    return value is None or value == NULL_TEXT


def nothing(type_: Type) -> Value:
    """The placeholder for a value that a branch did not produce."""
    return None if is_artifact(type_) else NULL_TEXT


def error_in(value: Value) -> str:
    """The text of the error if an expression failed; otherwise "".

    >>> error_in("error TP509: a.py:3, If: there is no 'x'"), error_in('"error"')
    ("error TP509: a.py:3, If: there is no 'x'", '')
    """
    return value if isinstance(value, str) and value.startswith(ERROR) else ""


def gathered(values: Sequence[Value], type_: Type) -> Value:
    """Collect the values of a loop's bodies for one output, in the order of the items."""
    error = next(filter(None, map(error_in, values)), "")
    if error or is_artifact(type_):
        return error or tuple(values)
    return f"[{','.join([NULL_TEXT if value is None else str(value) for value in values])}]"


def raw_text(value: Value) -> str:
    """A parameter as a container's argument: a str unchanged, anything else as JSON.

    >>> raw_text('"a b"'), raw_text("3"), raw_text("null")
    ('a b', '3', '')
    """
    if is_none(value):
        return ""
    if not isinstance(value, str):
        raise TypeError("an artifact has no value; use its path or URI")
    plain = load(value)
    return plain if isinstance(plain, str) else json_text(plain)


def raw_value(text: str, type_: Type) -> str:
    """Convert the contents of a container's output parameter file to wire text.

    A str keeps every character. Other types are read as JSON, or otherwise as a bare word.

    Raises:
        ValueError: the text is not a value of the type.
    """
    tried: list[object] = [text, text.strip()]
    try:
        tried.insert(0 if mismatch(constant(text)[1], type_) else 2, json_data(text))
    except (ValueError, RecursionError):
        pass
    if text.strip() in ("True", "False"):
        tried.append(text.strip() == "True")
    for value in tried:
        if mismatch(constant(value)[1], type_) is None:
            return dump(value)
    shown = text if len(text) <= 80 else text[:77] + "..."
    raise ValueError(f"expected `{show(type_)}`, found the string {shown!r}")
