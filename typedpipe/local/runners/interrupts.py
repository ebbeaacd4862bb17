"""Ctrl-C and SIGTERM during a run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


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

    old = [(number, signal.signal(number, act)) for number in (signal.SIGINT, signal.SIGTERM)]

    def restore() -> None:
        for number, handler in old:
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    return restore
