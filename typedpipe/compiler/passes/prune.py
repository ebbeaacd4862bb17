"""Take out what nothing uses: components, pipelines, outputs and inputs of bodies. Tasks stay: they have effects."""

from __future__ import annotations

from operator import is_

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.diagnostics.record import replace
from typedpipe.ir import nodes as ir
from typedpipe.ir.scopes import Scope, Scopes, expr_operands, node_operands, scopes_of


def prune(pipeline: ir.Pipeline, report: Diagnostics) -> ir.Pipeline:  # noqa: ARG001 - what a pass takes
    """Take out unused components and pipelines, and unused outputs and inputs of bodies.

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
    """The outputs of groups that something uses, found from the outside in."""
    used: set[tuple[str, str]] = set()
    for scope in scopes.all:
        group = scope.group
        found = [operand for node in scope.graph.nodes for operand in node_operands(node)]
        found.extend(operand for expr in scope.graph.exprs for operand in expr_operands(expr))
        gives = scope.graph.outputs
        found.extend(output.value for output in gives if group is None or (group.name, output.name) in used)
        used.update((operand.task, operand.output) for operand in found if isinstance(operand, ir.FromTask))
    return used


def _unused_inputs(body: ir.Graph, scope: Scope) -> set[str]:
    if not body.inputs:
        return set()
    operands = [operand for node in body.nodes for operand in node_operands(node)]
    operands.extend(operand for expr in body.exprs for operand in expr_operands(expr))
    operands.extend(output.value for output in body.outputs)
    used = {operand.name for operand in operands if isinstance(operand, ir.FromInput)}
    if isinstance(scope.group, ir.Loop):
        used.add(scope.group.item)
    return {port.name for port in body.inputs} - used


def _node(node: ir.Node, scopes: Scopes, made: dict[int, ir.Graph], unused: dict[int, set[str]]) -> ir.Node:
    inner = scopes.bodies.get(node.name)
    if inner is None:
        return node
    match node:
        case ir.Branch():
            pairs = list(zip(node.arms, inner, strict=True))
            if all(arm.body is made[scope.index] and not unused[scope.index] for arm, scope in pairs):
                return node
            arms = [replace(arm, body=made[s.index], args=_kept(arm.args, unused[s.index])) for arm, s in pairs]
            return replace(node, arms=tuple(arms))
        case ir.Loop() | ir.ExitHandler():
            body, args = made[inner[0].index], _kept(node.args, unused[inner[0].index])
            same = body is node.body and len(args) == len(node.args)
            return node if same else replace(node, body=body, args=args)
        case _:
            return node


def _kept(args: ir.Args, unused: set[str]) -> ir.Args:
    return tuple(pair for pair in args if pair[0] not in unused)
