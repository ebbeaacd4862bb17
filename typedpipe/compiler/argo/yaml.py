"""YAML writer: deterministic, fast, and read alike by YAML 1.1 and 1.2. docs/adr explains why typedpipe has its own.

Only what Argo needs: callers write block mappings and lists as lines; this module has scalars, flow collections and
literal blocks. Text that a reader might not take for a string is quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

Data: TypeAlias = "str | int | float | bool | Sequence[Data] | Mapping[str, Data] | None"

_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9_./-]*( [A-Za-z0-9_./&|-]+)*\Z|[A-Za-z/_][A-Za-z0-9_./-]*:[A-Za-z0-9_./-]+\Z")
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nil", "nan", "inf"])
"""YAML 1.1's booleans and nulls. kubectl does read a plain `n` as false (tested)."""


def quoted(text: str) -> str:
    r"""A quoted string: in single quotes if it is printable, otherwise in double quotes with escapes.

    >>> print(quoted("it's {{x}}"), quoted("a\nb"))
    'it''s {{x}}' "a\nb"
    """
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'" if "'" in text else "'" + text + "'"
    short = {"\n": "\\n", '"': '\\"', "\\": "\\\\"}  # YAML has no surrogate pairs, unlike JSON
    escaped = (short.get(c) or (c if c.isprintable() else f"\\U{ord(c):08x}") for c in text)
    return '"' + "".join(escaped) + '"'


@lru_cache(maxsize=8192)
def scalar(text: str) -> str:
    """A string, without quotes if every reader takes it for a string.

    >>> scalar("train-1"), scalar("n"), scalar("3"), scalar("a: b")
    ('train-1', "'n'", "'3'", "'a: b'")
    """
    return text if _PLAIN.match(text) and text.lower() not in _WORDS else quoted(text)


class Written(str):
    """A string that is already YAML."""

    __slots__ = ()


def flow(data: Data) -> str:
    """Data on one line.

    >>> print(flow({"name": "a", "on": [1, True, "yes"], "empty": {}}))
    {name: a, 'on': [1, true, 'yes'], empty: {}}
    """
    if isinstance(data, str):
        return str(data) if isinstance(data, Written) else scalar(data)
    if isinstance(data, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(value)}" for key, value in data.items()) + "}"
    if isinstance(data, (bool, int, float)) or data is None:
        return json.dumps(data)
    return "[" + ", ".join(map(flow, data)) + "]"


def literal(text: str, indent: str) -> str:
    r"""A literal block to follow ``key: ``, each line indented by ``indent``.

    >>> print("source: " + literal("a\n  b\n", "  "))
    source: |
      a
        b
    """
    lines = text.removesuffix("\n").split("\n")
    body = "\n".join(indent + line if line else "" for line in lines)
    keep = "" if text.endswith("\n") else "-"
    mark = str(2) if lines[0][:1] == " " or not lines[0] else ""
    return f"|{mark}{keep}\n{body}"
