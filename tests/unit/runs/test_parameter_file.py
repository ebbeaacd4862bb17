"""Parameters from YAML and JSON files, through the one binder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir.nodes import Graph, InputPort, Pipeline
from typedpipe.runs.arguments import bind
from typedpipe.runs.parameter_file import read_parameters
from typedpipe.types.model import DATETIME, FLOAT, INT, STR, DictType, ListType

PIPELINE = Pipeline(
    "p",
    Graph(
        (
            InputPort("n", INT),
            InputPort("rate", FLOAT),
            InputPort("who", STR),
            InputPort("sizes", ListType(INT)),
            InputPort("more", DictType(FLOAT)),
            InputPort("at", DATETIME),
        )
    ),
)
YAML = """
n: 3         # a comment
rate: 1e-3
who: no
sizes: [1, 2]
more:
  a: 1
  b: .5
at: 2026-01-31T12:00:00Z
"""
DATA = {"n": 3, "rate": 1e-3, "who": "no", "sizes": [1, 2], "more": {"a": 1, "b": 0.5}, "at": "2026-01-31T12:00:00Z"}


@pytest.mark.parametrize(
    ("name", "text"), [("p.yaml", YAML), ("p.yml", YAML), ("p.json", json.dumps(DATA)), ("p", json.dumps(DATA))]
)
def test_a_file_is_read_and_bound(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    data = read_parameters(tmp_path / name)
    assert data == DATA
    report = Diagnostics()
    bound = bind(PIPELINE, data, report, "json")
    assert not list(report)
    assert bound["rate"] == "0.001" and bound["who"] == '"no"' and bound["more"] == '{"a":1.0,"b":0.5}'


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *((word, word) for word in ("no", "yes", "on", "off", "y", "n", "2026-01-31", "12:30:45", "0b1", "-0x1", "0o8", "1_000", "a", "<<")),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None), ("007", 7), ("-3", -3), ("+3", 3),
        ("0o17", 15), ("0xfF", 255), ("{a: 1, b: {a: 2}}", {"a": 1, "b": {"a": 2}}),
        ("1e3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-.inf", float("-inf")), ("'1'", "1"),
    ],
)  # fmt: skip
def test_words_are_those_of_yaml_1_2(word: str, value: Any, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(f"x: {word}\n")
    found = read_parameters(tmp_path / "p.yaml")["x"]
    assert (found, type(found)) == (value, type(value))


def test_an_empty_file_has_no_parameters(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("# nothing\n")
    assert read_parameters(tmp_path / "p.yaml") == {}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.yaml", "a: 1\nn: [1", "is not valid YAML in line 2"),
        ("p.yaml", "- 1\n- 2\n", "does not map names to values"),
        ("p.yaml", "1: 2\n", "does not map names to values"),
        ("p.yaml", "n: !!python/object/apply:os.system ['true']\n", "is not valid YAML in line 1"),
        ("p.json", "{", "is not valid JSON"),
        ("p.json", "[" * 100_000, "is nested too deeply"),
        ("p.json", "3", "does not map names to values"),
        ("p.json", '{"n": 1, "n": 2}', "sets `n` twice"),
        ("p.yaml", "n: 1\nm: 1\nn: 2\n", "sets `n` twice"),
        ("p.yaml", "n:\n  - a: 1\n    a: 1\n", "sets `a` twice"),
    ],
)
def test_what_is_no_such_file_is_refused(name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(PipelineError) as caught:
        read_parameters(tmp_path / name)
    (found,) = caught.value.diagnostics
    assert found.code == "TP191" and said in found.message and found.help
    with pytest.raises(PipelineError, match="No such file"):
        read_parameters(tmp_path / "none")


def test_given_arguments_take_precedence_over_known_ones() -> None:
    report = Diagnostics()
    pipeline = Pipeline("p", Graph((InputPort("n", INT), InputPort("m", INT), InputPort("k", INT))))
    assert bind(pipeline, {"n": "5"}, report, "text", known={"n": "3", "m": "4"}) == {"n": "5", "m": "4"}
    assert [found.code for found in report] == ["TP189"]  # `k`


@pytest.mark.parametrize(("text", "code"), [("n: x", "TP187"), ("m: 3", "TP188")])
def test_a_value_that_does_not_fit_is_reported(text: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text)
    report = Diagnostics()
    bind(PIPELINE, read_parameters(tmp_path / "p.yaml"), report, "json", complete=False)
    assert [found.code for found in report] == [code]


def test_errors_name_the_file() -> None:
    report = Diagnostics()
    bind(PIPELINE, {"n": "x", "whom": "a"}, report, "json", complete=False, file="p.yaml")
    assert {(found.code, found.message, found.help) for found in report} == {
        ("TP187", 'the argument `n` in `p.yaml` does not match `int`: expected `int`, found "x"', "pass a value of type `int`"),
        ("TP188", "`p.yaml` sets `whom`, but the pipeline `p` has no such parameter", "did you mean `who`?"),
    }  # fmt: skip
