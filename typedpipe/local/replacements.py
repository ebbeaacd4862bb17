"""Components that are replaced by others for a while: what ``typedpipe.testing`` puts in a run's way."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace

from typedpipe.dsl.tracing import fatal
from typedpipe.ir import nodes as ir
from typedpipe.local.options import RunOptions

REPLACEMENTS: ContextVar[Mapping[int, tuple[ir.Component, ir.Component]]] = ContextVar("REPLACEMENTS")
"""By the id of the component that is replaced (which is kept, so that the id stays its own): it, and what comes instead."""


def replaced(pipeline: ir.Pipeline, options: RunOptions) -> tuple[ir.Pipeline, RunOptions]:
    """A traced pipeline with what replaces its components, and options that can run it; nothing of it is cached.

    Raises:
        PipelineError: something is replaced, and the options ask for a runner that cannot see it.
    """
    active = REPLACEMENTS.get({})
    if not any(id(component) in active for component in pipeline.components.values()):
        return pipeline, options
    if options.runner not in (None, "inprocess"):
        fatal(
            "TP661",
            f'`runner="{options.runner}"` does not support fakes',
            help='omit the runner, or pass `runner="inprocess"`: a fake is a function in this process',
        )
    components = {
        key: active[id(component)][1] if id(component) in active else component
        for key, component in pipeline.components.items()
    }
    return replace(pipeline, components=components), replace(options, runner="inprocess", cache=False)
