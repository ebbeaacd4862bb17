"""The contract of an engine, for each engine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from memory_engine import MemoryEngine
from memory_source import MemoryRuns

from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir.nodes import Pipeline
from typedpipe.local.local_engine import LocalEngine
from typedpipe.local.options import RunOptions
from typedpipe.local.store.root import open_root
from typedpipe.local.store.source import LocalRuns
from typedpipe.runs import events
from typedpipe.runs.arguments import bind
from typedpipe.runs.engine import Engine, Handle
from typedpipe.runs.source import RunSource

AnyEngine: TypeAlias = Engine[RunOptions, Handle]
PATIENCE = 120.0


@dsl.component
def add(a: int, b: int) -> int:
    return a + b


@dsl.component
def total(values: list[int]) -> int:
    return sum(values)


@dsl.component
def fail(a: int) -> int:
    raise ValueError("no luck")


@dsl.component
def wait_for(path: str) -> int:
    import os
    import time

    end = time.monotonic() + 120
    while not os.path.exists(path) and time.monotonic() < end:
        time.sleep(0.01)
    return 1


@dsl.component
def write(path: str) -> None:
    with open(path, "w") as file:
        file.write("here")


@dsl.container_component
def contained() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="alpine", command=["no-such-command-here"])


@dsl.pipeline
def sums(n: int, more: int = 1) -> int:
    return add(a=add(a=n, b=more).output, b=1).output


@dsl.pipeline
def loop(items: list[int]) -> int:
    with dsl.ParallelFor(items) as item:
        one = add(a=item, b=1)
    return total(values=dsl.Collected(one.output)).output


@dsl.pipeline
def broken() -> None:
    failed = fail(a=1)
    add(a=failed.output, b=1)
    total(values=[1])


@dsl.pipeline
def guarded(path: str) -> None:
    with dsl.ExitHandler(write(path=path)):
        fail(a=1)


@dsl.pipeline
def long(path: str, left: str) -> None:
    with dsl.ExitHandler(write(path=left)):
        waited = wait_for(path=path)
        add(a=waited.output, b=1)


@dsl.pipeline
def boxed() -> None:
    contained()


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[AnyEngine, Callable[[], RunSource]]:
    """An engine, and what opens the source that its runs are read from."""
    if request.param == "local":
        return LocalEngine(tmp_path / "runs"), lambda: LocalRuns(open_root(tmp_path / "runs"))
    source = MemoryRuns()
    return MemoryEngine(source), lambda: source


@pytest.fixture
def engine(place: tuple[AnyEngine, Callable[[], RunSource]]) -> AnyEngine:
    return place[0]


class Told(list[events.Event]):
    """Events of an engine, without logs."""

    def __call__(self, event: events.Event) -> None:
        if not isinstance(event, events.LogChunk):
            self.append(event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]


def submit(engine: AnyEngine, pipeline: Any, told: Told | None = None, **given: object) -> Handle:
    closed = checked(pipeline)
    report = Diagnostics()
    arguments = bind(closed, given, report)
    if report.has_errors:
        raise PipelineError(report)
    return engine.submit(closed, arguments, RunOptions(grace=1.0), told)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def checked(pipeline: Any) -> Pipeline:
    closed: Pipeline = driver.check(pipeline.ir)
    return closed


def state(run: Handle) -> str:
    return run.state


def states(run: Handle) -> dict[str, str]:
    return {name: task.state for name, task in run.view.tasks().items()}


def test_a_run_succeeds(engine: AnyEngine) -> None:
    run = submit(engine, sums, n=3)
    assert run.wait(PATIENCE)
    assert (run.state, dict(run.outputs)) == ("SUCCEEDED", {"Output": 5})
    assert states(run) == {"add": "SUCCEEDED", "add-2": "SUCCEEDED"}
    assert run.view.run == run.name
    assert run.view.ended
    assert engine.name in ("local", "memory")


def test_a_run_is_read_from_the_engines_source(place: tuple[AnyEngine, Callable[[], RunSource]]) -> None:
    engine, opened = place
    run = submit(engine, sums, n=3)
    assert run.wait(PATIENCE)
    source = opened()
    record = source.run(run.name)
    assert (record.state, dict(record.arguments), dict(record.outputs)) == (
        "SUCCEEDED",
        {"n": "3", "more": "1"},
        {"Output": "5"},
    )
    assert [(task.name, task.state, dict(task.outputs)) for task in source.tasks(record)] == [
        ("add", "SUCCEEDED", {"Output": "4"}),
        ("add-2", "SUCCEEDED", {"Output": "5"}),
    ]
    assert source.pipeline(record) == checked(sums)  # as it was submitted: arguments are no part of it


def test_arguments_win_over_defaults(engine: AnyEngine) -> None:
    assert dict(submit(engine, sums, n=3, more=10).outputs) == {"Output": 14}


def test_events_come_in_order(engine: AnyEngine) -> None:
    told = Told()
    assert submit(engine, sums, told, n=3).wait(PATIENCE)
    assert [(type(event).__name__, getattr(event, "task", "")) for event in told] == [
        ("RunStarted", ""),
        ("TaskStarted", "add"),
        ("TaskFinished", "add"),
        ("TaskStarted", "add-2"),
        ("TaskFinished", "add-2"),
        ("RunFinished", ""),
    ]
    assert [event.time for event in told] == sorted(event.time for event in told)


def test_a_loop_runs_its_body_for_each_item(engine: AnyEngine) -> None:
    told = Told()
    run = submit(engine, loop, told, items=[1, 2, 3])
    assert dict(run.outputs) == {"Output": 9}
    assert {name for name in states(run) if "[" in name} == {f"for[{item}]/add" for item in range(3)}
    assert run.view.loops() == {"for": (3, 3)}
    assert [(event.loop, event.items) for event in told.of(events.LoopStarted)] == [("for", 3)]
    assert [event.done for event in told.of(events.LoopItemFinished)] == [1, 2, 3]


def test_a_failure_skips_what_depends_on_it(engine: AnyEngine) -> None:
    run = submit(engine, broken)
    assert run.wait(PATIENCE)
    assert states(run) == {"fail": "FAILED", "add": "OMITTED", "total": "SUCCEEDED"}
    assert (run.state, dict(run.outputs)) == ("FAILED", {})
    assert "no luck" in run.view.tasks()["fail"].message
    assert "no luck" in run.view.message


def test_an_exit_handler_runs_after_a_failure(engine: AnyEngine, tmp_path: Path) -> None:
    run = submit(engine, guarded, path=str(tmp_path / "left"))
    assert run.wait(PATIENCE)
    assert run.state == "FAILED"
    assert (tmp_path / "left").read_text() == "here"


@pytest.mark.parametrize("by_name", [False, True])
def test_a_canceled_run_stops_its_tasks_and_runs_its_exit_handlers(
    engine: AnyEngine, tmp_path: Path, by_name: bool
) -> None:
    told = Told()
    run = submit(engine, long, told, path=str(tmp_path / "never"), left=str(tmp_path / "left"))
    until(lambda: "RUNNING" in states(run).values())
    assert state(run) == "RUNNING"
    assert not run.wait(0.01)
    if by_name:
        engine.cancel(run.name)
    else:
        run.cancel()
    assert run.wait(PATIENCE)
    assert state(run) == "CANCELED"
    ends = {path.rpartition("/")[2]: state for path, state in states(run).items()}
    assert ends["wait-for"] == "CANCELED"
    assert ends.get("add", "OMITTED") == "OMITTED"
    assert (tmp_path / "left").read_text() == "here"
    assert [event.killing for event in told.of(events.CancelStarted)] == [False]
    engine.cancel(run.name)  # it has ended: nothing changes
    assert state(run) == "CANCELED"


def test_a_killed_run_runs_nothing_more(engine: AnyEngine, tmp_path: Path) -> None:
    run = submit(engine, long, path=str(tmp_path / "never"), left=str(tmp_path / "left"))
    until(lambda: "RUNNING" in states(run).values())
    engine.cancel(run.name, kill=True)
    assert run.wait(PATIENCE)
    assert state(run) == "CANCELED"
    assert not (tmp_path / "left").exists()


def test_what_is_unsupported_is_refused(engine: AnyEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDPIPE_CONTAINERS", "host")
    closed = checked(boxed)
    assert engine.check(closed, RunOptions()).has_errors
    assert not engine.check(checked(sums), RunOptions()).has_errors
    with pytest.raises(PipelineError):
        engine.submit(closed, {}, RunOptions())


# ------------------------------------------------------------------------------------------- this machine alone

ELSEWHERE = """\
import sys
from typedpipe import dsl

