"""Inputs of a graph that the controller itself reads: they are passed as plain values, never as text to assemble."""

from __future__ import annotations

from collections.abc import Iterator

from typedpipe.compiler.argo.read.asks import Asks
from typedpipe.compiler.argo.read.late import late_values
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import all_graphs, leaves, regions_in


class ControllerInputs:
    """Inputs that the controller reads: for conditions, loops, containers and settings, in the graph or elsewhere."""

    def __init__(self, pipeline: ir.Pipeline, asks: Asks, *, metadata: bool) -> None:
        self._pipeline = pipeline
        self._asks = asks
        self._metadata = metadata
        self._inputs: dict[int, set[str]] = {}
        self._passed: dict[int, list[tuple[ir.Graph, ir.Args]]] = {}
        self._nodes: dict[int, dict[str, ir.Node]] = {}
        read: list[tuple[ir.Graph, ir.Operand]] = []
        for graph in all_graphs(pipeline):
            self._nodes[id(graph)] = {node.name: node for node in graph.nodes}
            for node in graph.nodes:
                for each in (node, *node.exits()):
                    read += [(graph, operand) for operand in self._read(graph, each)]
                    for region in regions_in(each, pipeline.pipelines):
                        self._passed.setdefault(id(region.body), []).append((graph, region.args))
        for graph, leaf in self._reached(read):
            if isinstance(leaf, ir.FromInput):
                self._inputs.setdefault(id(graph), set()).add(leaf.name)

    def inputs(self, graph: ir.Graph) -> set[str]:
        """Names of the inputs of a graph that are read."""
        return self._inputs.get(id(graph), set())

    def looped(self, graph: ir.Graph, operand: ir.Operand) -> bool:
        """Whether a value may be the result of a loop."""
        found = ((self._nodes[id(at)], leaf) for at, leaf in self._reached([(graph, operand)]))
        return any(isinstance(leaf, ir.FromTask) and isinstance(nodes[leaf.task], ir.Loop) for nodes, leaf in found)

    def _reached(
        self, pending: list[tuple[ir.Graph, ir.Operand]]
    ) -> Iterator[tuple[ir.Graph, ir.FromInput | ir.FromTask]]:
        """Inputs and outputs that reach values: out of a graph to its callers, and into those that output them."""
        seen: set[tuple[int, ir.Operand]] = set()
        for graph, operand in pending:
            for leaf in leaves(graph.exprs, [operand]):
                if not isinstance(leaf, ir.FromInput | ir.FromTask) or (id(graph), leaf) in seen:
                    continue
                seen.add((id(graph), leaf))
                yield graph, leaf
                if isinstance(leaf, ir.FromInput):
                    for outer, args in self._passed.get(id(graph), ()):
                        pending += [(outer, given) for name, given in args if name == leaf.name]
                else:
                    node = self._nodes[id(graph)][leaf.task]
                    bodies = [region.body for region in regions_in(node, self._pipeline.pipelines)]
                    pending += [(body, o.value) for body in bodies for o in body.outputs if o.name == leaf.output]

    def _read(self, graph: ir.Graph, node: ir.Node) -> Iterator[ir.Operand]:
        match node:
            case ir.Task() | ir.Importer():
                component = self._pipeline.components[node.component] if isinstance(node, ir.Task) else None
                for late in late_values(node, component, metadata=self._metadata):
                    if (id(graph), node.name, late.key) not in self._asks.values:
                        yield late.operand
            case ir.Branch() if (id(graph), node.name) not in self._asks.arms:
                yield from (arm.condition for arm in node.arms if arm.condition is not None)
            case ir.Loop() if (id(graph), node.name) not in self._asks.items:
                yield node.items
            case _:
                pass
