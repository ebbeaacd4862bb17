"""Tasks in this process: the same results, no state changed afterwards, a debugger that uses the terminal."""

from __future__ import annotations

import os
import pdb  # noqa: T100  # what is tested
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from local_samples import ADD, BOOM, ECHO, READ, SAVE, SLEEP, component, graph, out, pipeline, task

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir.nodes import Options
from typedpipe.local import run
from typedpipe.local.options import Runner
from typedpipe.local.runners import placements
from typedpipe.runs import events
from typedpipe.runtime.task import MODULE
from typedpipe.types.model import ANY, INT, STR


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the samples leave files open
def test_results_are_those_of_processes(tmp_path: Path) -> None:
    body = graph(
        task("a", ADD, a=1, b=2),
        task("s", SAVE, text="data"),
        task("r", READ, data=out("s", "out")),
        outputs={"n": (out("a"), INT), "text": (out("r"), STR)},
    )
    here = run(pipeline(body), {}, folder=tmp_path / "1", runner="inprocess")
    there = run(pipeline(body), {}, folder=tmp_path / "2", runner="process")
    assert here.outputs == there.outputs == {"n": 3, "text": "data4"}


def test_nothing_stays_changed(tmp_path: Path) -> None:
    vandal = component(
        "vandal",
        """
        def vandal():
            import os, sys
            os.environ["VANDAL"] = "1"
            os.environ.pop("PATH")
            os.environ["HOME"] = "/nowhere"
            sys.argv.append("x")
            sys.path.insert(0, "/nowhere")
            os.chdir("/")
            sys.stdout = None
            return os.getcwd()
        """,
        {},
        STR,
    )
    before = dict(os.environ), sys.argv[:], sys.path[:], sys.meta_path[:], os.getcwd(), sys.stdout, sys.breakpointhook
    body = graph(task("v", vandal), outputs={"cwd": (out("v"), STR)})
    assert run(pipeline(body, vandal), {}, folder=tmp_path, runner="inprocess").outputs == {"cwd": "/"}
    after = dict(os.environ), sys.argv[:], sys.path[:], sys.meta_path[:], os.getcwd(), sys.stdout, sys.breakpointhook
    assert after == before
    assert MODULE not in sys.modules


def test_a_failure_has_its_log_and_its_message(tmp_path: Path) -> None:
    loud = component(
        "loud", "def loud():\n    import sys\n    print('out')\n    print('err', file=sys.stderr)\n    [][1]\n"
    )
    body = graph(task("l", loud), task("b", BOOM, x=1), task("e", ECHO, ("b",), x=1))
    got: list[bytes] = []

    def take(event: events.Event) -> None:
        if isinstance(event, events.LogChunk) and event.task == "l":
            got.append(event.data)

    result = run(pipeline(body, loud), {}, folder=tmp_path, runner="inprocess", on_event=take)
    assert {name: (t.state, t.exit_code) for name, t in result.tasks.items()} == {
        "l": ("FAILED", 1), "b": ("FAILED", 1), "e": ("OMITTED", None),
    }  # fmt: skip
    assert result.tasks["l"].message.startswith("IndexError: list index out of range (user.py:5)")
    assert b"".join(got).startswith(b"out\nerr\nTraceback")


def test_variables_and_retries(tmp_path: Path) -> None:
    from typedpipe.ir.nodes import Retry

    see = component("see", "def see():\n    import os\n    return os.environ['MINE']\n", {}, STR)
    body = graph(
        task("s", see, (), Options(env=(("MINE", _const("x")),))),
        task("b", BOOM, (), Options(retry=Retry(2)), x=1),
        outputs={"o": (out("s"), STR)},
    )
    result = run(pipeline(body, see), {}, folder=tmp_path, runner="inprocess")
    assert result.tasks["b"].attempts == 3
    assert "MINE" not in os.environ


def _const(value: object) -> Any:
    from local_samples import const

    return const(value)


