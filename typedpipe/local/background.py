"""A run in a thread of its own, and waiting for it as a program does that may be interrupted."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Literal

from typedpipe.ir import nodes as ir
from typedpipe.local.options import RunOptions
from typedpipe.local.preparation import prepare
from typedpipe.local.result import RunResult
from typedpipe.runs import events
from typedpipe.runs.forms import WireText
from typedpipe.runs.model import RunEnd


class Background:
    """One run that goes on beside the caller.

    Raises:
        PipelineError: a task cannot run on this machine. Then nothing has started.
    """

    def __init__(
        self,
        pipeline: ir.Pipeline,
        arguments: Mapping[str, WireText],
        options: RunOptions,
        on_event: Callable[[events.Event], None],
    ) -> None:
        prepared = prepare(pipeline, arguments, options, on_event=on_event)
        self.name = prepared.name
        self.folder: Path = prepared.folder
        self._cancel = prepared.cancel
        self._done = threading.Event()
        self._result: RunResult | None = None
        self._problem: BaseException | None = None

        def work() -> None:
            try:
                self._result = prepared.execute()
            except BaseException as problem:  # noqa: BLE001 - it is raised again where somebody waits
                self._problem = problem
            finally:
                _running.discard(self)
                self._done.set()

        _running.add(self)
        if options.runner == "inprocess":  # in the caller's thread: tasks change the process, and may call breakpoint()
            work()
            if self._problem is not None:
                raise self._problem
        else:
            threading.Thread(target=work, name=f"typedpipe run {self.name}").start()

    @property
    def state(self) -> Literal["RUNNING"] | RunEnd:
        """How it is now."""
        if not self._done.is_set():
            return "RUNNING"
        return "FAILED" if self._result is None else self._result.state

    @property
    def result(self) -> RunResult:
        """What came of it, when it is done."""
        if self._problem is not None:
            raise self._problem
        assert self._result is not None
        return self._result

    def cancel(self) -> None:
        """Once: tasks are stopped and exit handlers run. Twice: everything is killed."""
        self._cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it has ended within so many seconds.

        In the main thread Ctrl-C and SIGTERM cancel the run, the second time they kill it; when it has ended they go on
        to mean what they mean.
        """
        if self._done.is_set() or threading.current_thread() is not threading.main_thread():
            return self._done.wait(timeout)
        caught: list[int] = []

        def interrupted(number: int, _frame: FrameType | None) -> None:
            caught.append(number)
            self._cancel()
            if len(caught) == 1:
                sys.stderr.write(f"canceling run {self.name}; once more kills it\n")

        usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
        old = {number: handler for number, handler in usual.items() if signal.getsignal(number) is handler}
        for number in old:
            signal.signal(number, interrupted)
        try:
            ended = self._done.wait(timeout)
            if caught and not ended:
                ended = self._done.wait()
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])
        return ended


_running: set[Background] = set()


def _wait_for_all() -> None:
    """At the end of the program: its runs end first, and Ctrl-C reaches them."""
    for run in list(_running):
        run.wait()


# Before Python waits for threads: an `atexit` function comes too late for a run that still has tasks to start.
_register = getattr(threading, "_register_atexit", None)
if _register is not None:
    _register(_wait_for_all)
