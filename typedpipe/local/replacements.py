"""Temporary replacements of components, used by ``typedpipe.testing``."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace

from typedpipe.dsl.tracing import fatal
from typedpipe.ir import nodes as ir
from typedpipe.local.options import RunOptions

REPLACEMENTS: ContextVar[Mapping[int, tuple[ir.Component, ir.Component]]] = ContextVar("REPLACEMENTS")
"""By the id of the replaced component: the component, kept alive so that its id stays unique, and its replacement."""


def replaced(pipeline: ir.Pipeline, options: RunOptions) -> tuple[ir.Pipeline, RunOptions]:
    """A traced pipeline with its components replaced, and options that can run it; nothing of it is cached.

    Raises:
        PipelineError: something is replaced, but the runner in the options cannot see it.
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
