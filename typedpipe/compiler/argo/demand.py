"""Which inputs of a graph the controller itself must know: they are passed as plain values, never to be put together."""

from __future__ import annotations

from collections.abc import Iterator

from typedpipe.compiler.argo.leaf import hidden
from typedpipe.compiler.argo.values import operands_of
from typedpipe.ir import nodes as ir


class ControllerInputs:
    """Asked once for each graph."""

    def __init__(self, pipeline: ir.Pipeline) -> None:
        self._pipeline = pipeline
        self._known: dict[int, frozenset[str]] = {}
        self._containers = {name for name, c in pipeline.components.items() if isinstance(c.impl, ir.ContainerImpl)}

    def inputs(self, graph: ir.Graph) -> frozenset[str]:
        """The names of the inputs that conditions, loops, containers and settings in the graph read."""
        found = self._known.get(id(graph))
        if found is None:
            stack = [operand for node in graph.nodes for operand in self._asked(node)]
            names: set[str] = set()
            seen: set[int] = set()
            while stack:
                operand = stack.pop()
                if isinstance(operand, ir.FromInput):
                    names.add(operand.name)
                elif isinstance(operand, ir.FromExpr) and operand.index not in seen:
                    seen.add(operand.index)
                    stack += operands_of(graph.exprs[operand.index])
            found = self._known[id(graph)] = frozenset(names)
        return found

    def _asked(self, node: ir.Node) -> Iterator[ir.Operand]:
        match node:
            case ir.Task():
                if node.component in self._containers:
                    yield from (operand for _, operand in node.args)
                yield from (operand for _, operand in hidden(node.options))
            case ir.Call():
                yield from self._through(self._pipeline.pipelines[node.pipeline], node.args)
            case ir.Branch():
                for arm in node.arms:
                    if arm.condition is not None:
                        yield arm.condition
                    yield from self._through(arm.body, arm.args)
            case ir.Loop():
                yield node.items
                yield from self._through(node.body, node.args)
            case ir.ExitHandler():
                yield from self._through(node.body, node.args)
                yield from self._asked(node.exit)
            case _:
                return

    def _through(self, graph: ir.Graph, args: ir.Args) -> Iterator[ir.Operand]:
        wanted = self.inputs(graph)
        return (operand for name, operand in args if name in wanted)
