"""Where an input of a task of a run came from: a task, an argument of the run, an item of a loop."""

from __future__ import annotations

from dataclasses import dataclass

from typedpipe.ir.nodes import (
    Branch,
    Call,
    ExitHandler,
    FromExpr,
    FromInput,
    FromTask,
    Graph,
    Importer,
    Loop,
    Node,
    Operand,
    Pipeline,
    Task,
)
from typedpipe.ir.scopes import expr_operands
from typedpipe.ir.scopes import needed as needed_exprs


@dataclass(frozen=True, slots=True)
class Origin:
    """``name`` is a task's path, or the name of an argument or loop; "" for a constant."""

    kind: str
    """``task``, ``argument``, ``item``, ``importer`` or ``constant``."""
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Scope:
    graph: Graph
    prefix: str
    node: Node | None = None
    """Whose body the graph is; None for the pipeline itself."""
    above: _Scope | None = None


def origins(pipeline: Pipeline, path: str, name: str) -> list[Origin]:
    """The origins of an input of a task; several when an expression puts it together.

    >>> from typedpipe.ir.nodes import Graph
    >>> task = Task("b", "c", (("x", FromTask("a", "Output")),))
    >>> origins(Pipeline("p", Graph(nodes=(Task("a", "c"), task)), closed=True), "b", "x")
    [Origin(kind='task', name='a')]
    """
    scope = _scope_of(pipeline, path)
    if scope is None:
        return []
    last = path.rpartition("/")[2]
    node = _named(scope.graph, last)
    if not isinstance(node, Task):
        return []
    given = dict(node.args).get(name)
    if given is None:
        return [Origin("constant")]
    return list(dict.fromkeys(_follow(pipeline, scope, given)))


def _named(graph: Graph, name: str) -> Node | None:
    for node in graph.nodes:
        if node.name == name:
            return node
        if isinstance(node, ExitHandler) and node.exit.name == name:
            return node.exit
    return None


def _scope_of(pipeline: Pipeline, path: str) -> _Scope | None:
    scope = _Scope(pipeline.graph, "")
    *groups, last = path.split("/")
    for index, part in enumerate(groups):
        stem = part.partition("[")[0] if part.endswith("]") else part
        node = _named(scope.graph, part) or _named(scope.graph, stem)
        if node is None:
            return None
        below = [*groups, last][index + 1]
        graph = _body(pipeline, node, below)
        if graph is None:
            return None
        scope = _Scope(graph, f"{scope.prefix}{part}/", node, scope)
    return scope


def _body(pipeline: Pipeline, node: Node, below: str) -> Graph | None:
    stem = below.partition("[")[0] if below.endswith("]") else below
    match node:
        case Call():
            return pipeline.pipelines[node.pipeline]
        case Branch():
            return next((a.body for a in node.arms if _named(a.body, below) or _named(a.body, stem)), None)
        case Loop() | ExitHandler():
            return node.body
        case _:
            return None


def _follow(pipeline: Pipeline, scope: _Scope, operand: Operand) -> list[Origin]:
    match operand:
        case FromExpr():
            exprs = scope.graph.exprs
            leaves = [
                leaf
                for index in needed_exprs(exprs, [operand])
                for leaf in expr_operands(exprs[index])
                if not isinstance(leaf, FromExpr)
            ]
            return [origin for leaf in leaves for origin in _follow(pipeline, scope, leaf)]
        case FromInput(name=name):
            return _from_above(pipeline, scope, name)
        case FromTask(task=task, output=output):
            return _from_node(pipeline, scope, task, output)
        case _:
            return [Origin("constant")]


def _from_above(pipeline: Pipeline, scope: _Scope, name: str) -> list[Origin]:
    node, above = scope.node, scope.above
    if node is None or above is None:
        return [Origin("argument", name)]
    if isinstance(node, Loop) and name == node.item:
        return [Origin("item", scope.prefix[:-1]), *_follow(pipeline, above, node.items)]
    args = node.args if not isinstance(node, Branch | Importer) else ()
    if isinstance(node, Branch):
        args = next((arm.args for arm in node.arms if arm.body is scope.graph), ())
    given = dict(args).get(name)
    return [Origin("constant")] if given is None else _follow(pipeline, above, given)


def _from_node(pipeline: Pipeline, scope: _Scope, name: str, output: str) -> list[Origin]:
    node = _named(scope.graph, name)
    path = scope.prefix + name
    match node:
        case Call():
            graphs = [pipeline.pipelines[node.pipeline]]
        case Branch():
            graphs = [arm.body for arm in node.arms]
        case ExitHandler():
            graphs = [node.body]
        case Importer():
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
