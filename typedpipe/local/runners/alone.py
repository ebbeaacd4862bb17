"""One run at a time whose tasks run in this process: they share its working directory, variables and streams."""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager

from typedpipe.local.forks import call_in_forks

SECONDS = 10.0
"""Time after which a run that waits says so: if a task waits for it in turn, neither ends."""


class _One:
    lock = threading.RLock()  # a task may run another pipeline in its own thread


def _new_lock() -> None:
    _One.lock = threading.RLock()


call_in_forks(_new_lock)  # the thread that has the lock may not exist in the child


@contextmanager
def alone(wanted: bool) -> Generator[None]:
    """Wait until no other thread has a run whose tasks run in this process, and keep others waiting."""
    if not wanted:
        yield
        return
    lock = _One.lock
    if not lock.acquire(timeout=SECONDS):
        print(
            "waiting for a run of another thread: with `inprocess`, one run executes at a time; "
            'a task that waits for a run in another thread needs `runner="process"`',
            file=sys.stderr,
        )
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
