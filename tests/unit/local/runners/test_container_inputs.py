"""Inputs of container components: real files and directories, as in a pod, and changes to them stay out of the store."""

from __future__ import annotations

import json
import os
import select
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from typedpipe import ContainerSpec, Dataset, Input, OutputPath, dsl
from typedpipe.ir import nodes as ir
from typedpipe.local.runners import child, containers
from typedpipe.local.runners.client import Client
from typedpipe.local.runners.containers import ContainerLauncher
from typedpipe.local.runners.launcher import Inbox, Launch
from typedpipe.local.store.root import open_root


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDPIPE_CONTAINERS", "host")


@dsl.component
def folder() -> Dataset:
    import os

    found = Dataset()
    os.makedirs(f"{found.path}/sub/deep/empty")
    os.mkdir(f"{found.path}/empty")
    for name, mode in (("a.txt", 0o644), ("sub/b.txt", 0o600), ("sub/tool", 0o755), ("sub/deep/ro", 0o444)):
        with open(f"{found.path}/{name}", "w") as file:
            file.write("#!/bin/sh\necho one\n")
        os.chmod(f"{found.path}/{name}", mode)
    os.chmod(f"{found.path}/sub/deep", 0o555)
    return found


@dsl.component
def file() -> Dataset:
    import os

    found = Dataset()
    with open(found.path, "w") as opened:
        opened.write("#!/bin/sh\necho one\n")
    os.chmod(found.path, 0o755)
    return found


@dsl.container_component
def tool(data: Input[Dataset], script: str, out: OutputPath[str] = dsl.OUT) -> ContainerSpec:
    return ContainerSpec(image="busybox", command=["sh", "-ec", script], args=[data.path, out])


@dsl.container_component
def tool_of_all(data: Input[list[Dataset]], script: str, out: OutputPath[str] = dsl.OUT) -> ContainerSpec:
    place = data.path  # type: ignore[attr-defined]  # of the directory with all of them
    return ContainerSpec(image="busybox", command=["sh", "-ec", script], args=[place, out])


@dsl.pipeline
def with_folder(script: str) -> Any:
    return tool(data=folder().output, script=script).outputs["out"]


@dsl.pipeline
def with_file(script: str) -> Any:
    return tool(data=file().output, script=script).outputs["out"]


@dsl.pipeline
def with_all(script: str) -> Any:
    with dsl.ParallelFor([1, 2]) as _:
        made = folder().output
    return tool_of_all(data=dsl.Collected(made), script=script).outputs["out"]


@dsl.pipeline
def with_import(path: str, script: str) -> Any:
    return tool(data=dsl.importer(artifact_uri=path, artifact_class=Dataset).output, script=script).outputs["out"]


OF_FOLDER = {
    'find "$0" -type f | wc -l > "$1"': "4",
    'find "$0" -type d | wc -l > "$1"': "5",
    'find "$0" -type l | wc -l > "$1"': "0",
    'ls -ld "$0" | cut -c 1 > "$1"': "d",
    'tar -C "$(dirname "$0")" -cf - "$(basename "$0")" | tar -tf - | wc -l > "$1"': "9",
    'cp -r "$0" copy; rm -rf "$0"; find copy -type f | wc -l > "$1"': "4",
    'cp -P "$0/a.txt" copy; ls -l copy | cut -c 1 > "$1"': "-",
    'sed -i s/one/two/ "$0"/*.txt "$0"/*/*.txt; cat "$0"/*.txt "$0"/*/*.txt | grep -c two > "$1"': "2",
    'echo echo more >> "$0/a.txt"; sh "$0/a.txt" | tail -n 1 > "$1"': "more",
    'rm -r "$0/sub"; ls "$0" | tr "\\n" " " > "$1"': "a.txt empty",
    'mv "$0" mine; ls mine | tr "\\n" " " > "$1"': "a.txt empty sub",
    'touch "$0/empty/new" "$0/sub/deep/empty/new"; find "$0" -name new | wc -l > "$1"': "2",
    'find "$0" -depth -exec chmod 0 {} +; echo done > "$1"': "done",
    '"$0/sub/tool" > "$1"': "one",
    'cd "$0/sub"; cd ..; ls | tr "\\n" " " > "$1"': "a.txt empty sub",
    'ls -l "$0/sub" | grep -v total | cut -c 1-10 | tr "\\n" " " > "$1"': "-rw------- drwxr-xr-x -rwxr-xr-x",
}
OF_FILE = {
    'find "$0" -type f | wc -l > "$1"': "1",
    'ls -l "$0" | cut -c 1-10 > "$1"': "-rwxr-xr-x",
    'cp -P "$0" copy; ls -l copy | cut -c 1 > "$1"': "-",
    'sed -i s/one/two/ "$0"; "$0" > "$1"': "two",
    'echo echo more >> "$0"; "$0" | tail -n 1 > "$1"': "more",
    'rm "$0"; echo gone > "$1"': "gone",
    'cp "$0" new; mv new "$0"; "$0" > "$1"': "one",
    'echo -n "" > "$0-journal"; "$0" > "$1"': "one",
}
OF_ALL = {
    'find "$0" -type f | wc -l > "$1"': "8",
    'ls -ld "$0"/* | cut -c 1 | tr "\\n" " " > "$1"': "d d",
    'rm -r "$0"/*; ls "$0" | wc -l > "$1"': "0",
    'sed -i s/one/two/ "$0"/0/a.txt; cat "$0"/*/a.txt | grep -c one > "$1"': "1",
}
CASES = [
    (p, s, o)
    for p, known in ((with_folder, OF_FOLDER), (with_file, OF_FILE), (with_all, OF_ALL))
    for s, o in known.items()
]


