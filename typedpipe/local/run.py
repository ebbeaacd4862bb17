"""``run``: local execution of a checked pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypedDict, Unpack

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir
from typedpipe.local.local_engine import LocalEngine
from typedpipe.local.options import Runner, RunOptions
from typedpipe.local.result import RunFailed, RunResult
from typedpipe.runs import events
from typedpipe.runs.arguments import bind


class RunKeywords(TypedDict, total=False):
    """The fields of :class:`RunOptions`, as keywords."""

    jobs: int | None
    folder: Path | None
    name: str
    runner: Runner | None
    timeout: float | None
    grace: float
    cache: bool | None
    fail_fast: bool
    debug: bool
    environment: Mapping[str, str]
    tags: Mapping[str, str]
    note: str


def run(
    pipeline: ir.Pipeline,
    arguments: Mapping[str, object],
    *,
    on_event: Callable[[events.Event], None] | None = None,
    **options: Unpack[RunKeywords],
) -> RunResult:
    """Run a closed, checked pipeline locally, every task in its own process. Blocks until the run has ended.

    Args:
        pipeline: Closed IR.
        arguments: Plain Python values by parameter name; omitted ones take their defaults.
        on_event: Called with each event, in the engine's thread.
        options: The fields of :class:`RunOptions`.

    Raises:
        PipelineError: an argument does not match, or a component cannot run locally.

    >>> from typedpipe.ir.nodes import Const, Graph, GraphOutput
    >>> from typedpipe.types.model import INT
    >>> import tempfile
    >>> constant = ir.Pipeline("p", Graph(outputs=(GraphOutput("x", Const("3", INT), INT),)), closed=True)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     run(constant, {}, folder=Path(place)).outputs
    {'x': 3}
    """
    report = Diagnostics()
    bound = bind(pipeline, arguments, report)
    if report.has_errors:
        raise PipelineError(report)
    return LocalEngine().submit(pipeline, bound, RunOptions(**options), on_event, foreground=True).result


def run_or_raise(
    pipeline: ir.Pipeline, arguments: Mapping[str, object], **options: Unpack[RunKeywords]
) -> dict[str, object]:
    """Outputs of a run.

    Raises:
        RunFailed: the run did not succeed.
        PipelineError: as :func:`run`.
    """
    result = run(pipeline, arguments, **options)
    if not result.succeeded:
        raise RunFailed(result)
    return dict(result.outputs)
