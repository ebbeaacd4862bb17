"""Cache entries: outputs of tasks by key, so that the same task with the same inputs need not run again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from typedpipe.local.store.database import Database
from typedpipe.local.store.locks import is_running
from typedpipe.local.store.objects import Objects
from typedpipe.local.store.problems import damaged_cache
from typedpipe.local.store.rows import pack, unpack
from typedpipe.runs.model import ArtifactRef, Value

SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
    key TEXT PRIMARY KEY, outputs TEXT NOT NULL, run TEXT NOT NULL, task TEXT NOT NULL, component TEXT NOT NULL,
    time REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    digest TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL,
    inode INTEGER NOT NULL, tree TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, run TEXT NOT NULL, time REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS imports (path TEXT PRIMARY KEY, stat TEXT NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Hit:
    """A cache hit: the outputs and the task that produced them."""

    outputs: Mapping[str, Value]
    source_run: str
    task: str


class CacheTable:
    """Cache entries of a store. New entries are visible to this process at once, to others after :meth:`commit`."""

    def __init__(self, root: str, database: Database, objects: Objects) -> None:
        self._root = root
        self._database = database
        self._objects = objects
        self._fresh: dict[str, Hit] = {}
        self._imports: dict[str, tuple[str, str]] = {}

    def find(self, key: str) -> Hit | None:
        """The entry of a key, if its artifacts are present and unchanged; one with missing artifacts is deleted."""
        hit = self._fresh.get(key)
        if hit is None:
            row = self._database.row("SELECT outputs, run, task FROM results WHERE key = ?", key)
            if row is None:
                return None
            try:
                hit = Hit(unpack(row[0], self._root), row[1], row[2])
            except ValueError:  # edited by hand
                hit = None
        if hit is None or not all(self._objects.intact(digest) for digest in kept_digests(hit.outputs, self._objects)):
            self.forget([key])
            return None
        return hit

    def put(self, key: str, outputs: Mapping[str, Value], run: str, task: str, component: str) -> None:
        """Add an entry with the next commit; the latest one of a key is kept."""
        self._fresh[key] = Hit(outputs, run, task)
        self._database.write(
            "INSERT OR REPLACE INTO results (key, outputs, run, task, component, time) VALUES (?, ?, ?, ?, ?, ?)",
            key,
            pack(outputs, self._root),
            run,
            task,
            component,
            time.time(),
        )

    def forget(self, keys: Iterable[str]) -> None:
        """Delete entries with the next commit."""
        for key in keys:
            self._fresh.pop(key, None)
            self._database.write("DELETE FROM results WHERE key = ?", key)

    def keys(self) -> list[str]:
        """All keys with a committed entry."""
        return [str(row[0]) for row in self._database.rows("SELECT key FROM results")]

    def commit(self) -> None:
        """Write new and deleted entries, and updated stats of objects.

        Raises:
            PipelineError: the file cannot be written.
        """
        self._database.commit()
        self._fresh.clear()

    # --------------------------------------------------------------------------------------------- imports

    def recall(self, path: str, stat: str) -> str | None:
        """The digest of an imported file or directory that still has this stat."""
        known = self._imports.get(path)
        if known is None:
            row = self._database.row("SELECT stat, digest FROM imports WHERE path = ?", path)
            if row is None:
                return None
            known = self._imports[path] = (str(row[0]), str(row[1]))
        return known[1] if known[0] == stat else None

    def remember(self, path: str, stat: str, digest: str) -> None:
        """Remember a digest from the next commit on."""
        self._imports[path] = (stat, digest)
        self._database.write("INSERT OR REPLACE INTO imports (path, stat, digest) VALUES (?, ?, ?)", path, stat, digest)

    # ---------------------------------------------------------------------------------------------- claims

    def claim(self, key: str, run: str) -> bool:
        """Announce at once that a run computes this key; return False if another live run does."""
        now = time.time()
        if self._database.at_once("INSERT OR IGNORE INTO claims (key, run, time) VALUES (?, ?, ?)", key, run, now):
            return True
        owner = self.claimed_by(key)
        if owner == run:
            return True
        if owner is not None and is_running(os.path.join(self._root, "runs", owner)):
            return False
        taken = "UPDATE claims SET run = ?, time = ? WHERE key = ? AND run = ?"
        if owner is not None and self._database.at_once(taken, run, now, key, owner):
            return True
        return owner is None and self.claim(key, run)

    def claimed_by(self, key: str) -> str | None:
        """The run that computes the key."""
        row = self._database.row("SELECT run FROM claims WHERE key = ?", key)
        return None if row is None else str(row[0])

    def release(self, key: str, run: str) -> None:
        """Release the claim of a run on the key from the next commit on, which also has the result."""
        self._database.write("DELETE FROM claims WHERE key = ? AND run = ?", key, run)

    def release_all(self, run: str) -> None:
        """Release all claims of a finished run, with the next commit."""
        self._database.write("DELETE FROM claims WHERE run = ?", run)

    def close(self) -> None:
        self._database.close()


def cache_database(root: str, *, durable: bool = False) -> Database:
    """Database file of a store's cache."""
    return Database(os.path.join(root, "cache.sqlite"), SCHEMA, damaged_cache, durable=durable)


def artifacts_of(value: Value) -> Iterator[ArtifactRef]:
    """Artifacts in a value.

    >>> [item.path for item in artifacts_of((ArtifactRef("/a", {}), None))]
    ['/a']
    """
    if isinstance(value, ArtifactRef):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from artifacts_of(item)


def kept_digests(values: Mapping[str, Value], objects: Objects) -> Iterator[str]:
    """Digests of those artifacts among the values that are objects."""
    for value in values.values():
        if not isinstance(value, str):
            for item in artifacts_of(value):
                digest = item.descriptor.get("digest")
                if isinstance(digest, str) and digest and objects.holds(item.path):
                    yield digest
