"""Execution order of a graph's nodes: their dependencies. Computed once per graph, however often it runs."""

from __future__ import annotations

from dataclasses import dataclass

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import upstream


@dataclass(frozen=True, slots=True)
class GraphPlan:
    """For each node, by its index in ``graph.nodes``: its upstream and its downstream nodes."""

    graph: ir.Graph
    place: dict[str, int]
    needs: tuple[tuple[int, ...], ...]
    needed_by: tuple[tuple[int, ...], ...]

    sinks: tuple[int, ...]
    """Nodes without downstream nodes: their results determine the graph's result."""


def plan(graph: ir.Graph) -> GraphPlan:
    """Find the edges of a closed graph; linear in its nodes and their references.

    >>> plan(ir.Graph()).needs
    ()
    """
    place = {node.name: index for index, node in enumerate(graph.nodes)}
    needs = tuple(
        tuple(sorted({place[name] for name in upstream(graph, node)} - {index}))
        for index, node in enumerate(graph.nodes)
    )
    users: list[list[int]] = [[] for _ in graph.nodes]
    for index, above in enumerate(needs):
        for other in above:
            users[other].append(index)
    sinks = tuple(index for index, found in enumerate(users) if not found)
    return GraphPlan(graph, place, needs, tuple(map(tuple, users)), sinks)
