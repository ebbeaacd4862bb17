"""Artifacts are stored once, complete, as their owner's; a corrupted one is detected and never returned."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from typedpipe.local.store import objects as objects_module
from typedpipe.local.store.objects import Objects
from typedpipe.local.store.problems import StoreRefused
from typedpipe.local.store.root import Root, open_root
from typedpipe.local.store.tree import describe_artifact, entries
from typedpipe.runs.model import ArtifactRef, Value
from typedpipe.runtime.task import MARKER, describe, stamp


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    found = open_root(tmp_path / "root", create=True)
    yield found
    found.close()


@pytest.fixture
def objects(root: Root) -> Objects:
    return root.objects


def file(place: Path, text: str = "content") -> tuple[str, str]:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return str(place), describe(str(place))[0]


def folder(place: Path) -> tuple[str, str]:
    (place / "a b/ü").mkdir(parents=True)
    (place / "empty/deeper").mkdir(parents=True)
    (place / "a b/ü/file").write_text("text")
    (place / "run.sh").write_text("#!/bin/sh")
    (place / "run.sh").chmod(0o755)
    return str(place), describe(str(place))[0]


def mode(path: str | Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_a_file_moves_in(objects: Objects, tmp_path: Path) -> None:
    path, digest = file(tmp_path / "x")
    inode = os.stat(path).st_ino
    place = objects.publish(path, digest)
    assert place == objects.path(digest) == str(tmp_path / "root/objects" / digest[7:9] / digest[9:])
    assert not os.path.exists(path)
    assert os.stat(place).st_ino == inode, "moved, not copied"
    assert os.stat(place).st_nlink == 1
    assert objects.intact(digest) and objects.has(digest) and objects.changed([digest]) == []


def test_a_folder_moves_in_whole(objects: Objects, tmp_path: Path) -> None:
    path, digest = folder(tmp_path / "x")
    place = objects.publish(path, digest)
    assert describe(place)[0] == digest
    assert stat.S_IMODE(os.stat(f"{place}/run.sh").st_mode) == 0o755
    assert sorted(name for name, _ in entries(place)) == [
        "a b", "a b/ü", "a b/ü/file", "empty", "empty/deeper", "run.sh",
    ]  # fmt: skip


def test_an_equal_one_is_kept_once(objects: Objects, tmp_path: Path) -> None:
    first = objects.publish(*file(tmp_path / "x"))
    inode = os.stat(first).st_ino
    path, digest = file(tmp_path / "y")
    assert objects.publish(path, digest) == first
    assert os.stat(first).st_ino == inode and not os.path.exists(path)
    one, digest = folder(tmp_path / "f")
    other, _ = folder(tmp_path / "g")
    assert objects.publish(one, digest) == objects.publish(other, digest)
    assert not os.path.exists(other)


def test_an_empty_folder_is_told_from_none(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    place = objects.publish(str(tmp_path / "bare"), describe(str(tmp_path / "bare"))[0])
    assert os.path.isdir(place) and os.listdir(place) == []
    assert objects.intact("sha256:" + "".join(Path(place).parts[-2:]))


def test_markers_for_object_stores_are_removed(objects: Objects, tmp_path: Path) -> None:
    for folder in ("x", "x/copied"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / MARKER).write_text("")
    digest, _, empty = describe(str(tmp_path / "x"))
    assert empty == ["copied"]
    place = objects.publish(str(tmp_path / "x"), digest)
    assert [name for name, _ in entries(place)] == ["copied"]
    assert describe(place) == (digest, 0, ["copied"])


MODES = [
    (0o600, 0o600),
    (0o640, 0o640),
    (0o644, 0o644),
    (0o755, 0o755),
    (0o700, 0o700),
    (0o444, 0o644),
    (0o555, 0o755),
    (0o000, 0o600),
    (0o666, 0o664),
    (0o777, 0o775),
    (0o4755, 0o755),
]


@pytest.mark.parametrize(("made", "stored"), MODES)
def test_a_mode_stays_and_the_owner_can_always_write(objects: Objects, tmp_path: Path, made: int, stored: int) -> None:
    for name in ("x", "f/deep/y"):
        path, digest = file(tmp_path / name)
        os.chmod(path, made)
    place = objects.publish(str(tmp_path / "x"), digest)
    assert mode(place) == stored
    digest = describe_as_root(tmp_path / "f")
    (tmp_path / "f/deep").chmod(made | 0o500)
    place = objects.publish(str(tmp_path / "f"), digest)
    assert mode(f"{place}/deep/y") == stored
    assert mode(f"{place}/deep") == stored | 0o700
    assert objects.intact(digest)


def describe_as_root(folder: Path) -> str:
    """Digest of a directory with a file that may not be readable."""
    found = mode(folder / "deep/y")
    (folder / "deep/y").chmod(0o600)
    digest = describe(str(folder))[0]
    (folder / "deep/y").chmod(found)
    return digest


def test_an_equal_one_adds_its_permissions(objects: Objects, tmp_path: Path) -> None:
    """An executable file may be stored already, as another task's text."""
    for name, made in (("x", 0o600), ("y", 0o755)):
        path, digest = file(tmp_path / name)
        os.chmod(path, made)
        assert mode(objects.publish(path, digest)) == made
        path, digest = file(tmp_path / f"f{name}/run.sh")
        os.chmod(path, made)
        digest = describe(str(tmp_path / f"f{name}"))[0]
        assert mode(Path(objects.publish(str(tmp_path / f"f{name}"), digest), "run.sh")) == made
        assert objects.intact(digest)


