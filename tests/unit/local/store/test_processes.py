"""Several processes at once, and processes killed at the worst moment: no partial result is ever visible."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from typedpipe.local.store.garbage import collect
from typedpipe.local.store.index import tasks
from typedpipe.local.store.root import Root, open_root
from typedpipe.runs.model import ArtifactRef
from typedpipe.runtime.task import describe

WORK = """
import os, sys
from pathlib import Path
from typedpipe.ir.nodes import Graph, Pipeline
from typedpipe.local.store.root import open_root
from typedpipe.runs.model import ArtifactRef
from typedpipe.runtime.task import describe
root, name, count, shm = open_root(Path(sys.argv[1]), create=True), sys.argv[2], int(sys.argv[3]), sys.argv[4:] == ["shm"]
run = root.new_run(name, Pipeline("p", Graph(), closed=True), {}, {})
for number in range(count):
    place = Path("/dev/shm" if shm else run.path, f"made-{name}-{number}")
    place.mkdir()
    (place / "file").write_text(f"content {number}")
    digest = describe(str(place))[0]
    run.index.attempt_started(f"t{number}", "c", 1, run.path / f"tasks/t{number}/1", 1.0)
    path = root.objects.publish(str(place), digest)
    file = run.path / f"file-{number}"
    file.write_text(f"content {number}")
    root.objects.publish(str(file), describe(str(file))[0])
    value = {"x": ArtifactRef(path, {"digest": digest, "uri": path})}
    run.index.finished(f"t{number}", "c", "SUCCEEDED", outputs=value, key=f"k{number}")
    run.index.commit()
    root.cache.put(f"k{number}", value, name, f"t{number}", "c")
    root.cache.commit()
    print(number, flush=True)
run.index.run_finished("SUCCEEDED", "", {}, 2.0)
run.index.commit()
run.close()
"""


def start(root: Path, name: str, count: int, *more: str, failpoint: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORK, str(root), name, str(count), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TYPEDPIPE_FAILPOINT": failpoint},
    )


def check(root: Root) -> None:
    """Every object is what its digest says; every result is whole; a row that says SUCCEEDED has its artifact."""
    for digest in root.objects.all():
        assert describe(root.objects.path(digest))[0] == digest
        assert root.objects.intact(digest)
    for run in root.names():
        for task in tasks(root.run(run)):
            if task.state == "SUCCEEDED":
                made = task.outputs["x"]
                assert isinstance(made, ArtifactRef) and root.objects.intact(made.descriptor["digest"])
    for key in root.cache.keys():  # noqa: SIM118
        assert root.cache.find(key) is not None


def test_two_engines_publish_the_same(tmp_path: Path) -> None:
    both = [start(tmp_path / "root", name, 60) for name in ("a", "b", "c")]
    for process in both:
        said, complaint = process.communicate(timeout=60)
        assert process.returncode == 0, complaint
        assert len(said.split()) == 60
    root = open_root(tmp_path / "root")
    assert len(root.objects.all()) == 120
    assert not (root.path / "quarantine").exists(), "nobody took an equal one for a changed one"
    assert sorted(run.state for run in map(root.run, root.names())) == ["SUCCEEDED"] * 3
    check(root)
    root.close()


@pytest.mark.parametrize(
    "failpoint",
    ["object-owned:3", "object-placed:3", "object-placed:4", "rows-written:6", "rows-committed:6", "run-made", "object-copied:2"],
)  # fmt: skip
def test_kill_in_the_middle(tmp_path: Path, failpoint: str) -> None:
    other_disk = failpoint.startswith("object-copied")
    if other_disk and (not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev):
        pytest.skip("there is one file system only")
    process = start(tmp_path / "root", "a", 8, *(["shm"] if other_disk else []), failpoint=failpoint)
    said, complaint = process.communicate(timeout=60)
    assert process.returncode == -9, complaint
    root = open_root(tmp_path / "root")
    acknowledged = len(said.split())
    check(root)
    if failpoint == "run-made":
        assert root.names() == []
    else:
        assert root.run("a").state == "INTERRUPTED"
        done = [task for task in tasks(root.run("a")) if task.state == "SUCCEEDED"]
        assert len(done) >= acknowledged >= 1 and len(done) <= acknowledged + 1
        assert len(root.cache.keys()) >= acknowledged
    root.close()
    again = start(tmp_path / "root", "b", 8)
    _, complaint = again.communicate(timeout=60)
    assert again.returncode == 0, complaint
    root = open_root(tmp_path / "root")
    check(root)
    assert not (root.path / "quarantine").exists()
    collect(root, keep=0)
    assert root.objects.all() == [] and root.names() == []
    assert [name for name in os.listdir(root.path / "objects") if name.startswith(".")] == []
    assert os.listdir(root.path / "runs") == []
    root.close()
    for left in Path("/dev/shm").glob("made-a-*"):
        import shutil

        shutil.rmtree(left)


def test_one_of_many_has_the_claim(tmp_path: Path) -> None:
    open_root(tmp_path, create=True).close()
    text = (
        "import sys; from pathlib import Path; from typedpipe.ir.nodes import Graph, Pipeline\n"
        "from typedpipe.local.store.root import open_root\n"
        "root = open_root(Path(sys.argv[1]))\n"
        "run = root.new_run(sys.argv[2], Pipeline('p', Graph(), closed=True), {}, {})\n"
        "print(root.cache.claim('key', sys.argv[2]), flush=True); input()"
    )
    several = [
        subprocess.Popen([sys.executable, "-c", text, str(tmp_path), name], stdin=-1, stdout=-1, text=True)
        for name in "abc"
    ]
    try:
        won = [process.stdout.readline() for process in several if process.stdout]
        assert sorted(won) == ["False\n", "False\n", "True\n"]
    finally:
        for process in several:
            process.kill()
            process.communicate()
    root = open_root(tmp_path)
    assert root.cache.claim("key", "d"), "its owner is gone"
    root.close()
