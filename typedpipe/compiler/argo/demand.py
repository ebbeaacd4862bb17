"""Inputs of a graph that the controller itself reads: they are passed as plain values, never as text to assemble."""

from __future__ import annotations

from collections.abc import Iterator

from typedpipe.compiler.argo.asks import Asks
from typedpipe.compiler.argo.late import late_values
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import decisions, leaves, regions_in


class ControllerInputs:
    """Inputs that the controller reads, computed once per graph."""

    def __init__(self, pipeline: ir.Pipeline, asks: Asks, *, metadata: bool) -> None:
        self._pipeline = pipeline
        self._asks = asks
        self._known: dict[int, frozenset[str]] = {}
        self._metadata = metadata

    def inputs(self, graph: ir.Graph) -> frozenset[str]:
        """Names of the inputs that conditions, loops, containers and settings in the graph read."""
        found = self._known.get(id(graph))
        if found is None:
            read = [operand for node in graph.nodes for operand in self._read(graph, node)]
            names = [leaf.name for leaf in leaves(graph.exprs, read) if isinstance(leaf, ir.FromInput)]
            found = self._known[id(graph)] = frozenset(names)
        return found

    def _read(self, graph: ir.Graph, node: ir.Node) -> Iterator[ir.Operand]:
        match node:
            case ir.Task() | ir.Importer():
                component = self._pipeline.components[node.component] if isinstance(node, ir.Task) else None
                for late in late_values(node, component, metadata=self._metadata):
                    if (id(graph), node.name, late.key) not in self._asks.values:
                        yield late.operand
            case _:
                if not isinstance(node, ir.Branch) or (id(graph), node.name) not in self._asks.arms:
                    yield from decisions(node)
                for region in regions_in(node, self._pipeline.pipelines):
                    wanted = self.inputs(region.body)
                    yield from (operand for name, operand in region.args if name in wanted)
                for last in node.exits():
                    yield from self._read(graph, last)
