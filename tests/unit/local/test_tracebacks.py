"""Tracebacks that users see of failed runs and of errors in pipelines."""

from __future__ import annotations

import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from local_samples import component, graph, pipeline, task

import typedpipe
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.frames import users_traceback
from typedpipe.local import RunFailed, run
from typedpipe.local.options import Runner
from typedpipe.local.tracebacks import READ, traceback_in

DEEP = component(
    "deep",
    "def deep():\n    try:\n        {}['k']\n    except KeyError as e:\n        raise ValueError('one\\ntwo') from e\n",
)


@pytest.mark.parametrize("runner", ["process", "inprocess"])
def test_a_failed_run_has_the_traceback_of_its_task(runner: Runner, tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        raise RunFailed(run(pipeline(graph(task("d", DEEP)), DEEP), {}, folder=tmp_path, runner=runner))
    error = caught.value
    assert str(error).endswith("failed: task `d`: ValueError: one ... (user.py:5)")
    assert error.traceback.startswith('Traceback (most recent call last):\n  File "user.py", line 3, in deep\n')
    assert error.traceback.endswith("raise ValueError('one\\ntwo') from e\nValueError: one\ntwo")
    assert error.traceback.count("Traceback") == 2
    assert "in the task `d`:\nTraceback" in "".join(traceback.format_exception(error))
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.traceback) == (str(error), error.traceback)


CASES = {
    "": "",
    "no trace\n": "",
    "text\nTraceback (most recent call last):\n  File\nE: x\n": "Traceback (most recent call last):\n  File\nE: x",
    "Traceback (most recent call last):\nE: old\nthen\nTraceback (most recent call last):\nE: new\n": (
        "Traceback (most recent call last):\nE: new"
    ),
    "x" * READ + "\nTraceback (most recent call last):\nE: x\n": "Traceback (most recent call last):\nE: x",
    "  + Exception Group Traceback (most recent call last):\n  | E\n": (
        "  + Exception Group Traceback (most recent call last):\n  | E"
    ),
}  # fmt: skip


@pytest.mark.parametrize("log", CASES)
def test_the_traceback_in_a_log(log: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(log)
    assert traceback_in(tmp_path / "log") == CASES[log]


def test_there_may_be_no_log(tmp_path: Path) -> None:
    assert traceback_in(None) == traceback_in(tmp_path / "none") == ""


def wrong() -> None:
    from typedpipe import dsl

    @dsl.pipeline
    def other() -> None:
        raise KeyError("k")


def test_a_notebook_shows_no_frames_of_ours() -> None:
    with pytest.raises(PipelineError) as caught:
        wrong()
    lines = caught.value._render_traceback_()
    assert not [line for line in lines if "/typedpipe/dsl/" in line]
    assert [line for line in lines if __file__ in line and ", in wrong" in line]
    assert any("error[TP119]" in line for line in lines)


def test_an_error_inside_typedpipe_keeps_its_frames() -> None:
    with pytest.raises(AttributeError) as caught:
        users_traceback(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert caught.value.__traceback__ is not None
    inner = caught.value.__traceback__.tb_next
    assert users_traceback(inner) is inner


TESTS = """
from typedpipe import component, pipeline
@component
def bad(n: int) -> int:
    return n // 0
@pipeline
def main(n: int) -> int: return bad(n=n).output
def test_fixture(run_pipeline): run_pipeline(main, n=1)
def test_outputs(tmp_path): main.run(n=1, folder=tmp_path).outputs
def test_argument(tmp_path): main.run(n="x", folder=tmp_path)
def test_definition():
    @pipeline
    def other() -> int: return bad(m=3).output
def test_local(): bad.local(n=1)
"""


def test_pytest_shows_no_frames_of_ours(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "test_it.py"]
    text = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert text.endswith("\n") and "5 failed" in text
    assert str(Path(typedpipe.__file__).parent) not in text, text
    assert text.count("ZeroDivisionError: integer division or modulo by zero") >= 5
    assert "error[TP187]" in text
    assert "error[TP110]" in text
