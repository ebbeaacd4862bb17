"""Runs in this process from several threads: one at a time, because they share its directory, variables and streams."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from typedpipe import dsl
from typedpipe.local.runners import alone as waiting


@dsl.component
def changes(n: int) -> list[str]:
    import os
    import sys
    import time

    os.environ["TP_WHO"] = str(n)
    open(f"own-{n}", "w").close()
    sys.path.insert(0, f"/own-{n}")
    print("said by", n)
    time.sleep(0.02)
    return [os.environ["TP_WHO"], *sorted(os.listdir()), *(path for path in sys.path if path.startswith("/own"))]


@dsl.component
def both(a: list[str], b: list[str]) -> list[str]:
    return a + b


@dsl.pipeline
def main(n: int) -> list[str]:
    return both(a=changes(n=n).output, b=changes(n=n).output).output


def test_runs_of_several_threads_do_not_see_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TP_WHO", raising=False)
    found: dict[int, list[str]] = {}
    before = list(sys.path)

    def work(n: int) -> None:
        found[n] = main.run(n=n, runner="inprocess", folder=f"store-{n}", cache=False).outputs

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: [str(n), f"own-{n}", f"/own-{n}"] * 2 for n in range(6)}
    assert sorted(os.listdir()) == [f"store-{n}" for n in range(6)]
    assert (os.environ.get("TP_WHO"), sys.path) == (None, before)
    print("still here")
    assert capsys.readouterr().out == "still here\n"


@dsl.component
def outer(n: int) -> list[str]:
    import os

    from test_alone import main  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]  # this file

    value = main.run(n=n, runner="inprocess", folder=os.path.abspath("inner")).outputs
    return [*value, os.path.basename(os.getcwd())]


@dsl.pipeline
def nesting(n: int) -> list[str]:
    return outer(n=n).output


def test_a_task_may_run_a_pipeline_in_its_own_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    run = nesting.run(n=1, runner="inprocess", folder=tmp_path)
    assert run.outputs == [*["1", "own-1", "/own-1"] * 2, "work"]


def test_a_run_that_waits_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SECONDS", 0.01)
    order: list[str] = []
    said = threading.Event()

    def say(text: str, **_: object) -> None:
        order.append(text)
        said.set()

    monkeypatch.setattr(waiting, "print", say, raising=False)

    def second() -> None:
        with waiting.alone(True):
            order.append("second")

    thread = threading.Thread(target=second)
    with waiting.alone(True):
        thread.start()
        assert said.wait(120)
        with waiting.alone(False):  # a run whose tasks are processes does not wait
            order.append("first")
    thread.join()
    assert order[1:] == ["first", "second"]
    assert order[0].startswith("waiting for a run of another thread: with `inprocess`, one run executes at a time")
