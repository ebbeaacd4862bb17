"""A run before it starts: checked, with its directory and its engine created."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir
from typedpipe.local.caching.fingerprint import Fingerprints
from typedpipe.local.engine import Engine
from typedpipe.local.options import RunOptions
from typedpipe.local.python_values import outputs_of
from typedpipe.local.recorder import Reuse, RunRecorder
from typedpipe.local.result import RunResult
from typedpipe.local.runners import Placement, facts, launcher_for, placements
from typedpipe.local.runners.orphans import clean_up, mark, unmark
from typedpipe.local.settings import Settings
from typedpipe.local.store.index import RunFolder, tasks
from typedpipe.local.store.model import Labels
from typedpipe.local.store.root import Root, open_root
from typedpipe.runs import events
from typedpipe.runs.forms import WireText
from typedpipe.runs.locations import at_location
from typedpipe.runs.model import RunEnd, Task, Value
from typedpipe.types.model import is_artifact

if TYPE_CHECKING:
    from typedpipe.local.rerun.resume import Resume


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to run: the pipeline, its arguments as wire text, the placement of components, and finished tasks."""

    pipeline: ir.Pipeline
    arguments: Mapping[str, Value]
    places: Mapping[str, Placement]
    done: Mapping[str, Mapping[str, Value]] = field(default_factory=dict[str, "Mapping[str, Value]"])
    records: Mapping[str, Task] = field(default_factory=dict[str, Task])
    """The finished tasks, as recorded."""
    resumed: bool = False


class PreparedRun:
    """A run that has been checked and has its directory: nothing has started yet.

    Created by :func:`prepare`. :meth:`execute` blocks; :meth:`cancel` can be called from any thread.
    """

    def __init__(self, engine: Engine, plan: Plan, place: Path, recorder: RunRecorder) -> None:
        self._engine = engine
        self._recorder = recorder
        self._bound = plan.arguments
        self.pipeline = plan.pipeline
        self.name = place.name
        self.folder = place

    def cancel(self) -> None:
        """Cancel the run: the first call stops tasks and runs exit handlers, the second kills everything."""
        self._engine.cancel()

    def execute(self) -> RunResult:
        """Run to the end and return the result."""
        engine = self._engine
        started = engine.now()
        try:
            mark(self.folder)
            engine.tell(events.RunStarted(self.name, self.pipeline.name, started))
            result = engine.run(self._bound)
            state: RunEnd = "SUCCEEDED" if result.ok else "CANCELED" if engine.canceled else "FAILED"
            if engine.timed_out:
                state = "FAILED"
            values = result.outputs if state == "SUCCEEDED" else {}
            message = "" if state == "SUCCEEDED" else engine.message or result.message or "a task failed"
            finished = engine.now()
            self._recorder.run_finished(state, message, values, finished)
            engine.tell(events.RunFinished(self.name, state, message, finished))
            outputs = outputs_of(self.pipeline, result) if values else {}
            return RunResult(
                self.name,
                state,
                message,
                self.folder,
                outputs,
                dict(engine.tasks),
                started,
                finished,
                timed_out=engine.timed_out,
            )
        finally:
            self._recorder.close()
            unmark(self.folder)


def _values(pipeline: ir.Pipeline, arguments: Mapping[str, WireText]) -> dict[str, Value]:
    """Arguments as values: those of artifacts are wire text of descriptors."""
    artifacts = {port.name for port in pipeline.graph.inputs if is_artifact(port.type)}
    return {name: at_location(text) if name in artifacts else text for name, text in arguments.items()}


