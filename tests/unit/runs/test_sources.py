"""Properties of every source of runs: the local store, and one in memory."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest
from worlds import LocalWorld, MemoryWorld, fill, pinned

from typedpipe.cli.stored.artifacts import copy_whole
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.runs import events, polling
from typedpipe.runs.compare import compare
from typedpipe.runs.model import ArtifactRef, BrokenRun
from typedpipe.runs.problems import ContentLost
from typedpipe.runs.source import Cursor, Query, choose_task, log_tail

AnyWorld: TypeAlias = LocalWorld | MemoryWorld


@pytest.fixture(params=["local", "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyWorld]:
    made: AnyWorld = LocalWorld(tmp_path) if request.param == "local" else MemoryWorld()
    fill(made)
    yield made
    made.close()


def names(world: AnyWorld, query: Query = Query()) -> list[str]:  # noqa: B008
    return [run.name for run in world.source.runs(query).items]


def code(caught: pytest.ExceptionInfo[PipelineError]) -> str:
    return caught.value.diagnostics[0].code


# -------------------------------------------------------------------------------------------------- listing


def test_runs_are_listed_newest_first(world: AnyWorld) -> None:
    assert names(world) == ["2027-c", "2026-b", "2026-a"]
    assert names(world, Query(order="oldest")) == ["2026-a", "2026-b", "2027-c"]
    assert names(world, Query(state="FAILED")) == ["2026-b"]
    assert names(world, Query(state="RUNNING", pipeline="training")) == ["2027-c"]
    assert names(world, Query(pipeline="other")) == []
    assert [run.state for run in map(world.source.run, names(world))] == ["RUNNING", "FAILED", "SUCCEEDED"]


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages(world: AnyWorld, order: str) -> None:
    query = Query(order="newest" if order == "newest" else "oldest", limit=2)
    first = world.source.runs(query)
    assert len(first.items) == 2 and first.next
    second = world.source.runs(Query(order=query.order, limit=2, token=first.next))
    assert not second.next
    assert [run.name for run in (*first.items, *second.items)] == names(world, Query(order=query.order))
    whole = world.source.runs(Query(order=query.order, limit=3))
    assert len(whole.items) == 3 and not whole.next


@pytest.mark.parametrize("query", [Query(limit=0), Query(limit=-1), Query(token="x"), Query(token="x y")])
def test_a_page_that_there_is_not(world: AnyWorld, query: Query) -> None:
    with pytest.raises(ValueError):
        world.source.runs(query)


def test_a_broken_run_is_listed_and_says_why_when_it_is_read(world: AnyWorld) -> None:
    world.spoil("broken")
    (found,) = world.source.runs(Query(state="BROKEN")).items
    assert isinstance(found, BrokenRun) and found.name == "broken"
    assert found.problem.diagnostics[0].code == "TP604"
    assert names(world, Query(pipeline="training")) == ["2027-c", "2026-b", "2026-a"]
    with pytest.raises(PipelineError) as caught:
        world.source.run("broken")
    assert code(caught) == "TP604"


def test_names(world: AnyWorld) -> None:
    assert world.source.run().name == world.source.run("last").name == world.source.run("2027").name == "2027-c"
    for name, said in (("2026", "2 run names start with"), ("2026-x", "did you mean"), ("", "there is no run")):
        with pytest.raises(PipelineError, match=said) as caught:
            world.source.run(name)
        assert code(caught) == "TP603"


# ---------------------------------------------------------------------------------------- what is in a run


def test_a_run(world: AnyWorld) -> None:
    run = world.source.run("2026-a")
    assert (run.pipeline, run.state, run.message) == ("training", "SUCCEEDED", "")
    assert run.arguments == {"rows": "4"} and run.settings == {"jobs": 2} and run.outputs == {"loss": "0.5"}
    assert run.finished == run.created + 10
    assert world.source.run("2026-b").message == "load: OSError: gone"
    assert world.source.pipeline(run) == pinned()


def test_tasks_and_attempts(world: AnyWorld) -> None:
    run = world.source.run("2026-a")
    tasks = world.source.tasks(run)
    assert [(task.name, task.state, task.order) for task in tasks] == [
        ("load", "SUCCEEDED", 0), ("train", "SUCCEEDED", 1), ("again", "SUCCEEDED", 2), ("later", "OMITTED", 3),
    ]  # fmt: skip
    _, train, again, later = tasks
    assert [(a.number, a.state, a.message, a.started, a.finished) for a in train.attempts] == [
        (1, "FAILED", "ValueError: no", 101.0, 102.0), (2, "SUCCEEDED", "", 102.5, 104.0),
    ]  # fmt: skip
    assert (train.started, train.finished, train.exit_code, train.outputs["loss"]) == (101.0, 104.0, 0, "0.5")
    assert (again.reused, again.source_run, again.attempts) == ("cache", "2025-z", ())
    assert (later.message, later.started) == ("not needed", None)
    assert choose_task(run.name, "train", tasks) == train
    with pytest.raises(PipelineError, match="did you mean `2026-a/train`") as caught:
        choose_task(run.name, "trian", tasks)
    assert code(caught) == "TP607"


def test_runs_are_compared(world: AnyWorld) -> None:
    found = compare(world.source, world.source.run("2026-a"), world.source.run("2026-b"))
    assert ("argument", "rows", "4", "3") in [(d.what, d.name, d.old, d.new) for d in found.differences]
    assert compare(world.source, found.old, found.old).same


# ----------------------------------------------------------------------------------------------------- logs


def read(world: AnyWorld, run: str, task: str, attempt: int, offset: int = 0) -> bytes:
    return b"".join(world.source.log(world.source.run(run), task, attempt, offset))


def test_logs(world: AnyWorld) -> None:
    assert read(world, "2026-a", "train", 1) == b"first\n"
    assert read(world, "2026-a", "train", 2) == b"epoch 1\nepoch 2\nepoch 3\n"
    assert read(world, "2026-a", "train", 2, 8) == b"epoch 2\nepoch 3\n"
    assert [read(world, "2026-a", "train", 2, end) for end in (24, 25, 10**30)] == [b"", b"", b""]
    run = world.source.run("2026-a")
    assert world.source.log_size(run, "train", 2) == 24
    assert [log_tail(world.source, run, "train", 2, lines) for lines in (0, 1, 2, 9)] == [24, 16, 8, 0]


def test_a_log_that_grows(world: AnyWorld) -> None:
    assert read(world, "2027-c", "load", 1) == b"so far"
    world.write("2027-c", "load", 1, b", so good")
    assert read(world, "2027-c", "load", 1, 6) == b", so good"


@pytest.mark.parametrize(
    ("run", "task", "attempt"), [("2026-b", "load", 1), ("2026-a", "train", 3), ("2026-a", "x", 1)]
)
def test_a_log_that_is_not_there(world: AnyWorld, run: str, task: str, attempt: int) -> None:
    with pytest.raises(FileNotFoundError):
        read(world, run, task, attempt)
    with pytest.raises(FileNotFoundError):
        world.source.log_size(world.source.run(run), task, attempt)


# ------------------------------------------------------------------------------------------------ artifacts


def output(world: AnyWorld, task: str, name: str) -> ArtifactRef:
    tasks = world.source.tasks(world.source.run("2026-a"))
    value = next(found for found in tasks if found.name == task).outputs[name]
    found = value[0] if isinstance(value, tuple) else value
    assert isinstance(found, ArtifactRef)
    return found


def test_a_file(world: AnyWorld) -> None:
    model = output(world, "train", "model")
    assert (model.type, model.size, model.metadata) == ("system.Model", 7, {"loss": 0.5})
    assert model.digest.startswith("sha256:") and model.uri
    assert world.source.files(model) == {"": 7}
    with world.source.open(model) as file:
        assert file.read() == b"weights"


def test_a_folder(world: AnyWorld) -> None:
    rows = output(world, "load", "rows")
    assert world.source.files(rows) == {"part/1": 3, "part/2": 3}
    with world.source.open(rows, "part/2") as file:
        assert file.read() == b"two"
    for path in ("part/3", "../..", "part/../part/2", "/etc/hosts", "part//2"):
        with pytest.raises(OSError, match=r"such|director"):
            world.source.open(rows, path)


def test_a_copy_keeps_the_modes(tmp_path: Path) -> None:
    """A task's copy of an input does, too; a source in a cluster has no modes."""
    world = LocalWorld(tmp_path)
    fill(world)
    try:
        rows = output(world, "load", "rows")
        for name, mode in (("1", 0o750), ("2", 0o400)):
            os.chmod(os.path.join(world.source.path(rows), "part", name), mode)
        copy_whole(world.source, rows, list(world.source.files(rows)), str(tmp_path / "copy"))
        assert [stat.S_IMODE((tmp_path / "copy" / "part" / name).stat().st_mode) for name in "12"] == [0o750, 0o600]
    finally:
        world.close()


