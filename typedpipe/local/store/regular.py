"""Opening of the files of a store: a pipe or device in the place of a file is an error, and nothing waits for it."""

from __future__ import annotations

import errno
import os
import stat


def regular(path: str, flags: int) -> int:
    """An opener for ``open``: regular files only, since opening a pipe waits for its other end.

    Raises:
        OSError: the file cannot be opened, or is not a regular file.
    """
    fd = os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0), 0o644)
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # of a directory, `open` says that it is one
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "it is not a regular file", path)