@pytest.mark.parametrize(("pipeline", "script", "said"), CASES)
def test_a_tool_gets_files_of_its_own(pipeline: Any, script: str, said: str, tmp_path: Path) -> None:
    run = pipeline.run(script=script, folder=tmp_path, runner="process", raise_on_error=False).wait()
    assert run.result.succeeded, run.result.message
    assert run.outputs.strip() == said
    unchanged(tmp_path)


def unchanged(folder: Path) -> None:
    """The store has its artifact as it was, and no copies of it are left."""
    with closing(open_root(folder)) as root:
        (stored,) = root.objects.all()
        assert root.objects.verify(stored)
    assert not (folder / "quarantine").exists()
    assert not list(folder.glob("runs/**/in"))


@dsl.container_component
def keeper(data: Input[Dataset], script: str, out: OutputPath[Dataset] = dsl.OUT) -> ContainerSpec:
    return ContainerSpec(image="busybox", command=["sh", "-ec", script], args=[data.path, out])


@dsl.component
def listed(data: Input[Dataset]) -> list[str]:
    import os

    found = [os.path.join(folder, name) for folder, _, files in os.walk(data.path) for name in files]
    return sorted(os.path.relpath(path, data.path) for path in found if os.stat(path).st_nlink == 1)


@dsl.pipeline
def with_output(script: str) -> list[str]:
    return listed(data=keeper(data=folder().output, script=script).outputs["out"]).output


@pytest.mark.parametrize(
    "script",
    [
        'mv "$0" "$1"',
        'cp -r "$0" "$1"',
        'cp -rl "$0" "$1"',
        'cp -al "$0" "$1"; rm -r "$0"',
        'cp -r "$0" "$1"; chmod 0 "$0"',
    ],
)
def test_an_input_can_become_the_output(script: str, tmp_path: Path) -> None:
    run = with_output.run(script=script, folder=tmp_path, runner="process", raise_on_error=False).wait()
    assert run.result.succeeded, run.result.message
    assert run.outputs == ["a.txt", "sub/b.txt", "sub/deep/ro", "sub/tool"]
    assert not list(tmp_path.glob("runs/*/tasks/keeper/*/in"))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('ln -s "$0" "$1"', ": it is a link (to "),
        ('mkdir "$1"; ln -s "$0" "$1/x"', ": `x` in it points outside the artifact"),
    ],
)
def test_a_link_to_an_input_is_no_output(script: str, said: str, tmp_path: Path) -> None:
    run = with_output.run(script=script, folder=tmp_path, runner="process", raise_on_error=False).wait()
    assert f"the artifact `out` cannot be stored{said}" in run.tasks["keeper"].message


@pytest.mark.parametrize("script", ['rm -r "$0"; exit 1', 'find "$0" -depth -exec chmod 0 {} +; exit 1'])
def test_a_failed_tool_leaves_no_copies(script: str, tmp_path: Path) -> None:
    run = with_folder.run(script=script, folder=tmp_path, runner="process", raise_on_error=False).wait()
    assert not run.result.succeeded
    unchanged(tmp_path)


def test_what_links_in_an_imported_directory_point_to_is_copied(tmp_path: Path) -> None:
    given = tmp_path / "given"
    (given / "sub").mkdir(parents=True)
    (tmp_path / "outside.txt").write_text("one")
    (given / "link").symlink_to(tmp_path / "outside.txt")
    (given / "sub/link").symlink_to("../link")
    (given / "again").symlink_to("sub")
    (given / "sub").chmod(0o555)  # the copy can be changed all the same
    script = 'find "$0" -type f | wc -l > "$1"; rm -r "$0"; mkdir "$0"'
    run = with_import.run(path=str(given), script=script, folder=tmp_path / "store", runner="process").wait()
    assert run.outputs.strip() == "3"
    assert (tmp_path / "outside.txt").read_text() == "one"
    assert sorted(os.listdir(given)) == ["again", "link", "sub"]


