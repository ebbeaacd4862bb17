"""Differences between two pipelines, in terms of the program: tasks, arguments, types, source lines."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from typedpipe.ir import nodes as ir
from typedpipe.ir.expand import expand
from typedpipe.ir.scopes import Scopes, scopes_of
from typedpipe.ir.text import (
    INDENT,
    component_lines,
    const_text,
    node_text,
    options_text,
)
from typedpipe.ir.type_names import type_text


def diff(before: ir.Pipeline, after: ir.Pipeline) -> list[str]:
    """The differences, one per line: ``+`` added, ``-`` removed, ``~`` changed. Empty if the programs are the same.

    >>> diff(ir.Pipeline("p", ir.Graph()), ir.Pipeline("q", ir.Graph()))
    ['~ name: p → q']
    """
    return [line for part in _parts(before, after) for line in part]


def _parts(before: ir.Pipeline, after: ir.Pipeline) -> Iterator[Iterator[str]]:
    yield _words(before, after)
    yield _components(before.components, after.components)
    for name in _all(before.pipelines, after.pipelines):
        if name not in after.pipelines:
            yield iter([f"- pipeline {name}"])
        elif name not in before.pipelines:
            yield iter([f"+ pipeline {name}"])
        else:
            yield _graphs(before.pipelines[name], after.pipelines[name], f"{name}: ")
    yield _graphs(before.graph, after.graph, "")


def _all(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    return list(dict.fromkeys((*before, *after)))


def _words(before: ir.Pipeline, after: ir.Pipeline) -> Iterator[str]:
    for what in ("name", "display_name", "description", "closed"):
        old, new = getattr(before, what), getattr(after, what)
        if old != new:
            yield f"~ {what}: {old} → {new}"


# ---------------------------------------------------------------------------------------------- components


def _components(before: Mapping[str, ir.Component], after: Mapping[str, ir.Component]) -> Iterator[str]:
    for key in _all(before, after):
        if key not in after:
            yield f"- component {key}"
        elif key not in before:
            yield f"+ component {key}"
        elif before[key] != after[key]:
            yield f"~ component {key}"
            yield from _lines(list(component_lines(key, before[key])), list(component_lines(key, after[key])))
            yield from _moved(before[key], after[key])


def _lines(before: list[str], after: list[str]) -> Iterator[str]:
    for line in difflib.unified_diff(before, after, n=0, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            yield f"    {line[0]} {line[1:].rstrip().removeprefix(INDENT).removeprefix(INDENT)}"


def _moved(before: ir.Component, after: ir.Component) -> Iterator[str]:
    """New location of changed source: lines are not part of a component, so moving alone is not a difference."""
    old, new = before.impl, after.impl
    if isinstance(old, ir.PythonImpl) and isinstance(new, ir.PythonImpl) and old.chunks != new.chunks:
        for chunk in new.chunks:
            if chunk not in old.chunks and chunk.file:
                yield f"    at {chunk.file}:{chunk.line}"


# -------------------------------------------------------------------------------------------------- graphs


def _graphs(before: ir.Graph, after: ir.Graph, where: str) -> Iterator[str]:
    yield from _named(_inputs(before), _inputs(after), f"{where}input")
    old, new = scopes_of(before), scopes_of(after)
    for name in _all(old.nodes, new.nodes):
        if name not in new.nodes:
            yield f"- {where}{_title(old.nodes[name])}"
        elif name not in old.nodes:
            yield f"+ {where}{_title(new.nodes[name])}"
        else:
            changes = list(_named(_facts(old, name), _facts(new, name), ""))
            if changes:
                yield f"~ {where}{_title(new.nodes[name])}"
                yield from (f"    {line}" for line in changes)
    yield from _named(
        {o.name: f"{type_text(o.type)} = {expand(o.value, before)}" for o in before.outputs},
        {o.name: f"{type_text(o.type)} = {expand(o.value, after)}" for o in after.outputs},
        f"{where}output",
    )


def _inputs(graph: ir.Graph) -> dict[str, str]:
    return {
        port.name: type_text(port.type) + (f" = {const_text(port.default)}" if port.default is not None else "")
        for port in graph.inputs
    }


def _named(before: Mapping[str, str], after: Mapping[str, str], what: str) -> Iterator[str]:
    lead = f"{what} " if what else ""
    for name in _all(before, after):
        if name not in after:
            yield f"- {lead}{name}: {before[name]}"
        elif name not in before:
            yield f"+ {lead}{name}: {after[name]}"
        elif before[name] != after[name]:
            yield f"~ {lead}{name}: {before[name]} → {after[name]}"


def _title(node: ir.Node) -> str:
    return f"{type(node).__name__.lower()} %{node.name}" if isinstance(node, ir.Group) else f"task {node_text(node)}"


def _facts(scopes: Scopes, name: str) -> dict[str, str]:
    """All properties of a node, except those of the nodes in its bodies."""
    node = scopes.nodes[name]
    scope = scopes.home[name]
    graph = scope.graph
    facts: dict[str, str] = {"stands in": _place(scopes, name)}
    match node:
        case ir.Task() | ir.Call():
            facts["calls"] = node.component if isinstance(node, ir.Task) else node.pipeline
            facts.update(_args(node.args, graph))
            facts["options"] = options_text(node.options).removeprefix(" with ")
        case ir.Importer():
            facts["uri"] = expand(node.uri, graph)
            facts["type"] = type_text(node.type)
            facts["reimport"] = str(node.reimport)
            facts["metadata"] = "" if node.metadata is None else expand(node.metadata, graph)
        case ir.Loop():
            facts["items"] = expand(node.items, graph)
            facts["item"] = f"{node.item}: {type_text(node.item_type)}"
            facts["parallelism"] = str(node.parallelism)
        case _:
            facts["exit task"] = ", ".join(last.name for last in node.exits())
    for at, region in enumerate(node.regions()):
        lead = f"branch {at + 1} " if region.role == "arm" else ""
        if lead:
            facts[lead[:-1]] = "else" if region.condition is None else expand(region.condition, graph)
        facts.update(_body(region.args, region.body, lead, graph))
    facts["after"] = ", ".join(node.after)
    return {key: value for key, value in facts.items() if value}


def _body(args: ir.Args, body: ir.Graph, lead: str, graph: ir.Graph) -> dict[str, str]:
    facts = {f"{lead}takes {name}": text for name, text in _args(args, graph).items()}
    for port in body.inputs:
        facts[f"{lead}type of {port.name}"] = type_text(port.type)
    for output in body.outputs:
        facts[f"{lead}gives {output.name}"] = f"{type_text(output.type)} = {expand(output.value, body)}"
    return facts


def _place(scopes: Scopes, name: str) -> str:
    scope = scopes.home[name]
    if scope.group is None:
        return ""
    return f"%{scope.group.name}" + (f" branch {scope.arm + 1}" if scope.role == "arm" else "")


def _args(args: ir.Args, graph: ir.Graph) -> dict[str, str]:
    return {name: expand(value, graph) for name, value in args}
