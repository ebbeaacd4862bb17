"""The compiler driver, from a traced pipeline to files: the passes in order, and barriers that raise their errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TypeAlias

from typedpipe.compiler.backend import Backend, Options, Staged
from typedpipe.compiler.passes.check_scopes import check_scopes
from typedpipe.compiler.passes.check_types import check_types
from typedpipe.compiler.passes.close_scopes import close_scopes
from typedpipe.compiler.passes.prune import dedupe, prune
from typedpipe.compiler.passes.verify import verify
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.diagnostics.record import NoCollection, replace
from typedpipe.ir import nodes as ir

Pass: TypeAlias = Callable[[ir.Pipeline, Diagnostics], ir.Pipeline]
Printer: TypeAlias = Callable[[str, ir.Pipeline], None]
"""Called after each pass with its name and its result: ``--print-after``."""

CHECKS: Mapping[str, Pass] = {"verify": verify, "check_types": check_types, "check_scopes": check_scopes}
REWRITES: Mapping[str, Pass] = {"close_scopes": close_scopes, "dedupe": dedupe, "prune": prune}
ONE_SCOPE: Mapping[str, Pass] = {
    "check_scopes": lambda pipeline, _: pipeline,
    "close_scopes": lambda pipeline, _: replace(pipeline, closed=True),
}
"""Two passes for a pipeline in which every value is in reach of every node: there is nothing to look for."""
PASSES = (*CHECKS, *REWRITES, "legalise")
"""Names of the passes, in order."""


def check(traced: ir.Pipeline, report: Diagnostics | None = None, print_after: Printer | None = None) -> ir.Pipeline:
    """Check a pipeline and close it, as backends and engines require.

    Raises:
        PipelineError: all diagnostics, if one of them is an error.

    >>> from typedpipe.ir.nodes import Graph
    >>> check(ir.Pipeline("p", Graph())).closed
    True
    """
    report = Diagnostics() if report is None else report
    if traced.closed:
        pipeline = _run({"verify": partial(verify, closed=True)}, traced, report, print_after)
        if report.has_errors:
            raise PipelineError(report)
        return pipeline
    pipeline = _run({"verify": verify}, traced, report, print_after)
    instead = ONE_SCOPE if _has_one_scope(pipeline) else {}
    if not any(item.code == "TP902" for item in report):
        checks = {name: instead.get(name, CHECKS[name]) for name in ("check_types", "check_scopes")}
        pipeline = _run(checks, pipeline, report, print_after)
    if report.has_errors:
        raise PipelineError(report)
    return _run({name: instead.get(name, each) for name, each in REWRITES.items()}, pipeline, report, print_after)


def report_errors(traced: ir.Pipeline, report: Diagnostics) -> None:
    """Add the errors of a pipeline to a report that has errors of its definition already; never raises."""
    with suppress(PipelineError):
        check(traced, report)


def _has_one_scope(pipeline: ir.Pipeline) -> bool:
    """Whether all graphs are calls alone, without bodies, expressions, options and orders of their own."""
    return not any(
        graph.exprs or not all(map(_is_plain, graph.nodes)) for graph in (pipeline.graph, *pipeline.pipelines.values())
    )


def _is_plain(node: ir.Node) -> bool:
    return isinstance(node, (ir.Task, ir.Call)) and node.options is ir.DEFAULT_OPTIONS and not node.after


def compile(  # noqa: A001 - the verb that users know
    traced: ir.Pipeline,
    backend: str | Backend = "argo",
    options: Options | None = None,
    report: Diagnostics | None = None,
    print_after: Printer | None = None,
) -> dict[str, str]:
    """The files that a backend generates for a pipeline, by name. Nothing is written.

    Raises:
        PipelineError: all diagnostics up to the first barrier with an error.
    """
    report = Diagnostics() if report is None else report
    options = {} if options is None else options
    with NoCollection():
        pipeline = check(traced, report, print_after)
        if isinstance(backend, str):
            from typedpipe.compiler.registry import backend as find

            backend = find(backend)
        if isinstance(backend, Staged):
            backend.check_target(pipeline, options, report)
            if report.has_errors:
                raise PipelineError(report)
            pipeline = backend.legalise(pipeline, options, report)
            if print_after is not None:
                print_after("legalise", pipeline)
            if report.has_errors:
                raise PipelineError(report)
        files = backend.lower(pipeline, options, report)
        if report.has_errors:
            raise PipelineError(report)
        return files


def _run(
    passes: Mapping[str, Pass], pipeline: ir.Pipeline, report: Diagnostics, print_after: Printer | None
) -> ir.Pipeline:
    for name, each in passes.items():
        pipeline = each(pipeline, report)
        if print_after is not None:
            print_after(name, pipeline)
    return pipeline
