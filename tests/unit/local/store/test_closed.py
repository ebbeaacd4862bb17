"""Databases are closed, and locks released, wherever a command is interrupted or SQLite refuses."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from typedpipe import dsl
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.local.options import RunOptions
from typedpipe.local.rerun.resume import plan_resume
from typedpipe.local.store.locks import is_running
from typedpipe.local.store.root import open_root


@dsl.component
def add(a: int, b: int) -> int:
    return a + b


@dsl.pipeline
def main(n: int = 1) -> int:
    return add(a=n, b=2).output


class Faults:
    """Connections that are open, and the statement at which one of them fails."""

    def __init__(self) -> None:
        self.open: list[sqlite3.Connection] = []
        self.left = 0
        self.error: type[BaseException] | None = None

    def reached(self) -> None:
        self.left -= 1
        if self.error is not None and self.left == 0:
            raise self.error("injected")

    def connect(self, *args: Any, **more: Any) -> sqlite3.Connection:
        faults = self

        class Connection(sqlite3.Connection):
            def execute(self, *args: Any) -> sqlite3.Cursor:
                faults.reached()
                return super().execute(*args)

            def close(self) -> None:
                super().close()
                faults.open = [known for known in faults.open if known is not self]

        made = sqlite3.Connection.__new__(Connection)
        made.__init__(*args, **more)  # type: ignore[misc]  # `sqlite3.connect` is replaced
        faults.open.append(made)
        return made


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    found = Faults()
    monkeypatch.setattr(sqlite3, "connect", found.connect)
    yield found
    for connection in found.open:
        connection.close()


def runs(folder: Path) -> None:
    main.run(folder=folder, runner="inprocess")


def resumes(folder: Path) -> None:
    root = open_root(folder)
    try:
        options = RunOptions(runner="inprocess")
        plan = plan_resume(root, root.run(), options, from_task="add")
        from typedpipe.local.local_engine import LocalEngine

        LocalEngine(folder).resume(root, plan, options)
    finally:
        root.close()


def repairs(folder: Path) -> None:
    root = open_root(folder)
    try:
        (folder / "runs" / root.run().name / "run.sqlite").write_bytes(b"damaged" * 999)
        root.repair(root.run().name)
    finally:
        root.close()


def lists(folder: Path) -> None:
    (folder / "runs.sqlite").unlink(missing_ok=True)
    root = open_root(folder)
    try:
        root.runs()
    finally:
        root.close()


@pytest.mark.parametrize("error", [KeyboardInterrupt, sqlite3.OperationalError])
@pytest.mark.parametrize("what", [runs, resumes, repairs, lists])
def test_nothing_stays_open_wherever_a_statement_fails(
    what: Callable[[Path], None], error: type[BaseException], tmp_path: Path, faults: Faults
) -> None:
    failed = 0
    main.run(folder=tmp_path / "made", runner="inprocess")
    for number in range(1, 200):
        folder = tmp_path / str(number)
        if what is not runs:
            shutil.copytree(tmp_path / "made", folder)
        faults.left, faults.error = number, error
        try:
            what(folder)
        except (PipelineError, KeyboardInterrupt, sqlite3.Error):
            failed += 1
        faults.error = None
        assert faults.open == [], number
        assert not any(is_running(str(run)) for run in (folder / "runs").glob("*")), number
        if faults.left > 0:
            break  # it executed fewer statements
    else:
        raise AssertionError("there are more statements")
    assert number > 5
    assert failed > 1 or what is lists  # a listing is left out
