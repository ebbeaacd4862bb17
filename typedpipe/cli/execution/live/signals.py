"""Restoring of the cursor, however the program ends or pauses."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

SHOW = "\x1b[?25h"
HIDE = "\x1b[?25l"


@contextmanager
def cursor_kept(stream: TextIO) -> Generator[None]:
    """Show the cursor on SIGTERM, SIGHUP or Ctrl-Z before their usual effect."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    restore = [_before(number, stream) for number in _numbers()]
    try:
        yield
    finally:
        for back in restore:
            back()
        _write(stream, SHOW)


def _numbers() -> list[signal.Signals]:
    return [found for name in ("SIGTERM", "SIGHUP", "SIGTSTP") if (found := getattr(signal, name, None)) is not None]


def _before(number: signal.Signals, stream: TextIO) -> Callable[[], None]:
    """Show the cursor on the signal before its previous effect; return a function that restores the handler."""
    old: Any = signal.getsignal(number)
    if old not in {signal.SIG_DFL, None}:  # there is another handler, which returns here by an exception or an exit
        return lambda: None

    def handle(_number: int, _frame: FrameType | None) -> None:
        _write(stream, SHOW)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        # Reached only by a stopped process that continues.
        signal.signal(number, handle)
        _write(stream, HIDE)

    signal.signal(number, handle)
    return lambda: _restore(number, handle, old)


def _restore(number: signal.Signals, ours: object, old: Any) -> None:
    if signal.getsignal(number) is ours:
        signal.signal(number, signal.SIG_DFL if old is None else old)


def _write(stream: TextIO, text: str) -> None:
    """Write without buffers: the handler may interrupt a write."""
    try:
        os.write(stream.fileno(), text.encode("ascii"))
    except (OSError, ValueError):
        pass  # the terminal is gone, and its cursor with it