def test_an_object_of_an_older_version_is_read_and_removed(objects: Objects, tmp_path: Path) -> None:
    """They were read-only, and an empty directory had a marker."""
    for name in ("x", "y"):
        place = objects.publish(*folder(tmp_path / name))
        digest = describe(place)[0]
        (Path(place) / "empty/deeper" / MARKER).write_text("")
        for _, entry in entries(place):
            os.chmod(entry.path, 0o555 if entry.is_dir() else 0o444)
        os.chmod(place, 0o555)
        assert objects.intact(digest)
        (objects.remove if name == "x" else objects.quarantine)(digest)
        assert not objects.has(digest)


def test_a_file_with_another_name_elsewhere_is_copied(objects: Objects, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("data")
    mine.chmod(0o640)
    os.link(mine, tmp_path / "out")
    digest = describe(str(mine))[0]
    place = objects.publish(str(tmp_path / "out"), digest)
    mine.write_text("I go on writing")
    assert Path(place).read_text() == "data"
    assert mode(mine) == 0o640
    (tmp_path / "tree").mkdir()
    os.link(mine, tmp_path / "tree/a")
    digest = describe(str(tmp_path / "tree"))[0]
    place = objects.publish(str(tmp_path / "tree"), digest)
    mine.write_text("and on")
    assert describe(place)[0] == digest and objects.intact(digest)


def test_across_file_systems_it_is_copied(objects: Objects, tmp_path: Path) -> None:
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is one file system only")
    import tempfile

    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        for path, digest in (file(Path(other) / "x"), folder(Path(other) / "f")):
            place = objects.publish(path, digest)
            assert describe(place)[0] == digest and not os.path.exists(path)
            assert objects.intact(digest)
    assert [name for name in os.listdir(tmp_path / "root/objects") if name.startswith(".")] == []


@pytest.mark.parametrize("how", ["write", "touch-and-write", "replace", "remove"])
def test_a_write_into_an_object_is_found(objects: Objects, root: Root, tmp_path: Path, how: str) -> None:
    path, digest = file(tmp_path / "x", "aaaa")
    place = objects.publish(path, digest)
    before = os.stat(place)
    if how == "remove":
        os.unlink(place)
    elif how == "replace":
        (tmp_path / "y").write_text("bbbb")
        os.replace(tmp_path / "y", place)
    else:
        Path(place).write_text("bbbb")
        if how == "touch-and-write":
            os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert objects.changed([digest]) == [digest]
    aside = objects.quarantine(digest)
    assert not objects.has(digest)
    assert (aside == "") == (how == "remove")
    if aside:
        assert Path(aside).read_text() == "bbbb" and Path(aside).parent == tmp_path / "root/quarantine"
    assert objects.publish(*file(tmp_path / "z", "aaaa")) == place
    assert objects.intact(digest)


def test_a_write_deep_in_a_folder_is_found(objects: Objects, tmp_path: Path) -> None:
    place = objects.publish(*folder(tmp_path / "x"))
    digest = describe(place)[0]
    inner = Path(place) / "a b/ü/file"
    inner.write_text("TEXT")
    assert objects.changed([digest]) == [digest]
    assert Path(objects.quarantine(digest), "a b/ü/file").read_text() == "TEXT"


def test_publishing_over_a_changed_object_sets_it_aside(objects: Objects, root: Root, tmp_path: Path) -> None:
    place = objects.publish(*file(tmp_path / "x", "right"))
    Path(place).write_text("wrong")
    assert objects.publish(*file(tmp_path / "y", "right")) == place
    assert Path(place).read_text() == "right"
    assert [p.read_text() for p in (root.path / "quarantine").iterdir()] == ["wrong"]


def test_what_was_only_touched_is_intact(objects: Objects, tmp_path: Path) -> None:
    place = objects.publish(*file(tmp_path / "x"))
    os.chmod(place, 0o666)
    os.utime(place)
    digest = describe(place)[0]
    assert objects.changed([digest]) == []


def test_the_stat_is_enough_the_second_time(root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = root.objects.publish(*file(tmp_path / "x"))
    digest = describe(place)[0]
    root.cache.commit()
    again = open_root(root.path)
    monkeypatch.setattr(objects_module, "describe", lambda path: pytest.fail("the content was read"))
    assert again.objects.intact(digest)
    again.close()


def test_what_is_no_file_is_refused_by_name(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "x/deep").mkdir(parents=True)
    os.mkfifo(tmp_path / "x/deep/pipe")
    with pytest.raises(StoreRefused) as caught:
        objects.publish(str(tmp_path / "x"), "sha256:" + 64 * "0", name="model")
    assert "`model` cannot be stored: `deep/pipe` in it is a pipe" in caught.value.diagnostics[0].message
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s"))
        with pytest.raises(StoreRefused, match="it is a socket"):
            objects.publish(str(tmp_path / "s"), "sha256:" + 64 * "0", name="model")
    assert caught.value.diagnostics[0].code == "TP608"
    assert objects.all() == []


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/etc/passwd", "points outside"),
        ("../../outside", "points outside"),
        ("nowhere", "has no target"),
        ("..", "points to a directory above"),
    ],
)
def test_links_that_cannot_be_kept(tmp_path: Path, target: str, why: str) -> None:
    (tmp_path / "outside").write_text("")
    (tmp_path / "x/deep").mkdir(parents=True)
    (tmp_path / "x/deep/link").symlink_to(target)
    with pytest.raises(StoreRefused, match=f"`deep/link` in it {why}"):
        describe_artifact(str(tmp_path / "x"), "model")


