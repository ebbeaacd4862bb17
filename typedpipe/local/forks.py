"""Forks of the engine's process during a run: by multiprocessing in the calling program, or by an in-process task.

A child has copies of everything that the engine has open. It must not hold the channel of a launcher, or the lock of a
run, after the engine has exited, and it must not act for the engine when it gets a signal or ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol
from weakref import WeakSet


class _Closable(Protocol):
    def close(self) -> None: ...


_open: WeakSet[_Closable] = WeakSet()
_actions: list[Callable[[], None]] = []


def close_in_forks(resource: _Closable) -> None:
    """Close a socket, pipe or lock in all children that this process forks from now on; here it stays open."""
    _open.add(resource)


def call_in_forks(action: Callable[[], None]) -> None:
    """Call a function in all children that this process forks from now on."""
    _actions.append(action)


def _forked() -> None:
    for action in _actions:
        action()
    for resource in list(_open):
        with suppress(OSError, ValueError):
            resource.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
