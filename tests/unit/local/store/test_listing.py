"""The index of runs is a cache: what it says is what the directories say, whatever happened to either."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from typedpipe.diagnostics.record import replace
from typedpipe.ir.nodes import Graph, Pipeline
from typedpipe.local.store import listing
from typedpipe.local.store.garbage import collect
from typedpipe.local.store.index import RunFolder
from typedpipe.local.store.model import Labels, StoredRun, UnreadableRun
from typedpipe.local.store.record import read_run
from typedpipe.local.store.root import Root, open_root
from typedpipe.runs.model import ArtifactRef, RunEnd
from typedpipe.runtime.task import describe

PIPELINE = Pipeline("training", Graph(), closed=True)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    found = open_root(tmp_path / "root", create=True)
    for number in range(4):
        finish(start(found, f"run-{number}"), found)
    yield found
    found.close()


def start(root: Root, name: str) -> RunFolder:
    return root.new_run(name, PIPELINE, {"n": "3"}, {"jobs": 2}, Labels({"kind": "test"}, "a note"))


def finish(run: RunFolder, root: Root, state: RunEnd = "SUCCEEDED", text: str = "") -> None:
    (run.path / "tasks/t").mkdir(exist_ok=True)
    (run.path / "tasks/t/model").write_text(text or run.name)
    digest = describe(str(run.path / "tasks/t/model"))[0]
    place = root.objects.publish(str(run.path / "tasks/t/model"), digest)
    metrics = ArtifactRef(None, {"type": "system.Metrics", "metadata": {"loss": 0.5}, "uri": "m"})
    run.index.attempt_started("t", "c", 1, run.path / "tasks/t/1", 1.0)
    run.index.finished(
        "t", "c", state, attempts=1, key=f"key-{run.name}{text}", started=1.0, finished=2.0,
        outputs={"model": ArtifactRef(place, {"digest": digest, "uri": place}), "scores": metrics},
    )  # fmt: skip
    run.index.run_finished(state, "", {"loss": "0.5"}, 14.0)
    run.index.commit()
    run.close()
    root.cache.commit()


def plain(root: Root) -> list[tuple[object, ...]]:
    """All runs, read from their directories."""
    found: list[tuple[object, ...]] = []
    for name in root.names():
        try:
            found.append(fields(read_run(root.path / "runs" / name)))
        except Exception:  # noqa: BLE001  # as listed below
            found.append((name, "BROKEN"))
    return sorted(found, key=str)


def fields(run: StoredRun | UnreadableRun) -> tuple[object, ...]:
    if isinstance(run, UnreadableRun):
        return run.name, "BROKEN"
    return tuple(str(getattr(run, name)) for name in (
        "name", "pipeline", "key", "state", "created", "finished", "message", "arguments", "settings", "outputs",
        "facts", "tags", "note",
    ))  # fmt: skip


def listed(root: Root) -> list[tuple[object, ...]]:
    return sorted(map(fields, root.runs()), key=str)


def resumed(root: Root) -> None:
    finish(root.reopen(root.run("run-1")), root, "FAILED", "again")


def resuming(root: Root) -> None:
    run = root.reopen(root.run("run-1"))
    _held.append(run)


_held: list[RunFolder] = []


def edited(root: Root) -> None:
    path = root.path / "runs/run-1/run.json"
    path.write_text(path.read_text().replace('"n": "3"', '"n": "4"'))


def labelled(root: Root) -> None:
    root.label(root.run("run-1"), Labels({"kind": "best"}))


def deleted(root: Root) -> None:
    shutil.rmtree(root.path / "runs/run-1")


def removed(root: Root) -> None:
    root.remove(root.run("run-1"))


def made_again(root: Root) -> None:
    shutil.rmtree(root.path / "runs/run-1")
    finish(start(root, "run-1"), root, "FAILED", "other")


def swapped(root: Root) -> None:
    one, other = (root.path / "runs" / name for name in ("run-1", "run-2"))
    for source, target in ((one, root.path / "x"), (other, one), (root.path / "x", other)):
        source.rename(target)


def renamed(root: Root) -> None:
    (root.path / "runs/run-1").rename(root.path / "runs/other")


def repaired(root: Root) -> None:
    root.repair("run-1")


def corrupted(root: Root) -> None:
    (root.path / "runs/run-1/run.sqlite").write_bytes(b"x" * 8192)


def without_database(root: Root) -> None:
    os.unlink(root.path / "runs/run-1/run.sqlite")


def without_record(root: Root) -> None:
    os.unlink(root.path / "runs/run-1/run.json")


def by_another_program(root: Root) -> None:
    with sqlite3.connect(root.path / "runs/run-1/run.sqlite") as connection:
        connection.execute("UPDATE run SET state = 'FAILED', message = 'changed'")
    connection.close()


def left_in_the_log(root: Root) -> None:
    """A writer that was killed leaves its rows in the write-ahead log."""
    program = (
        f"import os, sqlite3\nc = sqlite3.connect({str(root.path / 'runs/run-1/run.sqlite')!r})\n"
        "c.execute(\"UPDATE run SET state = 'FAILED'\")\nc.commit()\nos._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


RUN_CHANGES: list[Callable[[Root], None]] = [
    resumed, resuming, edited, labelled, deleted, removed, made_again, swapped, renamed, repaired, corrupted,
    without_database, without_record, by_another_program, left_in_the_log,
]  # fmt: skip


@pytest.mark.parametrize("change", RUN_CHANGES)
def test_a_changed_run_is_listed_as_it_is(change: Callable[[Root], None], root: Root) -> None:
    assert listed(root) == plain(root)
    time.sleep(0.02)  # the next tick of the file system's clock
    change(root)
    try:
        assert listed(root) == plain(root)
        assert listed(root) == plain(root)  # from the new rows
        again = open_root(root.path)
        assert listed(again) == plain(again)
        again.close()
    finally:
        while _held:
            _held.pop().close()


def rows(root: Root) -> list[str]:
    with sqlite3.connect(root.path / listing.FILE) as connection:
        found = [row[0] for row in connection.execute("SELECT name FROM runs ORDER BY name")]
    connection.close()
    return found


def test_the_engine_adds_its_run_and_a_listing_drops_those_that_are_gone(root: Root) -> None:
    assert rows(root) == [f"run-{number}" for number in range(4)]
    deleted(root)
    root.runs()
    assert rows(root) == ["run-0", "run-2", "run-3"]


def test_a_run_is_not_opened_if_the_index_has_it(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    root.runs()
    monkeypatch.setattr("typedpipe.local.store.root.read_run", None)
    monkeypatch.setattr("typedpipe.local.store.listing.values_of_tasks", None)
    found = root.runs()
    assert [run.name for run in found] == ["run-3", "run-2", "run-1", "run-0"]
    assert root.resolve("last") == "run-3"
    stored = [run for run in found if isinstance(run, StoredRun)]
    assert [root.catalog.details(run).keys for run in stored] == [[f"key-{run.name}"] for run in stored]
    assert root.catalog.details(stored[0]).metrics == {"t.scores.loss": 0.5}
    assert collect(root, dry_run=True).objects == 0


def missing(path: Path) -> None:
    path.unlink()


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(20_000))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (a)")
        connection.execute(f"PRAGMA user_version={listing.VERSION}")
    connection.close()


def older(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=0")
    connection.close()


def newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={listing.VERSION + 1}")
        connection.execute("DROP TABLE details")
    connection.close()


def senseless(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET rest = '{'")
        connection.execute("UPDATE details SET metrics = 'x'")
    connection.close()


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [missing, garbage, truncated, foreign, older, newer, senseless, a_directory])
def test_whatever_happened_to_the_index(damage: Callable[[Path], None], root: Root) -> None:
    root.runs()
    root.catalog.close()
    damage(root.path / listing.FILE)
    for _ in range(3):
        again = open_root(root.path)
        assert listed(again) == plain(again)
        run = again.run("run-1")
        assert again.catalog.details(run).ran == ["t"]
        assert collect(again, dry_run=True).kept == ""
        again.close()
    if damage is newer:  # a later typedpipe still finds it
        with sqlite3.connect(root.path / listing.FILE) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (listing.VERSION + 1,)
        connection.close()


def test_a_locked_index_costs_time_and_nothing_else(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "BUSY_SECONDS", 0.05)
    root.close()
    other = sqlite3.connect(root.path / listing.FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    again = open_root(root.path)
    finish(start(again, "run-9"), again)
    assert listed(again) == plain(again)
    again.close()
    other.close()
    again = open_root(root.path)
    assert listed(again) == plain(again) and "run-9" in rows(again)
    again.close()


def test_a_store_that_is_not_writable_is_listed(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    root.runs()
    root.close()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    again = open_root(root.path)
    assert listed(again) == plain(again)
    again.close()


def test_a_copied_store_is_read_again(root: Root, tmp_path: Path) -> None:
    root.runs()
    root.close()
    shutil.copytree(root.path, tmp_path / "copy", symlinks=True)
    copy = open_root(tmp_path / "copy")
    assert listed(copy) == plain(copy)
    assert all(run.key.startswith(str(tmp_path / "copy")) for run in copy.runs())
    copy.close()


def test_a_killed_engine_is_interrupted_and_its_run_goes_on(root: Root) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom typedpipe.local.store.root import open_root\n"
        "from typedpipe.ir.nodes import Graph, Pipeline\n"
        f"root = open_root(Path({str(root.path)!r}))\n"
        "run = root.new_run('killed', Pipeline('training', Graph(), closed=True), {}, {})\nprint('up', flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as engine:
        assert engine.stdout is not None and engine.stdout.readline() == b"up\n"
        assert {run.name: getattr(run, "state", "") for run in root.runs()}["killed"] == "RUNNING"
        assert "killed" not in rows(root)
        engine.send_signal(signal.SIGKILL)
    for _ in range(2):
        assert {run.name: getattr(run, "state", "") for run in root.runs()}["killed"] == "INTERRUPTED"
    assert "killed" in rows(root)
    run = root.reopen(root.run("killed"))
    assert listed(root) == plain(root)
    assert {each.name: getattr(each, "state", "") for each in root.runs()}["killed"] == "RUNNING"
    finish(run, root)
    assert {each.name: getattr(each, "state", "") for each in root.runs()}["killed"] == "SUCCEEDED"


def test_several_processes_list_and_run(root: Root) -> None:
    (root.path / listing.FILE).unlink()
    program = (
        "import sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_listing import *\n"
        f"root = open_root(Path({str(root.path)!r}))\n"
        "for number in range(5):\n"
        "    finish(start(root, f'{sys.argv[1]}-{number}'), root)\n"
        "    assert len(listed(root)) >= 5\n"
        "root.close()\n"
    )
    with ThreadPoolExecutor() as pool:
        done = list(
            pool.map(
                lambda name: subprocess.run([sys.executable, "-c", program, name], capture_output=True, check=False),
                "abc",
            )
        )
    assert [each.returncode for each in done] == [0, 0, 0], done
    assert listed(root) == plain(root)
    assert len(root.runs()) == 4 + 3 * 5


def test_collection_keeps_what_the_directories_refer_to(root: Root) -> None:
    """The index must not keep or remove an artifact that the runs would not."""
    root.runs()
    resumed(root)
    deleted_digest = root.catalog.details(root.run("run-2")).objects
    shutil.rmtree(root.path / "runs/run-2")
    found = collect(root)
    assert found.objects == 2  # of the removed run, and the first one of the resumed run
    assert not root.objects.has(deleted_digest[0])
    for run in root.runs():
        assert isinstance(run, StoredRun) and all(map(root.objects.has, root.catalog.details(run).objects))


def test_labels_change_only_themselves(root: Root) -> None:
    before = root.run("run-1")
    assert root.label(before, Labels({"a": "1"}, "another")) == Labels({"kind": "test", "a": "1"}, "another")
    assert root.label(before, Labels({"b": ""}), ["a"]) == Labels({"kind": "test", "b": ""}, "another")
    after = root.run("run-1")
    assert replace(after, tags=before.tags, note=before.note) == before
    data = json.loads((root.path / "runs/run-1/run.json").read_text())
    assert data["format"] == 1 and data["tags"] == {"kind": "test", "b": ""}


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TYPEDPIPE_HOME", "~/x")
    root = open_root(create=True)
    assert root.path == tmp_path / "x" and (tmp_path / "x/format.json").exists()
    root.close()