def test_links_that_lead_to_nothing_or_up_stay_links(tmp_path: Path) -> None:
    given = tmp_path / "given"
    (given / "sub").mkdir(parents=True)
    for name, target in (("nothing", "nowhere"), ("itself", "itself"), ("up", "."), ("other", "."), ("sub/up", "..")):
        (given / name).symlink_to(target)
    script = 'ls "$0/up/sub/up/" | tr "\\n" " " > "$1"; find "$0" -type l | wc -l >> "$1"'
    run = with_import.run(path=str(given), script=script, folder=tmp_path / "store", runner="process").wait()
    assert run.outputs.split() == ["itself", "nothing", "other", "sub", "up", "5"]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes have no names")
def test_an_import_that_cannot_be_copied_fails_the_task(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    os.mkfifo(given / "pipe")
    run = with_import.run(
        path=str(given), script='ls "$0" > "$1"', folder=tmp_path / "store", runner="process", raise_on_error=False
    ).wait()
    said = f"the directory of the task cannot be prepared: `{given}/pipe` is not a file or directory"
    assert run.tasks["tool"].message == said
    assert not list((tmp_path / "store").glob("runs/**/in"))


@pytest.mark.parametrize("works", [True, False])
@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 9000])
def test_a_copied_file_is_equal(content: bytes, works: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise OSError(95, "Operation not supported")

    if not works:
        monkeypatch.setattr(os, "copy_file_range", refused, raising=False)
    (tmp_path / "old").write_bytes(content)
    child.copy_file(str(tmp_path / "old"), str(tmp_path / "new"))
    assert (tmp_path / "new").read_bytes() == content


@pytest.mark.skipif(sys.platform != "linux", reason="a file of Linux")
def test_a_file_whose_size_is_not_known_is_copied(tmp_path: Path) -> None:
    child.copy_file("/proc/version", str(tmp_path / "new"))
    assert (tmp_path / "new").read_text() == Path("/proc/version").read_text()


# ---------------------------------------------------------------------------------------------- with container engines


LAUNCHED = """#!/bin/sh
# Stands for docker: says how it was called.
[ "$1" = run ] && { printf '%s\n' "$@" > "$(dirname "$0")/called"; find "$(dirname "$0")" -path '*/in/*' > "$(dirname "$0")/found"; }
exit 0
"""


@pytest.mark.parametrize("limit", [200, 1])
def test_an_engine_mounts_inputs_at_their_paths(limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MOUNTS", limit)
    stored, attempt = tmp_path / "objects/ab", tmp_path / "runs/1"
    (stored / "folder/sub").mkdir(parents=True)
    (stored / "folder/sub/x").touch()
    (stored / "file").touch()
    attempt.mkdir(parents=True)
    docker = tmp_path / "docker"
    docker.write_text(LAUNCHED)
    docker.chmod(0o755)
    links = [(str(stored / "folder"), "in/all/0"), (str(stored / "file"), "in/one")]
    job = {"root": str(attempt), "links": links, "folders": ["in/all", "out/a"], "env": {}, "argv": ["x"], "image": "b"}
    (attempt / "job.json").write_text(json.dumps({**job, "settings": {}}))
    box = ir.Component("box", (), (), ir.ContainerImpl(("x",)), "b")
    inbox = Inbox()
    launcher = ContainerLauncher(Client("docker", str(docker)), {"box": box}, "f00", str(stored.parent), inbox, {})
    try:
        launcher.start(Launch("1", str(attempt / "job.json"), str(attempt / "log"), "", "box"))
        select.select([inbox.fileno()], [], [], 20)
    finally:
        launcher.close()
        inbox.close()
    called = (tmp_path / "called").read_text().splitlines()
    mounts = [word for word in called if word.startswith("type=bind") and f"{attempt}/in/" in word]
    found = {line.partition("/in/")[2] for line in (tmp_path / "found").read_text().splitlines()}
    if limit == 1:
        assert (mounts, found) == ([], {"all", "all/0", "all/0/sub", "all/0/sub/x", "one"})
    else:
        assert mounts == [f"type=bind,source={s},target={attempt}/{t},readonly" for s, t in links]
        assert found == {"all", "all/0", "one"}
    assert not [path for path in (attempt / "in").rglob("*") if path.is_symlink()]
