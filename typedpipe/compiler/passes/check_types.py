"""Types on every edge: arguments, constants, defaults, conditions, loop items, outputs, options."""

from __future__ import annotations

from typedpipe.compiler.passes.check_exprs import check_exprs
from typedpipe.compiler.passes.check_scopes import is_uncollected
from typedpipe.compiler.passes.labels import Use, called, declared, known, source_label
from typedpipe.diagnostics.model import NOWHERE, Diagnostics, Span
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import leaves
from typedpipe.ir.options import BY_NAME, option_operands
from typedpipe.ir.scopes import Scope
from typedpipe.ir.typing import Ports, TracedTypes
from typedpipe.types.assignable import CONVERT, advice, advice_for_one, fitting_field, mismatch
from typedpipe.types.display import enum_members, show
from typedpipe.types.model import ANY, BOOL, STR, AnyType, DictType, ListType, Type, is_optional, without_none

"""Types of options; the other resources are quantities, and environment variables are strings."""


def check_types(pipeline: ir.Pipeline, report: Diagnostics) -> ir.Pipeline:
    """Report every value that does not match the type it is used for; nothing is changed.

    >>> report = Diagnostics()
    >>> from typedpipe.ir.nodes import Graph
    >>> _ = check_types(ir.Pipeline("p", Graph()), report)
    >>> report.has_errors
    False
    """
    ports = Ports(pipeline)
    for component in pipeline.components.values():
        for port in component.inputs:
            _default(port, component.name, component.span, report)
    for graph in (pipeline.graph, *pipeline.pipelines.values()):
        for port in graph.inputs:
            _default(port, pipeline.name, pipeline.span, report)
        _Checker(pipeline, TracedTypes(pipeline, graph, ports), report).run()
    return pipeline


def _default(port: ir.InputPort, owner: str, span: Span, report: Diagnostics) -> None:
    if port.default is None:
        return
    why = mismatch(port.default.type, port.type)
    if why is not None:
        report.error(
            "TP210",
            f"the default of `{port.name}` in `{owner}` does not match its type",
            known(port.span, span),
            why,
            help=advice(port.default.type, port.type),
        )


