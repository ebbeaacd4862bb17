"""Checks before anything starts: the caller's arguments, and whether every task can run locally."""

from __future__ import annotations

from collections.abc import Mapping

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir
from typedpipe.local.options import Runner
from typedpipe.runs.arguments import bind


def bind_arguments(pipeline: ir.Pipeline, arguments: Mapping[str, object], report: Diagnostics) -> dict[str, str]:
    """The caller's arguments as wire text, each checked against its parameter; the engine applies defaults.

    >>> from typedpipe.ir.nodes import Graph
    >>> bind_arguments(ir.Pipeline("p", Graph()), {}, Diagnostics())
    {}
    """
    return bind(pipeline, arguments, report)


def check_runnable(pipeline: ir.Pipeline, report: Diagnostics, runner: Runner | None = None) -> None:
    """Report every component that cannot run locally, at its first call.

    >>> from typedpipe.ir.nodes import Graph
    >>> report = Diagnostics(); check_runnable(ir.Pipeline("p", Graph()), report); report.has_errors
    False
    """
    from typedpipe.local.runners.place import placements

    placements(pipeline, runner, report)
