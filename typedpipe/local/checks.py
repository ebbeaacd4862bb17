"""What is found out before anything starts: the caller's arguments, and whether every task can run on this machine."""

from __future__ import annotations

from collections.abc import Mapping

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.diagnostics.words import nearest
from typedpipe.ir import nodes as ir
from typedpipe.local.options import Runner
from typedpipe.types.assignable import mismatch
from typedpipe.types.display import show
from typedpipe.types.model import Type, is_artifact, is_optional
from typedpipe.types.values import NotAConstant, constant


def bind_arguments(pipeline: ir.Pipeline, arguments: Mapping[str, object], report: Diagnostics) -> dict[str, str]:
    """The caller's arguments as wire text, each checked against its parameter; defaults are left to the engine.

    >>> from typedpipe.ir.nodes import Graph
    >>> bind_arguments(ir.Pipeline("p", Graph()), {}, Diagnostics())
    {}
    """
    ports = {port.name: port for port in pipeline.graph.inputs}
    for name in arguments:
        if name not in ports:
            close = nearest(name, ports)
            known = ", ".join(f"`{port}`" for port in ports) or "none"
            report.error(
                "TP188",
                f"the pipeline `{pipeline.name}` has no parameter `{name}`",
                pipeline.span,
                help=f"did you mean `{close}`?" if close else f"its parameters: {known}",
            )
    bound: dict[str, str] = {}
    for port in ports.values():
        where = port.span if port.span.line else pipeline.span
        if port.name not in arguments:
            if port.default is None and not is_optional(port.type):
                report.error(
                    "TP189",
                    f"the pipeline `{pipeline.name}` needs a value for `{port.name}`",
                    where,
                    f"`{port.name}` is a `{show(port.type)}` without a default",
                    help=f"pass `{port.name}=...`",
                )
            continue
        text, why = fitting(arguments[port.name], port.type)
        if not why:
            bound[port.name] = text
            continue
        report.error(
            "TP187",
            f"the argument `{port.name}` does not fit `{show(port.type)}`: {why}",
            where,
            f"`{port.name}` is declared here",
            help=f"pass a `{show(port.type)}`",
        )
    return bound


def fitting(value: object, type_: Type) -> tuple[str, str]:
    """The wire text of a caller's value, and why it does not fit the type, or ""."""
    if is_artifact(type_):
        return "", "an artifact cannot be given as an argument"
    try:
        text, own = constant(value)
    except NotAConstant as error:
        return "", error.reason
    return text, mismatch(own, type_) or ""


def check_runnable(pipeline: ir.Pipeline, report: Diagnostics, runner: Runner | None = None) -> None:
    """Report every component that cannot run on this machine, at the place of its first call.

    >>> from typedpipe.ir.nodes import Graph
    >>> report = Diagnostics(); check_runnable(ir.Pipeline("p", Graph()), report); report.has_errors
    False
    """
    from typedpipe.local.runners.place import placements

    placements(pipeline, runner, report)