def test_links_within_the_artifact_are_resolved(objects: Objects, tmp_path: Path) -> None:
    path, _ = folder(tmp_path / "x")
    os.symlink("a b/ü/file", f"{path}/link")
    os.makedirs(f"{path}/a b c")
    os.symlink("../a b", f"{path}/a b c/not-above")
    os.symlink("a b", f"{path}/linked")
    _, (digest, _, _) = describe_artifact(path, "model")
    place = objects.publish(path, digest)
    assert Path(place, "linked/ü/file").read_text() == Path(place, "link").read_text() == "text"
    assert not any(entry.is_symlink() for _, entry in entries(place))
    assert describe(place)[0] == digest


def test_what_was_written_to_after_its_digest_is_refused(objects: Objects, tmp_path: Path) -> None:
    path, digest = file(tmp_path / "x")
    seen = stamp(path)
    Path(path).write_text("CONTENT")
    with pytest.raises(StoreRefused, match="modified after its task ended"):
        objects.publish(path, digest, seen)


def test_a_file_that_looks_like_a_folder(objects: Objects, tmp_path: Path) -> None:
    """A folder's digest is over text, and somebody may write that text to a file."""
    path, digest = folder(tmp_path / "x")
    objects.publish(path, digest)
    place, _ = file(tmp_path / "y")
    with pytest.raises(StoreRefused, match="of a different kind"):
        objects.publish(place, digest)


@pytest.mark.parametrize(
    "digest", ["", "sha256:", "sha256:../../../etc/passwd", "md5:" + 64 * "a", "sha256:" + 64 * "A"]
)
def test_no_digest_leads_out_of_the_store(objects: Objects, digest: str) -> None:
    with pytest.raises(ValueError, match="is not a digest"):
        objects.path(digest)


def test_a_hit_whose_artifact_was_changed_is_no_hit(root: Root, tmp_path: Path) -> None:
    place = root.objects.publish(*file(tmp_path / "x"))
    digest = describe(place)[0]
    outputs: dict[str, Value] = {"model": (ArtifactRef(place, {"digest": digest, "uri": place}), None), "n": "3"}
    root.cache.put("k", outputs, "run", "task", "c")
    found = root.cache.find("k")
    assert found is not None and found.outputs == outputs
    root.cache.commit()
    found = root.cache.find("k")
    assert found is not None and found.outputs == outputs and (found.source_run, found.task) == ("run", "task")
    os.chmod(place, 0o644)
    Path(place).write_text("changed")
    assert root.cache.find("k") is None
    root.cache.commit()
    assert root.cache.keys() == []


def test_a_moved_root_keeps_its_results(root: Root, tmp_path: Path) -> None:
    place = root.objects.publish(*file(tmp_path / "x"))
    digest = describe(place)[0]
    root.cache.put("k", {"model": ArtifactRef(place, {"digest": digest, "uri": place})}, "run", "task", "c")
    root.cache.commit()
    root.close()
    os.rename(root.path, tmp_path / "moved")
    moved = open_root(tmp_path / "moved")
    found = moved.cache.find("k")
    assert found is not None
    item = found.outputs["model"]
    assert isinstance(item, ArtifactRef) and item.uri == item.path == moved.objects.path(digest)
    moved.close()


def test_claims(root: Root) -> None:
    assert root.cache.claim("k", "one") and root.cache.claim("k", "one")
    assert root.cache.claim("k", "two"), "the run `one` is not alive"
    assert root.cache.claimed_by("k") == "two"
    root.cache.release("k", "one")
    root.cache.commit()
    assert root.cache.claimed_by("k") == "two"
    root.cache.release_all("two")
    root.cache.commit()
    assert root.cache.claimed_by("k") is None


def test_who_was_faster_is_not_overwritten(tmp_path: Path) -> None:
    """Another engine may place an equal one between our look and our move."""
    for make in (file, folder):
        there, mine = make(tmp_path / make.__name__ / "there")[0], make(tmp_path / make.__name__ / "mine")[0]
        inode = os.stat(there).st_ino
        Objects._move(mine, there)
        assert os.stat(there).st_ino == inode
        assert os.path.exists(mine), "it is for the caller to remove"
