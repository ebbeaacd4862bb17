"""Resumed runs whose packages, imported files or environment variables have changed since tasks succeeded."""

from __future__ import annotations

import json
import platform
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from typedpipe.cli.app import run_app
from typedpipe.local.store.index import INDEX

FILE = """
from typedpipe import dsl
from typedpipe.dsl import Dataset, Input

@dsl.component
def load() -> int:
    import os
    import sys
    sys.path.insert(0, "PROJECT")
    import mine
    return mine.K + len(os.environ.get("MODE", ""))

@dsl.component
def size(data: Input[Dataset]) -> int:
    return len(open(data.path).read())

@dsl.component
def other() -> int:
    return 0

@dsl.component
def train(x: int, y: int, z: int) -> int:
    import os
    import sys
    sys.path.insert(0, "PROJECT")
    import mine
    if os.path.exists("STOP"):
        raise ValueError("stopped")
    return 100 * x + 10 * y + mine.K + z

@dsl.pipeline
def p(data: Input[Dataset]) -> int:
    return train(x=load().output, y=size(data=data).output, z=other().output).output
"""


class Project:
    """A package in editable mode, a pipeline that imports it, and a file for it."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.capfd = capfd
        self.module = folder / "project/mine/__init__.py"
        self.file = folder / "p.py"
        self.data = folder / "data.txt"
        self.stop = folder / "stop"
        info = folder / "site/mine-1.0.dist-info"
        for place in (self.module.parent, info):
            place.mkdir(parents=True)
        self.edit(1)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
        url = {"url": (folder / "project").as_uri(), "dir_info": {"editable": True}}
        (info / "direct_url.json").write_text(json.dumps(url))
        (info / "RECORD").write_text("mine.pth,,\nmine-1.0.dist-info/METADATA,,\n")
        (folder / "site/mine.pth").write_text(f"{folder / 'project'}\n")
        self.file.write_text(FILE.replace("STOP", str(self.stop)).replace("PROJECT", str(folder / "project")))
        self.data.write_text("a")
        self.stop.touch()

    def edit(self, value: int) -> None:
        self.module.write_text(f"K = {value}{' ' * value}\n")

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = run_app(arguments)
        found = self.capfd.readouterr()
        return code, found.out, found.err


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Project:
    found = Project(tmp_path, capfd)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TYPEDPIPE_HOME", str(tmp_path / "store"))
    return found


def edited(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:  # of one form
    project.edit(2)


def imported(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:  # of one form
    project.data.write_text("aaa")


def elsewhere(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:  # of one form
    monkeypatch.setattr(platform, "machine", lambda: "other")


PACKAGE = "the code of the package `mine` changed (load)"


@pytest.mark.parametrize("options", [(), ("--no-cache",)])
@pytest.mark.parametrize(
    ("change", "more", "text", "reused", "results"),
    [
        (edited, (), PACKAGE, 2, ("112\n", "212\n")),
        (imported, (), "input `data` has different content (size)", 2, ("111\n", "131\n")),
        (elsewhere, (), " → ", 0, ("111\n", "111\n")),
        (lambda *_: None, ("--env", "MODE=x"), "environment `MODE`: now set (", 0, ("111\n", "211\n")),
        (lambda *_: None, (), "", 3, ("111\n", "111\n")),
    ],
)
def test_what_has_changed_since_is_said_and_not_reused_with_new_code(  # a table
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    change: Callable[[Project, pytest.MonkeyPatch], None],
    more: tuple[str, ...],
    text: str,
    reused: int,
    results: tuple[str, str],
) -> None:
    for name in "ab":
        assert project("run", "p.py", "--data", "data.txt", "--run-name", name, *options)[0] == 1
        project.stop.touch()
    project.stop.unlink()
    change(project, monkeypatch)
    code, out, err = project("resume", "a", *more)
    assert (code, out) == (0, f"Output: {results[0]}"), err
    assert "3 tasks are reused, 1 task runs: train\n" in err
    line = next((line for line in err.splitlines() if line.startswith("changed since the reused tasks ran: ")), "")
    assert text in line
    assert ("use `typedpipe resume a --code new FILE`" in err) == bool(text)
    code, out, err = project("resume", "b", "--code", "new", "p.py", *more)
    assert (code, out) == (0, f"Output: {results[1]}"), err
    assert f"{reused} tasks are reused" in err
    assert not text or f"runs again: {line.partition(': ')[2]}" in err


def test_what_is_not_known_is_not_reused_with_new_code(project: Project, tmp_path: Path) -> None:
    project("run", "p.py", "--data", "data.txt", "--run-name", "a")
    with sqlite3.connect(tmp_path / "store/runs/a" / INDEX) as index:  # as an earlier version wrote it
        index.execute("UPDATE tasks SET key_parts = '{}'")
    project.stop.unlink()
    plan = project("resume", "a", "--code", "new", "p.py")[2]
    assert "2 tasks are reused, 2 tasks run: load, train\n" in plan
    assert "runs again: the versions of its packages were not recorded (load)\n" in plan


def test_variables_of_a_resumed_run_are_asked_for_where_they_were(project: Project) -> None:
    project("run", "p.py", "--data", "data.txt")
    _, _, err = project("resume", "--env", "MODE=x")
    for command in ("resume", "spin"):
        lines = [line for line in err.splitlines() if line.startswith(f"  typedpipe {command} ")]
        assert lines and all("--env MODE=…" in line for line in lines)
    for arguments in (("spin", "last/train"), ("resume", "last")):
        code, _, err = project(*arguments)
        assert code == 1
        assert "TP644" in err and "--env MODE=…" in err
    assert project("spin", "last/other")[0] == 0  # it ran before there was one


def test_a_command_to_continue_has_the_variables(project: Project) -> None:
    err = project("run", "p.py", "--data", "data.txt", "--env", "MODE=x", "--env", "B=1")[2]
    commands = [line.partition("#")[0].strip() for line in err.splitlines() if line.startswith("  typedpipe ")]
    assert [command.endswith(" --env B=… --env MODE=…") for command in commands] == [False, True, True, True]
