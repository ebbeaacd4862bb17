"""Artifacts by content: each is stored once, under its digest, and never overwritten."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import suppress

from typedpipe.local.failpoints import reach
from typedpipe.local.store import tree
from typedpipe.local.store.database import Database
from typedpipe.local.store.problems import refused
from typedpipe.local.store.tree import Stat, stat_of
from typedpipe.runs.problems import os_problem
from typedpipe.runtime.task import describe, stamp

_HEX = frozenset("0123456789abcdef")
SCRATCH = ".new-"
"""Prefix of entries in ``objects`` that are being added or removed; garbage once their process has exited."""
_REMEMBER = "INSERT OR REPLACE INTO objects (digest, size, mtime, ctime, inode, tree) VALUES (?, ?, ?, ?, ?, ?)"


SHARED_MEMORY = "-shm"
"""Ending of a file that SQLite keeps while a database is open: an index, without content of its own."""


def _is_hex(text: str, length: int) -> bool:
    return len(text) == length and _HEX.issuperset(text)


def _is_beside(name: str, artifact: str) -> bool:
    return name.startswith(artifact) and name != artifact


class Objects:
    """The artifacts of a store. Digests are those of descriptors: ``sha256:`` and 64 hex digits."""

    def __init__(self, root: str, database: Database, *, durable: bool = False) -> None:
        self._root = root
        self._folder = os.path.join(root, "objects")
        self._database = database
        self._durable = durable
        self._known: dict[str, Stat] = {}

    def path(self, digest: str) -> str:
        """Path of the artifact with this digest, whether it exists or not.

        Raises:
            ValueError: it is not a digest.
        """
        kind, _, digits = digest.partition(":")
        if kind != "sha256" or not _is_hex(digits, 64):
            raise ValueError(f"`{digest}` is not a digest")
        return f"{self._folder}{os.sep}{digits[:2]}{os.sep}{digits[2:]}"

    def has(self, digest: str) -> bool:
        return os.path.exists(self.path(digest))

    def holds(self, path: str | None) -> bool:
        """Whether a path refers to an object, of this store or of its former location."""
        return path is not None and path.startswith(self._folder + os.sep)

    # ------------------------------------------------------------------------------------------ publishing

    def publish(self, path: str, digest: str, seen: str = "", *, name: str = "") -> str:
        """Move an artifact into the store and return its path; the original is removed. An equal one is kept.

        Args:
            path: A file or directory that is no longer written to.
            digest: Of its content.
            seen: Its stamp when the digest was computed; if it has changed since, the artifact is rejected.
            name: Its name in messages. Default: its path.

        Raises:
            StoreRefused: it contains something that cannot be stored, or has changed.
            PipelineError: TP601, the store cannot be written.
        """
        place = self.path(digest)
        name = name or path
        try:
            if seen and stamp(path) != seen:
                raise refused(
                    f"the artifact `{name}` was modified after its task ended",
                    "wait in the task for the processes and threads that it starts",
                )
            tree.check_kinds(path, name)
            self._place(path, place, digest, name)
        except FileNotFoundError as error:
            raise refused(
                f"the artifact `{name}` was removed: `{error.filename}`", "make sure that no other process modifies it"
            ) from None
        except OSError as error:
            raise os_problem(error.filename or self._folder, error) from None
        return place

    def _place(self, path: str, place: str, digest: str, name: str) -> None:
        if os.path.lexists(place):
            if os.path.isdir(place) != os.path.isdir(path):
                raise refused(
                    f"the artifact `{name}` has the same digest as an artifact of a different kind: `{place}`",
                    "a file that contains the list of a directory's digests cannot be stored together with that directory",
                )
            if self.intact(digest):
                with suppress(PermissionError):  # it belongs to another user
                    tree.add_modes(place, path)
                tree.remove(path)
                return
            self.quarantine(digest)
        source = self._owned(path)
        reach("object-owned")
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if self._durable:
            tree.sync(source)
        self._move(source, place)
        reach("object-placed")
        if self._durable:
            tree.sync(os.path.dirname(place))
        for left in {path, source}:
            if os.path.lexists(left):
                tree.remove(left)
        self._remember(digest, stat_of(place))

    def _owned(self, path: str) -> str:
        """Make the artifact the store's; copy it if it belongs to another user or is on another file system."""
        if os.lstat(path).st_dev == os.stat(self._folder).st_dev:
            try:
                tree.own(path)
                return path
            except PermissionError:  # created by another user, in a container
                pass
        scratch = self._scratch()
        tree.copy(path, scratch)
        tree.own(scratch)
        tree.sync(scratch)
        reach("object-copied")
        return scratch

    def _scratch(self) -> str:
        return f"{self._folder}{os.sep}{SCRATCH}{os.getpid()}-{os.urandom(4).hex()}"

    @staticmethod
    def _move(source: str, place: str) -> None:
        """Move it to its final path; if another process was faster, its equal one stays."""
        if os.path.isdir(source):
            try:
                os.rename(source, place)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            return
        try:
            os.link(source, place)  # unlike a rename, it does not replace an existing file
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            os.rename(source, place)
            return
        os.unlink(source)

    # --------------------------------------------------------------------------------------- looking after

    def intact(self, digest: str) -> bool:
        """Whether the artifact is as published. Its content is read only if its stat has changed."""
        place = self.path(digest)
        known = self._stat(digest)
        try:
            now = stat_of(place)
        except OSError:
            return False
        return known == now or self.verify(digest)

    def verify(self, digest: str) -> bool:
        """Whether the artifact's content matches its digest; a match is remembered by its stat."""
        place = self.path(digest)
        try:
            if describe(place)[0] != digest:
                return False
            self._remember(digest, stat_of(place))
        except OSError:
            return False
        return True

    def changed(self, digests: list[str] | tuple[str, ...] | set[str]) -> list[str]:
        """Artifacts that were modified or removed since they were published.

        Call it with a task's inputs when the task has ended, and :meth:`quarantine` the result.
        """
        return [digest for digest in digests if not self.intact(digest)]

    def quarantine(self, digest: str) -> str:
        """Quarantine a changed artifact; return its new path ("" if it no longer exists)."""
        self._forget(digest)
        try:
            return self._set_aside(self.path(digest), digest.partition(":")[2][:16])
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise os_problem(self.path(digest), error) from None

    def _set_aside(self, path: str, name: str) -> str:
        folder = os.path.join(self._root, "quarantine")
        target = os.path.join(folder, f"{name}-{time.time_ns():x}")
        os.makedirs(folder, exist_ok=True)
        tree.make_writable(path)
        os.rename(path, target)
        return target

    def clear_beside(self, digest: str) -> bool:
        """Remove files that a task left next to an artifact; return whether they had content, which is kept aside.

        An artifact is passed to tasks as a link. A library that follows it, such as SQLite, creates its files next to the
        artifact, and would read them together with it for the next task.
        """
        written = False
        for path in self._beside(digest):
            written = self._clear(path) or written
        return written

    def _beside(self, digest: str) -> list[str]:
        folder, name = os.path.split(self.path(digest))
        try:
            return [f"{folder}{os.sep}{other}" for other in os.listdir(folder) if _is_beside(other, name)]
        except OSError:
            return []

    def _clear(self, path: str) -> bool:
        try:
            if path.endswith(SHARED_MEMORY) or not tree.size_of(path):
                tree.remove(path)
                return False
            self._set_aside(path, os.path.basename(path))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise os_problem(path, error) from None
        return True

    def remove(self, digest: str) -> None:
        """Remove an unreferenced artifact."""
        self._forget(digest)
        place, scratch = self.path(digest), self._scratch()
        try:
            tree.make_writable(place)
            os.rename(place, scratch)  # so that nobody ever finds an incomplete artifact
            tree.remove(scratch)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise os_problem(place, error) from None

    def all(self) -> list[str]:
        """Digests of all artifacts; other files are ignored."""
        return [f"sha256:{lead}{rest}" for lead, names in self._folders() for rest in names if _is_hex(rest, 62)]

    def left_beside(self) -> list[str]:
        """Paths of the files that tasks left next to artifacts, see :meth:`clear_beside`."""
        return [
            os.path.join(self._folder, lead, name)
            for lead, names in self._folders()
            for name in names
            if _is_hex(name[:62], 62) and _is_beside(name, name[:62])
        ]

    def _folders(self) -> Iterator[tuple[str, list[str]]]:
        if not os.path.isdir(self._folder):
            return
        for lead in sorted(os.listdir(self._folder)):
            place = os.path.join(self._folder, lead)
            if _is_hex(lead, 2) and os.path.isdir(place):
                yield lead, sorted(os.listdir(place))

    # ------------------------------------------------------------------------------------------ their stats

    def _stat(self, digest: str) -> Stat | None:
        known = self._known.get(digest)
        if known is None:
            row = self._database.row("SELECT size, mtime, ctime, inode, tree FROM objects WHERE digest = ?", digest)
            if row is not None:
                known = self._known[digest] = Stat(*row)
        return known

    def _remember(self, digest: str, seen: Stat) -> None:
        self._known[digest] = seen
        self._database.write(_REMEMBER, digest, seen.size, seen.mtime_ns, seen.ctime_ns, seen.inode, seen.tree)

    def _forget(self, digest: str) -> None:
        self._known.pop(digest, None)
        self._database.write("DELETE FROM objects WHERE digest = ?", digest)
