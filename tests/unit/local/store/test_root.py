"""Runs are found, read and removed; a corrupted one is reported with a code, and does not affect others."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir import wire
from typedpipe.ir.nodes import Graph, Pipeline
from typedpipe.local.store.database import FORMAT
from typedpipe.local.store.garbage import collect
from typedpipe.local.store.index import RunFolder, task, tasks
from typedpipe.local.store.locks import process_start, read_engine
from typedpipe.local.store.model import StoredRun, UnreadableRun
from typedpipe.local.store.root import Root, open_root, root_path
from typedpipe.runs.model import ArtifactRef
from typedpipe.runtime.task import describe

PIPELINE = Pipeline("training", Graph(), closed=True)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    found = open_root(tmp_path / "root", create=True)
    yield found
    found.close()


def start(root: Root, name: str = "20261123-run", **arguments: str) -> RunFolder:
    return root.new_run(name, PIPELINE, arguments, {"jobs": 2})


def fill(run: RunFolder, root: Root, *, end: bool = True, text: str = "model") -> str:
    """Two attempts of `train`, which made an artifact; the place of that."""
    folder = run.path / "tasks/train/2"
    (folder / "out/a").mkdir(parents=True, exist_ok=True)
    (folder / "log").write_text("hello\n")
    (folder / "out/a/model").write_text(text)
    digest = describe(str(folder / "out/a/model"))[0]
    place = root.objects.publish(str(folder / "out/a/model"), digest)
    index = run.index
    index.attempt_started("train", "train-key", 1, run.path / "tasks/train/1", 10.0)
    index.attempt_ended("train", 1, "FAILED", 1, "ValueError: no", 11.0)
    index.attempt_started("train", "train-key", 2, str(folder), 12.0)
    index.inputs("train", {"x": "3"})
    index.attempt_ended("train", 2, "SUCCEEDED", 0, "", 13.0)
    index.finished(
        "train",
        "train-key",
        "SUCCEEDED",
        attempts=2,
        exit_code=0,
        started=10.0,
        finished=13.0,
        outputs={"model": ArtifactRef(place, {"digest": digest, "uri": place}), "loss": "0.5"},
        key="k-train",
        key_parts={"code": "abc"},
    )
    index.finished("later", "", "OMITTED", message="`train` did not succeed")
    if end:
        index.run_finished("SUCCEEDED", "", {"loss": "0.5"}, 14.0)
    index.commit()
    root.cache.put("k-train", {"loss": "0.5"}, run.name, "train", "train-key")
    root.cache.commit()
    return place


def code(caught: pytest.ExceptionInfo[PipelineError]) -> str:
    return caught.value.diagnostics[0].code


def message(caught: pytest.ExceptionInfo[PipelineError]) -> str:
    return caught.value.diagnostics[0].message


# --------------------------------------------------------------------------------------------------- reading


def test_a_run_is_read_back(root: Root) -> None:
    run = start(root, epochs="3")
    place = fill(run, root)
    run.close()
    found = root.run()
    assert (found.name, found.pipeline, found.state, found.finished) == ("20261123-run", "training", "SUCCEEDED", 14.0)
    assert found.arguments == {"epochs": "3"} and found.settings == {"jobs": 2} and found.outputs == {"loss": "0.5"}
    assert wire.load(found.pipeline_file).name == "training"
    train, later = tasks(found)
    assert (train.name, train.component, train.state, train.order) == ("train", "train-key", "SUCCEEDED", 0)
    assert (train.started, train.finished, train.exit_code, train.key, train.key_parts) == (
        10.0, 13.0, 0, "k-train", {"code": "abc"},
    )  # fmt: skip
    assert [(a.number, a.state, a.exit_code, a.message) for a in train.attempts] == [
        (1, "FAILED", 1, "ValueError: no"),
        (2, "SUCCEEDED", 0, ""),
    ]
    assert Path(train.attempts[1].log).read_text() == "hello\n"
    model = train.outputs["model"]
    assert isinstance(model, ArtifactRef) and model.path == model.uri == place
    assert train.inputs == {"x": "3"} and train.outputs["loss"] == "0.5"
    assert (later.state, later.message, later.attempts) == ("OMITTED", "`train` did not succeed", ())
    assert task(found, "later") == later
    with pytest.raises(PipelineError, match="no task `trian`") as caught:
        task(found, "trian")
    assert code(caught) == "TP607" and "20261123-run/train" in caught.value.diagnostics[0].help


def test_it_is_read_while_it_goes_on(root: Root) -> None:
    run = start(root)
    run.index.attempt_started("a", "c", 1, run.path / "tasks/a/1", 1.0)
    assert tasks(root.run()) == [], "nothing before the commit"
    run.index.commit()
    assert root.run().state == "RUNNING"
    assert [(t.name, t.state) for t in tasks(root.run())] == [("a", "RUNNING")]
    run.close()
    assert root.run().state == "INTERRUPTED"


def test_names(root: Root) -> None:
    for name in ("2026-a", "2026-b", "2027-c"):
        start(root, name).close()
        time.sleep(0.002)
    assert [run.name for run in root.runs()] == ["2027-c", "2026-b", "2026-a"]
    assert root.run("2026-a").name == "2026-a" and root.run("2027").name == "2027-c"
    assert root.run("last").name == root.run().name == "2027-c"
    with pytest.raises(PipelineError, match="2 run names start with `2026`: `2026-a`, `2026-b`") as caught:
        root.run("2026")
    assert code(caught) == "TP603"
    with pytest.raises(PipelineError, match="no run `2O26-a`") as caught:
        root.run("2O26-a")
    assert caught.value.diagnostics[0].help == "did you mean `2026-a`?"
    for odd in ("", "..", "/etc", "2026-a/../2026-b", ".new-1"):
        with pytest.raises(PipelineError):
            root.run(odd)


def test_a_name_twice(root: Root) -> None:
    start(root, "a").close()
    with pytest.raises(PipelineError, match="a run named `a` already exists") as caught:
        start(root, "a")
    assert code(caught) == "TP611"
    assert os.listdir(root.path / "runs") == ["a"]


@pytest.mark.parametrize(
    "name", ["../../x", "/tmp/x", "a/b", ".", "..", "last", "", " ", ".new-x", "a b", "a\nb", "--", "*", "x" * 101]
)
def test_what_is_no_name(root: Root, name: str) -> None:
    with pytest.raises(PipelineError) as caught:
        start(root, name)
    assert code(caught) == "TP611"
    assert os.listdir(root.path / "runs") == []


def test_a_working_directory_that_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(PipelineError, match="the working directory was removed"):
        open_root()


def test_a_folder_that_is_not_there_has_no_runs(tmp_path: Path) -> None:
    root = open_root(tmp_path / "none")
    assert root.runs() == []
    with pytest.raises(PipelineError, match="there are no runs"):
        root.run()
    assert not (tmp_path / "none").exists()


def test_where_the_root_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TYPEDPIPE_HOME", raising=False)
    assert root_path(None) == tmp_path / ".typedpipe"
    monkeypatch.setenv("TYPEDPIPE_HOME", str(tmp_path / "home"))
    assert root_path(None) == tmp_path / "home"
    assert root_path("x") == tmp_path / "x"
    open_root(None, create=True).close()
    assert (tmp_path / "home/.gitignore").read_text() == "*\n"
    assert json.loads((tmp_path / "home/format.json").read_text()) == {"format": FORMAT}


# --------------------------------------------------------------------------------------------------- engines


def test_two_engines_on_one_run(root: Root) -> None:
    run = start(root)
    with pytest.raises(PipelineError, match=f"process {os.getpid()} is executing it") as caught:
        root.reopen(root.run())
    assert code(caught) == "TP606"
    with pytest.raises(PipelineError, match="is in progress"):
        root.remove(root.run())
    nonce = run.nonce
    run.close()
    again = root.reopen(root.run())
    assert again.previous is not None and again.previous.nonce == nonce != again.nonce
    assert root.run().state == "RUNNING"
    again.close()


def test_the_engine_of_another_process_and_its_end(root: Root) -> None:
    text = (
        "import sys, time; from pathlib import Path; from typedpipe.ir.nodes import Graph, Pipeline\n"
        "from typedpipe.local.store.root import open_root\n"
        "run = open_root(Path(sys.argv[1])).new_run('far', Pipeline('p', Graph(), closed=True), {}, {})\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", text, str(root.path)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        assert root.run("far").state == "RUNNING"
        with pytest.raises(PipelineError, match=f"process {process.pid} is executing it"):
            root.reopen(root.run("far"))
        assert collect(root).kept == "a run is in progress"
    finally:
        process.kill()
        process.communicate()
    assert root.run("far").state == "INTERRUPTED"
    root.reopen(root.run("far")).close()


def test_without_flock_the_process_decides(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def broken(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", broken)
    run = start(root)
    assert root.run().state == "RUNNING"
    with pytest.raises(PipelineError, match="is in progress"):
        root.reopen(root.run())
    assert collect(root).kept == "a run is in progress"
    engine = read_engine(str(run.path))
    assert engine is not None and engine.alive and engine.started == process_start(os.getpid())
    data = json.loads((run.path / "engine.json").read_text())
    (run.path / "engine.json").write_text(json.dumps(data | {"started": "1"}))  # the id was given to another process
    assert root.run().state == "INTERRUPTED"
    (run.path / "engine.json").write_text("{")
    assert root.run().state == "INTERRUPTED"
    run.close()


# ------------------------------------------------------------------------------------------------ broken things


def broken(root: Root, name: str = "20261123-run") -> UnreadableRun:
    found = next(run for run in root.runs() if run.name == name)
    assert isinstance(found, UnreadableRun)
    with pytest.raises(PipelineError) as caught:
        root.run(name)
    assert caught.value.diagnostics == found.problem.diagnostics
    return found


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"format": 1}', '{"format": "1"}', '{"format":1,"pipeline":1,"created":1,"arguments":{},"settings":{}}',
     '{"format":1,"pipeline":"p","created":1,"arguments":{"a":1},"settings":{}}', "\x00\x01"],
)  # fmt: skip
def test_a_damaged_run_json(root: Root, text: str) -> None:
    start(root, "other").close()
    start(root).close()
    (root.path / "runs/20261123-run/run.json").write_text(text)
    found = broken(root)
    assert found.problem.diagnostics[0].code == "TP604" and "run.json" in found.problem.diagnostics[0].message
    assert isinstance(next(run for run in root.runs() if run.name == "other"), StoredRun)
    root.remove(found)
    assert root.names() == ["other"]


@pytest.mark.parametrize("what", ["truncated", "garbage", "missing", "empty table", "folder"])
def test_a_damaged_index_is_made_anew(root: Root, what: str) -> None:
    run = start(root)
    fill(run, root)
    run.close()
    index = run.path / "run.sqlite"
    if what == "truncated":
        index.write_bytes(index.read_bytes()[:5000])
    elif what == "garbage":
        index.write_bytes(os.urandom(9000))
    elif what == "empty table":
        with sqlite3.connect(index) as connection:
            connection.execute("DROP TABLE run")
        connection.close()
    else:
        index.unlink()
        if what == "folder":
            index.mkdir()
    found = broken(root).problem.diagnostics[0]
    assert found.code in ("TP604", "TP601") and "20261123-run" in found.message
    if found.code == "TP604":
        assert "`typedpipe runs repair 20261123-run`" in found.help
    root.repair("20261123-run")
    assert root.run().state == "INTERRUPTED"
    if what != "missing":
        assert [name for name in os.listdir(run.path) if name.startswith("run.sqlite.damaged-")]


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("tasks", "state", "HAPPY"), ("tasks", "outputs", "{"), ("tasks", "outputs", '{"x": {"path": 3}}'),
        ("tasks", "inputs", "[]"), ("tasks", "key_parts", "3"), ("tasks", "started", "yesterday"), ("tasks", "reused", "?"),
        ("tasks", "name", b"\xff"), ("attempts", "state", ""), ("attempts", "exit_code", "one"), ("attempts", "folder", 3),
    ],
)  # fmt: skip
def test_rows_that_somebody_edited(root: Root, table: str, column: str, value: object) -> None:
    run = start(root)
    fill(run, root)
    run.close()
    with sqlite3.connect(run.path / "run.sqlite") as connection:
        connection.execute(f"UPDATE {table} SET {column} = ?", (value,)) if column != "name" else connection.execute(
            "UPDATE tasks SET name = ? WHERE name = 'train'", (value,)
        )
    connection.close()
    if column == "folder":  # SQLite makes it text, a folder that is not there
        assert not os.path.exists(tasks(root.run())[0].attempts[0].log)
        return
    with pytest.raises(PipelineError, match=f"`{column}` of") as caught:
        tasks(root.run())
    assert code(caught) == "TP604"


def test_a_run_row_that_somebody_edited(root: Root) -> None:
    run = start(root)
    run.close()
    with sqlite3.connect(run.path / "run.sqlite") as connection:
        connection.execute("UPDATE run SET state = 'DONE'")
    connection.close()
    assert "`state` of the run" in broken(root).problem.diagnostics[0].message


def test_newer_formats(root: Root) -> None:
    run = start(root)
    run.close()
    with sqlite3.connect(run.path / "run.sqlite") as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    assert broken(root).problem.diagnostics[0].code == "TP602"
    record = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps(record | {"format": 2, "arguments": "other"}))
    assert broken(root).problem.diagnostics[0].code == "TP602"
    (root.path / "format.json").write_text('{"format": 2}')
    for create in (False, True):
        with pytest.raises(PipelineError) as caught:
            open_root(root.path, create=create)
        assert code(caught) == "TP602"
    (root.path / "format.json").write_text("{")
    with pytest.raises(PipelineError) as caught:
        open_root(root.path)
    assert code(caught) == "TP600"


def test_a_damaged_cache(root: Root) -> None:
    root.cache.put("k", {}, "r", "t", "c")
    root.cache.commit()
    root.close()
    (root.path / "cache.sqlite").write_bytes(b"no database" * 1000)
    again = open_root(root.path)
    with pytest.raises(PipelineError) as caught:
        again.cache.find("k")
    assert code(caught) == "TP605"
    for path in root.path.glob("cache.sqlite*"):
        path.unlink()
    assert again.cache.find("k") is None
    again.close()


def test_an_edited_result_is_forgotten(root: Root) -> None:
    root.cache.put("k", {"x": "3"}, "r", "t", "c")
    root.cache.commit()
    with sqlite3.connect(root.path / "cache.sqlite") as connection:
        connection.execute("UPDATE results SET outputs = '{\"x\": 3}'")
    connection.close()
    assert root.cache.find("k") is None


def test_a_full_disk_loses_nothing(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(root)
    run.index.attempt_started("a", "c", 1, run.path / "tasks/a/1", 1.0)
    with sqlite3.connect(run.path / "run.sqlite", isolation_level=None) as other:
        other.execute("PRAGMA query_only=1")
    other.close()
    connection = run.index._database._connection
    connection.execute("PRAGMA max_page_count=1")
    for number in range(2000):
        run.index.finished(f"t{number}", "c", "OMITTED", message="x" * 1000)
    with pytest.raises(PipelineError) as caught:
        run.index.commit()
    assert code(caught) == "TP601" and "full" in message(caught)
    connection.execute("PRAGMA max_page_count=100000")
    run.index.commit()
    assert len(tasks(root.run())) == 2001
    run.close()


# ------------------------------------------------------------------------------------------------- read-only


def as_nobody(folder: Path, text: str) -> str:
    """Run a script as somebody who may not write; what it printed."""
    setup = "import os, sys, email.parser, importlib.metadata\nimport typedpipe.local.store.root, typedpipe.ir.wire, typedpipe.cli.app\n"
    setup += "if os.getuid() == 0:\n    os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    done = subprocess.run(
        [sys.executable, "-c", setup + text, str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


READ = """
from pathlib import Path
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.local.store.index import tasks
from typedpipe.local.store.root import open_root
root = open_root(Path(sys.argv[1]))
run = root.run()
print(run.name, run.state, [t.name for t in tasks(run)], root.cache.find("k-train") is not None)
model = tasks(run)[0].outputs["model"]
print(root.objects.changed([model.descriptor["digest"]]), open(model.path).read())
for what in (lambda: root.reopen(run), lambda: root.remove(run), lambda: root.cache.claim("k", "r"),
             lambda: (root.cache.put("k", {}, "r", "t", "c"), root.cache.commit()),
             lambda: root.new_run("n", __import__("typedpipe.ir.nodes").ir.nodes.Pipeline("p", __import__("typedpipe.ir.nodes").ir.nodes.Graph()), {}, {})):
    try:
        what()
        print("no error")
    except PipelineError as error:
        print(error.diagnostics[0].code, error.diagnostics[0].message.rpartition(": ")[2])
