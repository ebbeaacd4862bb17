"""Commands on runs with huge numbers, and in directories with odd names."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from typedpipe.cli.app import run_app

Typed: TypeAlias = "Callable[..., tuple[int, str, str]]"

FILE = """
from typedpipe import OUT, ClassificationMetrics, Metrics, Output, dsl

@dsl.component
def met(n: int, m: Output[Metrics] = OUT, c: Output[ClassificationMetrics] = OUT) -> None:
    m.log_metric("large", 10**400)
    m.log_metric("negative", -n)
    c.log_confusion_matrix(["a", "b"], [[10**400, 1], [2, n]])
    c.log_roc_curve([0, 1], [0, 1], [10**400, 0.5])

@dsl.component
def same(n: int) -> int:
    return n

@dsl.pipeline
def main(n: int = 10**5000) -> int:
    met(n=n)
    return same(n=n).output
"""
COMMANDS = (
    "runs show last",
    "runs show last -o json",
    "runs diff last last",
    "runs ls -o json",
    "report last -o r.html",
    "artifacts ls last",
    "artifacts ls last -o json",
    "explain-cache last/same",
    "spin last/same",
    "spin last/same -o json",
    "logs last/same",
    "runs gc",
    "resume last --from same",
    "runs repair last",
    "graph p.py",
    "compile p.py -o p.yaml",
)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Typed:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("TYPEDPIPE_HOME", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = run_app(arguments)
        found = capfd.readouterr()
        return code, found.out, found.err

    return run


def test_integers_of_any_length(typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python converts at most 4,300 digits unless told otherwise."""
    monkeypatch.chdir(tmp_path)
    Path("p.py").write_text(FILE)
    code, out, err = typed("run", "p.py", "--display", "quiet")
    assert (code, out, err) == (0, f"Output: 1{5000 * '0'}\n", "")
    code, out, _ = typed("run", "p.py", "--display", "quiet", "--n", 4500 * "7")
    assert (code, out) == (0, f"Output: {4500 * '7'}\n")
    for command in COMMANDS:
        code, out, err = typed(*command.split())
        assert code == 0, (command, out[:500], err[:500])
    page = Path("r.html").read_text()
    assert "1e+400" in page and "-7.7778e+4499" in page


EVERYWHERE = """
import enum
from typing import Any, Literal
from typedpipe import Contains, If, Metrics, ParallelFor, Some, component, importer, pipeline, Input
BIG = 10**5000

class E(enum.IntEnum):
    A = 10**4500

@component
def use(n: int) -> int:
    return n % 7

@component
def more(v: Any, e: E, d: dict[str, int], one: Literal[1, 2] = 1) -> list[int]:
    return [10**4500]

@component
def say(s: str) -> str:
    return s

@component
def read(m: Input[Metrics]) -> int:
    return m.metadata["k"] % 7

@pipeline
def p(n: int = BIG, maybe: int | None = None) -> int:
    with ParallelFor([BIG, 1]) as i:
        use(n=i)
    with ParallelFor([{"a": BIG}, {"a": 2}]) as row:
        use(n=row.a)
    more(v=[BIG], e=E.A, d={"a": BIG})
    with If(n != 1):
        read(m=importer("data.txt", Metrics, metadata={"k": BIG}).output)
    return use(n=Some(maybe, BIG)).output
"""


def test_constants_of_any_length(typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.py").write_text(EVERYWHERE)
    Path("data.txt").touch()
    for command in (
        "compile p.py -o p.yaml",
        "ir save p.py -o p.ir",
        "ir show p.py",
        "graph p.py",
        "ir diff p.py p.ir",
        "run p.py",
    ):
        code, out, err = typed(*command.split())
        assert code == 0, (command, out[:500], err[:500])
    for name, text in (("json", json.dumps({"n": "BIG"})), ("yaml", "n: BIG")):
        Path(f"params.{name}").write_text(text.replace('"BIG"', "BIG").replace("BIG", 4500 * "7"))
        code, out, err = typed("run", "p.py", "--params-file", f"params.{name}")
        assert code == 0, (name, out[:500], err[:500])


@pytest.mark.parametrize("condition", ["n > BIG", "Contains([BIG, 2], n)", "use(n=1).output == BIG"])
def test_integers_of_any_length_are_compared(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, condition: str
) -> None:
    monkeypatch.chdir(tmp_path)
    head = EVERYWHERE.partition("    with ParallelFor")[0]
    Path("p.py").write_text(f"{head}    with If({condition}):\n        use(n=1)\n    return use(n=n).output\n")
    for command in ("lint", "compile", "run"):
        code, out, err = typed(command, "p.py")
        assert code == 0, (command, out, err)


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="names are text there")
def test_a_directory_whose_name_is_not_text(typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = os.fsencode(tmp_path) + b"/no\xff ?#%41"
    os.mkdir(folder)
    monkeypatch.chdir(os.fsdecode(folder))
    Path("p.py").write_text(FILE)
    for command in ("run p.py", *COMMANDS):
        code, out, err = typed(*command.split())
        assert code == 0, (command, out[:500], err[:500])
    shutil.rmtree(folder)


def test_a_home_below_the_users_directory(typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("TYPEDPIPE_HOME", "~/runs")
    Path("p.py").write_text(FILE)
    assert typed("run", "p.py", "--display", "quiet", "--n", "3")[0] == 0
    (found,) = json.loads(typed("runs", "ls", "-o", "json")[1])
    assert found["folder"].startswith(str(tmp_path / "me/runs"))
    assert not Path("~").exists()


def test_a_working_directory_that_was_removed(typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.py").write_text(FILE)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    code, _, err = typed("run", f"{tmp_path}/p.py", "--display", "quiet")
    assert code == 3
    assert "error[TP600]: `.typedpipe` cannot be read: the working directory was removed" in err


def test_a_store_whose_path_is_too_long_for_sqlite(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.py").write_text(FILE)
    code, _, err = typed("run", "p.py", "--display", "quiet", "--folder", "/".join([str(tmp_path), *6 * [100 * "d"]]))
    assert code == 3
    assert "error[TP197]" in err and "is too long: SQLite opens files with paths of at most" in err
    assert "choose a shorter directory with `--folder`" in err
    assert typed("runs", "ls", "--folder", "/".join([str(tmp_path), *6 * [100 * "d"]]))[0] == 0


def test_parameters_from_several_files_and_stdin(typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.py").write_text(
        "from typedpipe.dsl import component, pipeline\n"
        "@component\ndef add(a: int, b: int, c: int) -> int:\n    return 100 * a + 10 * b + c\n"
        "@pipeline\ndef main(a: int, b: int, c: int) -> int:\n    return add(a=a, b=b, c=c).output\n"
    )
    Path("1.yaml").write_text("a: 1\nb: 1\nc: 1\n")
    Path("2.json").write_text('{"b": 2, "c": 2}')
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"c: 3\n")))
    code, out, err = typed("run", "--params-file", "1.yaml", "p.py", "--params-file", "2.json", "--params-file", "-")
    assert code == 0 and "123" in out, err
    Path("2.json").write_text('{"b": true}')
    code, out, err = typed("run", "p.py", "--params-file", "1.yaml", "--params-file", "2.json")
    assert code == 2 and "the argument `b` in `2.json` does not match `int`" in out + err
