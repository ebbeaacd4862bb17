"""Removal of duplicate and unused components, pipelines, outputs and inputs of bodies.

Tasks stay: they have side effects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import is_

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.diagnostics.record import replace
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import expr_operands, node_operands
from typedpipe.ir.scopes import Scope, Scopes, rebuild, scopes_of, with_body


def dedupe(pipeline: ir.Pipeline, report: Diagnostics) -> ir.Pipeline:  # noqa: ARG001 - the signature of a pass
    """Merge equal components; keys become the components' names: ``train``, ``train-2``. Keys of pipelines are numbered anew.

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
    called = _pipeline_keys(pipeline.pipelines)
    if all(key == name for keys in (names, called) for key, name in keys.items()):
        return pipeline

    def rename(node: ir.Node) -> ir.Node:
        if isinstance(node, ir.Task) and names.get(node.component, node.component) != node.component:
            return replace(node, component=names[node.component])
        if isinstance(node, ir.Call) and called.get(node.pipeline, node.pipeline) != node.pipeline:
            return replace(node, pipeline=called[node.pipeline])
        return node

    components = {name: component for component, name in known.items()}
    renamed = rebuild(pipeline, rename)
    pipelines = {called[key]: graph for key, graph in renamed.pipelines.items()}
    return replace(renamed, components=components, pipelines=pipelines)


def _pipeline_keys(keys: Iterable[str]) -> dict[str, str]:
    """Keys that depend on the program alone: ``sub``, ``sub#2`` in the order of definition.

    Tracing numbers equal names over the whole process, so a file that is loaded again gets other numbers.

    >>> _pipeline_keys(["sub#7", "sub#4", "other"])
    {'sub#7': 'sub#2', 'sub#4': 'sub', 'other': 'other'}
    """
    numbered = [(key.rpartition("#")[0] or key, key) for key in keys]
    order = sorted(numbered, key=lambda item: (item[0], len(item[1]), item[1]))
    found: dict[str, str] = {}
    counts: dict[str, int] = {}
    for base, key in order:
        counts[base] = counts.get(base, 0) + 1
        found[key] = base if counts[base] == 1 else f"{base}#{counts[base]}"
    return {key: found[key] for _, key in numbered}


def _unique(base: str, taken: dict[str, int]) -> str:
    count = taken.get(base, 0) + 1
    name = base if count == 1 else f"{base}-{count}"
    while name in taken:
        count += 1
        name = f"{base}-{count}"
    taken[base] = count
    taken.setdefault(name, 1)
    return name


# ------------------------------------------------------------------------------------------------ unused parts


def prune(pipeline: ir.Pipeline, report: Diagnostics) -> ir.Pipeline:  # noqa: ARG001 - the signature of a pass
    """Remove unused components and pipelines, and unused outputs and inputs of bodies.

    >>> p = ir.Pipeline("p", ir.Graph())
    >>> prune(p, Diagnostics()) is p
    True
    """
    graphs = {"": pipeline.graph, **{f":{name}": graph for name, graph in pipeline.pipelines.items()}}
    used_components: set[str] = set()
    done: dict[str, ir.Graph] = {}
    todo = [""]
    while todo:
        key = todo.pop()
        if key in done:
            continue
        scopes = scopes_of(graphs[key])
        done[key] = _prune_graph(graphs[key], scopes)
        for node in scopes.nodes.values():
            if isinstance(node, ir.Task):
                used_components.add(node.component)
            elif isinstance(node, ir.Call):
                todo.append(f":{node.pipeline}")
    components = {name: value for name, value in pipeline.components.items() if name in used_components}
    pipelines = {name: done[f":{name}"] for name in pipeline.pipelines if f":{name}" in done}
    same = len(components) == len(pipeline.components) and len(pipelines) == len(pipeline.pipelines)
    if same and all(done[key] is graphs[key] for key in done):
        return pipeline
    return replace(pipeline, graph=done[""], components=components, pipelines=pipelines)


def _prune_graph(graph: ir.Graph, scopes: Scopes) -> ir.Graph:
    if len(scopes.all) == 1:
        return graph
    outputs = _used_outputs(scopes)
    made: dict[int, ir.Graph] = {}
    unused: dict[int, set[str]] = {}
    for scope in reversed(scopes.all):
        nodes = tuple([_node(node, scopes, made, unused) for node in scope.graph.nodes])
        group = scope.group
        gives = scope.graph.outputs
        if group is not None:
            gives = tuple(output for output in gives if (group.name, output.name) in outputs)
        body = scope.graph
        if len(gives) != len(body.outputs) or not all(map(is_, nodes, body.nodes)):
            body = replace(body, nodes=nodes, outputs=gives)
        unused[scope.index] = _unused_inputs(body, scope) if group is not None else set()
        if unused[scope.index]:
            kept = tuple(port for port in body.inputs if port.name not in unused[scope.index])
            body = replace(body, inputs=kept)
        made[scope.index] = body
    return made[0]


def _used_outputs(scopes: Scopes) -> set[tuple[str, str]]:
    """Used outputs of groups, found from the outside in."""
    used: set[tuple[str, str]] = set()
    for scope in scopes.all:
        group = scope.group
        found = [operand for node in scope.graph.nodes for operand in node_operands(node)]
        found.extend(operand for expr in scope.graph.exprs for operand in expr_operands(expr))
        gives = scope.graph.outputs
        found.extend(output.value for output in gives if group is None or (group.name, output.name) in used)
        used.update([(operand.task, operand.output) for operand in found if isinstance(operand, ir.FromTask)])
    return used


def _unused_inputs(body: ir.Graph, scope: Scope) -> set[str]:
    if not body.inputs:
        return set()
    unused = {port.name for port in body.inputs}
    if scope.region is not None and scope.region.item:
        unused.discard(scope.region.item)
    for operands in _operands(body):
        if not unused:
            break
        for operand in operands:
            if isinstance(operand, ir.FromInput):
                unused.discard(operand.name)
    return unused


def _operands(body: ir.Graph) -> Iterator[Sequence[ir.Operand]]:
    """Operands of a graph's nodes, expressions and outputs."""
    yield from map(node_operands, body.nodes)
    yield from map(expr_operands, body.exprs)
    yield [output.value for output in body.outputs]


def _node(node: ir.Node, scopes: Scopes, made: dict[int, ir.Graph], unused: dict[int, set[str]]) -> ir.Node:
    inner = scopes.bodies.get(node.name)
    if inner is None or not any(unused[each.index] or made[each.index] is not each.graph for each in inner):
        return node
    pairs = zip(node.regions(), inner, strict=True)
    regions = tuple([_region(region, made[each.index], unused[each.index]) for region, each in pairs])
    return node.with_regions(regions, node.exits())


def _region(region: ir.Region, body: ir.Graph, unused: set[str]) -> ir.Region:
    if not unused:
        return with_body(region, body)
    return replace(region, body=body, args=tuple([pair for pair in region.args if pair[0] not in unused]))
