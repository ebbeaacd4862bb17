"""Origins of a task's inputs: another task, an argument of the run, an item of a loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import decisions, expr_operands, needed, regions_in
from typedpipe.runs.paths import TaskPath


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a value. ``name`` is a task's path, or the name of an argument or loop; "" for a constant."""

    kind: str
    """``task``, ``argument``, ``item``, ``importer`` or ``constant``."""
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Scope:
    graph: ir.Graph
    prefix: str
    node: ir.Node | None = None
    """The node whose body is the graph; None for the pipeline itself."""
    region: ir.Region | None = None
    above: _Scope | None = None


def _nodes(graph: ir.Graph) -> Iterator[ir.Node]:
    for node in graph.nodes:
        yield node
        yield from node.exits()


def origins(pipeline: ir.Pipeline, path: str, name: str) -> list[Origin]:
    """Origins of a task's input; several if an expression combines them.

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


def _named(graph: ir.Graph, *names: str) -> ir.Node | None:
    """The node with the first of these names that exists."""
    known = {node.name: node for node in _nodes(graph)}
    return next((known[name] for name in names if name in known), None)


def _scope_of(pipeline: ir.Pipeline, path: str) -> _Scope | None:
    scope = _Scope(pipeline.graph, "")
    for step, below in pairwise(TaskPath.parse(path).steps):
        node = _named(scope.graph, str(step), step.node)
        if node is None:
            return None
        regions = regions_in(node, pipeline.pipelines)
        region = next((each for each in regions if _named(each.body, str(below), below.node)), None)
        if region is None:
            return None
        scope = _Scope(region.body, f"{scope.prefix}{step}/", node, region, scope)
    return scope


def _follow(pipeline: ir.Pipeline, scope: _Scope, operand: ir.Operand) -> list[Origin]:
    match operand:
        case ir.FromExpr():
            exprs = scope.graph.exprs
            leaves = [
                leaf
                for index in needed(exprs, [operand])
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
    node, region, above = scope.node, scope.region, scope.above
    if node is None or region is None or above is None:
        return [Origin("argument", name)]
    if region.role == "item" and name == region.item:
        items = [origin for operand in decisions(node) for origin in _follow(pipeline, above, operand)]
        return [Origin("item", scope.prefix[:-1]), *items]
    given = dict(region.args).get(name)
    return [Origin("constant")] if given is None else _follow(pipeline, above, given)


def _from_node(pipeline: ir.Pipeline, scope: _Scope, name: str, output: str) -> list[Origin]:
    node = _named(scope.graph, name)
    path = scope.prefix + name
    if isinstance(node, ir.Importer):
        return [Origin("importer", path)]
    regions = () if node is None else regions_in(node, pipeline.pipelines)
    if node is None or not regions or any(region.role == "item" for region in regions):
        return [Origin("task", path)]  # also for a loop, which has many tasks
    return [
        origin
        for region in regions
        for given in region.body.outputs
        if given.name == output
        for origin in _follow(pipeline, _Scope(region.body, f"{path}/", node, region, scope), given.value)
    ]
