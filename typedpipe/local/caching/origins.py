"""The origins of a task's inputs: another task, an argument of the run, an item of a loop."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from typedpipe.ir import nodes as ir
from typedpipe.ir.scopes import expr_operands, needed as needed_exprs
from typedpipe.runs.paths import Step, TaskPath


@dataclass(frozen=True, slots=True)
class Origin:
    """``name`` is a task's path, or the name of an argument or loop; "" for a constant."""

    kind: str
    """``task``, ``argument``, ``item``, ``importer`` or ``constant``."""
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Scope:
    graph: ir.Graph
    prefix: str
    node: ir.Node | None = None
    """Whose body the graph is; None for the pipeline itself."""
    above: _Scope | None = None


def origins(pipeline: ir.Pipeline, path: str, name: str) -> list[Origin]:
    """The origins of an input of a task; several when an expression puts it together.

    >>> from typedpipe.ir.nodes import Graph
    >>> task = ir.Task("b", "c", (("x", ir.FromTask("a", "Output")),))
    >>> origins(ir.Pipeline("p", Graph(nodes=(ir.Task("a", "c"), task)), closed=True), "b", "x")
    [Origin(kind='task', name='a')]
    """
    scope = _scope_of(pipeline, path)
    if scope is None:
        return []
    node = _named(scope.graph, TaskPath.parse(path).name)
    if not isinstance(node, ir.Task):
        return []
    given = dict(node.args).get(name)
    if given is None:
        return [Origin("constant")]
    return list(dict.fromkeys(_follow(pipeline, scope, given)))


def _named(graph: ir.Graph, name: str) -> ir.Node | None:
    for node in graph.nodes:
        if node.name == name:
            return node
        if isinstance(node, ir.ExitHandler) and node.exit.name == name:
            return node.exit
    return None


def _scope_of(pipeline: ir.Pipeline, path: str) -> _Scope | None:
    scope = _Scope(pipeline.graph, "")
    for step, below in pairwise(TaskPath.parse(path).steps):
        node = _named(scope.graph, str(step)) or _named(scope.graph, step.node)
        if node is None:
            return None
        graph = _body(pipeline, node, below)
        if graph is None:
            return None
        scope = _Scope(graph, f"{scope.prefix}{step}/", node, scope)
    return scope


def _body(pipeline: ir.Pipeline, node: ir.Node, below: Step) -> ir.Graph | None:
    match node:
        case ir.Call():
            return pipeline.pipelines[node.pipeline]
        case ir.Branch():
            return next((a.body for a in node.arms if _named(a.body, str(below)) or _named(a.body, below.node)), None)
        case ir.Loop() | ir.ExitHandler():
            return node.body
        case _:
            return None


def _follow(pipeline: ir.Pipeline, scope: _Scope, operand: ir.Operand) -> list[Origin]:
    match operand:
        case ir.FromExpr():
            exprs = scope.graph.exprs
            leaves = [
                leaf
                for index in needed_exprs(exprs, [operand])
                for leaf in expr_operands(exprs[index])
                if not isinstance(leaf, ir.FromExpr)
            ]
            return [origin for leaf in leaves for origin in _follow(pipeline, scope, leaf)]
        case ir.FromInput(name=name):
            return _from_above(pipeline, scope, name)
        case ir.FromTask(task=task, output=output):
            return _from_node(pipeline, scope, task, output)
        case _:
            return [Origin("constant")]


def _from_above(pipeline: ir.Pipeline, scope: _Scope, name: str) -> list[Origin]:
    node, above = scope.node, scope.above
    if node is None or above is None:
        return [Origin("argument", name)]
    if isinstance(node, ir.Loop) and name == node.item:
        return [Origin("item", scope.prefix[:-1]), *_follow(pipeline, above, node.items)]
    args = node.args if not isinstance(node, ir.Branch | ir.Importer) else ()
    if isinstance(node, ir.Branch):
        args = next((arm.args for arm in node.arms if arm.body is scope.graph), ())
    given = dict(args).get(name)
    return [Origin("constant")] if given is None else _follow(pipeline, above, given)


def _from_node(pipeline: ir.Pipeline, scope: _Scope, name: str, output: str) -> list[Origin]:
    node = _named(scope.graph, name)
    path = scope.prefix + name
    match node:
        case ir.Call():
            graphs = [pipeline.pipelines[node.pipeline]]
        case ir.Branch():
            graphs = [arm.body for arm in node.arms]
        case ir.ExitHandler():
            graphs = [node.body]
        case ir.Importer():
            return [Origin("importer", path)]
        case _:
            return [Origin("task", path)]  # of a loop, too: its tasks are many
    found: list[Origin] = []
    for graph in graphs:
        inner = _Scope(graph, f"{path}/", node, scope)
        for given in graph.outputs:
            if given.name == output:
                found += _follow(pipeline, inner, given.value)
    return found
