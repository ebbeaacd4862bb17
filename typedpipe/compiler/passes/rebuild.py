"""Rebuild all graphs of a pipeline, inner ones first, without recursion; what did not change stays the same object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_

from typedpipe.diagnostics.record import replace
from typedpipe.ir import nodes as ir
from typedpipe.ir.scopes import Scope, scopes_of

NodeMap = Callable[[ir.Node], ir.Node]


def rebuild(pipeline: ir.Pipeline, change: NodeMap) -> ir.Pipeline:
    """A pipeline with each node (an exit task too) put through ``change``.

    >>> p = ir.Pipeline("p", ir.Graph())
    >>> rebuild(p, lambda node: node) is p
    True
    """
    graph = rebuild_graph(pipeline.graph, change)
    called = {name: rebuild_graph(inner, change) for name, inner in pipeline.pipelines.items()}
    if graph is pipeline.graph and all(called[name] is inner for name, inner in pipeline.pipelines.items()):
        return pipeline
    return replace(pipeline, graph=graph, pipelines=called)


def rebuild_graph(graph: ir.Graph, change: NodeMap) -> ir.Graph:
    """One graph and all in it, with each node put through ``change``."""
    scopes = scopes_of(graph)
    made: dict[int, ir.Graph] = {}
    for scope in reversed(scopes.all):
        nodes: list[ir.Node] = []
        for node in scope.graph.nodes:
            inner = scopes.bodies.get(node.name)
            if inner is not None:
                node = _with_bodies(node, inner, made, change)  # noqa: PLW2901 - what it becomes
            nodes.append(change(node))
        same = all(map(is_, nodes, scope.graph.nodes))
        made[scope.index] = scope.graph if same else replace(scope.graph, nodes=tuple(nodes))
    return made[0]


def _with_bodies(node: ir.Node, inner: Sequence[Scope], made: dict[int, ir.Graph], change: NodeMap) -> ir.Node:
    graphs = [made[scope.index] for scope in inner]
    match node:
        case ir.Branch():
            if all(arm.body is body for arm, body in zip(node.arms, graphs, strict=True)):
                return node
            arms = tuple(replace(arm, body=body) for arm, body in zip(node.arms, graphs, strict=True))
            return replace(node, arms=arms)
        case ir.Loop():
            return node if node.body is graphs[0] else replace(node, body=graphs[0])
        case ir.ExitHandler():
            exit_ = change(node.exit)
            if node.body is graphs[0] and exit_ is node.exit:
                return node
            return replace(node, body=graphs[0], exit=exit_)
        case _:
            return node