@pytest.mark.parametrize("path", ["../out", "/out", "a/../../out"])
def test_nothing_is_copied_out_of_the_folder(tmp_path: Path, path: str) -> None:
    source = MemoryWorld().source
    artifact = ArtifactRef(None, {"uri": "m://1", "dirs": [path]})
    with pytest.raises(FileNotFoundError, match="no such file in the artifact"):
        copy_whole(source, artifact, ["a"], str(tmp_path / "folder"))
    assert list(tmp_path.iterdir()) == []


def test_content_that_is_lost(world: AnyWorld) -> None:
    model = output(world, "train", "model")
    assert world.source.files(model)
    world.lose(model)
    reference = ArtifactRef(None, {"uri": "s3://bucket/key", "digest": ""})
    for artifact, why in ((model, "gone"), (reference, "reference")):
        for read_ in (world.source.files, world.source.open):
            with pytest.raises(ContentLost) as caught:
                read_(artifact)
            assert code(caught) == "TP609" and caught.value.why == why
    assert "`train.model` is gone" in caught.value.of("train.model").diagnostics[0].message or why == "reference"


# ------------------------------------------------------------------------------------------------- watching


def kinds(found: Sequence[events.Event]) -> list[tuple[str, str]]:
    return [(type(event).__name__, getattr(event, "task", "")) for event in found]


