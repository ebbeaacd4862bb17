"""Ctrl-C and SIGTERM during a run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

from typedpipe.local.forks import call_in_forks

NUMBERS = (signal.SIGINT, signal.SIGTERM)
Handler = Callable[[int, FrameType | None], Any]


class _Inside:
    """Whether a task runs in this process, in the thread that receives the signals: then they end it, too."""

    task = False


INSIDE = _Inside()


def on_interrupt(action: Callable[[], None]) -> Callable[[], None]:
    """Handle Ctrl-C and SIGTERM with an action; calling the result restores the previous handlers.

    A program that runs typedpipe outside its main thread keeps its own handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None

    def act(_number: int, _frame: FrameType | None) -> None:
        action()
        if INSIDE.task:
            raise KeyboardInterrupt

    return replace_handlers(NUMBERS, act)


def replace_handlers(numbers: Iterable[int], handler: Handler) -> Callable[[], None]:
    """Handle signals in the main thread; calling the result restores the previous handlers.

    A forked child has the previous handlers: otherwise it could not be ended with SIGTERM, as ``Pool.terminate`` does.
    """
    old = [(number, signal.signal(number, handler)) for number in numbers]
    _replaced.append(old)

    def restore() -> None:
        if old in _replaced:  # not in a child
            _replaced.remove(old)
            _restore(old)

    return restore


def _restore(old: list[tuple[int, Any]]) -> None:
    for number, handler in old:
        signal.signal(number, signal.SIG_DFL if handler is None else handler)


_replaced: list[list[tuple[int, Any]]] = []


def _restore_all() -> None:
    while _replaced:
        _restore(_replaced.pop())
    INSIDE.task = False


call_in_forks(_restore_all)
