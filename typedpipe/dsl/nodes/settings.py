"""Checks of task options: quantities, durations, counts, names."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, TypeGuard

from typedpipe.dsl.marker_form import present
from typedpipe.dsl.tracing import current, error
from typedpipe.dsl.values import markers
from typedpipe.dsl.values.value import PipelineValue
from typedpipe.ir import nodes as ir
from typedpipe.ir.images import is_image
from typedpipe.runtime.task import any_digits

CPU = r"[0-9]{1,18}(\.[0-9]+)?m?"
MEMORY = r"[0-9]{1,18}(\.[0-9]+)?(E|P|T|G|M|K|k|Ei|Pi|Ti|Gi|Mi|Ki)?"
_DURATION = r"([0-9]+(?:\.[0-9]+)?)(s|m|h|d|)"
_UNIT = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 100
"""Maximum number of characters of a value in a message."""
_DIGITS = 9
"""Maximum number of digits of a count: engines have 32 bits for it."""
_ENV = r"[A-Za-z_][A-Za-z0-9_.-]*"


def _wrong(method: str, value: object, wanted: str) -> None:
    markers.told(current())  # text with a value is no constant: this error is about it
    shown: str = any_digits(lambda: repr(value))
    shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
    error("TP117", f"`.{method}()` does not accept {shown}", help=f"use {wanted}")


def quantity(method: str, value: object, form: str) -> object | None:
    """A Kubernetes quantity, or a pipeline value; None after an error was reported."""
    if isinstance(value, PipelineValue):
        return value
    if isinstance(value, str) and (re.fullmatch(form, value) or present(value)):
        return value
    examples = '"500m" or "2"' if form is CPU else '"512M" or "4Gi"'
    _wrong(method, value, f"a quantity as a string, such as {examples}")
    return None


def text(method: str, value: object) -> object | None:
    """A string that is not empty, or a pipeline value."""
    if isinstance(value, PipelineValue) or (isinstance(value, str) and value):
        return value
    _wrong(method, value, "a non-empty string")
    return None


def image(method: str, value: object) -> object | None:
    """The name of an image, or a pipeline value, which is checked when the task starts."""
    if isinstance(value, PipelineValue) or (isinstance(value, str) and (is_image(value) or not value.isascii())):
        return value
    _wrong(method, value, "the name of an image")
    return None


def plain_text(method: str, value: object) -> str | None:
    """A constant string."""
    if isinstance(value, str) and value.isprintable() and not present(value):
        return value
    _wrong(method, value, "a constant string")
    return None


def count(method: str, value: object) -> object | None:
    """A count, at least 0; KFP also accepts it as a string."""
    if isinstance(value, PipelineValue):
        return value
    if isinstance(value, str) and value.isdecimal() and len(value) <= _DIGITS:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**_DIGITS:
        return value
    _wrong(method, value, "a number, such as 1")
    return None


def seconds(method: str, value: object) -> float | None:
    if _is_number(value) and value > 0:
        return float(value)
    _wrong(method, value, "a number of seconds greater than 0")
    return None


def _is_number(value: object) -> TypeGuard[int | float]:
    """Whether a float can represent it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int
        return False


def duration(method: str, value: object, default: float) -> float:
    """Convert ``"30s"``, ``"5m"``, ``"1h"`` (or a plain number of seconds as a string) to seconds."""
    if value is None:
        return default
    match = re.fullmatch(_DURATION, value) if isinstance(value, str) else None
    seconds = math.inf if match is None else float(match[1]) * _UNIT[match[2]]
    if not math.isfinite(seconds):
        _wrong(method, value, 'a duration as a string, such as "30s", "5m" or "1h"')
        return default
    return seconds


def retry(limit: object, backoff: object, factor: object, longest: object) -> ir.Retry | None:
    if not isinstance(limit, int) or isinstance(limit, bool) or not 0 <= limit < 10**_DIGITS:
        _wrong("set_retry", limit, "a number of retries, such as 3")
        return None
    if factor is not None and (not _is_number(factor) or factor < 1):
        _wrong("set_retry", factor, "a `backoff_factor` of at least 1")
        return None
    return ir.Retry(
        limit,
        duration("set_retry", backoff, 0.0),
        2.0 if factor is None else float(factor),
        duration("set_retry", longest, 3600.0),
    )


def caching(enabled: object, key: object) -> dict[str, object]:
    if not isinstance(enabled, bool):
        _wrong("set_caching", enabled, "`True` or `False`")
        return {}
    if key is not None and (not isinstance(key, str) or present(key)):
        _wrong("set_caching_options", key, "the cache key as a string")
        return {}
    return {"caching": enabled, "cache_key": key or ""}


def environment(name: object, value: object) -> object | None:
    if not isinstance(name, str) or not re.fullmatch(_ENV, name) or present(name):
        _wrong("set_env", name, "a name of letters, digits and `_` that does not start with a digit")
        return None
    if isinstance(value, (PipelineValue, str)):
        return value
    _wrong("set_env", value, f'the value as a string: "{value}"')
    return None


def joined(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Merge JSON objects recursively; otherwise the new value wins.

    >>> joined({"a": {"b": 1}, "c": 2}, {"a": {"d": 3}, "c": 4})
    {'a': {'b': 1, 'd': 3}, 'c': 4}
    """
    out = dict(old)
    for key, value in new.items():
        before = out.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            out[key] = joined(before, value)
        else:
            out[key] = value
    return out


def json_text(data: object) -> str:
    """Canonical JSON."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"))
