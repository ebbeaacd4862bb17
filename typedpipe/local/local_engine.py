"""The local engine: its support table, and the single way to start a local run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir
from typedpipe.local.background import Background, running
from typedpipe.local.options import RunOptions
from typedpipe.local.preparation import PreparedRun, prepare, prepare_resumed
from typedpipe.local.runners import placements
from typedpipe.local.runners.alone import alone
from typedpipe.local.store.locks import Engine, is_running, read_engine
from typedpipe.local.store.requests import Request, request, requested, withdraw
from typedpipe.local.store.root import Root, held, open_root
from typedpipe.runs.engine import OnEvent
from typedpipe.runs.events import Event
from typedpipe.runs.forms import WireText
from typedpipe.runs.problems import os_problem
from typedpipe.runs.view import RunView

if TYPE_CHECKING:
    from typedpipe.local.rerun.resume import Resume

BETWEEN_SIGNALS = 0.3
"""Seconds between two signals to a process that must count both."""
PATIENCE = 2.0
"""Seconds within which an engine in another process consumes a request, unless a task runs in its own process."""


class LocalEngine:
    """Runs pipelines locally.

    Args:
        folder: Directory of the store, unless the options of a run set another one. Default: ``TYPEDPIPE_HOME``, or
            ``.typedpipe`` in the working directory.
    """

    name = "local"

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def check(self, pipeline: ir.Pipeline, options: RunOptions) -> Diagnostics:
        """Report all tasks that cannot run locally. :meth:`submit` creates virtual environments and pulls images."""
        report = Diagnostics()
        placements(pipeline, options.chosen_runner, report, ready=False)
        return report

    def submit(
        self,
        pipeline: ir.Pipeline,
        arguments: Mapping[str, WireText],
        options: RunOptions,
        on_event: OnEvent | None = None,
        *,
        foreground: bool = False,
    ) -> Background:
        """Start a run and return its handle.

        Args:
            pipeline: Closed, checked IR.
            arguments: Wire text by name.
            options: Options of the run.
            on_event: Called with each event, in the engine's thread.
            foreground: Run in the calling thread, and return when the run has ended. Ctrl-C cancels it in the main
                thread. In-process tasks always run this way.

        Raises:
            PipelineError: a task cannot run locally, or the store cannot be written. Then nothing was started.
        """
        view = RunView(pipeline)
        place = options.folder or self._folder
        tell = _both(view, on_event) if on_event is not None or not foreground else None
        inprocess = options.chosen_runner == "inprocess"
        with alone(inprocess):
            prepared = prepare(pipeline, arguments, options, place, on_event=tell, logs=on_event is not None)
            return self._start(prepared, view, foreground or inprocess)

    def resume(self, root: Root, plan: Resume, options: RunOptions, on_event: OnEvent | None = None) -> Background:
        """Resume a stored run in the calling thread, in its own directory: successful tasks are reused as planned.

        Raises:
            PipelineError: another engine has the run, a task cannot run locally, or the store cannot be written.
        """
        view = RunView(plan.pipeline)
        with alone(options.chosen_runner == "inprocess"):
            prepared = prepare_resumed(root, plan, options, on_event=_both(view, on_event), logs=on_event is not None)
            return self._start(prepared, view, True)

    def _start(self, prepared: PreparedRun, view: RunView, foreground: bool) -> Background:
        work = Background(prepared, view)
        work.start(foreground)
        return work

    def cancel(self, run: str, *, kill: bool = False) -> None:
        """Cancel a run, which another process of this machine may have; ``kill`` also kills its exit handlers.

        Raises:
            PipelineError: TP601, the directory of the run cannot be written; TP603, there is no such run; TP606, a
                process of another machine has it.
        """
        root = open_root(self._folder)
        try:
            place = root.path / "runs" / root.resolve(run)  # of a run that has just begun, there is no more than this
        finally:
            root.close()
        folder = str(place)
        own = next((work for work in running() if os.path.samefile(work.folder, place)), None)
        if own is not None:
            own.cancel()
            if kill:
                own.cancel()
            return
        engine = read_engine(folder)
        if not is_running(folder) or engine is None:
            return
        if not engine.here:
            raise held(run, folder)
        what: Request = "kill" if kill else "cancel"
        try:
            request(folder, what)
        except OSError as error:
            raise os_problem(folder, error) from None
        _wait_for(engine, folder, what)


def _wait_for(engine: Engine, folder: str, what: Request) -> None:
    """Wait until an engine has consumed a request. One that executes a task itself (``inprocess``) is interrupted."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and engine.alive and requested(folder, what):
        time.sleep(0.02)
    if withdraw(folder, what) and engine.alive:
        for number in range(2 if what == "kill" else 1):
            time.sleep(BETWEEN_SIGNALS if number else 0)
            if engine.alive:
                os.kill(engine.pid, signal.SIGINT)


def _both(view: RunView, on_event: OnEvent | None) -> OnEvent:
    if on_event is None:
        return view

    def tell(event: Event) -> None:
        view(event)
        on_event(event)

    return tell
