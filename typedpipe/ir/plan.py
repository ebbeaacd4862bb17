"""The order of a graph's nodes: who waits for whom. Made once a graph, however often the graph runs."""

from __future__ import annotations

from dataclasses import dataclass

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import upstream


@dataclass(frozen=True, slots=True)
class GraphPlan:
    """For each node, by its place in ``graph.nodes``: those it needs, and those that need it."""

    graph: ir.Graph
    place: dict[str, int]
    needs: tuple[tuple[int, ...], ...]
    needed_by: tuple[tuple[int, ...], ...]

    sinks: tuple[int, ...]
    """The nodes that nothing waits for: what became of them is what became of the graph."""


def plan(graph: ir.Graph) -> GraphPlan:
    """Find the edges of a closed graph; linear in its nodes and what they refer to.

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
