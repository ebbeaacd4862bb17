"""The order of a graph's nodes: who waits for whom. Made once a graph, however often the graph runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from typedpipe.ir import nodes as ir
from typedpipe.ir.scopes import expr_operands, node_operands


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
    needs = tuple(tuple(sorted({place[name] for name in upstream(graph, node)})) for node in graph.nodes)
    users: list[list[int]] = [[] for _ in graph.nodes]
    for index, above in enumerate(needs):
        for other in above:
            users[other].append(index)
    sinks = tuple(index for index, found in enumerate(users) if not found)
    return GraphPlan(graph, place, needs, tuple(map(tuple, users)), sinks)


def upstream(graph: ir.Graph, node: ir.Node) -> set[str]:
    """The names of the nodes that this one waits for."""
    found = set(node.after)
    if isinstance(node, ir.ExitHandler):
        found.update(node.exit.after)
        found.discard(node.name)
    found.update(producers(graph, node_operands(node)))
    return found


def producers(graph: ir.Graph, operands: Iterable[ir.Operand]) -> set[str]:
    """The nodes whose outputs are in these operands, through expressions."""
    found: set[str] = set()
    seen: set[int] = set()
    pending = list(operands)
    while pending:
        match pending.pop():
            case ir.FromTask(task=task):
                found.add(task)
            case ir.FromExpr(index=index) if index not in seen:
                seen.add(index)
                pending.extend(expr_operands(graph.exprs[index]))
            case _:
                pass
    return found
