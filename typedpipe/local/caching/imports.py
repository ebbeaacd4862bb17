"""Content of imported files and directories, which are not copied: it is read again only if their stat has changed.

The stat includes the change time (ctime), which no program can set back. A file that was changed within the last
moments is read each time: its next change might not show in the time.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from typedpipe.installed.trees import file_digest

LARGE = 1 << 30
"""Imports with more bytes in total are known by their stat alone: reading them takes longer than most tasks."""
SETTLED = 2.0
"""Seconds after which another change certainly has another time."""
_KINDS = {stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a pipe", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}


class NotContent(Exception):
    """Something that has no content; the message says why."""


class Memory(Protocol):
    """Remembers digests by path and stat."""

    def recall(self, path: str, stat: str) -> str | None: ...
    def remember(self, path: str, stat: str, digest: str) -> None: ...


@dataclass(slots=True)
class Forgetful:
    """Remembers digests for its own lifetime."""

    _known: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def recall(self, path: str, stat: str) -> str | None:
        return self._known.get((path, stat))

    def remember(self, path: str, stat: str, digest: str) -> None:
        self._known[path, stat] = digest


def content_of(path: str, memory: Memory) -> str:
    """Identity of the content of a file, or of a directory with all that is in it; links are followed.

    Raises:
        NotContent: it contains something that is neither a file nor a directory.
        OSError: it cannot be read.
    """
    began = time.time()
    files = list(_files(path))
    size = sum(seen.st_size for _, seen in files)
    total = sha256()
    for name, seen in files:
        total.update(f"{name}\0{_stat(seen)}\n".encode("utf-8", "surrogateescape"))
    known = total.hexdigest()
    if size > LARGE:
        return f"stat:{known}"
    place = os.path.abspath(path)
    digest = memory.recall(place, known)
    if digest is None:
        digest = _digest(path, files)
        if all(max(seen.st_mtime, seen.st_ctime) < began - SETTLED for _, seen in files):
            memory.remember(place, known, digest)
    return f"sha256:{digest}"


def state_of(path: str) -> str:
    """State of a file or directory that no longer is the same when something has written to it; "" if it is not known.

    Permissions, links to it and times of access do not count.
    """
    try:
        seen = [
            f"{name}\0{s.st_size} {s.st_mtime_ns} {s.st_dev} {s.st_ino}" for name, s in _files(path) if name[-1:] != "/"
        ]
    except (OSError, NotContent):
        return ""
    return sha256("\n".join(seen).encode("utf-8", "surrogateescape")).hexdigest()


def _stat(seen: os.stat_result) -> str:
    return f"{seen.st_mode} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns} {seen.st_dev} {seen.st_ino}"


def _files(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """Entries below a path, by relative name, sorted; directories end with a slash, and a file itself is ""."""
    top = os.stat(path)
    if not stat.S_ISDIR(top.st_mode):
        _check(path, top)
        yield "", top
        return
    pending = [("", frozenset({(top.st_dev, top.st_ino)}))]
    while pending:
        above, around = pending.pop()
        for name in sorted(os.listdir(os.path.join(path, above))):
            relative = f"{above}{name}"
            place = os.path.join(path, relative)
            seen = os.stat(place)
            if not stat.S_ISDIR(seen.st_mode):
                _check(place, seen)
                yield relative, seen
                continue
            itself = (seen.st_dev, seen.st_ino)
            if itself in around:
                raise NotContent(f"{place} is a link to a directory above it")
            yield f"{relative}/", seen
            pending.append((f"{relative}/", around | {itself}))


def _check(path: str, seen: os.stat_result) -> None:
    kind = _KINDS.get(stat.S_IFMT(seen.st_mode))
    if kind is not None:
        raise NotContent(f"{path} is {kind}")


def _digest(path: str, files: list[tuple[str, os.stat_result]]) -> str:
    if len(files) == 1 and not files[0][0]:
        return file_digest(path)
    found = sha256()
    for name, _ in files:
        content = "" if name.endswith("/") else file_digest(os.path.join(path, name))
        found.update(f"{name}\0{content}\n".encode("utf-8", "surrogateescape"))
    return found.hexdigest()
