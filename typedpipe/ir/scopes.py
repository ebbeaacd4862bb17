"""The scopes of a traced graph: which body every node stands in, and the way from one body to another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from typedpipe.ir.nodes import (
    DEFAULT_OPTIONS,
    And,
    Arm,
    Branch,
    Call,
    Collected,
    Compare,
    Const,
    Contains,
    Default,
    ExitHandler,
    Expr,
    Field,
    Format,
    FormatPart,
    FromExpr,
    FromInput,
    FromItem,
    FromTask,
    Graph,
    Importer,
    Index,
    IsSet,
    Loop,
    MakeDict,
    MakeList,
    Node,
    Not,
    OneOf,
    Operand,
    Options,
    Or,
    Task,
    Unwrap,
)

Group = Branch | Loop | ExitHandler


@dataclass(slots=True, eq=False)
class Scope:
    """The body of a group (of one arm of a branch), or the pipeline's own graph: then ``group`` is None."""

    index: int
    graph: Graph
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
        while scope is not None and not isinstance(scope.group, Loop):
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


def bodies(node: Node) -> tuple[Graph, ...]:
    """The graphs in a node: none for a task."""
    match node:
        case Branch():
            return tuple(arm.body for arm in node.arms)
        case Loop() | ExitHandler():
            return (node.body,)
        case _:
            return ()


@dataclass(slots=True, eq=False)
class Scopes:
    """All scopes of one graph, outer ones first, and where each node stands."""

    all: list[Scope] = field(default_factory=list)
    home: dict[str, Scope] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    bodies: dict[str, list[Scope]] = field(default_factory=dict)
    """The bodies of each group, by the group's name."""
    exits: dict[str, str] = field(default_factory=dict)
    """Each exit task, and the handler that it belongs to."""
    repeated: list[Node] = field(default_factory=list)
    """Nodes whose name another node has already."""

    @property
    def root(self) -> Scope:
        return self.all[0]


def scopes_of(graph: Graph) -> Scopes:
    """The scopes of a graph. The same object for the same graph while it is among the last that were asked for:
    six passes ask one after another.

    >>> len(scopes_of(Graph()).all)
    1
    """
    for known, scopes in _recent:
        if known is graph:
            return scopes
    found = _found(graph)
    _recent.appendleft((graph, found))
    return found


_recent: deque[tuple[Graph, Scopes]] = deque(maxlen=4)


def _found(graph: Graph) -> Scopes:
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
            if not isinstance(node, Branch | Loop | ExitHandler):
                continue
            if isinstance(node, ExitHandler):
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

RESOURCES = (
    "cpu_request",
    "cpu_limit",
    "memory_request",
    "memory_limit",
    "accelerator_type",
    "accelerator_count",
    "image",
)
"""The options that may be references."""


def option_operands(options: Options) -> list[tuple[str, Operand]]:
    """The options of a task that are operands, each with its name; ``env`` under ``env.NAME``."""
    found: list[tuple[str, Operand]] = []
    for name in RESOURCES:
        value: Operand | None = getattr(options, name)
        if value is not None:
            found.append((name, value))
    found.extend(("env." + name, value) for name, value in options.env)
    return found


def node_operands(node: Node) -> list[Operand]:
    """What a node takes from its own graph (``args`` of bodies and the exit task's are among it)."""
    match node:
        case Task() | Call():
            args = node.args
            found = [args[0][1]] if len(args) == 1 else [value for _, value in args]
            if node.options is DEFAULT_OPTIONS:
                return found
            if node.options.env or any(getattr(node.options, name) is not None for name in RESOURCES):
                found.extend(value for _, value in option_operands(node.options))
            return found
        case Importer():
            return [node.uri] if node.metadata is None else [node.uri, node.metadata]
        case Branch():
            return [value for arm in node.arms for value in arm_operands(arm)]
        case Loop():
            return [node.items, *(value for _, value in node.args)]
        case ExitHandler():
            return [*(value for _, value in node.args), *node_operands(node.exit)]


def arm_operands(arm: Arm) -> list[Operand]:
    """The condition and the arguments of one arm."""
    given = [value for _, value in arm.args]
    return given if arm.condition is None else [arm.condition, *given]


def expr_operands(expr: Expr) -> tuple[Operand, ...]:
    """What an expression is made of, in order.

    >>> expr_operands(Not(FromInput("x")))
    (FromInput(name='x'),)
    """
    match expr:
        case Compare():
            return (expr.left, expr.right)
        case And() | Or() | MakeList():
            return expr.items
        case Not():
            return (expr.item,)
        case Contains():
            return (expr.items, expr.value)
        case IsSet() | Unwrap() | Field() | Collected():
            return (expr.value,)
        case Default():
            return (expr.value, expr.default)
        case Index():
            return (expr.value, expr.index)
        case Format():
            return tuple(part.value for part in expr.parts if isinstance(part, FormatPart))
        case MakeDict():
            return tuple(value for _, value in expr.entries)
        case OneOf():
            return expr.values


def with_operands(expr: Expr, new: tuple[Operand, ...]) -> Expr:  # noqa: PLR0912 - one line a kind
    """The same expression over other operands, given in the order of :func:`expr_operands`."""
    match expr:
        case Compare():
            return Compare(expr.op, *new)
        case And():
            return And(new)
        case Or():
            return Or(new)
        case Not():
            return Not(*new)
        case Contains():
            return Contains(*new)
        case IsSet():
            return IsSet(*new)
        case Unwrap():
            return Unwrap(*new)
        case Default():
            return Default(*new)
        case Field():
            return Field(new[0], expr.name)
        case Index():
            return Index(*new)
        case Format():
            values = iter(new)
            return Format(
                tuple(p if isinstance(p, str) else FormatPart(next(values), p.spec, p.conversion) for p in expr.parts)
            )
        case MakeList():
            return MakeList(new)
        case MakeDict():
            return MakeDict(tuple((name, value) for (name, _), value in zip(expr.entries, new, strict=True)), expr.type)
        case Collected():
            return Collected(*new)
        case OneOf():
            return OneOf(new)


def is_leaf(operand: Operand) -> bool:
    """Whether an operand is a value of some scope: not a constant and not an expression."""
    return isinstance(operand, FromTask | FromInput | FromItem)


def needed(table: tuple[Expr, ...], operands: list[Operand]) -> list[int]:
    """The entries of a table that operands are made of, earlier ones first; without recursion."""
    seen: set[int] = set()
    stack = [operand.index for operand in operands if isinstance(operand, FromExpr)]
    while stack:
        index = stack.pop()
        if index not in seen:
            seen.add(index)
            stack.extend(o.index for o in expr_operands(table[index]) if isinstance(o, FromExpr))
    return sorted(seen)


__all__ = [
    "RESOURCES",
    "Const",
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
    "option_operands",
    "scopes_of",
    "with_operands",
]
