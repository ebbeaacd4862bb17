"""Logs of running tasks, read in chunks as they grow, so that memory does not grow with them."""

from __future__ import annotations

import os
from collections.abc import Iterator

from typedpipe.local.store.regular import regular

PIECE = 1 << 16
TURN = 16 * PIECE
"""Maximum number of bytes read from one log before another one's turn."""


class Tail:
    """Follows one log file.

    The file may not exist yet, and it may be removed; neither is an error.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.offset = 0
        self._fd = -1

    def read(self, limit: int = TURN) -> Iterator[tuple[int, bytes]]:
        """New content since the last call, at most about ``limit`` bytes (0: all): chunks with their offsets."""
        if self._fd < 0:
            try:
                self._fd = regular(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            except OSError:
                return
        stop = self.offset + limit
        while not limit or self.offset < stop:
            data = os.read(self._fd, PIECE)
            if not data:
                return
            offset, self.offset = self.offset, self.offset + len(data)
            yield offset, data

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
