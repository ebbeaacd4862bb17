"""Values and JSON data as the text of a row. Paths within the store are relative to it, so that it can be moved."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, cast

from typedpipe.local.store.model import data_value
from typedpipe.runs.model import Value, value_data
from typedpipe.runtime.task import any_digits
from typedpipe.types.json_text import json_data

_encoded = json.JSONEncoder(separators=(",", ":")).encode

ARTIFACT = '"companion":'
"""Part of the text of all values that contain artifacts. JSON texts in a value do not contain it: their quotes are
escaped.
"""


def _text(data: object) -> str:
    try:
        return _encoded(data)
    except ValueError:  # an integer that is too long
        text: str = any_digits(lambda: _encoded(data))
        return text


def pack(values: Mapping[str, Value], root: str) -> str:
    """Values by name, as text.

    >>> pack({"x": "3"}, "/r")
    '{"x":"3"}'
    """
    if not values:
        return "{}"
    data = {
        name: value if isinstance(value, str) else _inside(value_data(value), root) for name, value in values.items()
    }
    return _text(data)


def unpack(text: str, root: str) -> dict[str, Value]:
    """The inverse of :func:`pack`.

    Raises:
        ValueError: the text was not written by it.
    """
    return {} if text == "{}" else unpacked(unpack_data(text), root)


def unpacked(data: Mapping[str, Any], root: str) -> dict[str, Value]:
    """As :func:`unpack`, from JSON data.

    Raises:
        ValueError: the data was not written by :func:`pack`.
    """
    try:
        return {name: value if isinstance(value, str) else _outside(value, root) for name, value in data.items()}
    except (AssertionError, KeyError, TypeError, AttributeError):
        raise ValueError("not a value") from None


def _inside(data: Any, root: str) -> Any:
    if isinstance(data, list):
        return [_inside(item, root) for item in data]
    if not isinstance(data, dict) or not data["path"] or not data["path"].startswith(root + os.sep):
        return data
    path: str = data["path"][len(root) + 1 :].replace(os.sep, "/")
    descriptor: dict[str, Any] = data["companion"]
    if descriptor.get("uri") == data["path"]:
        descriptor = descriptor | {"uri": path}
    return {"path": path, "companion": descriptor}


def _outside(data: Any, root: str) -> Value:
    if isinstance(data, str):
        return data
    if isinstance(data, list):
        return tuple(_outside(item, root) for item in data)
    if isinstance(data, dict):
        path, descriptor = data["path"], data["companion"]
        if not isinstance(descriptor, dict) or not isinstance(path, str | None):
            raise TypeError
        if path and not os.path.isabs(path):
            place = os.path.join(root, *path.split("/"))
            if descriptor.get("uri") == path:
                descriptor = descriptor | {"uri": place}
            data = {"path": place, "companion": descriptor}
    return data_value(data)


def pack_data(data: Mapping[str, Any]) -> str:
    return _text(data) if data else "{}"


def unpack_data(text: str) -> dict[str, Any]:
    """JSON data by name.

    Raises:
        ValueError: the text is not a JSON object.
    """
    data = json_data(text)
    if not isinstance(data, dict):
        raise ValueError("not an object")  # noqa: TRY004  # the text is invalid, as if it were not JSON
    return cast("dict[str, Any]", data)