class _Checker:
    def __init__(self, pipeline: ir.Pipeline, types: TracedTypes, report: Diagnostics) -> None:
        self.pipeline = pipeline
        self.types = types
        self.report = report
        self.fits: dict[tuple[int, int], tuple[Type, Type]] = {}
        """Types that match, by their ids: kept, because the id of an object that is gone is used again."""
        self.wrong: dict[int, frozenset[int]] = {}
        """Expressions of each scope that have an error: the type of their value is uncertain."""

    def run(self) -> None:
        for scope in self.types.scopes.all:
            if scope.graph.exprs:
                self.wrong[scope.index] = check_exprs(self.types, scope, self.report)
            for node in scope.graph.nodes:
                self._node(node, scope)
        for output in self.types.graph.outputs:
            self._output(output.name, output.value, output.type, output.span)

    def _node(self, node: ir.Node, scope: Scope) -> None:
        match node:
            case ir.Task() | ir.Call():
                self._call(node, scope)
            case ir.Importer():
                self._importer(node, scope)
            case ir.Loop():
                self._loop(node, scope)
            case _:
                for region in node.regions():
                    if region.condition is not None:
                        self._condition(region.condition, scope, node, known(region.span, node.span))
                for last in node.exits():
                    self._call(last, scope)

    def _call(self, node: ir.Task | ir.Call, scope: Scope) -> None:
        inputs = self.types.ports.inputs(node)
        fits = self.fits
        for name, operand in node.args:
            port = inputs.get(name)
            if port is None:
                continue
            source = operand.type if type(operand) is ir.Const else self.types.of(operand, scope)
            key = (id(source), id(port.type))
            if key in fits:
                continue
            why = mismatch(source, port.type)
            if why is None:
                fits[key] = source, port.type
            else:
                self._edge(Use(operand, scope, node.span, node, name), source, port)
        if node.options is not ir.DEFAULT_OPTIONS:
            self._options(node, scope)

    def _edge(self, use: Use, source: Type, port: ir.InputPort) -> None:
        if self._follows(use.operand, use.scope, use.node) or self._may_be_guarded(use, source, port.type):
            return
        node = use.node
        assert isinstance(node, (ir.Task, ir.Call))
        target = called(self.pipeline, node)
        kind = "the value is" if isinstance(use.operand, ir.Const) else "receives"
        why = mismatch(source, port.type)
        self.report.error(
            "TP201",
            f"`{target}` expects `{show(port.type)}` for `{port.name}`, but {kind} `{show(source)}`",
            use.primary_span(self.types),
            why or "",
            others=source_label(use.operand, use.scope, self.types),
            notes=declared(self.pipeline, node),
            help=_argument_advice(use.operand, use.scope, source, port),
        )

    def _options(self, node: ir.Task | ir.Call, scope: Scope) -> None:
        for name, operand in option_operands(node.options):
            if name.startswith("env."):
                target: Type = STR
            else:
                target = BY_NAME[name].type
            source = self.types.of(operand, scope)
            if mismatch(source, target) is not None and not self._follows(operand, scope, node):
                what = f"environment variable `{name[4:]}`" if name.startswith("env.") else name.replace("_", " ")
                self.report.error(
                    "TP212",
                    f"the {what} of `{node.name}` must be `{show(target)}`",
                    node.span,
                    f"found `{show(source)}`",
                    others=source_label(operand, scope, self.types),
                    help=advice_for_one(source, target),
                )

    def _follows(self, operand: ir.Operand, scope: Scope, node: ir.Node | None) -> bool:
        """Whether a wrong type follows from another error: of the value, its expression, or its place."""
        if isinstance(operand, ir.FromExpr) and operand.index in self.wrong.get(scope.index, ()):
            return True
        if any(map(_is_poison, leaves(scope.graph.exprs, [operand]))):
            return True
        return is_uncollected(self.types, Use(operand, scope, NOWHERE, node))

    def _may_be_guarded(self, use: Use, source: Type, target: Type) -> bool:
        """Whether None is the only obstacle, in a branch whose condition has an error: it may test for None."""
        if mismatch(without_none(source), target) is not None:
            return False
        return any(
            body.region is not None and _is_poison(body.region.condition)
            for body in use.scope.up(self.types.scopes.root)
        )

    def _condition(self, condition: ir.Operand, scope: Scope, node: ir.Node, span: Span) -> None:
        source = self.types.of(condition, scope)
        if mismatch(source, BOOL) is None or self._follows(condition, scope, node):
            return
        help_ = "compare the value, as in `If(value == 3)`"
        if is_optional(source):
            help_ = "use `with dsl.IfSet(value) as v:` to branch on None"
        self.report.error(
            "TP203",
            f"a condition must be `bool`, but this is `{show(source)}`",
            span,
            f"expected `bool`, found `{show(source)}`",
            others=source_label(condition, scope, self.types),
            help=help_,
        )

    def _loop(self, node: ir.Loop, scope: Scope) -> None:
        source = self.types.of(node.items, scope)
        if isinstance(source, AnyType) or self._follows(node.items, scope, node):
            return
        if not isinstance(source, ListType):
            help_ = "provide a default: `dsl.Some(values, [])`" if is_optional(source) else "loop over a list"
            if isinstance(source, DictType):
                help_ = "create a list of the items in a component"
            message = f"a loop requires a list, but this is `{show(source)}`"
            label = f"expected a list, found `{show(source)}`"
        elif mismatch(source.item, node.item_type) is not None:
            message = f"the items of this loop are `{show(source.item)}`, not `{show(node.item_type)}`"
            label = f"expected `list[{show(node.item_type)}]`, found `{show(source)}`"
            help_ = advice(source.item, node.item_type)
        else:
            return
        others = source_label(node.items, scope, self.types)
        self.report.error("TP205", message, node.span, label, others=others, help=help_)

    def _importer(self, node: ir.Importer, scope: Scope) -> None:
        wanted: list[tuple[str, ir.Operand | None, Type]] = [
            ("uri", node.uri, STR),
            ("metadata", node.metadata, DictType(ANY)),
        ]
        for name, operand, target in wanted:
            if operand is None:
                continue
            source = self.types.of(operand, scope)
            if name == "metadata" and type(source).__name__ == "StructType":
                continue
            if mismatch(source, target) is not None and not self._follows(operand, scope, node):
                self.report.error(
                    "TP215",
                    f"`importer` expects `{show(target)}` as its {name}, but this is `{show(source)}`",
                    node.span,
                    f"expected `{show(target)}`, found `{show(source)}`",
                    others=source_label(operand, scope, self.types),
                    help=advice_for_one(source, target),
                )

    def _output(self, name: str, operand: ir.Operand, target: Type, span: Span) -> None:
        root = self.types.scopes.root
        source = self.types.of(operand, root)
        if mismatch(source, target) is None or self._follows(operand, root, None):
            return
        self.report.error(
            "TP202",
            f"the pipeline's output `{name}` is declared as `{show(target)}`, but its value is `{show(source)}`",
            known(span, self.pipeline.span),
            f"expected `{show(target)}`, found `{show(source)}`",
            others=source_label(operand, root, self.types),
            help=_advice(operand, root, source, target),
        )


def _is_poison(operand: ir.Operand | None) -> bool:
    """Whether it replaces a value whose error was reported by tracing: no user's constant is Any."""
    return isinstance(operand, ir.Const) and operand.type == ANY


def _advice(operand: ir.Operand, scope: Scope, source: Type, target: Type) -> str:
    """A suggested fix for a value: one of the outputs of a task in place of all of them, for example."""
    made = scope.graph.exprs[operand.index] if isinstance(operand, ir.FromExpr) else None
    if isinstance(made, ir.Collected) and isinstance(source, ListType) and isinstance(target, ListType):
        field = fitting_field(source.item, target.item)
        if field is not None:
            return f"collect a field of it: add `.{field}` to the collected value"
    field = fitting_field(source, target)
    if field is not None and isinstance(made, ir.MakeDict) and _is_whole(made):
        return f"pass one of the task's outputs: `.outputs.{field}`"
    return advice(source, target)


def _is_whole(made: ir.MakeDict) -> bool:
    """Whether it is an object of all outputs of a task."""
    found = [value for name, value in made.entries if isinstance(value, ir.FromTask) and value.output == name]
    return len(found) == len(made.entries) and len({value.task for value in found}) == 1


def _argument_advice(operand: ir.Operand, scope: Scope, source: Type, port: ir.InputPort) -> str:
    """A suggested fix for an argument: a constant is rewritten, a value is converted."""
    found = _advice(operand, scope, source, port.type)
    if found is CONVERT and isinstance(operand, ir.Const):
        change = f"use a value of type `{show(port.type)}`, or change the annotation of `{port.name}`"
        return "; ".join(filter(None, (change, enum_members(port.type))))
    return found
