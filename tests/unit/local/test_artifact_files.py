"""Files and directories of artifacts as tasks see them: modes, copies, empty directories, links, paths of any kind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from typedpipe import Artifact, ContainerSpec, Dataset, Input, Model, Output, OutputPath, dsl
from typedpipe.local import Run
from typedpipe.local.store.garbage import collect
from typedpipe.local.store.root import open_root
from typedpipe.runtime.task import MARKER

RUNNERS = ("process", "inprocess")


def done(run: Run[Any]) -> dict[str, Any]:
    """Outputs of each task that succeeded, and the messages of the others."""
    assert run.result.tasks
    return {name: t.outputs.get("Output") if t.state == "SUCCEEDED" else t.message for name, t in run.tasks.items()}


# ---------------------------------------------------------------------------------------------- URIs of local files


@dsl.component
def by_uri() -> Dataset:
    from pathlib import Path

    Path("y z.csv").write_text("rows")
    return Dataset(Path("y z.csv").absolute().as_uri())


@dsl.component
def through(data: Input[Dataset]) -> Dataset:
    return data


@dsl.component
def text_of(data: Input[Dataset]) -> str:
    with open(data.path) as file:
        return file.read()


@dsl.pipeline
def uris(given: Dataset) -> None:
    text_of(data=by_uri().output)
    text_of(data=through(data=given).output)


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_uri_of_a_local_file_is_its_path(runner: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b").write_text("given")
    found = done(
        uris.options(runner=runner, raise_on_error=False).run(given=Dataset((tmp_path / "a b").as_uri())).wait()
    )
    assert (found["text-of"], found["text-of-2"]) == ("rows", "given")
    assert (tmp_path / "a b").read_text() == "given"


# ---------------------------------------------------------------------------------------------- modes and copies


@dsl.component
def tree(text: str = "a") -> Dataset:
    import os

    found = Dataset()
    os.makedirs(found.path + "/sub")
    for name, mode in (("a.txt", 0o644), ("sub/b.txt", 0o600), ("sub/tool", 0o755), ("ro", 0o444)):
        with open(f"{found.path}/{name}", "w") as file:
            file.write(f"#!/bin/sh\necho {text}\n")
        os.chmod(f"{found.path}/{name}", mode)
    os.chmod(found.path + "/sub", 0o555)
    return found


@dsl.component
def tool() -> Artifact:
    import os

    found = Artifact()
    with open(found.path, "w") as file:
        file.write("#!/bin/sh\necho hi\n")
    os.chmod(found.path, 0o755)
    return found


@dsl.component
def secret() -> Artifact:
    import os

    found = Artifact()
    fd = os.open(found.path, os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(fd, b"key")
    os.close(fd)
    return found


@dsl.component
def elsewhere() -> Artifact:
    import os

    with open("tool.sh", "w") as file:
        file.write("#!/bin/sh\necho hi\n")
    os.chmod("tool.sh", 0o755)
    return Artifact("tool.sh")


@dsl.component
def copies(data: Input[Dataset]) -> list[str]:
    """What an ordinary user could not change in a copy, by any of the usual means."""
    import os
    import shutil

    shutil.copytree(data.path, "tree")
    shutil.copytree(data.path, "tree2", copy_function=shutil.copy)
    shutil.copy(data.path + "/a.txt", "copy")
    shutil.copy2(data.path + "/a.txt", "copy2")
    shutil.copyfile(data.path + "/a.txt", "copyfile")
    with open("tree/sub/b.txt", "a") as file:
        file.write("b")
    with open("tree/sub/new", "w") as file:
        file.write("n")
    every = ["copy", "copy2", "copyfile"] + [os.path.join(a, n) for a, b, c in os.walk(".") for n in b + c]
    return sorted(path for path in every if not os.stat(path).st_mode & 0o200)


@dsl.component
def copied_on(data: Input[Dataset]) -> Dataset:
    import shutil

    found = Dataset()
    shutil.copytree(data.path, found.path)
    with open(found.path + "/new", "w") as file:
        file.write("n")
    return found


@dsl.component
def call(found: Input[Artifact]) -> str:
    import subprocess

    return subprocess.check_output([found.path], text=True)


@dsl.component
def mode_of(found: Input[Artifact]) -> str:
    import os

    return oct(os.stat(found.path).st_mode & 0o777)


@dsl.pipeline
def modes() -> None:
    made = tree().output
    copies(data=made)
    copies(data=copied_on(data=made).output)
    call(found=tool().output)
    call(found=elsewhere().output)
    mode_of(found=secret().output)


@pytest.mark.parametrize("runner", RUNNERS)
def test_copies_of_inputs_can_be_written_and_tools_stay_executable(tmp_path: Path, runner: Any) -> None:
    run = modes.run(folder=tmp_path / "store", runner=runner, raise_on_error=False)
    assert run.result.succeeded, run.result
    found = done(run)
    assert (found["copies"], found["copies-2"]) == ([], [])
    assert found["call"] == found["call-2"] == "hi\n"
    assert found["mode-of"] == "0o600"


@pytest.mark.parametrize("runner", RUNNERS)
def test_an_ordinary_user_removes_a_store_by_hand(tmp_path: Path, runner: Any) -> None:
    assert modes.run(folder=tmp_path / "store", runner=runner).result.succeeded
    locked = [
        path
        for path in (tmp_path / "store").rglob("*")
        if path.is_dir() and not path.is_symlink() and path.stat().st_mode & 0o700 != 0o700
    ]
    assert locked == []
    subprocess.run(["rm", "-rf", tmp_path / "store"], check=True)


@dsl.component
def locked() -> Dataset:
    """Modes that stop everybody but root."""
    import os

    found = Dataset()
    os.makedirs(found.path + "/dir/deep")
    for name in ("file", "dir/deep/file"):
        with open(f"{found.path}/{name}", "w") as file:
            file.write(name)
        os.chmod(f"{found.path}/{name}", 0)
    os.symlink("file", found.path + "/link")
    os.symlink("../../file", found.path + "/dir/deep/link")
    os.chmod(found.path + "/dir/deep", 0o500)
    os.chmod(found.path + "/dir", 0)
    os.chmod(found.path, 0o555)
    return found


@dsl.component
def locked_output(found: Output[Dataset] = dsl.OUT) -> None:
    import os

    os.makedirs(found.path)
    with open(f"{found.path}/file", "w") as file:
        file.write("file")
    os.chmod(f"{found.path}/file", 0)
    os.chmod(found.path, 0)


@dsl.container_component
def locked_by_a_command(found: OutputPath[Dataset] = dsl.OUT) -> ContainerSpec:
    script = 'mkdir "$0" && echo -n a > "$0/file" && ln -s file "$0/link" && chmod 0 "$0/file" "$0"'
    return ContainerSpec(image="busybox", command=["bash", "-c", script], args=[found])


@dsl.component
def texts(data: Input[Dataset]) -> list[str]:
    import os

    found = []
    for folder, _, files in os.walk(data.path):
        for name in files:
            with open(os.path.join(folder, name)) as file:
                found.append(file.read())
    return sorted(found)


@dsl.pipeline
def unlocked() -> None:
    texts(data=locked().output)
    texts(data=locked_output().output)
    texts(data=locked_by_a_command().outputs["found"])


@pytest.mark.parametrize("runner", RUNNERS)
def test_what_a_task_locked_arrives(tmp_path: Path, runner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDPIPE_CONTAINERS", "host")
    run = unlocked.run(folder=tmp_path, runner=runner, raise_on_error=False)
    assert run.result.succeeded, run.result.message
    found = done(run)
    assert (found["texts"], found["texts-2"]) == (["dir/deep/file", "file", "file", "file"], ["file"])
    assert found["texts-3"] == ["a", "a"]


@dsl.component
def writes(data: Input[Dataset]) -> None:
    with open(data.path + "/a.txt", "a") as file:
        file.write("more")


@dsl.component
def read(data: Input[Dataset]) -> str:
    with open(data.path + "/a.txt") as file:
        return file.read()


@dsl.pipeline
def spoils() -> None:
    writes(data=tree(text="spoiled").output)


@dsl.pipeline
def reads() -> str:
    return read(data=tree(text="spoiled").output).output


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_write_to_an_input_fails_the_task_and_nobody_sees_it(tmp_path: Path, runner: Any) -> None:
    first = spoils.run(folder=tmp_path, runner=runner, raise_on_error=False)
    assert not first.result.succeeded
    assert "modified its input `data`" in first.tasks["writes"].message
    assert reads.run(folder=tmp_path, runner=runner).outputs == "#!/bin/sh\necho spoiled\n"
    assert len(os.listdir(tmp_path / "quarantine")) == 1


# --------------------------------------------------------------------------------------------- empty directories


@dsl.component
def nothing(extra: str = "") -> Dataset:
    import os

    found = Dataset()
    os.makedirs(found.path + "/" + extra)
    return found


@dsl.container_component
def passes(data: Input[Dataset], script: str, out: OutputPath[Dataset] = dsl.OUT) -> ContainerSpec:
    return ContainerSpec(image="busybox", command=["sh", "-c", script], args=[data.path, out])


@dsl.component
def names(data: Input[Dataset] | None) -> list[str]:
    import os

    if data is None:
        return ["nothing"]
    return sorted(os.path.relpath(os.path.join(a, n), data.path) for a, b, c in os.walk(data.path) for n in b + c)


@dsl.component
def marked() -> Dataset:
    import os

    found = Dataset()
    os.makedirs(found.path)
    for name in (".typedpipe-empty", "rows.csv"):
        with open(f"{found.path}/{name}", "w") as file:
            file.write("1")
    return found


@dsl.pipeline
def empties() -> None:
    copy = 'mkdir -p "$1" && cp -r "$0/." "$1"'
    made = nothing().output
    names(data=made)
    names(data=passes(data=made, script=copy).outputs["out"])
    names(data=passes(data=made, script=copy + ' && echo 1 > "$1/rows"').outputs["out"])
    names(
        data=passes(
            data=made, script='mkdir "$1" && ls -A "$0" > "$1/listing" && mkdir "$1/sub" && cp -r "$0/." "$1/sub"'
        ).outputs["out"]
    )
    names(data=nothing(extra="inner/deep").output)
    names(data=marked().output)


def test_an_empty_directory_arrives_empty_and_keeps_what_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TYPEDPIPE_CONTAINERS", "host")
    run = empties.run(folder=tmp_path, runner="process", raise_on_error=False)
    assert run.result.succeeded, run.result
    found = [outcome for name, outcome in done(run).items() if name.startswith("names")]
    assert sorted(found) == sorted([[], [], ["rows"], ["listing", "sub"], ["inner", "inner/deep"], ["rows.csv"]])
    assert [path for path in (tmp_path / "objects").rglob("*") if path.name == MARKER] == []


# ------------------------------------------------------------------------------------------------- links, paths


@dsl.component
def returned() -> Model:
    import os

    found = Model()
    os.makedirs(found.path + "/ckpt-3")
    with open(found.path + "/ckpt-3/w", "w") as file:
        file.write("3")
    os.symlink(found.path + "/ckpt-3", found.path + "/latest")
    return found


@dsl.component
def as_output(found: Output[Model] = dsl.OUT) -> None:
    import os

    os.makedirs(found.path + "/ckpt-3")
    with open(found.path + "/ckpt-3/w", "w") as file:
        file.write("3")
    os.symlink(found.path + "/ckpt-3", found.path + "/latest")


@dsl.component
def as_path(found: OutputPath[Model] = dsl.OUT) -> None:
    import os

    os.makedirs(found + "/ckpt-3")
    with open(found + "/ckpt-3/w", "w") as file:
        file.write("3")
    os.symlink(found + "/ckpt-3", found + "/latest")


class Two(NamedTuple):
    first: Model
    second: Model


@dsl.component
def two() -> Two:
    import os

    first, second = Model(), Model()
    os.makedirs(first.path)
    os.makedirs(second.path)
    with open(first.path + "/w", "w") as file:
        file.write("3")
    os.symlink(first.path, second.path + "/latest")
    return Two(first, second)


@dsl.component
def latest(model: Input[Model]) -> str:
    with open(model.path + "/latest/w") as file:
        return file.read()


@dsl.pipeline
def checkpoints() -> None:
    latest(model=returned().output)
    latest(model=as_output().output)
    latest(model=as_path().output)
    latest(model=two().outputs.second)


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_link_by_the_artifacts_own_path(tmp_path: Path, runner: Any) -> None:
    run = checkpoints.run(folder=tmp_path, runner=runner, raise_on_error=False)
    assert [v for k, v in done(run).items() if k.startswith("latest")] == ["3"] * 4


@dsl.component
def at(how: str, kind: str) -> Dataset:
    """An artifact whose file is given as any kind of path, in any way."""
    import os
    from pathlib import Path

    class Like:
        def __fspath__(self) -> str:
            return "data.csv"

    with open("data.csv", "w") as file:
        file.write("a")
    path: Any = {"str": "data.csv", "bytes": b"data.csv", "Path": Path("data.csv"), "PathLike": Like()}[kind]
    found = Dataset(path) if how == "constructor" else Dataset()
    if how == "path":
        found.path = path
    elif how == "uri":
        found.uri = path
    elif how == "set_path":
        found.set_path(path)
    elif how == "to it":
        os.replace(path, found)
    assert type(found.uri) is str and type(found.path) is str
    return found


@dsl.component
def content(data: Input[Dataset]) -> str:
    from pathlib import Path

    return Path(data).read_text()


@dsl.pipeline
def paths() -> None:
    for how in ("constructor", "path", "uri", "set_path", "to it"):
        for kind in ("str", "bytes", "Path", "PathLike"):
            content(data=at(how=how, kind=kind).output)


def test_an_artifact_takes_any_kind_of_path(tmp_path: Path) -> None:
    run = paths.run(folder=tmp_path, runner="inprocess", cache=False, raise_on_error=False)
    assert run.result.succeeded, run.result.message
    assert [v for k, v in done(run).items() if k.startswith("content")] == ["a"] * 20


def test_what_is_no_path_is_an_error_at_the_users_line() -> None:
    value: Any
    for value in (3, None, ["a"]):
        with pytest.raises(TypeError, match="the path of an artifact must be a str or a path, not"):
            Dataset().path = value
        with pytest.raises(TypeError, match="the uri of an artifact must be a str or a path, not"):
            Dataset(value)


# ------------------------------------------------------------------------------------- files under another name


@dsl.component
def appends(ending: str) -> Dataset:
    found = Dataset()
    with open(found.path + ending, "w") as file:
        file.write("a")
    return found


@dsl.component
def appends_and_says_so(ending: str) -> Dataset:
    found = Dataset()
    with open(found.path + ending, "w") as file:
        file.write("a")
    found.path += ending
    return found


@dsl.component
def appends_to_output(found: Output[Dataset] = dsl.OUT) -> None:
    with open(found.path + ".npz", "w") as file:
        file.write("a")


@dsl.component
def appends_to_path(found: OutputPath[Dataset] = dsl.OUT) -> None:
    with open(found + ".png", "w") as file:
        file.write("a")


@dsl.component
def appends_to_text(found: OutputPath[str] = dsl.OUT) -> None:
    with open(found + ".txt", "w") as file:
        file.write("a")


@dsl.component
def in_work() -> Dataset:
    with open("data.csv", "w") as file:
        file.write("a")
    return Dataset()


@dsl.component
def nowhere() -> Dataset:
    return Dataset()


@dsl.container_component
def shell(out: OutputPath[Dataset] = dsl.OUT) -> ContainerSpec:
    return ContainerSpec(image="busybox", command=["sh", "-c", 'echo a > "$0.csv"'], args=[out])


@dsl.pipeline
def appended() -> None:
    for ending in (".npy", "_0.zip", ".{x}"):
        appends(ending=ending)
    appends_and_says_so(ending=".npy")
    appends_to_output()
    appends_to_path()
    appends_to_text()
    in_work()
    nowhere()
    shell()


def test_a_file_whose_name_a_library_extended_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDPIPE_CONTAINERS", "host")
    run = appended.run(folder=tmp_path, runner="process", raise_on_error=False)
    assert not run.result.succeeded
    found = done(run)
    none = "expected a `Dataset` at its path, found no file"
    remedy = "set the path of the artifact: `artifact.path += '"
    assert found["appends"].endswith(f"{none}, but `1.npy` next to it; if a library appended `.npy`, {remedy}.npy'`")
    assert found["appends-2"].endswith(
        f"{none}, but `1_0.zip` next to it; if a library appended `_0.zip`, {remedy}_0.zip'`"
    )
    assert found["appends-3"].endswith(
        f"{none}, but `1.{{x}}` next to it; if a library appended `.{{x}}`, {remedy}.{{x}}'`"
    )
    assert run.tasks["appends-and-says-so"].state == "SUCCEEDED"
    assert f"but `found.npz` next to it; if a library appended `.npz`, {remedy}.npz'`" in found["appends-to-output"]
    rename = "rename the file: `os.rename(path + '"
    assert (
        f"but `found.png` next to it; if a library appended `.png`, {rename}.png', path)`" in found["appends-to-path"]
    )
    assert (
        f"but `found.txt` next to it; if a library appended `.txt`, {rename}.txt', path)`" in found["appends-to-text"]
    )
    assert found["in-work"].endswith(
        f"{none}; the working directory contains `data.csv`: to return a file from there, pass its path: `Dataset('data.csv')`"
    )
    assert found["nowhere"].endswith(none)
    assert found["shell"] == "component `shell` did not write its output `out`, but `out.csv`, next to its path"


# ------------------------------------------------------------------------------------ files next to an artifact


@dsl.component
def database() -> Dataset:
    import sqlite3

    found = Dataset()
    connection = sqlite3.connect(found.path)
    connection.execute("pragma journal_mode=wal")
    connection.execute("create table t(x)")
    connection.execute("insert into t values (7)")
    connection.commit()
    connection.close()
    return found


@dsl.component
def inserts(data: Input[Dataset]) -> str:
    import builtins
    import sqlite3

    connection = sqlite3.connect(data.path)
    builtins.__dict__["kept"] = connection  # as a pool or an ORM does
    connection.execute("insert into t values (666)")
    connection.commit()
    return "did"


@dsl.component
def killed(data: Input[Dataset]) -> str:
    import os
    import sqlite3

    connection = sqlite3.connect(data.path)
    connection.execute("insert into t values (666)")
    connection.commit()
    os.kill(os.getpid(), 9)
    return "never"


@dsl.component
def selects(data: Input[Dataset]) -> str:
    import builtins
    import sqlite3

    connection = sqlite3.connect(data.path)
    builtins.__dict__["kept"] = connection
    return str(connection.execute("select x from t").fetchall())


@dsl.component
def index(data: Input[Dataset]) -> str:
    import os

    with open(os.path.realpath(data.path) + ".idx", "w") as file:
        file.write("an index")
    return "did"


@dsl.pipeline
def inserted() -> None:
    inserts(data=database().output)


@dsl.pipeline
def inserted_and_killed() -> None:
    killed(data=database().output)


@dsl.pipeline
def indexed() -> None:
    index(data=database().output)


@dsl.pipeline
def selected() -> str:
    return selects(data=database().output).output


@pytest.mark.parametrize("spoiler", [inserted, inserted_and_killed, indexed], ids=lambda p: p.name)
def test_a_library_that_writes_next_to_an_input(tmp_path: Path, spoiler: Any) -> None:
    run = spoiler.run(folder=tmp_path, runner="process", raise_on_error=False)
    assert run.result.state == "FAILED"
    message = "the task modified its input `data`, or another process did meanwhile; copy an input before you modify it"
    assert [t.message for t in run.tasks.values() if t.state == "FAILED"] == [message]
    for _ in range(2):
        assert selected.run(folder=tmp_path, runner="process", cache=False).outputs == "[(7,)]"
        assert not [path for path in (tmp_path / "objects").rglob("*") if "-" in path.name or "." in path.name]


def test_files_left_next_to_artifacts_by_a_killed_engine(tmp_path: Path) -> None:
    assert selected.run(folder=tmp_path, runner="process").outputs == "[(7,)]"
    root = open_root(tmp_path)
    (digest,) = root.objects.all()
    place = Path(root.objects.path(digest))
    others = [
        tmp_path / "objects/.DS_Store",
        place.parent / "Thumbs.db",
        tmp_path / "objects/zz/x",
        tmp_path / "runs/note",
    ]
    for path in (*others, Path(f"{place}-wal"), Path(f"{place}-shm"), Path(f"{place}.idx")):
        path.parent.mkdir(exist_ok=True)
        path.write_text("stray")
    (tmp_path / "objects/0f").write_text("no directory")
    assert root.objects.all() == [digest]
    assert [run.name for run in root.runs()] == root.names() and len(root.names()) == 1
    assert root.repair(root.names()[0]) == 2
    assert (collect(root, dry_run=True).scratch, collect(root).scratch, collect(root).scratch) == (3, 3, 0)
    assert place.exists() and all(path.exists() for path in others)
    root.close()
    assert selected.run(folder=tmp_path, runner="process", cache=False).outputs == "[(7,)]"
