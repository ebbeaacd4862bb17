"""A run in its own thread, and interruptible waiting for it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Literal

from typedpipe.local.forks import call_in_forks
from typedpipe.local.preparation import PreparedRun
from typedpipe.local.result import RunResult, told
from typedpipe.local.runners.interrupts import replace_handlers
from typedpipe.runs import events
from typedpipe.runs.model import RunEnd
from typedpipe.runs.view import RunView


class Background:
    """A prepared local run; :meth:`start` runs it in the background, or in the caller's thread."""

    def __init__(self, prepared: PreparedRun, view: RunView) -> None:
        self.name = prepared.name
        self.folder: Path = prepared.folder
        self._view = view
        view.run = prepared.name
        self._prepared = prepared
        self._process = os.getpid()
        self._done = threading.Event()
        self._result: RunResult | None = None
        self._problem: BaseException | None = None

    def start(self, foreground: bool) -> None:
        """Start the run; in the foreground, wait for its end and raise its errors."""
        _running.add(self)
        if foreground:  # in the caller's thread: tasks may change the process, and call breakpoint()
            self._work()
            if self._problem is not None:
                raise self._problem
        else:
            threading.Thread(target=self._work, name=f"typedpipe run {self.name}").start()

    def _work(self) -> None:
        try:
            self._result = self._prepared.execute()
        except BaseException as problem:  # noqa: BLE001 - raised again in the waiting thread
            self._problem = problem
            self._view(events.RunFinished(self.name, "FAILED", str(problem), time.time()))
        finally:
            _running.discard(self)
            self._done.set()

    @property
    def state(self) -> Literal["RUNNING"] | RunEnd:
        """The current state."""
        if not self._done.is_set():
            return "RUNNING"
        return "FAILED" if self._result is None else self._result.state

    @property
    def result(self) -> RunResult:
        """The result of the run, once it has ended."""
        if self._problem is not None:
            raise self._problem
        assert self._result is not None
        return self._result

    @property
    def view(self) -> RunView:
        """Tasks and loops so far; for a run without listeners, its tasks after the end."""
        if self._result is not None and not self._view.ended:
            for event in told(self._result):
                self._view(event)
        return self._view

    @property
    def outputs(self) -> Mapping[str, object]:
        """The outputs as plain Python values; waits for the end, and is empty unless the run succeeded."""
        self.wait()
        return self.result.outputs

    def cancel(self) -> None:
        """Cancel: the first call stops tasks and runs exit handlers, the second kills everything."""
        self._prepared.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait up to ``timeout`` seconds; return whether the run has ended.

        In the main thread, Ctrl-C and SIGTERM cancel the run, and kill it the second time; after its end the previous
        handlers are restored.
        """
        if not self._done.is_set() and os.getpid() != self._process:
            raise RuntimeError(
                f"run {self.name} belongs to process {self._process}, from which this process was forked during the run: "
                "wait for the run there"
            )
        if self._done.is_set() or threading.current_thread() is not threading.main_thread():
            return self._done.wait(timeout)
        caught: list[int] = []

        def interrupted(number: int, _frame: FrameType | None) -> None:
            caught.append(number)
            self.cancel()
            if len(caught) == 1:
                sys.stderr.write(f"canceling run {self.name}; press Ctrl-C again to kill it\n")

        usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
        restore = replace_handlers([n for n, handler in usual.items() if signal.getsignal(n) is handler], interrupted)
        try:
            ended = self._done.wait(timeout)
            if caught and not ended:
                ended = self._done.wait()
        finally:
            restore()
        if caught:
            signal.raise_signal(caught[0])
        return ended


_running: set[Background] = set()
call_in_forks(_running.clear)


def running() -> list[Background]:
    """Runs of this process that are in progress."""
    return list(_running)


def _wait_for_all() -> None:
    """Wait at the end of the program: its runs end first, and Ctrl-C reaches them."""
    for run in running():
        run.wait()


# Registered before Python waits for threads: an `atexit` function is too late for a run that still has tasks to start.
_register = getattr(threading, "_register_atexit", None)
if _register is not None:
    _register(_wait_for_all)
