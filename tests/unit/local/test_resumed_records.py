"""Records, events and counts of runs that were resumed, interrupted or moved."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from local_samples import BOOM, DATASET, component, const, graph, out, pipeline, task
from test_resume import COUNT, SCRIPT, first, resumed

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir.nodes import Arm, Branch, Options, Pipeline
from typedpipe.ir.options import Retry
from typedpipe.local.options import RunOptions
from typedpipe.local.preparation import prepare_resumed
from typedpipe.local.python_values import plain
from typedpipe.local.rerun.resume import plan_resume
from typedpipe.local.store.index import tasks
from typedpipe.local.store.model import StoredRun
from typedpipe.local.store.root import Root, open_root
from typedpipe.local.store.source import LocalRuns
from typedpipe.report.data import report_data
from typedpipe.runs import events
from typedpipe.runs.model import ArtifactRef, retries
from typedpipe.runs.source import Cursor
from typedpipe.types.artifacts import Artifact, Model
from typedpipe.types.model import INT, ArtifactType


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    found = open_root(tmp_path / "root", create=True)
    yield found
    found.close()


def flow(folder: Path) -> Pipeline:
    """``a`` succeeds, ``b`` fails twice while there is a file, ``c`` in a branch needs ``b``, ``d`` needs the branch."""
    inner = graph(task("c", COUNT, place=str(folder / "c"), x=1), outputs={"o": (out("c"), INT)})
    nodes = (
        task("a", COUNT, place=str(folder / "a"), x=1),
        task("b", COUNT, (), Options(retry=Retry(1)), place=str(folder / "b"), x=out("a")),
        Branch("if-1", (Arm(const(True), inner),), after=("b",)),
        task("d", COUNT, ("if-1",), place=str(folder / "d"), x=1),
    )
    return pipeline(graph(*nodes, outputs={"o": (out("b"), INT)}), COUNT)


def states(root: Root) -> dict[str, str]:
    return {each.name: each.state for each in tasks(root.run())}


def test_a_resumed_run_keeps_what_was_recorded(root: Root, tmp_path: Path) -> None:
    (tmp_path / "b.stop").touch()
    first(root, flow(tmp_path))
    assert states(root) == {"a": "SUCCEEDED", "b": "FAILED", "if-1": "OMITTED", "d": "OMITTED"}
    before = {each.name: each for each in tasks(root.run())}
    source, cursor = LocalRuns(root), Cursor()
    seen = [*watched(source, cursor)]
    (tmp_path / "b.stop").unlink()
    _, result = resumed(root)
    assert result.succeeded
    assert states(root) == {"a": "SUCCEEDED", "b": "SUCCEEDED", "if-1/c": "SUCCEEDED", "d": "SUCCEEDED"}
    after = {each.name: each for each in tasks(root.run())}
    kept, was = after["a"], before["a"]
    assert (kept.started, kept.finished, kept.exit_code, kept.attempts) == (
        was.started,
        was.finished,
        0,
        was.attempts,
    )
    assert (kept.inputs, kept.outputs, kept.key, kept.reused) == (was.inputs, was.outputs, was.key, "resumed")
    assert [(attempt.number, attempt.session) for attempt in after["b"].attempts] == [(1, 0), (2, 0), (3, 1)]
    assert retries(after["b"].attempts) == 1
    assert report_data(LocalRuns(root), root.run())["totals"]["retries"] == 1
    started = after["b"].started
    assert started is not None and started == after["b"].attempts[-1].started, "not the time between the two sessions"
    # The result of a task that was kept has its log and its attempts.
    told = result.tasks["a"]
    assert (told.attempts, told.exit_code, told.reused) == (1, 0, "resumed")
    assert told.folder is not None and (told.folder / "job.json").exists()
    assert (result.tasks["b"].attempts, result.tasks["b"].folder) == (3, Path(after["b"].attempts[-1].key))
    # A reader that has seen the first session is told of the second one, and sees nothing twice.
    more = [*watched(source, cursor)]
    assert [kind for kind in kinds(seen) if "Run" in kind] == ["RunStarted", "RunFinished"]
    assert kinds(more)[0] == "RunStarted" and kinds(more)[-1] == "RunFinished"
    assert [event.attempt for event in more if isinstance(event, events.TaskStarted) and event.task == "b"] == [3]
    assert not [event for event in more if isinstance(event, events.TaskRetried)]
    whole = [*watched(source, Cursor())]
    assert kinds(whole).count("RunStarted") == 2
    assert [(e.attempts, e.state) for e in whole if isinstance(e, events.TaskFinished) and e.task == "b"] == [
        (2, "FAILED"),
        (3, "SUCCEEDED"),
    ]
    assert [*watched(source, cursor)] == [whole[-1]]
    assert Cursor.of(cursor.data()) == cursor


def watched(source: LocalRuns, cursor: Cursor) -> Iterator[events.Event]:
    for event in source.watch(source.run(), cursor):
        cursor.take(event)
        yield event


def kinds(found: list[events.Event]) -> list[str]:
    return [type(event).__name__ for event in found]


def test_the_time_before_a_run_is_resumed_is_no_part_of_its_duration(root: Root, tmp_path: Path) -> None:
    (tmp_path / "b.stop").touch()
    first(root, flow(tmp_path))
    folder = root.run().folder
    with closing(sqlite3.connect(folder / "run.sqlite")) as connection:  # as if it had run a thousand seconds ago
        connection.execute("UPDATE starts SET time = time - 1000")
        connection.execute("UPDATE attempts SET started = started - 1000, finished = finished - 1000")
        connection.commit()
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"created": record["created"] - 1000}))
    assert root.run().paused == 0
    (tmp_path / "b.stop").unlink()
    resumed(root)
    run = root.run()
    assert run.finished is not None
    assert run.finished - run.created > 1000
    assert run.finished - run.created - run.paused < 500
    assert report_data(LocalRuns(root), run)["totals"]["duration"] == run.finished - run.created - run.paused
    assert [each.paused for each in root.runs() if isinstance(each, StoredRun)] == [run.paused]
    assert [each.paused for each in root.runs() if isinstance(each, StoredRun)] == [run.paused], "from the index"


def test_live_events_number_attempts_as_the_record_does(root: Root, tmp_path: Path) -> None:
    (tmp_path / "b.stop").touch()
    first(root, flow(tmp_path))
    (tmp_path / "b.stop").unlink()
    heard: list[events.Event] = []
    plan = plan_resume(root, root.run())
    prepare_resumed(
        open_root(root.path), plan, RunOptions(folder=root.path, cache=False), on_event=heard.append
    ).execute()
    assert [(e.task, e.attempt) for e in heard if isinstance(e, events.TaskStarted)] == [
        ("b", 3),
        ("if-1/c", 1),
        ("d", 1),
    ]
    ends = {e.task: (e.attempts, e.exit_code, e.reused) for e in heard if isinstance(e, events.TaskFinished)}
    assert ends == {"a": (1, 0, "resumed"), "b": (3, 0, ""), "if-1/c": (1, 0, ""), "d": (1, 0, "")}


def killed_at(root: Root, tmp_path: Path, failpoint: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parent), folder=str(tmp_path), root=str(root.path)))
    env = {**os.environ, "TYPEDPIPE_FAILPOINT": failpoint}
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
@pytest.mark.parametrize("failpoint", ["attempt-ended", "attempt-ended:2", "outputs-published", "rows-committed:3"])
def test_after_a_kill_no_attempt_stays_running(root: Root, tmp_path: Path, failpoint: str) -> None:
    killed_at(root, tmp_path, failpoint)
    source = LocalRuns(root)
    running = [name for name, state in states(root).items() if state == "RUNNING"]
    found = list(source.watch(source.run()))
    assert isinstance(found[-1], events.RunFinished) and found[-1].message == "interrupted: its engine exited"
    ended = {event.task: event for event in found if isinstance(event, events.TaskFinished)}
    assert [ended[name].state for name in running] == ["CANCELED"] * len(running)
    assert {event.task for event in found if isinstance(event, events.TaskStarted)} <= set(ended)
    plan, result = resumed(root)
    assert result.succeeded
    for each in tasks(root.run()):
        assert each.state == "SUCCEEDED"
        assert {attempt.state for attempt in each.attempts} <= {"SUCCEEDED", "CANCELED"}
        assert each.attempts[-1].state == "SUCCEEDED"
        assert each.started is not None and each.finished is not None and each.started <= each.finished
        assert all(attempt.finished is not None for attempt in each.attempts)
    for name in plan.taken_in:
        assert result.tasks[name].reused == "resumed" and result.tasks[name].log is not None


def test_a_plan_is_void_once_another_engine_had_the_run(root: Root, tmp_path: Path) -> None:
    """Two commands plan at once; one of them resumes the run to its end before the other one starts."""
    (tmp_path / "b.stop").touch()
    first(root, flow(tmp_path))
    (tmp_path / "b.stop").unlink()
    late = plan_resume(root, root.run())
    assert resumed(root)[1].succeeded
    with pytest.raises(PipelineError) as caught:
        prepare_resumed(open_root(root.path), late, RunOptions(folder=root.path))
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.message) == (
        "TP606",
        f"another process resumed the run `{root.run().name}` at the same time",
    )
    assert root.run().state == "SUCCEEDED"
    assert (tmp_path / "b").read_text() == "x"
    with pytest.raises(PipelineError, match="TP640"):
        plan_resume(root, late.run)
    resumed(root, "d")  # the locks were released


def artifacts() -> Pipeline:
    made = component(
        "made",
        "def made(out):\n    open(out.path, 'w').write('hello')\n    out.metadata['n'] = 5\n",
        {},
        DATASET,
    )
    return pipeline(graph(task("made", made), task("boom", BOOM, ("made",), x=1)), made)


def test_repair_after_a_store_was_moved(root: Root, tmp_path: Path) -> None:
    first(root, artifacts())
    shutil.move(root.path, tmp_path / "moved")
    moved = open_root(tmp_path / "moved")
    moved.repair("last")
    (value,) = next(each for each in tasks(moved.run()) if each.name == "made").outputs.values()
    assert isinstance(value, ArtifactRef)
    assert value.uri == value.path == moved.objects.path(value.digest)
    assert str(root.path) + os.sep not in repr(value)
    moved.close()


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_resume_after_an_interrupted_store_was_moved(root: Root, tmp_path: Path) -> None:
    killed_at(root, tmp_path, "attempt-ended")
    shutil.move(root.path, tmp_path / "moved")
    moved = open_root(tmp_path / "moved")
    plan, result = resumed(moved)
    assert list(plan.taken_in) == ["made"] and result.outputs == {"o": "hello5"}
    (value,) = next(each for each in tasks(moved.run()) if each.name == "made").outputs.values()
    assert isinstance(value, ArtifactRef) and value.uri == value.path == moved.objects.path(value.digest)
    moved.close()


def test_an_index_of_an_earlier_version_is_resumed(root: Root, tmp_path: Path) -> None:
    """It has no tables of starts and of the items of loops."""
    import sqlite3

    (tmp_path / "b.stop").touch()
    first(root, flow(tmp_path))
    (tmp_path / "b.stop").unlink()
    with sqlite3.connect(root.run().folder / "run.sqlite") as index:
        index.execute("DROP TABLE starts")
        index.execute("DROP TABLE items")
    index.close()
    assert [attempt.session for each in tasks(root.run()) for attempt in each.attempts] == [0, 0, 0]
    assert resumed(root)[1].succeeded
    assert retries(next(each for each in tasks(root.run()) if each.name == "b").attempts) == 2, (
        "nothing better is known"
    )


@pytest.mark.parametrize(
    ("bases", "base"),
    [
        (("system.Model", "system.Artifact"), Model),
        (("Bush", "system.Model", "system.Artifact"), Model),
        (("system.Artifact",), Artifact),
        ((), Artifact),
    ],
)
def test_an_artifact_whose_class_is_not_loaded_keeps_its_type(bases: tuple[str, ...], base: type[Artifact]) -> None:
    """``typedpipe resume`` does not import the user's file."""
    data = {"type": "Unloaded", "version": "2.1", "name": "m", "metadata": {}, "uri": "/m", "digest": "", "size": 0}
    found = plain(ArtifactRef("/m", data), ArtifactType("Unloaded", "2.1", bases))
    assert type(found) is base
    assert (found.schema_title, found.schema_version, found.path) == ("Unloaded", "2.1", "/m")
    assert base.schema_title != "Unloaded"
