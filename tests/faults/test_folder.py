"""Faults of the store: full, read-only, a newer version, truncated, edited by hand, or in use by another process."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.living import appears, start, typedpipe, write

ONE = """
@dsl.component
def make(text: str) -> Dataset:
    data = Dataset()
    with open(data.path, "w") as file:
        file.write(text)
    return data

@dsl.component
def size(data: Input[Dataset]) -> int:
    import os
    return os.path.getsize(data.path)

@dsl.pipeline
def p(text: str = "some text") -> int:
    return size(data=make(text=text).output).output
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root mounts a tmpfs")
    if subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=False, capture_output=True
    ).returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def newest(folder: Path) -> Path:
    return max((folder / ".typedpipe" / "runs").iterdir())


def no_traceback(done: subprocess.CompletedProcess[str]) -> str:
    said = done.stdout + done.stderr
    assert "Traceback (most recent call last)" not in said, said
    assert "internal" not in said.lower(), said
    return said


# ----------------------------------------------------------------------------------------------------- the disk

FILL = """
@dsl.component
def fill() -> Dataset:
    data = Dataset()
    with open(data.path, "wb") as file:
        for _ in range(1000):
            file.write(b"x" * 100_000)
            file.flush()
    return data

@dsl.component
def other() -> int:
    return 2

@dsl.pipeline
def p() -> int:
    fill()
    return other().output
"""


def test_a_task_fills_the_disk(small_disk: Path) -> None:
    """The run stops and says why; when there is room again it is resumed, and nothing that was done is done again."""
    write(small_disk, FILL)
    done = typedpipe(small_disk, "run", "pipeline.py", "--jobs", "1")
    assert done.returncode == 1
    said = no_traceback_of_ours(done)
    assert "No space left on device" in said or "disk is full" in said
    run = newest(small_disk)
    listed = typedpipe(small_disk, "runs", "ls")
    assert run.name in listed.stdout, no_traceback(listed)
    for path in run.glob("tasks/fill/*/out"):
        shutil.rmtree(path)
    text = (small_disk / "pipeline.py").read_text()
    (small_disk / "pipeline.py").write_text(text.replace("range(1000)", "range(1)"))
    resumed = typedpipe(small_disk, "resume", run.name, "--code", "new", "pipeline.py")
    assert resumed.returncode == 0, no_traceback(resumed)


def no_traceback_of_ours(done: subprocess.CompletedProcess[str]) -> str:
    """A task's own traceback is shown, without a frame of typedpipe."""
    said = done.stdout + done.stderr
    assert f"typedpipe{os.sep}local" not in said, said
    assert "internal" not in said.lower(), said
    return said


def test_a_disk_that_is_full_before_the_run(small_disk: Path) -> None:
    write(small_disk, ONE)
    with (small_disk / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    done = typedpipe(small_disk, "run", "pipeline.py")
    assert done.returncode not in {0, 70}, done.stderr
    said = no_traceback(done)
    assert "No space left" in said or "full" in said
    (small_disk / "ballast").unlink()
    assert typedpipe(small_disk, "run", "pipeline.py").returncode == 0


def test_a_disk_that_is_read_only(small_disk: Path) -> None:
    write(small_disk, ONE)
    assert typedpipe(small_disk, "run", "pipeline.py").returncode == 0
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    run = newest(small_disk).name
    done = typedpipe(small_disk, "run", "pipeline.py", PYTHONDONTWRITEBYTECODE="1")
    assert done.returncode not in {0, 70}
    assert "read-only" in no_traceback(done).lower()
    for command in (["runs", "ls"], ["runs", "show", run], ["logs", run], ["artifacts", "ls", run]):
        shown = typedpipe(small_disk, *command)
        assert shown.returncode == 0, (command, no_traceback(shown))
    assert run in typedpipe(small_disk, "runs", "ls").stdout


# ----------------------------------------------------------------------------------------------------- versions

Damage = Callable[[Path, Path], None]


def newer_folder(root: Path, run: Path) -> None:
    (root / "format.json").write_text('{"format": 99}')


def newer_run(root: Path, run: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "format": 99}))


def cut_index(root: Path, run: Path) -> None:
    for name in ("run.sqlite-wal", "run.sqlite-shm"):
        (run / name).unlink(missing_ok=True)
    os.truncate(run / "run.sqlite", 3000)


def garbage_index(root: Path, run: Path) -> None:
    for name in ("run.sqlite-wal", "run.sqlite-shm"):
        (run / name).unlink(missing_ok=True)
    (run / "run.sqlite").write_bytes(b"once upon a time " * 500)


def edited_state(root: Path, run: Path) -> None:
    with sqlite3.connect(run / "run.sqlite") as connection:
        connection.execute("UPDATE tasks SET state = 'SPLENDID'")
    connection.close()


def edited_outputs(root: Path, run: Path) -> None:
    with sqlite3.connect(run / "run.sqlite") as connection:
        connection.execute("UPDATE tasks SET outputs = '{\"half'")
    connection.close()


def cut_record(root: Path, run: Path) -> None:
    os.truncate(run / "run.json", 20)


def no_record(root: Path, run: Path) -> None:
    (run / "run.json").unlink()


