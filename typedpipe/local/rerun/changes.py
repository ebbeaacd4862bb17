"""Differences between a pipeline and the one that a run started with, as far as results depend on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import decisions, regions_in
from typedpipe.ir.expand import expand
from typedpipe.ir.options import set_options
from typedpipe.local.caching.fingerprint import component_data

NodeKey: TypeAlias = tuple[str, str]
"""The called pipeline that contains a node ("" for the pipeline itself), and the node's name."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes in the new pipeline. Empty unless the code is new."""

    nodes: frozenset[NodeKey] = frozenset()
    """Tasks whose behavior changed; loops, branches and calls whose condition, items or callee changed."""
    inputs: Mapping[NodeKey, frozenset[str]] = field(default_factory=dict[NodeKey, frozenset[str]])
    """For groups, the inputs of their bodies that have a different source; ("", "") is the pipeline itself."""
    outputs: Mapping[NodeKey, frozenset[str]] = field(default_factory=dict[NodeKey, frozenset[str]])
    """For groups, the outputs that have a different source."""
    removed: tuple[NodeKey, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    graph: ir.Graph
    node: ir.Node


def changes(old: ir.Pipeline, new: ir.Pipeline) -> Changes:
    """Compare two closed pipelines.

    >>> changes(ir.Pipeline("p", ir.Graph()), ir.Pipeline("p", ir.Graph())) == Changes()
    True
    """
    before = dict(_places(old))
    nodes: set[NodeKey] = set()
    inputs: dict[NodeKey, frozenset[str]] = {}
    outputs: dict[NodeKey, frozenset[str]] = {}
    after = dict(_places(new))
    for key, place in after.items():
        was = before.get(key)
        if was is None or type(was.node) is not type(place.node) or _deed(old, was) != _deed(new, place):
            nodes.add(key)
            continue
        given = _differing(_given(old, was), _given(new, place))
        if given:
            inputs[key] = given
        made = _differing(_made(old, was), _made(new, place))
        if made:
            outputs[key] = made
    removed = tuple(key for key, place in before.items() if key not in after and isinstance(place.node, ir.Task))
    return Changes(frozenset(nodes), inputs, outputs, removed)


def _places(pipeline: ir.Pipeline) -> Iterator[tuple[NodeKey, _Place]]:
    for owner, top in (("", pipeline.graph), *pipeline.pipelines.items()):
        pending = [top]
        for graph in pending:  # grows
            for node in graph.nodes:
                for each in (node, *node.exits()):
                    yield (owner, each.name), _Place(graph, each)
                pending.extend(region.body for region in node.regions())


def _deed(pipeline: ir.Pipeline, place: _Place) -> object:
    """The operation of a node on its inputs; for a task, also the inputs."""
    graph, node = place.graph, place.node
    match node:
        case ir.Task():
            component = pipeline.components[node.component]
            settings = _settings(graph, node.options)
            return component_data(component, {}) | {"component": ""}, _args(graph, node.args), settings
        case ir.Call():
            return node.pipeline
        case ir.Importer():
            return _expanded(graph, node.uri), _expanded(graph, node.metadata), node.type
        case _:
            regions = [(region.item, region.condition is None) for region in node.regions()]
            decided = [_expanded(graph, operand) for operand in decisions(node)]
            return decided, regions, [last.name for last in node.exits()]


def _settings(graph: ir.Graph, options: ir.Options) -> object:
    """The options that a result depends on."""
    kept = [(row, value) for row, value in set_options(options) if row.keyed]
    return [_args(graph, value) if row.kind == "operands" else _expanded(graph, value) for row, value in kept]


def _given(pipeline: ir.Pipeline, place: _Place) -> dict[str, object]:
    """For each input of a group's bodies, its sources."""
    given = [_args(place.graph, region.args) for region in regions_in(place.node, pipeline.pipelines)]
    return {name: [args.get(name) for args in given] for each in given for name in each}


def _made(pipeline: ir.Pipeline, place: _Place) -> dict[str, object]:
    """For each output of a group, its sources in the bodies."""
    found: dict[str, object] = {}
    for index, region in enumerate(regions_in(place.node, pipeline.pipelines)):
        for output in region.body.outputs:
            found[output.name] = (found.get(output.name), index, _expanded(region.body, output.value))
    return found


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> frozenset[str]:
    return frozenset(name for name in (*old, *new) if old.get(name) != new.get(name))


def _args(graph: ir.Graph, args: ir.Args) -> dict[str, object]:
    return {name: _expanded(graph, operand) for name, operand in args}


def _expanded(graph: ir.Graph, operand: ir.Operand | None) -> str:
    return "" if operand is None else expand(operand, graph)
