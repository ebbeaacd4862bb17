"""``run``: a checked pipeline, on this machine."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir.nodes import Pipeline
from typedpipe.local import events
from typedpipe.local.checks import bind_arguments, check_runnable
from typedpipe.local.engine import Engine, Settings
from typedpipe.local.result import RunFailed, RunResult
from typedpipe.local.scope import NodeResult
from typedpipe.local.values import Stored, Value, load
from typedpipe.types.model import DATETIME, Type, is_artifact, without_none


def default_jobs() -> int:
    """So many tasks at once: waiting costs nothing, and a task that computes says so by its cpu request."""
    return max(8, 2 * (os.cpu_count() or 1))


def run(
    pipeline: Pipeline,
    arguments: Mapping[str, object],
    *,
    jobs: int | None = None,
    folder: Path | None = None,
    on_event: Callable[[events.Event], None] | None = None,
    timeout: float | None = None,
) -> RunResult:
    """Run a closed, checked pipeline here; every task in its own process. Blocks until the run has ended.

    Args:
        pipeline: Closed IR.
        arguments: Plain Python values by parameter name; what is left out takes its default.
        jobs: At most so many tasks at once.
        folder: Where runs are kept; ``.typedpipe`` in the working directory when None. The run's own folder is
            ``runs/<run>`` in it.
        on_event: Called with what happens, in the engine's thread.
        timeout: Seconds for the whole run. Then tasks are stopped, exit handlers run, and the run has failed.

    Raises:
        PipelineError: an argument does not fit, or a component cannot run on this machine.

    >>> from typedpipe.ir.nodes import Const, Graph, GraphOutput
    >>> from typedpipe.types.model import INT
    >>> import tempfile
    >>> constant = Pipeline("p", Graph(outputs=(GraphOutput("x", Const("3", INT), INT),)), closed=True)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     run(constant, {}, folder=Path(place)).outputs
    {'x': 3}
    """
    report = Diagnostics()
    bound = bind_arguments(pipeline, arguments, report)
    check_runnable(pipeline, report)
    report.raise_if_errors()
    name = new_run_name(pipeline.name)
    place = make_folder(pipeline, folder or Path(".typedpipe"), name, report)
    settings = Settings(max(1, default_jobs() if jobs is None else jobs), timeout, on_event=on_event)
    return execute(Engine(pipeline, name, place, settings), pipeline, name, place, bound)


def run_or_raise(
    pipeline: Pipeline, arguments: Mapping[str, object], *, folder: Path | None = None
) -> dict[str, object]:
    """The outputs of a run.

    Raises:
        RunFailed: the run did not succeed.
        PipelineError: as :func:`run`.
    """
    result = run(pipeline, arguments, folder=folder)
    if not result.succeeded:
        raise RunFailed(result)
    return dict(result.outputs)


def execute(engine: Engine, pipeline: Pipeline, name: str, place: Path, bound: Mapping[str, Value]) -> RunResult:
    """Run an engine and say what came of it."""
    started = time.time()
    engine.tell(events.RunStarted(name, pipeline.name, place, started))
    result = engine.run(bound)
    state: events.RunState = "SUCCEEDED" if result.ok else "CANCELED" if engine.canceled else "FAILED"
    if engine.timed_out:
        state = "FAILED"
    outputs = outputs_of(pipeline, result) if state == "SUCCEEDED" else {}
    message = "" if state == "SUCCEEDED" else engine.message or result.message or "a task failed"
    finished = time.time()
    engine.tell(events.RunFinished(name, state, message, finished))
    return RunResult(name, state, message, place, outputs, dict(engine.tasks), started, finished)


def new_run_name(pipeline: str) -> str:
    """Sorts by time, and two runs of one second differ."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in pipeline)[:40]
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{plain}-{secrets.token_hex(3)}"


def make_folder(pipeline: Pipeline, root: Path, name: str, report: Diagnostics) -> Path:
    """The folder of a new run, absolute."""
    place = Path(os.path.abspath(root)) / "runs" / name
    try:
        place.mkdir(parents=True)
        (place / "specs").mkdir()
        ignore = place.parent.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        report.error(
            "TP197",
            f"the run folder {place} cannot be made: {error.strerror}",
            pipeline.span,
            help="choose a folder that can be written",
        )
    report.raise_if_errors()
    return place


def outputs_of(pipeline: Pipeline, result: NodeResult) -> dict[str, object]:
    """The outputs of a pipeline as the caller gets them."""
    return {output.name: plain(result.outputs[output.name], output.type) for output in pipeline.graph.outputs}


def plain(value: Value, type_: Type) -> object:
    """A plain Python value, or an artifact object with its real path."""
    if isinstance(value, tuple):
        return [plain(item, type_) for item in value]
    if isinstance(value, Stored):
        return artifact(value)
    if value is None:
        return None
    if is_artifact(type_):
        return load(value)
    if without_none(type_) == DATETIME and value != "null":
        from typedpipe.runtime.task import decode

        return decode(value, "datetime")
    return load(value)


def artifact(value: Stored) -> object:
    """The host's object for a stored artifact: of its own class where that is known, else of the nearest base."""
    from typedpipe.types.artifacts import Artifact

    data: dict[str, Any] = value.companion
    known: dict[str, type[Artifact]] = {}
    pending: list[type[Artifact]] = [Artifact]
    for cls in pending:
        known.setdefault(cls.schema_title, cls)
        pending.extend(cls.__subclasses__())
    found = known.get(str(data.get("type")), Artifact)(
        value.uri, name=str(data.get("name", "")), metadata=dict(data.get("metadata") or {})
    )
    if value.path is not None:
        found._path = value.path  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # not set_path, which is for users
    return found