def prepare(
    pipeline: ir.Pipeline,
    arguments: Mapping[str, WireText],
    options: RunOptions,
    folder: Path | None = None,
    *,
    on_event: Callable[[events.Event], None] | None = None,
    logs: bool = True,
) -> PreparedRun:
    """Check that every task can run locally, and create the run directory.

    Args:
        pipeline: Closed, checked IR.
        arguments: Wire text by name; omitted ones take their defaults.
        options: Options of the run.
        folder: Directory of the store, unless the options set it.
        on_event: Called with each event, in the engine's thread.
        logs: Whether it is also called with the output of tasks.

    Raises:
        PipelineError: a component cannot run locally, or the store cannot be written.
    """
    places = _placed(pipeline, options, Diagnostics(), on_event)
    with ExitStack() as opened:  # closed if the run cannot be prepared; otherwise when it has ended
        root = opened.enter_context(closing(open_root(options.folder or folder, create=True)))
        clean_up(root)
        name = options.name or new_run_name(pipeline.name)
        place = root.new_run(name, pipeline, arguments, recorded(options), Labels(options.tags, options.note))
        opened.enter_context(closing(place))
        plan = Plan(pipeline, _values(pipeline, arguments), places)
        made = assemble(root, place, plan, options, on_event, logs)
        opened.pop_all()
    return made


def prepare_resumed(
    root: Root,
    resume: Resume,
    options: RunOptions,
    *,
    on_event: Callable[[events.Event], None] | None = None,
    logs: bool = True,
) -> PreparedRun:
    """Resume a stored run in its own directory: successful tasks are reused as planned by ``resume``.

    Raises:
        PipelineError: another engine has the run, a component cannot run locally, or the store cannot be written.
    """
    places = _placed(resume.pipeline, options, Diagnostics(), on_event)
    clean_up(root)
    place = root.reopen(resume.run, resume.engine)
    try:
        if not set(options.environment).issubset(resume.run.settings.get("environment") or ()):
            root.add_variables(resume.run, options.environment)
        done = resume.begin(root, place)
        records = {task.name: task for task in tasks(resume.run) if task.name in done and task.state == "SUCCEEDED"}
        arguments = _values(resume.pipeline, resume.arguments)
        plan = Plan(resume.pipeline, arguments, places, done, records, resumed=True)
        return assemble(root, place, plan, options, on_event, logs)
    except BaseException:
        place.close()
        raise


def _placed(
    pipeline: ir.Pipeline, options: RunOptions, report: Diagnostics, on_event: Callable[[events.Event], None] | None
) -> dict[str, Placement]:
    """Placement of each component; listeners are notified of slow steps and warnings."""

    def say(message: str) -> None:
        if on_event is not None:
            on_event(events.RunNoted(message, "", "", time.time()))

    places = placements(pipeline, options.chosen_runner, report, say)
    if report.has_errors:
        raise PipelineError(report)
    if on_event is not None and report.items:
        from typedpipe.diagnostics.text import render

        for warning in report:
            on_event(events.RunNoted(warning.message, warning.code, render(warning), time.time()))
    return places


def recorded(options: RunOptions) -> dict[str, Any]:
    """The recorded settings of a run. Values of environment variables may be secrets: only names are recorded."""
    return {
        "jobs": options.slots,
        "runner": options.chosen_runner,
        "timeout": options.timeout,
        "cache": options.cache,
        "fail_fast": options.fail_fast,
        "environment": sorted(options.environment),
    }


def assemble(
    root: Root,
    place: RunFolder,
    plan: Plan,
    options: RunOptions,
    on_event: Callable[[events.Event], None] | None,
    logs: bool,
) -> PreparedRun:
    """Create the engine for a run that has its directory: a new run, or a resumed one."""
    digests: dict[str, str] = {}
    known = {key: facts(found, digests) for key, found in plan.places.items()}
    prints = Fingerprints(plan.pipeline, known, options.environment, root.cache)
    in_memory = {key for key, found in plan.places.items() if found.runner == "inprocess"}
    recorder = RunRecorder(root, place, Reuse(prints, options.cache, plan.done, plan.records, in_memory, plan.resumed))
    settings = Settings(
        options.slots,
        options.timeout,
        options.grace,
        options.fail_fast,
        on_event,
        lambda: launcher_for(
            plan.places,
            nonce=place.nonce,
            environment=options.environment,
            objects=root.path / "objects",
            debug=options.debug,
        ),
        in_memory=in_memory,
        logs=logs,
    )
    engine = Engine(plan.pipeline, place.path.name, place.path, settings, recorder)
    return PreparedRun(engine, plan, place.path, recorder)


def new_run_name(pipeline: str) -> str:
    """A new name that sorts by time; two runs in one second get different names."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in pipeline)[:40]
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{plain}-{os.urandom(3).hex()}"
