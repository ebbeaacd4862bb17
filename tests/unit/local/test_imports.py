"""Content of imported files: a change is seen although size and modification time are the same."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from local_samples import DATASET, component, graph, out, pipeline, task

from typedpipe.ir.nodes import Const, Importer, Pipeline
from typedpipe.local.caching import imports
from typedpipe.local.caching.imports import Forgetful, NotContent, content_of
from typedpipe.local.run import run
from typedpipe.local.store.root import open_root
from typedpipe.types.model import STR


class Counting(Forgetful):
    reads = 0

    def recall(self, path: str, stat: str) -> str | None:
        found = super().recall(path, stat)
        self.reads += found is None
        return found


def put(path: Path, text: str) -> None:
    """Write in place and put the time back, as `cp -p` and `rsync --inplace -t` do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "r+" if path.exists() else "w") as file:
        file.write(text)
    os.utime(path, (1e9, 1e9))


def linked(folder: Path) -> None:
    (folder / "in/c").symlink_to(folder / "in/a")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file, its size and time kept": lambda folder: put(folder / "in/a", "new"),
    "a file further down": lambda folder: put(folder / "in/sub/b", "new"),
    "another name": lambda folder: (folder / "in/a").rename(folder / "in/z"),
    "a new file": lambda folder: put(folder / "in/c", "old"),
    "a new link": linked,
    "a new empty directory": lambda folder: (folder / "in/empty").mkdir(),
    "a removed file": lambda folder: (folder / "in/sub/b").unlink(),
    "the target of a link": lambda folder: put(folder / "elsewhere", "new"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_each_change_of_a_directory_is_seen(
    change: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "SETTLED", -3600)  # remembered at once, so that only the stat can show the change
    for name in ("in/a", "in/sub/b", "elsewhere"):
        put(tmp_path / name, "old")
    (tmp_path / "in/link").symlink_to(tmp_path / "elsewhere")
    memory = Counting()
    before = content_of(str(tmp_path / "in"), memory)
    assert content_of(str(tmp_path / "in"), memory) == before
    assert memory.reads == 1
    time.sleep(0.02)  # the next tick of the file system's clock
    change(tmp_path)
    assert content_of(str(tmp_path / "in"), memory) != before


def test_what_was_only_touched_is_the_same(tmp_path: Path) -> None:
    for name in ("in/a", "in/sub/b"):
        put(tmp_path / name, "old")
    before = content_of(str(tmp_path / "in"), Forgetful())
    os.utime(tmp_path / "in/a")
    os.chmod(tmp_path / "in/a", 0o600)
    assert content_of(str(tmp_path / "in"), Forgetful()) == before


def test_what_was_changed_just_now_is_read_again(tmp_path: Path) -> None:
    put(tmp_path / "a", "old")
    memory = Counting()
    assert content_of(str(tmp_path / "a"), memory) == content_of(str(tmp_path / "a"), memory)
    assert memory.reads == 2


def test_large_imports_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "LARGE", 2)
    put(tmp_path / "a", "old")
    memory = Counting()
    before = content_of(str(tmp_path / "a"), memory)
    time.sleep(0.02)
    put(tmp_path / "a", "new")
    assert content_of(str(tmp_path / "a"), memory) != before
    assert memory.reads == 0


def test_pipes_and_circles_have_no_content(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in/pipe")
    with pytest.raises(NotContent, match="is a pipe"):
        content_of(str(tmp_path / "in"), Forgetful())
    (tmp_path / "in/pipe").unlink()
    (tmp_path / "in/up").symlink_to(tmp_path / "in")
    with pytest.raises(NotContent, match="above it"):
        content_of(str(tmp_path / "in"), Forgetful())


def reading(path: Path, then: str = "") -> Pipeline:
    source = (
        f"def read(data):\n    with open(data.path) as file:\n        found = file.read()\n{then}    return found\n"
    )
    what = component("read", source, {"data": DATASET}, STR)
    nodes = Importer("data", Const(f'"{path}"', STR), DATASET), task("read", what, data=out("data", "artifact"))
    return pipeline(graph(*nodes, outputs={"o": (out("read"), STR)}), what)


def test_a_file_changed_in_place_is_read_again_by_the_task(tmp_path: Path) -> None:
    """The cases `engine/07-importer-stale` and `running/22-cache-inputs`."""
    file = tmp_path / "data"
    put(file, "AAAA")
    found: list[tuple[object, str]] = []
    for text in ("AAAA", "AAAA", "BBBB", "AAAA"):
        put(file, text)
        result = run(reading(file), {}, folder=tmp_path / "store", runner="inprocess")
        found.append((result.outputs["o"], result.tasks["read"].reused))
    assert found == [("AAAA", ""), ("AAAA", "cache"), ("BBBB", ""), ("AAAA", "cache")]


def test_a_result_is_not_kept_if_the_file_changed_meanwhile(tmp_path: Path) -> None:
    file = tmp_path / "data"
    put(file, "AAAA")
    edit = f"    with open({str(file)!r}, 'w') as file:\n        file.write('BBBB')\n"
    edits = reading(file, f"    import os\n{edit}    os.utime({str(file)!r}, (1e9, 1e9))\n")  # as `rsync --inplace -t`
    assert run(edits, {}, folder=tmp_path / "store", runner="inprocess").succeeded
    put(file, "AAAA")
    again = run(edits, {}, folder=tmp_path / "store", runner="inprocess")
    assert again.tasks["read"].reused == ""


def test_a_store_of_an_older_version_gets_the_table(tmp_path: Path) -> None:
    root = open_root(tmp_path / "store", create=True)
    root.cache.put("k", {}, "r", "t", "c")
    root.cache.commit()
    root.close()
    import sqlite3

    with sqlite3.connect(tmp_path / "store/cache.sqlite") as connection:
        connection.execute("DROP TABLE imports")
    root = open_root(tmp_path / "store")
    root.cache.remember("/a", "stat", "digest")
    root.cache.commit()
    root.close()
    root = open_root(tmp_path / "store")
    assert (root.cache.recall("/a", "stat"), root.cache.recall("/a", "other")) == ("digest", None)
    assert root.cache.keys() == ["k"]
    root.close()
