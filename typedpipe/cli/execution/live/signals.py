"""The cursor comes back, however the program ends or pauses."""

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
    """Meanwhile a SIGTERM, SIGHUP or Ctrl-Z shows the cursor before it does what it does."""
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
    """Show the cursor when the signal comes, then let it do what it did; gives what undoes that."""
    old: Any = signal.getsignal(number)
    if old not in {signal.SIG_DFL, None}:  # somebody has plans with it, and comes back to us by an exception or an end
        return lambda: None

    def handle(_number: int, _frame: FrameType | None) -> None:
        _write(stream, SHOW)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        # Only a stopped process gets here, when it goes on.
        signal.signal(number, handle)
        _write(stream, HIDE)

    signal.signal(number, handle)
    return lambda: _restore(number, handle, old)


def _restore(number: signal.Signals, ours: object, old: Any) -> None:
    if signal.getsignal(number) is ours:
        signal.signal(number, signal.SIG_DFL if old is None else old)


def _write(stream: TextIO, text: str) -> None:
    """Past all buffers: the handler may interrupt a write."""
    try:
        os.write(stream.fileno(), text.encode("ascii"))
    except (OSError, ValueError):
        pass  # no terminal any more, so no cursor either
