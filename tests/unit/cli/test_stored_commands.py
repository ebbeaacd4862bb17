"""``typedpipe explain-cache``, ``resume`` and ``spin`` as typed by users."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from typedpipe.cli.app import run_app

Typed: TypeAlias = "Callable[..., tuple[int, str, str]]"

FILE = """
from typedpipe import dsl

@dsl.component
def load(rows: int) -> int:
    return rows * 2

@dsl.component
def train(rows: int, stop: str) -> float:
    import os
    print("training")
    if os.path.exists(stop):
        raise ValueError("stopped")
    return rows / 4

@dsl.pipeline
def p(rows: int = 2, stop: str = "stop") -> float:
    return train(rows=load(rows=rows).output, stop=stop).output
"""


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Typed:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("TYPEDPIPE_HOME", raising=False)
    (tmp_path / "p.py").write_text(FILE)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = run_app(arguments)
        found = capfd.readouterr()
        return code, found.out, found.err

    return run


def test_a_failed_run_goes_on(typed: Typed, tmp_path: Path) -> None:
    stop = str(tmp_path / "stop")
    Path(stop).touch()
    assert typed("run", "p.py", "--stop", stop)[0] == 1
    Path(stop).unlink()
    code, out, err = typed("resume")
    assert (code, out) == (0, "Output: 1.0\n")
    assert "1 task is reused, 1 task runs: train" in err
    code, _, err = typed("resume")
    assert code == 1
    assert "TP640" in err
    code, out, _ = typed("resume", "last", "--from", "load", "-o", "json", "--display", "quiet")
    assert json.loads(out.splitlines()[-1])["outputs"] == {"Output": 1.0}
    (tmp_path / "p.py").write_text(FILE.replace("rows / 4", "rows / 8"))
    code, out, err = typed("resume", "--code", "new", "p.py")
    assert out == "Output: 0.5\n"
    assert "1 task is reused, 1 task runs: train" in err
    assert typed("resume", "--code", "old", "p.py")[0] == 2


def test_variables_have_to_be_given_again(typed: Typed, tmp_path: Path) -> None:
    stop = str(tmp_path / "stop")
    Path(stop).touch()
    typed("run", "p.py", "--stop", stop, "--env", "TOKEN=secret")
    code, _, err = typed("resume")
    assert code == 1
    assert "TP644" in err
    Path(stop).unlink()
    assert typed("resume", "--env", "TOKEN=secret")[0] == 0


def test_why_a_task_ran(typed: Typed) -> None:
    typed("run", "p.py")
    typed("run", "p.py", "--rows", "3")
    code, out, _ = typed("explain-cache", "last/train")
    assert code == 0
    assert "parameter `rows`: 4 → 6 (created by `load`, whose parameter `rows` changed: 2 → 3" in out
    found = json.loads(typed("explain-cache", "last/train", "-o", "json")[1])
    assert found["verdict"] == "changed"
    assert found["changes"][0]["part"] == "parameter"
    assert typed("explain-cache", "last/trian")[0] == 2


def test_a_task_again(typed: Typed, tmp_path: Path) -> None:
    typed("run", "p.py")
    code, out, err = typed("spin", "last/train", "--set", "rows=16")
    assert (code, out) == (0, "Output: 4.0\n")
    assert err.startswith("training\n")
    assert "the run is not changed" in err
    found = json.loads(typed("spin", "last/train", "-o", "json")[1])
    assert (found["state"], found["outputs"]) == ("SUCCEEDED", {"Output": 1.0})
    assert typed("spin", "last/train", "--set", f"stop={tmp_path / 'p.py'}")[0] == 1
    assert typed("spin", "last")[0] == 2
    assert typed("spin", "last/train", "--set", "rows")[0] == 2


def test_what_was_typed_wrong_ends_with_2(typed: Typed, tmp_path: Path) -> None:
    typed("run", "p.py", "--run-name", "first")
    for arguments in (
        ("run", "p.py", "--run-name", "../../first"),
        ("run", "p.py", "--run-name", "first"),
        ("resume", "first", "--from", "nothing"),
        ("spin", "first/train", "--set", "rows=many"),
        ("spin", "first/train", "--set", "nothing=3"),
    ):
        code, out, err = typed(*arguments)
        assert (code, out) == (2, ""), err
    assert [path.name for path in (tmp_path / ".typedpipe/runs").iterdir()] == ["first"]


OBJECTS = """
from dataclasses import dataclass
from typedpipe import ParallelFor, component, pipeline

@dataclass
class Row:
    n: int
    def __post_init__(self):
        self.twice = self.n * 2

@component
def rows() -> list[Row]:
    return [Row(1)]

@component
def use(row: Row, note: dict[str, float]) -> list[Row]:
    return [row]

@pipeline
def p(first: Row = Row(7), price: str = "5 $ {{é}}") -> list[Row]:
    with ParallelFor(rows().output) as row:
        use(row=row, note={"$tp": float("nan")})
    return use(row=first, note={"é": 1.0}).output
"""


def test_values_are_displayed_as_their_users_write_them(typed: Typed, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(OBJECTS)
    code, _, err = typed("run", "p.py")
    assert code == 0
    assert 'for[0]/use ({"n":1}): done' in err
    assert typed("run", "p.py", "--first", '{"n":9}')[0] == 0
    old, new = reversed([run["run"] for run in json.loads(typed("runs", "ls", "-o", "json")[1])])
    shown = [
        typed("runs", "show", old),
        typed("runs", "ls", "--params"),
        typed("runs", "diff", old, new, "--details"),
        typed("graph", "p.py"),
        typed("run", "p.py", "--help"),
        typed("explain-cache", f"{new}/use-2"),
    ]
    for _, out, _ in shown:
        assert '{"n":7}' in out.replace("\\", "")
        assert "$tp" not in out
        assert "u0024" not in out
