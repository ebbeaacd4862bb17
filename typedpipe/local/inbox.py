"""Work that other threads have for the engine's thread, which waits for it beside all else."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable


class Inbox:
    """Work in the order in which it came. A selector can wait for it."""

    def __init__(self) -> None:
        self._read, self._write = socket.socketpair()
        self._posted: deque[Callable[[], None]] = deque()

    def fileno(self) -> int:
        return self._read.fileno()

    def post(self, work: Callable[[], None]) -> None:
        """Have something done in the engine's thread."""
        self._posted.append(work)
        self.wake()

    def wake(self) -> None:
        """Let the engine look up; from any thread, and from a signal handler."""
        try:
            self._write.send(b"x")
        except OSError:
            pass  # the run is over

    def work(self) -> None:
        """Do what has come."""
        self._read.recv(64)
        while self._posted:
            self._posted.popleft()()

    def close(self) -> None:
        self._read.close()
        self._write.close()
