"""JSON text of values that users chose, with integers of any length."""

from __future__ import annotations

import json
from typing import Any, cast

from typedpipe.runtime.task import any_digits


def json_text(value: object, **options: Any) -> str:
    """``json.dumps``, for integers of any length, too.

    >>> len(json_text({"n": 10**5000}))
    5008
    """
    return cast("str", any_digits(lambda: json.dumps(value, **options)))


def json_data(text: str) -> Any:
    """``json.loads``, for integers of any length, too.

    >>> json_data("1" * 5000) == 10**5000 // 9
    True
    """
    return any_digits(lambda: json.loads(text))