def test_timeouts_are_warned_of(tmp_path: Path) -> None:
    report = Diagnostics()
    body = graph(task("s", SLEEP, (), Options(timeout_seconds=1), s=0.0))
    assert placements(pipeline(body), "inprocess", report)["sleep"].runner == "inprocess"
    (found,) = report
    assert (found.code, found.severity) == ("TP622", "warning")
    report = Diagnostics()
    placements(pipeline(body), None, report)
    assert not list(report)
    told: list[events.Event] = []
    assert run(pipeline(body), {}, folder=tmp_path, runner="inprocess", on_event=told.append).succeeded
    noted = told[0]
    assert isinstance(noted, events.RunNoted)
    assert noted.code == "TP622"
    assert noted.text.startswith("warning[TP622]: `s` has a timeout, but a task in this process cannot be stopped\n")


class FakePdb:
    """Stands for the debugger: notes where it is opened, and whether it has the terminal."""

    seen: list[tuple[str, str, bool]] = []  # noqa: RUF012  # one for all

    def __init__(self, terminal: object) -> None:
        self.terminal = terminal

    def note(self, kind: str, frame: Any) -> None:
        self.seen.append((kind, f"{frame.f_code.co_name}:{frame.f_lineno}", sys.stdout is self.terminal))


def test_breakpoint_opens_in_the_users_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakePdb(sys.stdout)
    fake.seen.clear()
    monkeypatch.setattr(sys, "breakpointhook", sys.__breakpointhook__)  # pytest has one of its own
    monkeypatch.delenv("PYTHONBREAKPOINT", raising=False)
    monkeypatch.setattr(pdb.Pdb, "set_trace", lambda self, frame=None: fake.note("break", frame))
    stop = component("stop", "def stop(x):\n    y = x + 1\n    breakpoint()\n    return y\n", {"x": INT}, ANY)
    body = graph(task("s", stop, x=1), outputs={"y": (out("s"), ANY)})
    assert run(pipeline(body, stop), {}, folder=tmp_path, runner="inprocess").outputs == {"y": 2}
    assert fake.seen == [("break", "stop:3", True)]


def test_debug_opens_where_the_users_code_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakePdb(sys.stdout)
    fake.seen.clear()
    monkeypatch.setattr(pdb, "post_mortem", lambda trace: fake.note("post", trace.tb_frame))
    deep = component("deep", "def deep():\n    def inner():\n        1 / 0\n    inner()\n")
    wrong = component("wrong", "def wrong() -> int:\n    return 'x'\n", {}, INT)
    result = run(pipeline(graph(task("d", deep), task("w", wrong)), deep, wrong), {}, folder=tmp_path, debug=True)
    assert not result.succeeded
    assert fake.seen == [("post", "deep:4", True)]  # a broken contract has no frame of the user's
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal to itself")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_task_and_cancels_the_run(number: int, tmp_path: Path) -> None:
    nap = component(
        "nap",
        "def nap(mark):\n    import time\n    open(mark, 'w').close()\n    time.sleep(600)\n",
        {"mark": STR},
    )

    def send() -> None:
        while not (tmp_path / "asleep").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    start = time.monotonic()
    body = graph(task("s", nap, mark=str(tmp_path / "asleep")), task("e", ECHO, ("s",), x=1))
    result = run(pipeline(body, nap), {}, folder=tmp_path / "root", runner="inprocess")
    assert time.monotonic() - start < 300  # the task would take longer
    assert (result.state, result.tasks["e"].state) == ("CANCELED", "OMITTED")
    sender.join()


@pytest.mark.parametrize("runner", ["inprocess", "process"])
def test_processes_that_a_task_spawns_find_its_source(runner: Runner, tmp_path: Path) -> None:
    spawn = component(
        "spawn",
        """
        def double(x):
            return 2 * x

        def spawn():
            import multiprocessing as mp
            with mp.get_context("spawn").Pool(1) as pool:
                return pool.map_async(double, [1, 2]).get(timeout=20)
        """,
        {},
        ANY,
    )
    body = graph(task("s", spawn), outputs={"o": (out("s"), ANY)})
    assert run(pipeline(body, spawn), {}, folder=tmp_path, runner=runner).outputs == {"o": [2, 4]}
