"""Parameters of a run from a YAML or JSON file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from typedpipe.runs.problems import problem
from typedpipe.runtime.task import any_digits
from typedpipe.types.json_text import json_data

_SCALARS: tuple[tuple[str, str, str], ...] = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
)
"""Unquoted words of YAML 1.2 that are not text. In YAML 1.1, ``no`` is a bool, ``1e3`` a text and 2026-01-31 a date."""


def read_parameters(path: str | os.PathLike[str], stream: BinaryIO | None = None) -> Mapping[str, object]:
    """The parameters in a file, as JSON data by name; ``.json`` is JSON, any other file is YAML 1.2.

    Args:
        path: The file.
        stream: Its content, if it is open already; then, the path is only a name for messages.

    Raises:
        PipelineError: TP191, it cannot be read, or is not a mapping of names to values.
    """
    name = os.fspath(path)
    try:
        text = (stream.read() if stream is not None else Path(name).read_bytes()).decode("utf-8")
    except OSError as error:
        raise _refused(name, f"cannot be read: {error.strerror or error}", "check the path") from None
    except UnicodeDecodeError:
        raise _refused(name, "cannot be read: it is not UTF-8 text", "save it as UTF-8") from None
    try:
        data = _json(name, text) if name.endswith(".json") else _yaml(name, text)
    except _Twice as error:
        raise _refused(name, str(error), "remove one of them") from None
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in cast("dict[object, object]", data)):
        raise _refused(name, "does not map names to values", "write one parameter per line, for example `epochs: 3`")
    return cast("dict[str, object]", data)


class _Twice(ValueError):
    """A key is given twice, of which the parsers would keep the last."""


def _once(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Twice(f"sets `{key}` twice")
        found[key] = value
    return found


def _refused(path: str, why: str, help_: str) -> Exception:
    return problem("TP191", f"the parameter file `{path}` {why}", help=help_)


def _json(path: str, text: str) -> Any:
    try:
        return json_data(text, object_pairs_hook=_once)
    except _Twice:
        raise
    except ValueError as error:
        raise _refused(path, f"is not valid JSON: {error}", "correct the file, or use a `.yaml` file") from None
    except RecursionError:
        raise _refused(path, "is nested too deeply", "use fewer levels") from None


def _integer(word: str) -> int:
    base = {"0o": 8, "0x": 16}.get(word[:2], 10)
    number: int = any_digits(lambda: int(word, base))
    return number


def _yaml(path: str, text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML 1.2, and data that JSON has, too."""

        yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # of the base class

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            found = super().construct_mapping(node, deep=deep)
            if len(found) != len(node.value):
                _once((self.construct_object(key), None) for key, _ in node.value)
            return found

    for kind, pattern, first in _SCALARS:
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"^(?:{pattern})$"), list(first))
    Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^$"), [""])
    Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: _integer(str(node.value)))
    try:
        data: Any = yaml.load(text, Loader)  # noqa: S506  # a subclass of SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark is not None else ""
        said = getattr(error, "problem", None) or "it cannot be parsed"
        raise _refused(path, f"is not valid YAML{place}: {said}", "correct the file") from None
    except _Twice:
        raise
    except (RecursionError, ValueError):
        raise _refused(path, "cannot be read as YAML", "correct the file, or use fewer levels") from None
    return {} if data is None else data
