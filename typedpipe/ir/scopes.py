"""The scopes of a traced graph: which body every node stands in, and the way from one body to another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from typedpipe.ir import nodes as ir
from typedpipe.ir.options import option_operands

Group = ir.Branch | ir.Loop | ir.ExitHandler


@dataclass(slots=True, eq=False)
class Scope:
    """The body of a group (of one arm of a branch), or the pipeline's own graph: then ``group`` is None."""

    index: int
    graph: ir.Graph
    parent: Scope | None = None
    group: Group | None = None
    arm: int = 0
    depth: int = 0

    def inside(self, other: Scope) -> bool:
        """Whether this scope is ``other`` or stands in it."""
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
        """The body directly in this scope that holds ``inner``."""
        while inner.parent is not self and inner.parent is not None:
            inner = inner.parent
        return inner

    def loop(self) -> Scope | None:
        """The body of the innermost loop around what stands here."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.group, ir.Loop):
            scope = scope.parent
        return scope


def common(left: Scope, right: Scope) -> Scope:
    """The innermost scope that holds both."""
    while left is not right:
        if left.depth >= right.depth and left.parent is not None:
            left = left.parent
        elif right.parent is not None:
            right = right.parent
    return left


def bodies(node: ir.Node) -> tuple[ir.Graph, ...]:
    """The graphs in a node: none for a task."""
    match node:
        case ir.Branch():
            return tuple(arm.body for arm in node.arms)
        case ir.Loop() | ir.ExitHandler():
            return (node.body,)
        case _:
            return ()


@dataclass(slots=True, eq=False)
class Scopes:
    """All scopes of one graph, outer ones first, and where each node stands."""

    all: list[Scope] = field(default_factory=list)
    home: dict[str, Scope] = field(default_factory=dict)
    nodes: dict[str, ir.Node] = field(default_factory=dict)
    bodies: dict[str, list[Scope]] = field(default_factory=dict)
    """The bodies of each group, by the group's name."""
    exits: dict[str, str] = field(default_factory=dict)
    """Each exit task, and the handler that it belongs to."""
    repeated: list[ir.Node] = field(default_factory=list)
    """Nodes whose name another node has already."""

    @property
    def root(self) -> Scope:
        return self.all[0]


def scopes_of(graph: ir.Graph) -> Scopes:
    """The scopes of a graph. The same object for the same graph while it is among the last that were asked for:
    six passes ask one after another.

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
    for scope in found.all:  # grows as groups are met
        for node in scope.graph.nodes:
            if node.name in found.nodes:
                found.repeated.append(node)
                continue
            found.nodes[node.name] = node
            found.home[node.name] = scope
            if not isinstance(node, ir.Branch | ir.Loop | ir.ExitHandler):
                continue
            if isinstance(node, ir.ExitHandler):
                if node.exit.name in found.nodes:
                    found.repeated.append(node.exit)
                found.nodes[node.exit.name] = node.exit
                found.home[node.exit.name] = scope
                found.exits[node.exit.name] = node.name
            inner = [
                Scope(len(found.all) + arm, body, scope, node, arm, scope.depth + 1)
                for arm, body in enumerate(bodies(node))
            ]
            found.bodies[node.name] = inner
            found.all.extend(inner)
    return found


# ------------------------------------------------------------------------------------- operands of things


def node_operands(node: ir.Node) -> list[ir.Operand]:
    """What a node takes from its own graph (``args`` of bodies and the exit task's are among it)."""
    match node:
        case ir.Task() | ir.Call():
            args = node.args
            found = [args[0][1]] if len(args) == 1 else [value for _, value in args]
            if node.options is ir.DEFAULT_OPTIONS:
                return found
            found.extend(value for _, value in option_operands(node.options))
            return found
        case ir.Importer():
            return [node.uri] if node.metadata is None else [node.uri, node.metadata]
        case ir.Branch():
            return [value for arm in node.arms for value in arm_operands(arm)]
        case ir.Loop():
            return [node.items, *(value for _, value in node.args)]
        case ir.ExitHandler():
            return [*(value for _, value in node.args), *node_operands(node.exit)]


def arm_operands(arm: ir.Arm) -> list[ir.Operand]:
    """The condition and the arguments of one arm."""
    given = [value for _, value in arm.args]
    return given if arm.condition is None else [arm.condition, *given]


def expr_operands(expr: ir.Expr) -> tuple[ir.Operand, ...]:
    """What an expression is made of, in order.

    >>> expr_operands(ir.Not(ir.FromInput("x")))
    (FromInput(name='x'),)
    """
    match expr:
        case ir.Compare():
            return (expr.left, expr.right)
        case ir.And() | ir.Or() | ir.MakeList():
            return expr.items
        case ir.Not():
            return (expr.item,)
        case ir.Contains():
            return (expr.items, expr.value)
        case ir.IsSet() | ir.Unwrap() | ir.Field() | ir.Collected():
            return (expr.value,)
        case ir.Default():
            return (expr.value, expr.default)
        case ir.Index():
            return (expr.value, expr.index)
        case ir.Format():
            return tuple(part.value for part in expr.parts if isinstance(part, ir.FormatPart))
        case ir.MakeDict():
            return tuple(value for _, value in expr.entries)
        case ir.OneOf():
            return expr.values


def with_operands(expr: ir.Expr, new: tuple[ir.Operand, ...]) -> ir.Expr:  # noqa: PLR0912 - one line a kind
    """The same expression over other operands, given in the order of :func:`expr_operands`."""
    match expr:
        case ir.Compare():
            return ir.Compare(expr.op, *new)
        case ir.And():
            return ir.And(new)
        case ir.Or():
            return ir.Or(new)
        case ir.Not():
            return ir.Not(*new)
        case ir.Contains():
            return ir.Contains(*new)
        case ir.IsSet():
            return ir.IsSet(*new)
        case ir.Unwrap():
            return ir.Unwrap(*new)
        case ir.Default():
            return ir.Default(*new)
        case ir.Field():
            return ir.Field(new[0], expr.name)
        case ir.Index():
            return ir.Index(*new)
        case ir.Format():
            values = iter(new)
            return ir.Format(
                tuple(
                    p if isinstance(p, str) else ir.FormatPart(next(values), p.spec, p.conversion) for p in expr.parts
                )
            )
        case ir.MakeList():
            return ir.MakeList(new)
        case ir.MakeDict():
            return ir.MakeDict(
                tuple((name, value) for (name, _), value in zip(expr.entries, new, strict=True)), expr.type
            )
        case ir.Collected():
            return ir.Collected(*new)
        case ir.OneOf():
            return ir.OneOf(new)


def is_leaf(operand: ir.Operand) -> bool:
    """Whether an operand is a value of some scope: not a constant and not an expression."""
    return isinstance(operand, ir.FromTask | ir.FromInput | ir.FromItem)


def needed(table: tuple[ir.Expr, ...], operands: list[ir.Operand]) -> list[int]:
    """The entries of a table that operands are made of, earlier ones first; without recursion."""
    seen: set[int] = set()
    stack = [operand.index for operand in operands if isinstance(operand, ir.FromExpr)]
    while stack:
        index = stack.pop()
        if index not in seen:
            seen.add(index)
            stack.extend(o.index for o in expr_operands(table[index]) if isinstance(o, ir.FromExpr))
    return sorted(seen)


__all__ = [
    "Group",
    "Scope",
    "Scopes",
    "arm_operands",
    "bodies",
    "common",
    "expr_operands",
    "is_leaf",
    "needed",
    "node_operands",
    "scopes_of",
    "with_operands",
]
