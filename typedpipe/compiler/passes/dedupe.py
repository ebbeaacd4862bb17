"""Equal components become one, with a short readable key of its own: source and templates then appear once."""

from __future__ import annotations

from typedpipe.compiler.passes.rebuild import rebuild
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.diagnostics.record import replace
from typedpipe.ir import nodes as ir


def dedupe(pipeline: ir.Pipeline, report: Diagnostics) -> ir.Pipeline:  # noqa: ARG001 - what a pass takes
    """Make one of equal components; keys become the components' names: ``train``, ``train-2``.

    >>> from typedpipe.ir.nodes import Graph
    >>> p = ir.Pipeline("p", Graph())
    >>> dedupe(p, Diagnostics()) is p
    True
    """
    known: dict[ir.Component, str] = {}
    names: dict[str, str] = {}
    taken: dict[str, int] = {}
    for key, component in pipeline.components.items():
        name = known.get(component)
        if name is None:
            name = known[component] = _unique(component.name, taken)
        names[key] = name
    if all(key == name for key, name in names.items()):
        return pipeline

    def rename(node: ir.Node) -> ir.Node:
        if isinstance(node, ir.Task) and names.get(node.component, node.component) != node.component:
            return replace(node, component=names[node.component])
        return node

    components = {name: component for component, name in known.items()}
    return replace(rebuild(pipeline, rename), components=components)


def _unique(base: str, taken: dict[str, int]) -> str:
    count = taken.get(base, 0) + 1
    name = base if count == 1 else f"{base}-{count}"
    while name in taken:
        count += 1
        name = f"{base}-{count}"
    taken[base] = count
    taken.setdefault(name, 1)
    return name
