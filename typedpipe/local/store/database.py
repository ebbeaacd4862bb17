"""A SQLite file: connections for writing and reading, and rows that are written in groups."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.local.failpoints import reach
from typedpipe.local.store.problems import is_damage, newer, sqlite_reason
from typedpipe.runs.problems import cannot_write

FORMAT = 1
"""Format version of the store and of each database in it (``PRAGMA user_version``)."""
BUSY_SECONDS = 30.0
Damaged: TypeAlias = Callable[[str, str], PipelineError]
"""Creates the diagnostic of a corrupted file from its path and the reason."""


def guarded(path: str, damaged: Damaged, error: sqlite3.Error) -> PipelineError:
    """The diagnostic for an error of SQLite."""
    if is_damage(error):
        return damaged(path, sqlite_reason(error))
    return cannot_write(path, sqlite_reason(error))


class Database:
    """The single writer of a file. Rows wait in memory until :meth:`commit`, so that no lock is held between turns."""

    def __init__(self, path: str, schema: str, damaged: Damaged, *, durable: bool = False) -> None:
        self.path = path
        self._schema = schema
        self._damaged = damaged
        self._durable = durable
        self._pending: list[tuple[str, tuple[Any, ...]]] = []
        self._open_connection: sqlite3.Connection | None = None

    @property
    def _connection(self) -> sqlite3.Connection:
        """Connection, opened on first use: most commands that open a store need no cache."""
        if self._open_connection is None:
            self._open_connection = self.open()
        return self._open_connection

    def open(self) -> sqlite3.Connection:
        """Open the file, creating it if missing; if it is not writable, it is read into memory, and a commit raises.

        Raises:
            PipelineError: it is corrupted, or has a newer format.
        """
        folder = os.path.dirname(self.path)
        writable = os.access(folder, os.W_OK) and (not os.path.exists(self.path) or os.access(self.path, os.W_OK))
        try:
            connection = _connect(self.path if writable else ":memory:")
        except sqlite3.Error as error:
            raise guarded(self.path, self._damaged, error) from None
        try:
            self._set_up(connection, writable=writable)
        except sqlite3.Error as error:
            connection.close()
            raise guarded(self.path, self._damaged, error) from None
        except BaseException:  # Ctrl-C, too
            connection.close()
            raise
        return connection

    def _set_up(self, connection: sqlite3.Connection, *, writable: bool) -> None:
        execute = connection.execute
        if writable:
            execute("PRAGMA journal_mode=WAL")
            execute(f"PRAGMA synchronous={'FULL' if self._durable else 'NORMAL'}")
        elif os.path.exists(self.path):
            with _readable(self.path) as source:
                source.backup(connection)
        complete = check_version(connection, self.path) and self._has_all_tables(connection)
        if not complete:  # new, or written by a version that had fewer tables
            execute("BEGIN IMMEDIATE")
            for statement in self._schema.split(";"):
                execute(statement)
            execute(f"PRAGMA user_version={FORMAT}")
            execute("COMMIT")
        if not writable:
            execute("PRAGMA query_only=1")

    def _has_all_tables(self, connection: sqlite3.Connection) -> bool:
        found: int = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0]
        return found >= self._schema.count("CREATE TABLE")

    def write(self, statement: str, *values: Any) -> None:
        """Queue a statement for the next commit."""
        self._pending.append((statement, values))

    def commit(self) -> None:
        """Write all queued rows in one transaction. Rows that could not be written stay queued.

        Raises:
            PipelineError: the file cannot be written.
        """
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        execute = self._connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            for statement, values in pending:
                execute(statement, values)
            reach("rows-written")
            execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.rollback()
            self._pending = pending + self._pending
            raise guarded(self.path, self._damaged, error) from None
        reach("rows-committed")

    def at_once(self, statement: str, *values: Any) -> int:
        """Execute a statement now, in its own transaction; return the number of changed rows."""
        try:
            return self._connection.execute(statement, values).rowcount
        except sqlite3.Error as error:
            raise guarded(self.path, self._damaged, error) from None

    def row(self, query: str, *values: Any) -> Sequence[Any] | None:
        """The first row of committed data."""
        try:
            found: Sequence[Any] | None = self._connection.execute(query, values).fetchone()
        except sqlite3.Error as error:
            raise guarded(self.path, self._damaged, error) from None
        return found

    def rows(self, query: str, *values: Any) -> list[Sequence[Any]]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise guarded(self.path, self._damaged, error) from None

    def close(self) -> None:
        """Close the file; queued rows are not written."""
        if self._open_connection is not None:
            self._open_connection.close()
            self._open_connection = None


def _connect(name: str) -> sqlite3.Connection:
    uri = name.startswith("file:")
    return sqlite3.connect(name, uri=uri, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


@contextmanager
def reading(path: str, damaged: Damaged) -> Generator[sqlite3.Connection]:
    """Open a file for reading while another process writes it, or in a directory that is not writable.

    Raises:
        PipelineError: it is corrupted, or has a newer version; also from within the block.
    """
    try:
        with _readable(path) as connection:
            check_version(connection, path)
            yield connection
    except sqlite3.Error as error:
        raise guarded(path, damaged, error) from None


@contextmanager
def _readable(path: str) -> Generator[sqlite3.Connection]:
    """A read-only connection.

    If the directory is writable, SQLite creates its side files and recovers what a killed writer left. Otherwise, the
    file is opened as immutable; rows of a killed writer are then read from a copy.
    """
    folder, name = os.path.split(path)
    if os.access(folder, os.W_OK) and os.access(path, os.W_OK):
        with _connection(path, "mode=rw") as connection:
            yield connection
    elif os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal"):
        with tempfile.TemporaryDirectory(prefix="typedpipe-") as place:
            for end in ("", "-wal"):
                shutil.copyfile(path + end, os.path.join(place, name + end))
            with _connection(os.path.join(place, name), "mode=rw") as connection:
                yield connection
    else:
        with _connection(path, "immutable=1") as connection:
            yield connection


def database_uri(path: str, how: str) -> str:
    """SQLite's URI of a file; the name of a directory need not be text.

    >>> database_uri("/a ?/run.sqlite", "mode=rw")
    'file:/a%20%3F/run.sqlite?mode=rw'
    """
    return f"file:{quote(os.fsencode(Path(path).as_posix()))}?{how}"


@contextmanager
def _connection(path: str, how: str) -> Generator[sqlite3.Connection]:
    connection = _connect(database_uri(path, how))
    try:
        connection.execute("PRAGMA query_only=1")
        yield connection
    finally:
        connection.close()


def check_version(connection: sqlite3.Connection, path: str) -> int:
    """The format of a file; 0 if it is still empty.

    Raises:
        PipelineError: TP602, it has a newer format.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT:
        raise newer(path, version, FORMAT)
    return version