"""


@pytest.mark.parametrize("killed", [False, True])
def test_a_read_only_root_is_read(killed: bool) -> None:
    place = Path(tempfile.mkdtemp(prefix="typedpipe-readonly-"))
    try:
        root = open_root(place / "root", create=True)
        run = start(root)
        fill(run, root)
        copied = place / "copied"
        if killed:  # as a killed engine leaves it: the rows are in the side file
            shutil.copytree(root.path, copied)
        run.close()
        root.close()
        if not killed:
            shutil.copytree(root.path, copied)
            assert not list(copied.glob("**/*-wal"))
        subprocess.run(["chmod", "-R", "a+rX,a-w", str(copied)], check=True)
        place.chmod(0o755)
        read, intact, *refusals = as_nobody(copied, READ).splitlines()
        assert read == "20261123-run SUCCEEDED ['train', 'later'] True"
        assert intact == "[] model"
        assert [line.partition(" ")[0] for line in refusals] == ["TP601", "TP601", "TP601", "TP601", "TP197"], refusals
        assert "read-only" in refusals[0]
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(place)], check=True)
        shutil.rmtree(place)


def test_no_side_files_are_left_by_readers(root: Root) -> None:
    run = start(root)
    fill(run, root)
    run.close()
    before = sorted(os.listdir(run.path))
    tasks(root.run())
    assert sorted(os.listdir(run.path)) == before
    assert "run.sqlite-wal" not in before


# ------------------------------------------------------------------------------------------------- collection


def test_garbage(root: Root) -> None:
    places = []
    for number in range(3):
        run = start(root, f"run-{number}")
        places.append(fill(run, root, text="shared" if number else "first"))
        run.close()
        time.sleep(0.002)
    (root.path / "objects/.new-1-x").mkdir()
    (root.path / "runs/.new-2-y").write_text("")
    would = collect(root, keep=1, dry_run=True)
    assert (would.runs, would.objects, would.scratch) == (["run-1", "run-0"], 1, 2)
    assert len(root.names()) == 3 and would.size > 0
    found = collect(root, keep=1)
    assert (found.runs, found.objects, found.results, found.scratch) == (["run-1", "run-0"], 1, 0, 2)
    assert found.size == would.size
    assert root.names() == ["run-2"] and not os.path.exists(places[0]) and os.path.exists(places[2])
    assert collect(root).runs == []
    assert collect(root, older_than=time.time() - 60).runs == []
    last = collect(root, older_than=time.time())
    assert (last.runs, last.objects, last.results) == (["run-2"], 1, 1)
    assert root.objects.all() == [] and root.cache.find("k-train") is None


def test_a_broken_run_keeps_all_artifacts(root: Root) -> None:
    place = fill(run := start(root, "a"), root)
    run.close()
    (run.path / "run.sqlite").write_bytes(b"x" * 5000)
    found = collect(root)
    assert "`a` cannot be read" in found.kept and os.path.exists(place)