def test_watching_a_run_that_ended(world: AnyWorld) -> None:
    found = list(world.source.watch(world.source.run("2026-a")))
    logs = {
        key: b"".join(e.data for e in found if isinstance(e, events.LogChunk) and e.task == key)
        for key in ("load", "train")
    }
    assert logs == {"load": b"loading\n", "train": b"first\nepoch 1\nepoch 2\nepoch 3\n"}
    told = [event for event in found if not isinstance(event, events.LogChunk)]
    assert isinstance(told[0], events.RunStarted) and told[0].run == "2026-a"
    assert told[-1] == events.RunFinished("2026-a", "SUCCEEDED", "", world.source.run("2026-a").finished or 0.0)
    assert [each for each in kinds(told) if each[1] == "train"] == [
        ("TaskStarted", "train"), ("TaskRetried", "train"), ("TaskStarted", "train"), ("TaskFinished", "train"),
    ]  # fmt: skip
    ended = {event.task: (event.state, event.reused) for event in told if isinstance(event, events.TaskFinished)}
    assert ended == {
        "load": ("SUCCEEDED", ""), "train": ("SUCCEEDED", ""), "again": ("SUCCEEDED", "cache"), "later": ("OMITTED", ""),
    }  # fmt: skip


def test_watching_goes_on_from_a_cursor(world: AnyWorld) -> None:
    run = world.source.run("2026-a")
    found = list(world.source.watch(run))
    for seen in range(len(found)):
        cursor = Cursor()
        for event in found[:seen]:
            cursor.take(event)
        rest = list(world.source.watch(run, Cursor.of(cursor.data())))
        assert kinds(rest) == kinds(found[seen:]) and rest == found[seen:]


def test_watching_a_run_that_goes_on(world: AnyWorld) -> None:
    steps: Iterator[Callable[[], None]] = iter(
        [
            lambda: world.write("2027-c", "load", 1, b" more"),
            lambda: world.over("2027-c", "load", 1, "SUCCEEDED", "", 301.0),
            lambda: world.finish("2027-c", "load", "SUCCEEDED", attempts=1, started=300.0, finished=301.0),
            lambda: world.end("2027-c", "CANCELED", "Ctrl-C"),
        ]
    )

    def wait() -> None:
        next(steps)()

    found = list(polling.watch(world.source, world.source.run("2027-c"), wait=wait))
    assert kinds(found) == [
        ("RunStarted", ""), ("TaskStarted", "load"), ("LogChunk", "load"), ("LogChunk", "load"),
        ("TaskFinished", "load"), ("RunFinished", ""),
    ]  # fmt: skip
    assert [event.offset for event in found if isinstance(event, events.LogChunk)] == [0, 6]
    assert isinstance(found[-1], events.RunFinished) and found[-1].state == "CANCELED"
