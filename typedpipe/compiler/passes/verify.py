"""Structural checks: references exist, calls have the right arguments, and nothing depends on itself.

Errors that only a bug in typedpipe (or a hand-made file) can cause are TP902; errors that a user can make have codes of
their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from typedpipe.compiler.passes.labels import called, known
from typedpipe.diagnostics.model import Diagnostics, Label, Span
from typedpipe.diagnostics.words import nearest
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import expr_operands, node_operands
from typedpipe.ir.scopes import Order, Scope, Scopes, scopes_of
from typedpipe.ir.typing import Ports

OURS = "this is a bug in typedpipe, unless another program created the file: please report it"


def verify(pipeline: ir.Pipeline, report: Diagnostics, *, closed: bool | None = None) -> ir.Pipeline:
    """Report structural errors of a pipeline; nothing is changed.

    >>> report = Diagnostics()
    >>> _ = verify(ir.Pipeline("p", ir.Graph()), report)
    >>> report.has_errors
    False
    """
    closed = pipeline.closed if closed is None else closed
    ports = Ports(pipeline)
    for graph in (pipeline.graph, *pipeline.pipelines.values()):
        _Verifier(pipeline, graph, report, ports, closed).run()
    _recursion(pipeline, report)
    return pipeline


class _Verifier:
    def __init__(self, pipeline: ir.Pipeline, graph: ir.Graph, report: Diagnostics, ports: Ports, closed: bool) -> None:
        self.pipeline = pipeline
        self.report = report
        self.ports = ports
        self.closed = closed
        self.scopes: Scopes = scopes_of(graph)
        self.order = Order(self.scopes)
        self.broken = False

    def run(self) -> None:
        for node in self.scopes.repeated:
            self._ours(f"two nodes are named `{node.name}`", node.span)
        for scope in self.scopes.all:
            self._graph(scope)
        if not self.broken:
            self._cycles()

    def _ours(self, what: str, span: Span) -> None:
        self.broken = True
        self.report.error(
            "TP902", f"the IR of this pipeline is invalid: {what}", known(span, self.pipeline.span), help=OURS
        )

    # ------------------------------------------------------------------------------------------- a graph

    def _graph(self, scope: Scope) -> None:
        graph = scope.graph
        outer = scope.parent is None
        inputs = {port.name for port in graph.inputs} if outer or self.closed else {*self._pipeline_inputs()}
        if len({port.name for port in graph.inputs}) < len(graph.inputs):
            self._ours("two inputs of a graph have the same name", self.pipeline.span)
        if len({output.name for output in graph.outputs}) < len(graph.outputs):
            self._ours("two outputs of a graph have the same name", self.pipeline.span)
        if not outer and not self.closed and (graph.inputs or graph.outputs):
            self._ours("a traced body has inputs or outputs", self.pipeline.span)
        self._table(scope, inputs)
        for node in graph.nodes:
            if isinstance(node, (ir.Task, ir.Call)):
                self._call(node)
            elif node.is_group:
                self._group(node)
            for operand in node_operands(node):
                self._operand(operand, scope, inputs, node.span)
            for name in node.after:
                if (self.scopes.home.get(name) is not scope) if self.closed else (name not in self.scopes.home):
                    self._ours(f"`{node.name}` waits for `{name}`, which does not exist", node.span)
        for output in graph.outputs:
            self._operand(output.value, scope, inputs, output.span)

    def _pipeline_inputs(self) -> Iterable[str]:
        return [port.name for port in self.scopes.root.graph.inputs]

    def _table(self, scope: Scope, inputs: set[str]) -> None:
        graph = scope.graph
        if graph.expr_spans and len(graph.expr_spans) != len(graph.exprs):
            self._ours("the tables of expressions and of their spans have different lengths", self.pipeline.span)
        for index, expr in enumerate(graph.exprs):
            if self.closed and isinstance(expr, (ir.Collected, ir.OneOf)):
                self._ours(f"a closed graph contains a {type(expr).__name__}", self.pipeline.span)
            for operand in expr_operands(expr):
                if isinstance(operand, ir.FromExpr) and not 0 <= operand.index < index:
                    self._ours(f"expression {index} refers to expression {operand.index}", self.pipeline.span)
                elif not isinstance(operand, ir.FromExpr):
                    self._operand(operand, scope, inputs, self.pipeline.span)

    def _operand(self, operand: ir.Operand, scope: Scope, inputs: set[str], span: Span) -> None:
        match operand:
            case ir.FromTask():
                node = self.scopes.nodes.get(operand.task)
                if node is None or (self.closed and self.scopes.home[operand.task] is not scope):
                    self._ours(f"there is no task `{operand.task}` here", span)
                elif self.closed or not node.is_group:
                    if operand.output not in self.ports.outputs(node):
                        self._no_output(node, operand.output, span)
                else:
                    self._ours(f"the group `{operand.task}` has no outputs yet", span)
            case ir.FromInput():
                if operand.name not in inputs:
                    self._ours(f"there is no input `{operand.name}`", span)
            case ir.FromExpr():
                if not 0 <= operand.index < len(scope.graph.exprs):
                    self._ours(f"there is no expression {operand.index}", span)
            case ir.FromItem():
                regions = self.scopes.bodies.get(operand.loop, ())
                if self.closed or not any(each.role == "item" for each in regions):
                    self._ours(f"there is no loop `{operand.loop}` for this item", span)
            case ir.Const():
                pass

    def _no_output(self, node: ir.Node, output: str, span: Span) -> None:
        outputs = list(self.ports.outputs(node))
        self._ours(f"`{node.name}` has no output `{output}`{_meant(output, outputs)}", span)

    # ------------------------------------------------------------------------------------------- a node

    def _call(self, node: ir.Task | ir.Call) -> None:
        targets = self.pipeline.pipelines if isinstance(node, ir.Call) else self.pipeline.components
        target = node.pipeline if isinstance(node, ir.Call) else node.component
        if target not in targets:
            self._ours(f"`{node.name}` calls `{target}`, which does not exist", node.span)
            return
        inputs = self.ports.inputs(node)
        given = {name for name, _ in node.args}
        if len(given) < len(node.args):
            self._ours(f"an argument of `{node.name}` is passed twice", node.span)
        for name in given - inputs.keys():
            target = called(self.pipeline, node)
            self.report.error(
                "TP302",
                f"`{target}` has no input `{name}`",
                node.span,
                f"`{name}` is not an input{_meant(name, list(inputs))}",
                others=[Label(_declared(self.pipeline, node), f"`{target}` is declared here")],
                help=f"the inputs are {_list(inputs)}" if inputs else "it has no inputs",
            )
        if len(given) < len(inputs):
            self._missing(node, given)

    def _missing(self, node: ir.Task | ir.Call, given: set[str]) -> None:
        missing = [name for name, port in self.ports.inputs(node).items() if name not in given and port.required]
        if missing and all(
            item.primary.span != node.span for item in self.report
        ):  # tracing reported it more precisely
            target = called(self.pipeline, node)
            self.report.error(
                "TP301",
                f"`{target}` requires {_list(missing)}",
                node.span,
                f"{_list(missing)} {'is' if len(missing) == 1 else 'are'} missing",
                others=[Label(_declared(self.pipeline, node), f"`{target}` is declared here")],
                help=f"pass {', '.join(name + '=...' for name in missing)}",
            )

    def _group(self, node: ir.Node) -> None:
        for last in node.exits():
            self._call(last)
        regions = node.regions()
        is_else = [region.condition is None for region in regions if region.role == "arm"]
        if not regions or True in is_else[:-1] or (is_else and is_else[0]):
            self._ours(f"the arms of `{node.name}` are not in order", node.span)
        for region in regions:
            wanted = {port.name for port in region.body.inputs}
            if region.role == "item" and self.closed:
                if region.item not in wanted:
                    self._ours(f"the body of `{node.name}` has no input for the item", node.span)
                wanted.discard(region.item)
            if wanted != {name for name, _ in region.args} or len(region.args) != len(wanted):
                self._ours(f"the arguments of `{node.name}` do not match the inputs of its body", node.span)

    # ------------------------------------------------------------------------------------------- cycles

    def _cycles(self) -> None:
        for edges in self.order.cyclic():
            cycle = find_cycle(edges)
            if cycle:
                nodes = [self.scopes.nodes[name] for name in cycle]
                path = " → ".join(f"`{name}`" for name in (*cycle, cycle[0]))
                self.report.error(
                    "TP303",
                    f"tasks depend on each other: {path}",
                    nodes[0].span,
                    f"`{cycle[0]}` waits for `{cycle[1 % len(cycle)]}`",
                    others=[
                        Label(node.span, f"`{node.name}` waits for `{cycle[(at + 1) % len(cycle)]}`")
                        for at, node in enumerate(nodes)
                        if at
                    ],
                    help="remove one `.after`",
                )


def _recursion(pipeline: ir.Pipeline, report: Diagnostics) -> None:
    if not pipeline.pipelines:
        return
    calls: dict[str, list[str]] = {}
    spans: dict[str, Span] = {}
    for name, graph in pipeline.pipelines.items():
        callees: dict[str, None] = {}
        for scope in scopes_of(graph).all:
            for node in scope.graph.nodes:
                for each in (node, *node.exits()):
                    if isinstance(each, ir.Call) and each.pipeline in pipeline.pipelines:
                        callees[each.pipeline] = None
                        spans.setdefault(name, each.span)
        calls[name] = list(callees)
    cycle = find_cycle(calls)
    if cycle:
        path = " → ".join(f"`{name}`" for name in (*cycle, cycle[0]))
        report.error(
            "TP304",
            f"a pipeline calls itself: {path}",
            spans[cycle[0]],
            "this call never ends",
            help="use `ParallelFor` for repetition, because a pipeline has a fixed number of tasks",
        )


def find_cycle(edges: Mapping[str, Sequence[str]]) -> list[str]:
    """A cycle, as names that each depend on the next, or an empty list. Without recursion.

    >>> find_cycle({"a": ["b"], "b": ["c"], "c": ["b"]})
    ['b', 'c']
    """
    done: set[str] = set()
    for start in edges:
        if start in done:
            continue
        path: dict[str, Iterator[str]] = {start: iter(edges[start])}
        while path:
            name, rest = next(reversed(path.items()))
            step = next(rest, None)
            if step is None:
                del path[name]
                done.add(name)
            elif step in path:
                names = list(path)
                return names[names.index(step) :]
            elif step not in done:
                path[step] = iter(edges.get(step, ()))
    return []


def _declared(pipeline: ir.Pipeline, node: ir.Task | ir.Call) -> Span:
    return pipeline.components[node.component].span if isinstance(node, ir.Task) else pipeline.span


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _meant(name: str, known: list[str]) -> str:
    near = nearest(name, known)
    return f"; did you mean `{near}`?" if near else ""