@dsl.component
def nap(folder: str) -> int:
    import pathlib, time
    pathlib.Path(folder, "started").touch()
    time.sleep(60)
    return 1

@dsl.pipeline
def main(folder: str) -> int:
    return nap(folder=folder).output

main.options(name="away", folder=sys.argv[1], runner=sys.argv[2]).run(folder=sys.argv[1]).wait()
"""


@pytest.mark.parametrize("runner", ["process", "inprocess"])
@pytest.mark.parametrize("background", [False, True], ids=["terminal", "background job"])
def test_a_run_of_another_process_is_canceled_by_its_name(tmp_path: Path, background: bool, runner: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(ELSEWHERE)
    folder = tmp_path / "runs"
    # A shell starts a background job with Ctrl-C ignored, and so does `nohup`.
    process = subprocess.Popen(
        [
            "sh",
            "-c",
            f"trap '{'' if background else '-'}' INT; exec \"$@\"",
            "sh",
            sys.executable,
            program,
            folder,
            runner,
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: os.path.exists(folder / "started"))
        LocalEngine(folder).cancel("away")
        process.wait(PATIENCE)
        assert open_root(folder).run("away").state == "CANCELED"
    finally:
        process.kill()
        process.wait()


def test_cancel_needs_no_record_of_the_run(tmp_path: Path) -> None:
    run = submit(LocalEngine(tmp_path), long, path=str(tmp_path / "never"), left=str(tmp_path / "left"))
    until(lambda: "RUNNING" in states(run).values())
    for file in ("run.json", "pipeline.ir"):  # as in the moment when it begins
        (tmp_path / "runs" / run.name / file).unlink()
    LocalEngine(tmp_path).cancel(run.name)
    assert run.wait(PATIENCE)
    assert run.state == "CANCELED"


def test_a_run_of_this_process_is_canceled_by_another_path(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "runs")
    run = submit(LocalEngine(tmp_path / "runs"), long, path=str(tmp_path / "never"), left=str(tmp_path / "left"))
    LocalEngine(tmp_path / "link").cancel(run.name)
    assert run.wait(PATIENCE)
    assert run.state == "CANCELED"


def test_a_run_in_the_foreground_has_ended_when_it_is_given(tmp_path: Path) -> None:
    closed = checked(sums)
    run = LocalEngine(tmp_path).submit(closed, {"n": "3"}, RunOptions(), foreground=True)
    assert (run.state, dict(run.outputs)) == ("SUCCEEDED", {"Output": 5})
    assert states(run) == {"add": "SUCCEEDED", "add-2": "SUCCEEDED"}
    assert run.view.started is not None
    assert run.view.ended


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PipelineError):
        LocalEngine(tmp_path).cancel("none")
