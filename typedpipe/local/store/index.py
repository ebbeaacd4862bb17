"""Run index: states and outputs of a run's tasks, written by one engine, read by any process."""

from __future__ import annotations

import os
import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Any, cast, get_args

from typedpipe.local.store.database import Database, check_version, reading
from typedpipe.local.store.locks import Engine, Lock
from typedpipe.local.store.model import StoredRun, attempt_log
from typedpipe.local.store.problems import damaged_run
from typedpipe.local.store.rows import ARTIFACT, pack, pack_data, unpack, unpack_data
from typedpipe.runs.model import Attempt, Reused, RunEnd, Task, TaskState, Value
from typedpipe.runs.source import choose_task

INDEX = "run.sqlite"
SCHEMA = """
CREATE TABLE IF NOT EXISTS run (
    id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '',
    outputs TEXT NOT NULL DEFAULT '{}', finished REAL
);
CREATE TABLE IF NOT EXISTS tasks (
    place INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, component TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '', exit_code INTEGER, started REAL, finished REAL,
    reused TEXT NOT NULL DEFAULT '', source_run TEXT NOT NULL DEFAULT '', inputs TEXT NOT NULL DEFAULT '{}',
    outputs TEXT NOT NULL DEFAULT '{}', key TEXT NOT NULL DEFAULT '', key_parts TEXT NOT NULL DEFAULT '{}'
);
CREATE TABLE IF NOT EXISTS attempts (
    task TEXT NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL, folder TEXT NOT NULL, started REAL NOT NULL,
    finished REAL, exit_code INTEGER, message TEXT NOT NULL DEFAULT '', PRIMARY KEY (task, number)
) WITHOUT ROWID
"""
_LATER = {
    "items": "CREATE TABLE IF NOT EXISTS items (task TEXT PRIMARY KEY, item TEXT NOT NULL) WITHOUT ROWID",
    "starts": "CREATE TABLE IF NOT EXISTS starts (time REAL NOT NULL)",
}
"""Tables that stores of earlier versions do not have: they are created when a run starts or is resumed."""
_STARTED = """
INSERT INTO tasks (name, component, state, attempts, started) VALUES (?, ?, 'RUNNING', ?, ?)
ON CONFLICT (name) DO UPDATE SET component = excluded.component, state = 'RUNNING', attempts = excluded.attempts,
    started = coalesce(started, excluded.started), finished = NULL, message = '', exit_code = NULL, outputs = '{}',
    reused = '', source_run = ''
"""
_RESUMED = """
UPDATE tasks SET component = ?, reused = 'resumed', source_run = CASE source_run WHEN '' THEN ? ELSE source_run END
WHERE name = ?
"""
_ATTEMPT = "INSERT OR REPLACE INTO attempts (task, number, state, folder, started) VALUES (?, ?, 'RUNNING', ?, ?)"
_ENDED = "UPDATE attempts SET state = ?, exit_code = ?, message = ?, finished = ? WHERE task = ? AND number = ?"
_INPUTS = """
INSERT INTO tasks (name, component, state, inputs) VALUES (?, '', 'RUNNING', ?)
ON CONFLICT (name) DO UPDATE SET inputs = excluded.inputs
"""
_FINISHED = """
INSERT INTO tasks (name, component, state, attempts, exit_code, message, started, finished, outputs, reused, source_run,
    key, key_parts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET component = excluded.component, state = excluded.state, attempts = excluded.attempts,
    exit_code = excluded.exit_code, message = excluded.message, started = coalesce(excluded.started, started),
    finished = excluded.finished, outputs = excluded.outputs, reused = excluded.reused, source_run = excluded.source_run,
    key = excluded.key, key_parts = excluded.key_parts
"""
_FINISHED_WITH_INPUTS = (
    _FINISHED.replace("key, key_parts) VALUES (", "key, key_parts, inputs) VALUES (?, ").rstrip()
    + ", inputs = excluded.inputs\n"
)
_ATTEMPTED = """
INSERT OR REPLACE INTO attempts (task, number, state, folder, started, finished, exit_code, message)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_RUN = """
INSERT INTO run (id, state, message, outputs, finished) VALUES (1, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, message = excluded.message, outputs = excluded.outputs,
    finished = excluded.finished
"""

_PAUSED = """
SELECT total(time - (SELECT max(sign) FROM (
    SELECT time AS sign FROM starts UNION ALL SELECT started FROM attempts UNION ALL SELECT finished FROM attempts
) WHERE sign < next.time)) FROM starts AS next WHERE time > (SELECT min(time) FROM starts)
"""
"""Seconds between the last sign of each engine of the run and the start of the next one."""


class RunIndex:
    """Writes the index, for one engine. Nothing is on disk before :meth:`commit`."""

    def __init__(self, folder: str, root: str, *, durable: bool = False) -> None:
        name = os.path.basename(folder)
        self._folder = folder
        self._root = root
        self._database = Database(
            os.path.join(folder, INDEX), SCHEMA, lambda path, why: damaged_run(name, path, why), durable=durable
        )
        self.commit = self._database.commit
        self.close = self._database.close

    def run_started(self) -> None:
        """Record that the run has started or is resumed."""
        self._database.write(_RUN, "RUNNING", "", "{}", None)
        for table in _LATER.values():
            self._database.write(table)
        self._database.write("INSERT INTO starts (time) VALUES (?)", time())

    def set_back(self) -> None:
        """Before a resumed run starts tasks: forget nodes that ended without a process, and times of tasks that run again."""
        self._database.write(
            "DELETE FROM tasks WHERE state IN ('OMITTED', 'FAILED', 'CANCELED') AND name NOT IN (SELECT task FROM attempts)"
        )
        self._database.write("UPDATE tasks SET started = NULL WHERE state != 'SUCCEEDED'")

    def resumed(self, task: str, component: str, run: str) -> None:
        """Record that the result of a task was kept when the run was resumed; the rest of its row stays."""
        self._database.write(_RESUMED, component, run, task)

    def attempt_started(
        self, task: str, component: str, attempt: int, folder: str | os.PathLike[str], time: float
    ) -> None:
        self._database.write(_STARTED, task, component, attempt, time)
        self._database.write(_ATTEMPT, task, attempt, self._relative(os.fspath(folder)), time)

    def attempt_ended(
        self, task: str, attempt: int, state: TaskState, exit_code: int | None, message: str, time: float
    ) -> None:
        self._database.write(_ENDED, state, exit_code, message, time, task, attempt)

    def inputs(self, task: str, values: Mapping[str, Value]) -> None:
        """Record the inputs of a task, before or after its attempt starts."""
        self._database.write(_INPUTS, task, pack(values, self._root))

    def item(self, task: str, item: str) -> None:
        """Record the items of the loops around a task; "" is not recorded."""
        if item:
            self._database.write("INSERT OR REPLACE INTO items (task, item) VALUES (?, ?)", task, item)

    def finished(  # noqa: PLR0913  # a row
        self,
        task: str,
        component: str,
        state: TaskState,
        *,
        attempts: int = 0,
        exit_code: int | None = None,
        message: str = "",
        started: float | None = None,
        finished: float | None = None,
        outputs: Mapping[str, Value] | None = None,
        reused: Reused = "",
        source_run: str = "",
        key: str = "",
        key_parts: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Value] | None = None,
    ) -> None:
        """Record the result of a task, with or without a process; ``inputs`` unless they were recorded before."""
        given = () if inputs is None else (pack(inputs, self._root),)
        self._database.write(
            _FINISHED if inputs is None else _FINISHED_WITH_INPUTS,
            task,
            component,
            state,
            attempts,
            exit_code,
            message,
            started,
            finished,
            pack(outputs or {}, self._root),
            reused,
            source_run,
            key,
            pack_data(key_parts or {}),
            *given,
        )

    def attempted(
        self, task: str, attempt: int, folder: str, started: float, end: tuple[TaskState, int | None, str, float]
    ) -> None:
        """Record an attempt only at its end; ``end``: its state, code, message and time."""
        state, code, message, time = end
        self._database.write(_ATTEMPTED, task, attempt, state, self._relative(folder), started, time, code, message)

    def run_finished(self, state: RunEnd, message: str, outputs: Mapping[str, Value], time: float) -> None:
        self._database.write(_RUN, state, message, pack(outputs, self._root), time)

    def _relative(self, path: str) -> str:
        return path[len(self._folder) + 1 :] if path.startswith(self._folder + os.sep) else path


def begin(folder: str, root: str, locks: Iterable[Lock], *, durable: bool) -> RunIndex:
    """The index of a run that starts or continues.

    Raises:
        PipelineError: it cannot be written; then the locks of the run are released.
    """
    index = RunIndex(folder, root, durable=durable)
    try:
        index.run_started()
        index.commit()
    except BaseException:
        index.close()
        for lock in locks:
            lock.release()
        raise
    return index


@dataclass(slots=True)
class RunFolder:
    """A run held by this process: its directory, its index, and its lock."""

    path: Path
    index: RunIndex
    lock: Lock
    nonce: str
    """In the environment of all processes that the engine starts, so that orphans can be found."""
    previous: Engine | None = None
    """The engine that had the run before it was reopened."""
    _guard: Lock | None = None
    """A shared lock: while the run is in progress, no artifact of the store is collected."""
    _on_close: Callable[[Path], None] | None = None
    """Called when the index is closed, and the run still held."""

    @property
    def name(self) -> str:
        return self.path.name

    def close(self) -> None:
        """Release the run; uncommitted rows are lost."""
        try:
            self.index.close()
            if self._on_close is not None:
                self._on_close(self.path)
        finally:
            self.lock.release()
            if self._guard is not None:
                self._guard.release()


# ------------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True, slots=True)
class RunRow:
    """End of the run according to its index; "RUNNING" if it is not recorded yet."""

    state: str
    message: str
    outputs: Mapping[str, Value]
    finished: float | None
    paused: float = 0.0


def read_run_row(folder: str, root: str) -> RunRow:
    """The state of the run in this directory.

    Raises:
        PipelineError: TP604, the index is missing or corrupted.
    """
    row, paused = _Reading(folder, root).all("SELECT state, message, outputs, finished FROM run", _PAUSED)
    if not row:
        return RunRow("RUNNING", "", {}, None)
    read = _Row(folder, root, "the run", row[0])
    state = read.one_of("state", ("RUNNING", *get_args(RunEnd)))
    seconds = float(paused[0][0]) if paused else 0.0
    return RunRow(state, read.text("message"), read.values("outputs"), read.number("finished"), seconds)


def tasks(run: StoredRun) -> list[Task]:
    """All tasks of a run, in the order of their first appearance.

    Raises:
        PipelineError: TP604, the index is missing or corrupted.
    """
    folder, root = str(run.folder), str(run.root)
    begun, tried, looped, rows = _Reading(folder, root).all(
        "SELECT time FROM starts ORDER BY time",
        "SELECT * FROM attempts ORDER BY task, number",
        "SELECT task, item FROM items",
        "SELECT * FROM tasks ORDER BY place",
    )
    starts = [row["time"] for row in begun]
    attempts: dict[str, list[Attempt]] = {}
    for row in tried:
        read = _Row(folder, root, f"an attempt of `{row['task']}`", row)
        attempts.setdefault(read.text("task"), []).append(read.attempt(starts))
    items = {str(row["task"]): str(row["item"]) for row in looped}
    return [
        _Row(folder, root, f"the task `{row['name']}`", row).task(
            attempts.get(row["name"], ()), order, items.get(row["name"], "")
        )
        for order, row in enumerate(rows)
    ]


@dataclass(frozen=True, slots=True)
class TaskValues:
    """A task of a run, with its artifacts: of its values, only those that contain some."""

    name: str
    ran: bool
    """Whether it had an attempt, and its result is not from the cache."""
    key: str
    inputs: Mapping[str, Value]
    outputs: Mapping[str, Value]


def values_of_tasks(run: StoredRun) -> list[TaskValues]:
    """The artifacts of all tasks of a run, in the order of :func:`tasks`, at a tenth of its cost.

    Raises:
        PipelineError: TP604, the index is missing or corrupted.
    """
    folder, root = str(run.folder), str(run.root)
    (rows,) = _Reading(folder, root).all(_VALUES)
    found: list[TaskValues] = []
    for row in rows:
        read = _Row(folder, root, f"the task `{row['name']}`", row)
        inputs, outputs = (read.values(name) if read.artifacts(name) else {} for name in ("inputs", "outputs"))
        found.append(TaskValues(read.text("name"), bool(row["ran"]), read.text("key"), inputs, outputs))
    return found


_VALUES = """
SELECT name, key, inputs, outputs, reused <> 'cache' AND EXISTS (SELECT 1 FROM attempts WHERE task = name) AS ran
FROM tasks ORDER BY place
"""


def task(run: StoredRun, name: str) -> Task:
    """One task of a run, by its path in the run.

    Raises:
        PipelineError: TP607, there is none; TP604, the index is missing or corrupted.
    """
    return choose_task(run.name, name, tasks(run))


class _Reading:
    """Queries on one index."""

    def __init__(self, folder: str, root: str) -> None:
        self._path = os.path.join(folder, INDEX)
        self._run = os.path.basename(folder)
        self._root = root

    def all(self, *queries: str) -> list[list[sqlite3.Row]]:
        """Rows of each query; none of a table that stores of earlier versions do not have."""
        if not os.path.exists(self._path):
            if self._just_created():
                return [[] for _ in queries]
            raise damaged_run(self._run, self._path, "there is no such file")
        with reading(self._path, lambda path, why: damaged_run(self._run, path, why)) as connection:
            connection.row_factory = sqlite3.Row
            if check_version(connection, self._path) == 0 and self._just_created():
                return [[] for _ in queries]
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            lacking = _LATER.keys() - tables
            return [
                [] if any(f"FROM {table}" in query for table in lacking) else connection.execute(query).fetchall()
                for query in queries
            ]

    def _just_created(self) -> bool:
        """Whether no task has begun: the directory of a run is there a moment before its index has tables."""
        tasks_folder = os.path.join(os.path.dirname(self._path), "tasks")
        return os.path.isdir(tasks_folder) and not os.listdir(tasks_folder)


class _Row:
    """One row, whose fields may have been edited by hand: an invalid field is reported with its location."""

    def __init__(self, folder: str, root: str, what: str, row: sqlite3.Row) -> None:
        self._folder = folder
        self._root = root
        self._what = what
        self._row = row

    def _bad(self, column: str) -> Exception:
        name = os.path.basename(self._folder)
        path = os.path.join(self._folder, INDEX)
        return damaged_run(name, path, f"`{column}` of {self._what} is invalid")

    def one_of(self, column: str, known: Sequence[str]) -> str:
        value = self.text(column)
        if value not in known:
            raise self._bad(column)
        return value

    def text(self, column: str) -> str:
        value = self._row[column]
        if not isinstance(value, str):
            raise self._bad(column)
        return value

    def number(self, column: str) -> float | None:
        value = self._row[column]
        if value is not None and not isinstance(value, (int, float)):
            raise self._bad(column)
        return value

    def integer(self, column: str) -> int | None:
        value = self._row[column]
        if value is not None and not isinstance(value, int):
            raise self._bad(column)
        return value

    def artifacts(self, column: str) -> bool:
        """Whether there may be artifacts among these values."""
        return ARTIFACT in self.text(column)

    def values(self, column: str) -> dict[str, Value]:
        try:
            return unpack(self.text(column), self._root)
        except ValueError:
            raise self._bad(column) from None

    def data(self, column: str) -> dict[str, Any]:
        try:
            return unpack_data(self.text(column))
        except ValueError:
            raise self._bad(column) from None

    def state(self) -> TaskState:
        return cast("TaskState", self.one_of("state", get_args(TaskState)))

    def attempt(self, starts: Sequence[float]) -> Attempt:
        folder = os.path.join(self._folder, self.text("folder"))
        started = self.number("started") or 0.0
        return Attempt(
            self.integer("number") or 0,
            self.state(),
            folder,
            attempt_log(folder),
            started,
            self.number("finished"),
            self.integer("exit_code"),
            self.text("message"),
            max(0, bisect_right(starts, started) - 1),
        )

    def task(self, attempts: Sequence[Attempt], order: int, item: str) -> Task:
        return Task(
            name=self.text("name"),
            component=self.text("component"),
            state=self.state(),
            order=order,
            attempts=tuple(attempts),
            message=self.text("message"),
            exit_code=self.integer("exit_code"),
            started=self.number("started"),
            finished=self.number("finished"),
            reused=cast("Reused", self.one_of("reused", get_args(Reused))),
            source_run=self.text("source_run"),
            item=item,
            inputs=self.values("inputs"),
            outputs=self.values("outputs"),
            key=self.text("key"),
            key_parts=self.data("key_parts"),
        )
