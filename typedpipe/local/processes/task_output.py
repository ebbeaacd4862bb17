"""Output of a task in the engine's process: its streams and its log records go to its log."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO, cast


class Output:
    """Redirects a task's output to its log; a debugger uses the terminal, and from then on the task does too.

    The log is created on the first output. The streams that a task gets are usable after its end, because a thread or
    a logging handler may keep them: a thread's output still goes to the task's log; what the engine's thread writes
    then belongs to the task that runs now, or to the caller.
    """

    def __init__(self, log: str) -> None:
        self._path = log
        self._file: TextIO | None = None
        self._ended = False
        self._thread = threading.get_ident()
        self._streams = sys.stdout, sys.stderr
        self._hook: Callable[..., Any] = sys.breakpointhook
        sys.stdout = sys.stderr = cast("TextIO", self)  # a stream because of __getattr__
        sys.breakpointhook = cast("Any", self._breakpoint)

    def write(self, text: str) -> int:
        """Write to the log, or after the end of the task, if the engine's thread calls this, to where output goes now."""
        if not self._ended:
            return self._log().write(text)
        if threading.get_ident() == self._thread:
            return 0 if sys.stderr is self or sys.stderr is None else sys.stderr.write(text)
        with self._opened() as file:
            return file.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log(), name)

    def flush(self) -> None:
        """Do nothing: there is no buffer."""

    def close(self) -> None:
        """Do nothing: a task that closes its stdout does not close the engine's."""

    def detach(self) -> Any:
        """The binary stream, which stays attached."""
        return self._log().buffer

    def _log(self) -> TextIO:
        if self._file is None:
            self._file = self._opened()
        return self._file

    def _opened(self) -> TextIO:
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        return open(self._path, "a", encoding="utf-8", errors="backslashreplace", buffering=1)

    def end(self) -> None:
        """End the task's output, and restore the terminal."""
        self.real()
        self._ended = True
        sys.breakpointhook = cast("Any", self._hook)
        if self._file is not None:
            self._file.close()

    def real(self) -> None:
        """Restore the terminal."""
        sys.stdout, sys.stderr = self._streams

    def _breakpoint(self, *args: Any, **kwargs: Any) -> Any:
        self.real()
        chosen = os.environ.get("PYTHONBREAKPOINT") or "pdb.set_trace"
        if self._hook is not sys.__breakpointhook__ or chosen != "pdb.set_trace":
            return self._hook(*args, **kwargs)
        import pdb  # noqa: T100  # for breakpoint()

        return pdb.Pdb().set_trace(sys._getframe(1))  # noqa: SLF001  # the user's frame


class Logging:
    """Logging as in a new process: the task finds no handlers on the root logger, and its own are removed at its end.

    Handlers of the caller, such as those of pytest, still get the records, except those that write to the caller's
    terminal: the task's output goes to its log.
    """

    def __init__(self) -> None:
        root = logging.getLogger()
        streams = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
        self._root = root, root.handlers, root.level, root.parent, root.manager.disable
        callers = logging.Logger("")  # noqa: LOG001  # the parent of the root logger
        callers.handlers = [h for h in root.handlers if getattr(h, "stream", None) not in streams]
        if callers.handlers:
            callers.addHandler(_Unhandled())
        root.handlers, root.parent = [], callers

    def restore(self) -> None:
        """Give the root logger back to the caller."""
        root, handlers, level, parent, disabled = self._root
        for handler in root.handlers:
            with suppress(Exception):  # as when a process ends
                handler.flush()
                handler.close()
        root.handlers, root.parent = handlers, parent
        if root.level != level:
            root.setLevel(level)
        if root.manager.disable != disabled:
            logging.disable(disabled)


def enabled_loggers() -> list[logging.Logger]:
    """Loggers that are not disabled: a task that calls ``logging.config.dictConfig`` disables all of them."""
    known = logging.getLogger().manager.loggerDict.values()
    return [found for found in known if isinstance(found, logging.Logger) and not found.disabled]


class _Unhandled(logging.Handler):
    """Prints the records for which the task has no handler, as logging does without any handlers."""

    def emit(self, record: logging.LogRecord) -> None:
        logger: logging.Logger | None = logging.getLogger(record.name)
        while logger is not None and not logger.handlers and logger.propagate and logger.name != "root":
            logger = logger.parent
        last = logging.lastResort
        if last is not None and logger is not None and not logger.handlers and record.levelno >= last.level:
            last.handle(record)
