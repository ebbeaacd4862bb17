"""Files and directories of artifacts: validation, ownership, copying, comparison and removal."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from typedpipe.local.store.problems import StoreRefused, refused
from typedpipe.runtime.task import MARKER, describe, open_up, stamp

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
"""Permissions that the owner always has: a copy of an artifact, which has its modes, is then the copier's to change."""
_OTHERS = 0o075
"""Permissions of others that are kept: nobody but the owner's group may be allowed to write to an artifact."""
_SIGNED = (1 << 63) - 1
"""A database's integers are signed; the inodes of a few file systems exceed that."""
_KINDS = {stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a pipe", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}


@dataclass(frozen=True, slots=True)
class Stat:
    """File metadata that changes when an artifact is modified. ``tree`` summarizes a directory; "" for a file."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    tree: str = ""


def stat_of(path: str) -> Stat:
    """The stat of a file, or of a directory with all its contents.

    Raises:
        OSError: nothing exists at the path.
    """
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode):
        return Stat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino & _SIGNED)
    total = blake2b(digest_size=16)
    for name, entry in entries(path):
        info = entry.stat(follow_symlinks=False)
        numbers = (info.st_mode, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)
        total.update(os.fsencode(name) + repr(numbers).encode())
    return Stat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino & _SIGNED, total.hexdigest())


def entries(path: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """All entries below a directory, by relative path; a directory comes before its contents."""
    pending = [""]
    while pending:
        above = pending.pop()
        with os.scandir(os.path.join(path, above)) as found:
            listed = sorted(found, key=lambda entry: entry.name)
        for entry in listed:
            name = f"{above}/{entry.name}" if above else entry.name
            yield name, entry
            if entry.is_dir(follow_symlinks=False):
                pending.append(name)


def describe_artifact(path: str, name: str) -> tuple[str, tuple[str, int, list[str]]]:
    """Stamp, and digest, size and empty directories, of a container's artifact; ``runtime.task.describe`` after
    :func:`resolve_links`.

    Raises:
        StoreRefused: it contains something that cannot be stored. ``name`` is the artifact's name in the message.
    """
    open_up(path)
    resolve_links(path, name)
    check_kinds(path, name)
    return stamp(path), describe(path)


def resolve_links(path: str, name: str) -> None:
    """Replace links in an artifact by the content that they point to: a store has no links, locally or in a cluster.

    Raises:
        StoreRefused: a link points out of the artifact, to nothing, or to a directory above it.
    """
    if os.path.islink(path):
        raise _link(name, "", path, "is a link")
    if not os.path.isdir(path):
        return
    real = os.path.realpath(path)
    links = [(entry, os.path.join(path, entry)) for entry, found in entries(path) if found.is_symlink()]
    targets = [_target(name, entry, link, real) for entry, link in links]
    for (_, link), target in zip(links, targets, strict=True):
        _copy_following(target, f"{link}.typedpipe")
    for _, link in links:
        os.unlink(link)
        os.rename(f"{link}.typedpipe", link)


def _target(name: str, entry: str, link: str, real: str) -> str:
    target = os.path.realpath(link)
    if target != real and not target.startswith(real + os.sep):
        raise _link(name, entry, link, "points outside the artifact")
    if not os.path.exists(target):
        raise _link(name, entry, link, "has no target")
    if f"{os.path.realpath(os.path.dirname(link))}{os.sep}".startswith(target + os.sep):
        raise _link(name, entry, link, "points to a directory above it")
    return target


def _copy_following(source: str, target: str) -> None:
    if os.path.isdir(source):
        shutil.copytree(source, target, copy_function=shutil.copy)
    else:
        shutil.copy(source, target)


def _link(name: str, entry: str, link: str, why: str) -> StoreRefused:
    place = f"`{entry}` in it" if entry else "it"
    return refused(
        f"the artifact `{name}` cannot be stored: {place} {why} (to `{os.readlink(link)}`)",
        "write a copy of the file instead: an artifact must contain all of its content",
    )


def check_kinds(path: str, name: str) -> None:
    """Reject anything that is neither a file nor a directory.

    Raises:
        StoreRefused: names the entry.
    """
    found = os.lstat(path)
    if stat.S_ISDIR(found.st_mode):
        for entry, info in entries(path):
            if not info.is_file(follow_symlinks=False) and not info.is_dir(follow_symlinks=False):
                _refuse(os.path.join(path, entry), name, entry)
    elif not stat.S_ISREG(found.st_mode):
        _refuse(path, name, "")


def _refuse(path: str, name: str, entry: str) -> None:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        raise _link(name, entry, path, "is a link")
    kind = _KINDS.get(stat.S_IFMT(mode), "not a file")
    place = f"`{entry}` in it" if entry else "it"
    raise refused(
        f"the artifact `{name}` cannot be stored: {place} is {kind}",
        "an artifact is a file or a directory of files and directories; create sockets and pipes elsewhere",
    )


def own(path: str) -> None:
    """Make an artifact the store's own: no link to it from elsewhere, no markers, readable and writable by its owner.

    The execute bits and what others may do are as the task set them, without permission to write. A file with another
    hard link is replaced by a copy: otherwise the owner of the other link could continue to write to it.
    """
    if not os.path.isdir(path):
        _own_file(path)
        return
    _set_mode(path, os.lstat(path).st_mode, _FOLDER_MODE)
    for _, entry in entries(path):
        if entry.is_dir(follow_symlinks=False):
            _set_mode(entry.path, entry.stat(follow_symlinks=False).st_mode, _FOLDER_MODE)
        elif entry.name == MARKER:  # only an object store needs it
            os.unlink(entry.path)
        else:
            _own_file(entry.path)


def _own_file(path: str) -> None:
    found = os.lstat(path)
    if found.st_nlink > 1:
        scratch = f"{path}.typedpipe"
        shutil.copyfile(path, scratch)
        os.replace(scratch, path)
    _set_mode(path, found.st_mode, _FILE_MODE, known=found.st_nlink == 1)


def _set_mode(path: str, found: int, least: int, *, known: bool = True) -> None:
    wanted = found & _OTHERS | found & 0o700 | least
    if not known or stat.S_IMODE(found) != wanted:
        os.chmod(path, wanted)


def add_modes(path: str, new: str) -> None:
    """Give an artifact the permissions of an equal one, in addition to its own.

    Modes are no part of a digest: a tool that one task made executable may be stored already as another task's text.

    Raises:
        OSError: the artifact belongs to another user.
    """
    names = [""] if not os.path.isdir(path) else ["", *(name for name, _ in entries(path))]
    for name in names:
        mine, other = os.path.join(path, name) if name else path, os.path.join(new, name) if name else new
        had = stat.S_IMODE(os.lstat(mine).st_mode)
        wanted = had | stat.S_IMODE(os.lstat(other).st_mode) & (_OTHERS | 0o700)
        if wanted != had:
            os.chmod(mine, wanted)


def copy(source: str, target: str) -> None:
    """Copy an artifact; links, which do not exist after :func:`check_kinds`, are not followed."""
    if os.path.isdir(source):
        shutil.copytree(source, target, symlinks=True, copy_function=shutil.copy)
    else:
        shutil.copy(source, target)


def sync(path: str) -> None:
    """Sync a file or directory to disk, with all its contents."""
    if os.path.isdir(path):
        for _, entry in entries(path):
            if not entry.is_symlink():
                _fsync(entry.path)
    _fsync(path)


def _fsync(path: str) -> None:
    if os.name == "nt" and os.path.isdir(path):
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_writable(path: str) -> None:
    """Make one directory writable for its owner; objects of older versions are not, and could not be moved."""
    if os.path.isdir(path) and not os.path.islink(path):
        _set_mode(path, os.stat(path).st_mode, _FOLDER_MODE)


def remove(path: str) -> None:
    """Remove a file or directory, read-only or not.

    Raises:
        OSError: it cannot be removed.
    """
    if os.path.islink(path) or not os.path.isdir(path):
        os.unlink(path)
        return
    make_writable(path)
    for _, entry in entries(path):
        if entry.is_dir(follow_symlinks=False):
            make_writable(entry.path)
    shutil.rmtree(path)


def size_of(path: str) -> int:
    """Size in bytes of a file, or of all files in a directory; files that disappear meanwhile are not counted."""
    try:
        if not os.path.isdir(path) or os.path.islink(path):
            return os.lstat(path).st_size
        return sum(
            e.stat(follow_symlinks=False).st_size for _, e in entries(path) if not e.is_dir(follow_symlinks=False)
        )
    except OSError:
        return 0
