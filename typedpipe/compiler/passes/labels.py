"""Spans and labels in the user's file: of arguments, producers and declarations."""

from __future__ import annotations

from dataclasses import dataclass

from typedpipe.diagnostics.model import NOWHERE, Label, Span
from typedpipe.diagnostics.source import argument_span, returned_span
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import expr_operands
from typedpipe.ir.scopes import Scope
from typedpipe.ir.typing import TracedTypes
from typedpipe.types.display import show


@dataclass(frozen=True, slots=True)
class Use:
    """A use of an operand: an argument of a call, or another part of a node or graph."""

    operand: ir.Operand
    scope: Scope
    span: Span
    node: ir.Node | None = None
    argument: str = ""
    returned: str = ""
    """The output of the pipeline that it is, if it is a value of a node: its span is that of the node."""

    def primary_span(self, types: TracedTypes) -> Span:
        """The argument or the returned value in the user's file; for anything else, the node."""
        if self.returned:
            return returned_span(self.span, self.returned)
        if not self.argument or not isinstance(self.node, (ir.Task, ir.Call)):
            return self.span
        inputs = list(types.ports.inputs(self.node))
        position = inputs.index(self.argument) if self.argument in inputs else None
        return argument_span(self.span, self.argument, position)


def called(pipeline: ir.Pipeline, node: ir.Task | ir.Call) -> str:
    """Name of the callee of a task, as the user wrote it: keys of the tables may be longer."""
    if isinstance(node, ir.Call):
        return node.pipeline.partition("#")[0]
    component = pipeline.components.get(node.component)
    return component.name if component is not None else node.component


def declared(pipeline: ir.Pipeline, node: ir.Node) -> tuple[str, ...]:
    """Note with the location of the declaration of a task's component."""
    if isinstance(node, ir.Task) and node.component in pipeline.components:
        component = pipeline.components[node.component]
        if component.span != NOWHERE:
            span = component.span
            return (f"`{component.name}` is declared at {span.file}:{span.line}:{span.column}",)
    return ()


def source_label(operand: ir.Operand, owner: Scope, types: TracedTypes) -> tuple[Label, ...]:
    """Source of a value: its task, loop or pipeline input; nothing for a constant."""
    while isinstance(operand, ir.FromExpr):
        inner = [o for o in expr_operands(owner.graph.exprs[operand.index]) if not is_const(o)]
        if len(inner) != 1:
            return ()
        operand = inner[0]
    match operand:
        case ir.FromTask() if operand.task in types.scopes.nodes:
            span = types.scopes.nodes[operand.task].span
            return (Label(span, f"`{operand.task}` returns `{show(types.of(operand, owner))}`"),)
        case ir.FromItem() if operand.loop in types.scopes.nodes:
            return (Label(types.scopes.nodes[operand.loop].span, f"each item is `{show(types.of(operand, owner))}`"),)
        case ir.FromInput():
            port = next((port for port in types.graph.inputs if port.name == operand.name), None)
            if port is not None and port.span != NOWHERE:
                return (Label(port.span, f"`{port.name}` is `{show(port.type)}`"),)
        case _:
            pass
    return ()


def known(*spans: Span) -> Span:
    """The first of these spans that is known.

    >>> known(NOWHERE, Span("a.py", 3)).line
    3
    """
    return next((span for span in spans if span != NOWHERE), NOWHERE)


def is_const(operand: ir.Operand) -> bool:
    """Whether an operand depends on no scope and no expression."""
    return not isinstance(operand, (ir.FromTask, ir.FromInput, ir.FromItem, ir.FromExpr))
