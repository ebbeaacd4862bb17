"""Scopes of a graph: the region that contains each node, the paths between regions, and the dependencies in them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import is_
from typing import TypeAlias

from typedpipe.diagnostics.record import replace
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import upstream


@dataclass(slots=True, eq=False)
class Scope:
    """A region of a group, or the pipeline's own graph, for which ``group`` and ``region`` are None."""

    index: int
    graph: ir.Graph
    parent: Scope | None = None
    group: ir.Group | None = None
    region: ir.Region | None = None
    arm: int = 0
    """Index of the region in its group."""
    depth: int = 0

    @property
    def role(self) -> ir.Role | None:
        return None if self.region is None else self.region.role

    def inside(self, other: Scope) -> bool:
        """Whether this scope is ``other`` or inside it."""
        scope: Scope | None = self
        while scope is not None and scope.depth > other.depth:
            scope = scope.parent
        return scope is other

    def up(self, stop: Scope) -> Iterator[Scope]:
        """This scope and those around it, innermost first, without ``stop``."""
        scope = self
        while scope is not stop and scope.parent is not None:
            yield scope
            scope = scope.parent

    def child(self, inner: Scope) -> Scope:
        """The body directly in this scope that contains ``inner``."""
        while inner.parent is not self and inner.parent is not None:
            inner = inner.parent
        return inner

    def loop(self) -> Scope | None:
        """The body of the innermost loop around this scope."""
        scope: Scope | None = self
        while scope is not None and scope.role != "item":
            scope = scope.parent
        return scope

    def branch(self) -> Scope | None:
        """The arm around this scope, with only regions between that run exactly once."""
        scope: Scope | None = self
        while scope is not None and scope.role == "body":
            scope = scope.parent
        return scope if scope is not None and scope.role == "arm" else None


def common(left: Scope, right: Scope) -> Scope:
    """The innermost scope that contains both."""
    while left is not right:
        if left.depth >= right.depth and left.parent is not None:
            left = left.parent
        elif right.parent is not None:
            right = right.parent
    return left


def around(outer: Scope, inner: Scope) -> str:
    """Name of the group in ``outer`` that contains ``inner``."""
    group = outer.child(inner).group
    return group.name if group is not None else ""


@dataclass(slots=True, eq=False)
class Scopes:
    """All scopes of one graph, outer ones first, and the scope of each node."""

    all: list[Scope] = field(default_factory=list)
    home: dict[str, Scope] = field(default_factory=dict)
    nodes: dict[str, ir.Node] = field(default_factory=dict)
    bodies: dict[str, list[Scope]] = field(default_factory=dict)
    """Bodies of each group, by the group's name."""
    exits: dict[str, str] = field(default_factory=dict)
    """Each exit task, with its handler."""
    repeated: list[ir.Node] = field(default_factory=list)
    """Nodes whose name another node already has."""

    @property
    def root(self) -> Scope:
        return self.all[0]


def scopes_of(graph: ir.Graph) -> Scopes:
    """The scopes of a graph. Recent results are cached, because six passes request them one after another.

    >>> len(scopes_of(ir.Graph()).all)
    1
    """
    for known, scopes in _recent:
        if known is graph:
            return scopes
    found = _found(graph)
    _recent.appendleft((graph, found))
    return found


_recent: deque[tuple[ir.Graph, Scopes]] = deque(maxlen=4)


def _found(graph: ir.Graph) -> Scopes:
    """Walk a graph, without recursion."""
    found = Scopes()
    found.all.append(Scope(0, graph))
    for scope in found.all:  # grows as groups are found
        for node in scope.graph.nodes:
            if node.name in found.nodes:
                found.repeated.append(node)
                continue
            found.nodes[node.name] = node
            found.home[node.name] = scope
            if not isinstance(node, ir.Group):
                continue
            for last in node.exits():
                if last.name in found.nodes:
                    found.repeated.append(last)
                found.nodes[last.name] = last
                found.home[last.name] = scope
                found.exits[last.name] = node.name
            inner = [
                Scope(len(found.all) + at, region.body, scope, node, region, at, scope.depth + 1)
                for at, region in enumerate(node.regions())
            ]
            found.bodies[node.name] = inner
            found.all.extend(inner)
    return found


# ------------------------------------------------------------------------------------------------------ order


