"""Structure: what is referred to exists, calls give what is wanted, and nothing waits for itself.

What only a mistake of ours (or a made-up file) can cause is TP902; what a user can write has a code of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from typedpipe.compiler.passes.order import Order, find_cycle
from typedpipe.compiler.passes.places import called
from typedpipe.compiler.passes.places import known as place_of
from typedpipe.diagnostics.model import Diagnostics, Label, Span
from typedpipe.diagnostics.words import nearest
from typedpipe.ir.nodes import (
    Args,
    Branch,
    Call,
    Collected,
    Const,
    ExitHandler,
    FromExpr,
    FromInput,
    FromItem,
    FromTask,
    Graph,
    Importer,
    Loop,
    Node,
    OneOf,
    Operand,
    Pipeline,
    Task,
)
from typedpipe.ir.scopes import Scope, Scopes, bodies, expr_operands, node_operands, scopes_of
from typedpipe.ir.typing import Ports
from typedpipe.types.model import StatusType, is_artifact, is_optional

OURS = "this is a bug in typedpipe, unless another program created the file: please report it"


def verify(pipeline: Pipeline, report: Diagnostics, *, closed: bool | None = None) -> Pipeline:
    """Report what is wrong with the structure of a pipeline; nothing is changed.

    >>> report = Diagnostics()
    >>> _ = verify(Pipeline("p", Graph()), report)
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
    def __init__(self, pipeline: Pipeline, graph: Graph, report: Diagnostics, ports: Ports, closed: bool) -> None:
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
            "TP902", f"the IR of this pipeline is invalid: {what}", place_of(span, self.pipeline.span), help=OURS
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
            if isinstance(node, Task | Call):
                self._call(node)
            else:
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
            if self.closed and isinstance(expr, Collected | OneOf):
                self._ours(f"a closed graph contains a {type(expr).__name__}", self.pipeline.span)
            for operand in expr_operands(expr):
                if isinstance(operand, FromExpr) and not 0 <= operand.index < index:
                    self._ours(f"expression {index} refers to expression {operand.index}", self.pipeline.span)
                elif not isinstance(operand, FromExpr):
                    self._operand(operand, scope, inputs, self.pipeline.span)

    def _operand(self, operand: Operand, scope: Scope, inputs: set[str], span: Span) -> None:
        match operand:
            case FromTask():
                node = self.scopes.nodes.get(operand.task)
                if node is None or (self.closed and self.scopes.home[operand.task] is not scope):
                    self._ours(f"there is no task `{operand.task}` here", span)
                elif isinstance(node, Task | Call | Importer) or self.closed:
                    if operand.output not in self.ports.outputs(node):
                        self._no_output(node, operand.output, span)
                else:
                    self._ours(f"the group `{operand.task}` has no outputs yet", span)
            case FromInput():
                if operand.name not in inputs:
                    self._ours(f"there is no input `{operand.name}`", span)
            case FromExpr():
                if not 0 <= operand.index < len(scope.graph.exprs):
                    self._ours(f"there is no expression {operand.index}", span)
            case FromItem():
                if self.closed or not isinstance(self.scopes.nodes.get(operand.loop), Loop):
                    self._ours(f"there is no loop `{operand.loop}` for this item", span)
            case Const():
                pass

    def _no_output(self, node: Node, output: str, span: Span) -> None:
        known = list(self.ports.outputs(node))
        self._ours(f"`{node.name}` has no output `{output}`{_meant(output, known)}", span)

    # ------------------------------------------------------------------------------------------- a node

    def _call(self, node: Task | Call) -> None:
        known = self.pipeline.pipelines if isinstance(node, Call) else self.pipeline.components
        target = node.pipeline if isinstance(node, Call) else node.component
        if target not in known:
            self._ours(f"`{node.name}` calls `{target}`, which does not exist", node.span)
            return
        target = called(self.pipeline, node)
        inputs = self.ports.inputs(node)
        given = {name for name, _ in node.args}
        if len(given) < len(node.args):
            self._ours(f"an argument of `{node.name}` is passed twice", node.span)
        for name in given - inputs.keys():
            self.report.error(
                "TP302",
                f"`{target}` has no input `{name}`",
                node.span,
                f"`{name}` is not an input{_meant(name, list(inputs))}",
                others=[Label(_declared(self.pipeline, node), f"`{target}` is declared here")],
                help=f"the inputs are {_list(inputs)}" if inputs else "it has no inputs",
            )
        if len(given) < len(inputs):
            self._missing(node, target, given)

    def _missing(self, node: Task | Call, target: str, given: set[str]) -> None:
        missing = [
            name
            for name, port in self.ports.inputs(node).items()
            if name not in given
            and port.default is None
            and not isinstance(port.type, StatusType)
            and not (is_artifact(port.type) and is_optional(port.type))
        ]
        if missing and all(item.primary.span != node.span for item in self.report):  # tracing said it better
            self.report.error(
                "TP301",
                f"`{target}` requires {_list(missing)}",
                node.span,
                f"{_list(missing)} {'is' if len(missing) == 1 else 'are'} missing",
                others=[Label(_declared(self.pipeline, node), f"`{target}` is declared here")],
                help=f"pass {', '.join(name + '=...' for name in missing)}",
            )

    def _group(self, node: Branch | Loop | ExitHandler | Importer) -> None:
        if isinstance(node, ExitHandler):
            self._call(node.exit)
        if isinstance(node, Branch) and (
            not node.arms or any(arm.condition is None for arm in node.arms[:-1]) or node.arms[0].condition is None
        ):
            self._ours(f"the arms of `{node.name}` are not in order", node.span)
        given: list[Args] = []
        match node:
            case Branch():
                given = [arm.args for arm in node.arms]
            case Loop() | ExitHandler():
                given = [node.args]
            case Importer():
                return
        for body, args in zip(bodies(node), given, strict=True):
            wanted = {port.name for port in body.inputs}
            if isinstance(node, Loop) and self.closed:
                if node.item not in wanted:
                    self._ours(f"the body of `{node.name}` has no input for the item", node.span)
                wanted.discard(node.item)
            if wanted != {name for name, _ in args} or len(args) != len(wanted):
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
                    f"tasks wait for each other: {path}",
                    nodes[0].span,
                    f"`{cycle[0]}` waits for `{cycle[1 % len(cycle)]}`",
                    others=[
                        Label(node.span, f"`{node.name}` waits for `{cycle[(at + 1) % len(cycle)]}`")
                        for at, node in enumerate(nodes)
                        if at
                    ],
                    help="remove one `.after`",
                )


def _recursion(pipeline: Pipeline, report: Diagnostics) -> None:
    calls: dict[str, list[str]] = {}
    spans: dict[str, Span] = {}
    for name, graph in pipeline.pipelines.items():
        called: dict[str, None] = {}
        for scope in scopes_of(graph).all:
            for node in scope.graph.nodes:
                for each in (node.exit,) if isinstance(node, ExitHandler) else (node,):
                    if isinstance(each, Call) and each.pipeline in pipeline.pipelines:
                        called[each.pipeline] = None
                        spans.setdefault(name, each.span)
        calls[name] = list(called)
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


def _declared(pipeline: Pipeline, node: Task | Call) -> Span:
    return pipeline.components[node.component].span if isinstance(node, Task) else pipeline.span


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _meant(name: str, known: list[str]) -> str:
    near = nearest(name, known)
    return f"; did you mean `{near}`?" if near else ""
