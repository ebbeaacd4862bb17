"""JSON text of values that users chose, with integers of any length."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, cast

from typedpipe.runtime.task import any_digits, decode


def json_text(value: object, **options: Any) -> str:
    """``json.dumps``, for integers of any length, too.

    >>> len(json_text({"n": 10**5000}))
    5008
    """
    return cast("str", any_digits(lambda: json.dumps(value, **options)))


def json_data(text: str, **options: Any) -> Any:
    """``json.loads``, for integers of any length, too.

    >>> json_data("1" * 5000) == 10**5000 // 9
    True
    """
    return any_digits(lambda: json.loads(text, **options))


def plain(text: str) -> Any:
    """The plain Python value of wire text: an object is the dict of its fields. The text itself if it is not wire text.

    >>> plain('{"n":1,"$tp":["object","Row"]}'), plain("latest")
    ({'n': 1}, 'latest')
    """
    try:
        return decode(text, "any")
    except (ValueError, RecursionError):
        return text


def value_text(wire: str) -> str:
    r"""Wire text as a user would write it: JSON without the escapes and the tags of the wire.

    >>> value_text('{"n":1,"\\u0024tp":["object","Row"]}'), value_text('"\\u0024{\\u007b"')
    ('{"n":1}', '"${{"')
    """
    if "\\u" not in wire and "$tp" not in wire:
        return wire  # neither: not parsed, because it may be long
    value = plain(wire)
    return wire if value is wire else json_text(value, ensure_ascii=False, separators=(",", ":"))


def valid_json(data: object) -> Any:
    """Data that JSON can represent: NaN and infinity as text, other objects by their ``str()``.

    >>> valid_json({"loss": float("nan"), 1: (2.5, None)})
    {'loss': 'nan', '1': [2.5, None]}
    """
    if isinstance(data, float):
        return data if isfinite(data) else str(data)
    if data is None or isinstance(data, str | int):
        return data
    if isinstance(data, Mapping):
        return {str(key): valid_json(item) for key, item in cast("Mapping[object, object]", data).items()}
    if isinstance(data, list | tuple):
        return [valid_json(item) for item in cast("list[object]", data)]
    return str(data)
