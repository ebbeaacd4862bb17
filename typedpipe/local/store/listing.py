"""Index of a store's runs: what listings, garbage collection and explanations need of each, without opening it.

It is a cache. A row counts only while the files of its run have the stat that they had when it was written, so a run
that was resumed, repaired, edited, replaced or removed by hand, or copied with the store, is read again. A missing,
corrupted, outdated or locked index costs time and nothing else.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from typedpipe.local.store.cache_table import kept_digests
from typedpipe.local.store.database import database_uri
from typedpipe.local.store.index import INDEX, values_of_tasks
from typedpipe.local.store.model import StoredRun
from typedpipe.local.store.objects import Objects
from typedpipe.local.store.problems import is_damage
from typedpipe.local.store.rows import pack, unpacked
from typedpipe.runs.metrics import metrics_of
from typedpipe.runs.model import RunState
from typedpipe.types.json_text import json_data, json_text

FILE = "runs.sqlite"
VERSION = 2
"""``PRAGMA user_version``. An index of another version is not read; one of an older version is replaced."""
BUSY_SECONDS = 0.5
"""Time to wait for another writer: its rows are as good as ours."""
_SCHEMA = """
CREATE TABLE runs (
    name TEXT PRIMARY KEY, stamp TEXT NOT NULL, pipeline TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL,
    finished REAL, message TEXT NOT NULL, rest TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE details (
    name TEXT PRIMARY KEY, stamp TEXT NOT NULL, ran TEXT NOT NULL, keys TEXT NOT NULL, objects TEXT NOT NULL,
    metrics TEXT NOT NULL
)
"""
_REST = ("arguments", "settings", "facts", "tags", "note", "paused")
_FILES = (f"{os.sep}run.json", f"{os.sep}{INDEX}")
_LOG = f"{os.sep}{INDEX}-wal"
_decode = json.JSONDecoder().decode
Stamp: TypeAlias = str


@dataclass(frozen=True, slots=True)
class Details:
    """Summary of the tasks of a run that has ended."""

    ran: Sequence[str]
    """Tasks that ran: not those whose results came from the cache."""
    keys: Sequence[str]
    """Cache keys."""
    objects: Sequence[str]
    """Digests of the artifacts that it refers to."""
    metrics: Mapping[str, Any]
    """Metrics by name, as :func:`typedpipe.runs.metrics.metrics_of` returns them."""


def stamp_of(folder: str) -> Stamp:
    """Stat of the files of a run that a row is made from. Take it before the files are read."""
    found = "".join([_seen(folder + name) for name in _FILES])
    try:
        seen = os.stat(folder + _LOG)
    except OSError:
        return found
    # Rows that are not in the main file yet; a reader leaves an empty file for a moment.
    return f"{found}{seen.st_size}.{seen.st_mtime_ns}" if seen.st_size else found


def has_record(stamp: Stamp, folder: str) -> bool:
    """Whether the record of a run is the one that the stamp was taken of: all that never changes is in it."""
    return stamp.startswith(_seen(folder + _FILES[0]))


def _seen(path: str) -> str:
    try:
        seen = os.stat(path)
    except OSError:
        return "- "
    return f"{seen.st_ino}.{seen.st_size}.{seen.st_mtime_ns}.{seen.st_ctime_ns} "


class Listing:
    """The index of one store. No method raises: what cannot be read is missing, what cannot be written is lost."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._path = os.path.join(root, FILE)
        self._connection: sqlite3.Connection | None = None
        self._usable = True

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # ---------------------------------------------------------------------------------------------- reading

    def rows(self) -> dict[str, Sequence[Any]]:
        """All rows, by the run's name: :meth:`stamp` and :meth:`run` read one."""
        return {row[0]: row for row in self._query("SELECT * FROM runs")}

    @staticmethod
    def stamp(row: Sequence[Any]) -> Stamp:
        return str(row[1])

    def ages(self) -> dict[str, tuple[Stamp, float, str]]:
        """Stamp, creation time and pipeline of each run, by its name."""
        found = self._query("SELECT name, stamp, created, pipeline FROM runs")
        return {name: (stamp, created, pipeline) for name, stamp, created, pipeline in found}

    def run(self, row: Sequence[Any]) -> StoredRun | None:
        """The run of a row; None if the row was not written by this module."""
        name, _, pipeline, state, created, finished, message, rest = row
        try:
            more: dict[str, Any] = _decode(rest)
            return StoredRun(
                name=name,
                pipeline=pipeline,
                key=f"{self._root}{os.sep}runs{os.sep}{name}",
                state=cast("RunState", state),
                created=created,
                finished=finished,
                message=message,
                outputs=unpacked(more["outputs"], self._root),
                arguments=more["arguments"],
                settings=more["settings"],
                facts=more["facts"],
                tags=more["tags"],
                note=more["note"],
                paused=more["paused"],
            )
        except (ValueError, KeyError, TypeError):
            return None

    def details(self, name: str, stamp: Stamp) -> Details | None:
        """Summary of a run's tasks, if the index has it."""
        found = self._query("SELECT * FROM details WHERE name = ? AND stamp = ?", name, stamp)
        return _details(found[0]) if found else None

    def references(self) -> dict[tuple[str, Stamp], tuple[Sequence[str], Sequence[str]]]:
        """Cache keys and digests of artifacts that each run refers to, by name and stamp."""
        found = self._query("SELECT name, stamp, keys, objects FROM details")
        return {(name, stamp): (_lines(keys), _lines(objects)) for name, stamp, keys, objects in found}

    def ran(self, task: str) -> dict[tuple[str, Stamp], bool]:
        """Whether the task ran in each run, by name and stamp."""
        query = "SELECT name, stamp, instr(char(10) || ran || char(10), char(10) || ? || char(10)) FROM details"
        return {(name, stamp): bool(at) for name, stamp, at in self._query(query, task)}

    # ---------------------------------------------------------------------------------------------- writing

    def put(self, runs: Iterable[tuple[Stamp, StoredRun]], gone: Iterable[str] = ()) -> None:
        """Add the rows of runs that have ended, and delete those of runs that no longer exist."""
        rows = [
            (
                *(run.name, stamp, run.pipeline, run.state, run.created, run.finished, run.message),
                self._rest(run),
            )
            for stamp, run in runs
        ]
        removed = [(name,) for name in gone]
        self._write(
            ("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows),
            ("DELETE FROM runs WHERE name = ?", removed),
            ("DELETE FROM details WHERE name = ?", removed),
        )

    def _rest(self, run: StoredRun) -> str:
        data = {name: getattr(run, name) for name in _REST}
        return json_text(data | {"outputs": json_data(pack(run.outputs, self._root))}, default=dict)

    def put_details(self, found: Iterable[tuple[str, Stamp, Details]]) -> None:
        """Add summaries."""
        rows = [
            (name, stamp, *("\n".join(part) for part in (each.ran, each.keys, each.objects)), json_text(each.metrics))
            for name, stamp, each in found
        ]
        self._write(("INSERT OR REPLACE INTO details VALUES (?, ?, ?, ?, ?, ?)", rows))

    def _write(self, *statements: tuple[str, list[Any]]) -> None:
        if not any(rows for _, rows in statements):
            return
        connection = self._open(create=True)
        if connection is None:
            return
        try:
            connection.execute("BEGIN IMMEDIATE")
            for statement, rows in statements:
                connection.executemany(statement, rows)
            connection.execute("COMMIT")
        except (sqlite3.Error, UnicodeError) as error:
            self._failed(error)

    # ------------------------------------------------------------------------------------------- connection

    def _query(self, query: str, *values: Any) -> list[Sequence[Any]]:
        connection = self._open(create=False)
        if connection is None:
            return []
        try:
            return connection.execute(query, values).fetchall()
        except (sqlite3.Error, UnicodeError) as error:
            self._failed(error)
            return []

    def _open(self, *, create: bool) -> sqlite3.Connection | None:
        if self._connection is not None or not self._usable:
            return self._connection
        exists = os.path.exists(self._path)
        if not exists and not create:
            return None
        writable = os.access(self._root, os.W_OK) and (not exists or os.access(self._path, os.W_OK))
        if not writable and not exists:
            return None
        try:
            self._connection = self._connect(writable=writable)
        except sqlite3.Error as error:
            self._failed(error)
        return self._connection

    def _connect(self, *, writable: bool) -> sqlite3.Connection | None:
        how = "mode=rwc" if writable else "immutable=1"
        connection = sqlite3.connect(
            database_uri(self._path, how),
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            version: int = connection.execute("PRAGMA user_version").fetchone()[0]
            if writable:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=OFF")  # after a power failure, it is made again
            if version < VERSION and writable:
                _create(connection)
            elif version != VERSION:
                self._usable = False  # of a later typedpipe: it stays as it is
                connection.close()
                return None
        except BaseException:  # Ctrl-C, too
            connection.close()
            raise
        return connection

    def _failed(self, error: Exception) -> None:
        """Go on without the index; a corrupted one is removed, so that the next command makes it again."""
        self._usable = False
        self.close()
        if isinstance(error, sqlite3.Error) and is_damage(error):
            for end in ("", "-wal", "-shm"):
                try:
                    os.unlink(self._path + end)
                except OSError:
                    continue


def summarized(run: StoredRun, objects: Objects) -> Details:
    """The summary of a run's tasks.

    Raises:
        PipelineError: TP604, the index of the run is missing or corrupted.
    """
    tasks = values_of_tasks(run)
    values = [run.outputs, *(part for task in tasks for part in (task.outputs, task.inputs))]
    return Details(
        [task.name for task in tasks if task.ran],
        list(dict.fromkeys(task.key for task in tasks if task.key)),
        list(dict.fromkeys(digest for part in values for digest in kept_digests(part, objects))),
        metrics_of(tasks),
    )


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("PRAGMA user_version").fetchone()[0] < VERSION:  # nobody was faster
        for table in ("runs", "details"):
            connection.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("COMMIT")


def _lines(text: str) -> Sequence[str]:
    return text.split("\n") if text else ()


def _details(row: Sequence[Any]) -> Details | None:
    try:
        return Details(_lines(row[2]), _lines(row[3]), _lines(row[4]), json_data(row[5]))
    except (ValueError, AttributeError):
        return None