def no_index(root: Path, run: Path) -> None:
    for path in run.glob("run.sqlite*"):
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (newer_folder, "TP602"),
        (newer_run, "TP602"),
        (cut_index, "TP604"),
        (garbage_index, "TP604"),
        (edited_state, "TP604"),
        (edited_outputs, "TP604"),
        (cut_record, "TP604"),
        (no_record, "TP604"),
        (no_index, "TP604"),
    ],
)
def test_a_damaged_folder_is_told_of_and_left_as_it_is(damage: Damage, code: str, tmp_path: Path) -> None:
    write(tmp_path, ONE)
    assert typedpipe(tmp_path, "run", "pipeline.py").returncode == 0
    root, run = tmp_path / ".typedpipe", newest(tmp_path)
    damage(root, run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    shown = typedpipe(tmp_path, "runs", "show", run.name)
    assert shown.returncode not in {0, 70}
    assert code in no_traceback(shown)
    listed = typedpipe(tmp_path, "runs", "ls")
    assert code in no_traceback(listed) or run.name in listed.stdout
    after = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert {str(path) for path in before} <= {str(path) for path in after}
    assert all(after[path] == before[path] for path in before if "sqlite-" not in path.name)
    if damage is not newer_folder:  # others' runs are no concern of this one
        assert typedpipe(tmp_path, "run", "pipeline.py").returncode == 0


@pytest.mark.parametrize("damage", [cut_index, garbage_index, edited_state, no_index])
def test_a_damaged_index_is_made_anew(damage: Damage, tmp_path: Path) -> None:
    write(tmp_path, ONE)
    assert typedpipe(tmp_path, "run", "pipeline.py").returncode == 0
    run = newest(tmp_path)
    damage(tmp_path / ".typedpipe", run)
    mended = typedpipe(tmp_path, "runs", "repair", run.name)
    assert mended.returncode == 0, no_traceback(mended)
    shown = typedpipe(tmp_path, "runs", "show", run.name)
    assert shown.returncode == 0, no_traceback(shown)
    assert "make" in shown.stdout


@pytest.mark.parametrize("content", [b"", b"once upon a time " * 500], ids=["emptied", "overwritten"])
def test_a_damaged_cache_is_told_of(content: bytes, tmp_path: Path) -> None:
    write(tmp_path, ONE)
    assert typedpipe(tmp_path, "run", "pipeline.py").returncode == 0
    for name in ("cache.sqlite-wal", "cache.sqlite-shm"):
        (tmp_path / ".typedpipe" / name).unlink(missing_ok=True)
    (tmp_path / ".typedpipe" / "cache.sqlite").write_bytes(content)
    done = typedpipe(tmp_path, "run", "pipeline.py")
    said = no_traceback(done)
    assert ("TP605" in said and done.returncode not in {0, 70}) if content else done.returncode == 0, said


# ------------------------------------------------------------------------------------------------ shared content

CHANGE = """
@dsl.component
def make() -> Dataset:
    data = Dataset()
    with open(data.path, "w") as file:
        file.write("good")
    return data

@dsl.component
def spoil(data: Input[Dataset]) -> int:
    import os
    os.chmod(data.path, 0o644)
    with open(data.path, "a") as file:
        file.write(" and bad")
    return 1

@dsl.component
def read(data: Input[Dataset]) -> str:
    with open(data.path) as file:
        return file.read()

@dsl.pipeline
def p() -> str:
    data = make().output
    spoil(data=data)
    return read(data=make().output).output
"""


def test_a_task_that_writes_into_its_input_is_named_and_the_content_set_aside(tmp_path: Path) -> None:
    write(tmp_path, CHANGE)
    done = typedpipe(tmp_path, "run", "pipeline.py", "--jobs", "1")
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert "spoil" in said
    assert "modified its input `data`" in said
    aside = [path for path in (tmp_path / ".typedpipe" / "quarantine").rglob("*") if path.is_file()]
    assert [path.read_text() for path in aside] == ["good and bad"]
    stored = [path for path in (tmp_path / ".typedpipe" / "objects").rglob("*") if path.is_file()]
    assert all("bad" not in path.read_text() for path in stored)


# --------------------------------------------------------------------------------------------- two engines, one run

WAIT = """
@dsl.component
def wait(place: str) -> int:
    import os, time
    open(place + "/begun", "w").write("x")
    while not os.path.exists(place + "/go"):
        time.sleep(0.02)
    return 1

@dsl.pipeline
def p(place: str) -> int:
    return wait(place=place).output
"""


def test_two_engines_cannot_have_one_run(tmp_path: Path) -> None:
    write(tmp_path, WAIT)
    first = start(tmp_path, "run", "pipeline.py", "--place", str(tmp_path))
    appears(tmp_path / "begun")
    run = newest(tmp_path).name
    second = typedpipe(tmp_path, "resume", run)
    assert second.returncode not in {0, 70}
    assert "TP606" in no_traceback(second)
    removed = typedpipe(tmp_path, "runs", "rm", run, "--yes")
    assert removed.returncode != 0
    no_traceback(removed)
    (tmp_path / "go").touch()
    _, errors = first.communicate(timeout=30)
    assert first.returncode == 0, errors


def test_several_engines_share_a_folder(tmp_path: Path) -> None:
    write(tmp_path, ONE)
    going = [start(tmp_path, "run", "pipeline.py", "--text", f"text {i % 2}") for i in range(4)]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in going]
    assert {code for *_, code in ended} == {0}, ended
    assert len(list((tmp_path / ".typedpipe" / "runs").iterdir())) == 4
    listed = typedpipe(tmp_path, "runs", "ls")
    assert listed.returncode == 0, no_traceback(listed)
