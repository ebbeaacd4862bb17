"""Atomic replacement of files."""

from __future__ import annotations

import errno
import os
import stat


def write_whole(path: str | os.PathLike[str], data: str | bytes) -> None:
    """Write a file in one step: readers see the old content or the new one, and an error leaves the old one.

    Text is written as UTF-8 with its newlines unchanged. An existing file keeps its mode, and one that is read-only is not replaced. A link is followed. A
    pipe or a device is written to directly.

    Raises:
        OSError: the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/a.txt", "new")
    ...     os.listdir(folder)
    ['a.txt']
    """
    raw = data.encode("utf-8") if isinstance(data, str) else data
    target = os.path.realpath(path)
    try:
        found: os.stat_result | None = os.stat(target)
    except FileNotFoundError:
        found = None
    if found is not None and not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        with open(target, "wb") as stream:
            stream.write(raw)
        return
    if found is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), target)
    folder, name = os.path.split(target)
    short = os.fsencode(name)[:200].decode("utf-8", "ignore")  # a name has at most 255 bytes
    scratch = os.path.join(folder, f".{short}.{os.urandom(4).hex()}")
    try:
        with open(scratch, "xb") as stream:
            stream.write(raw)
        if found is not None:
            os.chmod(scratch, stat.S_IMODE(found.st_mode))
        os.replace(scratch, target)
    except BaseException:
        if os.path.lexists(scratch):
            os.unlink(scratch)
        raise