class Order:
    """Dependencies between all nodes of one graph; for a value from another scope, between the groups around."""

    def __init__(self, scopes: Scopes) -> None:
        self.scopes = scopes

    def cyclic(self) -> Iterator[dict[str, list[str]]]:
        """Scopes that may have a cycle, each with its dependencies.

        A scope in which every node depends only on earlier ones has none; tracing only creates such scopes.
        """
        edges: dict[int, dict[str, list[str]]] = {}
        suspects: set[int] = set()
        position = {name: at for at, name in enumerate(self._names())}
        for scope in self.scopes.all:
            for node in scope.graph.nodes:
                for name in self._waits(node, scope):
                    meeting, then, first = self._meet(node, scope, name)
                    if first == then and not (first == node.name == name):
                        continue
                    edges.setdefault(meeting.index, {}).setdefault(then, []).append(first)
                    if position[first] >= position[then]:
                        suspects.add(meeting.index)
        for index in suspects:
            yield edges[index]

    def _names(self) -> Iterator[str]:
        for scope in self.scopes.all:
            for node in scope.graph.nodes:
                yield node.name

    def _waits(self, node: ir.Node, scope: Scope) -> list[str]:
        home = self.scopes.home
        found = [name for name in upstream(scope.graph, node) if name in home]
        if not node.is_group or not node.exits():
            return found
        regions = self.scopes.bodies[node.name]
        return [name for name in found if not any(home[name].inside(region) for region in regions)]

    def _meet(self, node: ir.Node, scope: Scope, name: str) -> tuple[Scope, str, str]:
        home = self.scopes.home[name]
        if home is scope:
            return scope, node.name, self.scopes.exits.get(name, name)
        meeting = common(scope, home)
        then = node.name if scope is meeting else around(meeting, scope)
        first = self.scopes.exits.get(name, name) if home is meeting else around(meeting, home)
        return meeting, then, first


# ---------------------------------------------------------------------------------------------------- rebuilding

NodeMap: TypeAlias = Callable[[ir.Node], ir.Node]


def rebuild(pipeline: ir.Pipeline, change: NodeMap) -> ir.Pipeline:
    """Rebuild a pipeline with ``change`` applied to each node (also to exit tasks); unchanged parts stay the same
    objects.

    >>> p = ir.Pipeline("p", ir.Graph())
    >>> rebuild(p, lambda node: node) is p
    True
    """
    graph = rebuild_graph(pipeline.graph, change)
    called = {name: rebuild_graph(inner, change) for name, inner in pipeline.pipelines.items()}
    if graph is pipeline.graph and all(called[name] is inner for name, inner in pipeline.pipelines.items()):
        return pipeline
    return replace(pipeline, graph=graph, pipelines=called)


def rebuild_graph(graph: ir.Graph, change: NodeMap) -> ir.Graph:
    """Rebuild one graph and all graphs in it, inner ones first, without recursion."""
    scopes = scopes_of(graph)
    made: dict[int, ir.Graph] = {}
    for scope in reversed(scopes.all):
        nodes: list[ir.Node] = []
        for node in scope.graph.nodes:
            inner = scopes.bodies.get(node.name)
            if inner is not None:
                pairs = zip(node.regions(), inner, strict=True)
                regions = tuple([with_body(region, made[each.index]) for region, each in pairs])
                exits = tuple([_call(change(last)) for last in node.exits()])
                node = with_regions(node, regions, exits)  # noqa: PLW2901 - its replacement
            nodes.append(change(node))
        same = all(map(is_, nodes, scope.graph.nodes))
        made[scope.index] = scope.graph if same else replace(scope.graph, nodes=tuple(nodes))
    return made[0]


def _call(node: ir.Node) -> ir.Task | ir.Call:
    assert isinstance(node, (ir.Task, ir.Call)), "an exit stays a call"
    return node


def with_body(region: ir.Region, body: ir.Graph) -> ir.Region:
    """A region with another body; the same one for the same body."""
    return region if region.body is body else replace(region, body=body)


def with_regions(node: ir.Node, regions: tuple[ir.Region, ...], exits: tuple[ir.Task | ir.Call, ...]) -> ir.Node:
    """A node with as many other regions and exits; the same node when these are the same objects."""
    pairs = zip(regions, node.regions(), strict=True)
    if all(new is was for new, was in pairs) and all(map(is_, exits, node.exits())):
        return node
    return node.with_regions(regions, exits)
