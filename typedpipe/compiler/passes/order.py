"""Which node waits for which, in each scope: what one body's node needs of another scope, the groups wait for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from typedpipe.ir import nodes as ir
from typedpipe.ir.scopes import Scope, Scopes, common, expr_operands, node_operands


class Order:
    """The waiting of all nodes of one graph, in the scopes where it happens."""

    def __init__(self, scopes: Scopes) -> None:
        self.scopes = scopes

    def cyclic(self) -> Iterator[dict[str, list[str]]]:
        """The scopes that may have a cycle, each with who waits for whom.

        A scope in which every node waits for earlier ones only has none, which is how tracing makes them.
        """
        edges: dict[int, dict[str, list[str]]] = {}
        suspects: set[int] = set()
        place = {name: at for at, name in enumerate(self._names())}
        for scope in self.scopes.all:
            through: dict[int, set[str]] = {}
            for node in scope.graph.nodes:
                for name in self._waits(node, scope, through):
                    meeting, then, first = self._meet(node, scope, name)
                    if first == then and not (first == node.name == name):
                        continue
                    edges.setdefault(meeting.index, {}).setdefault(then, []).append(first)
                    if place[first] >= place[then]:
                        suspects.add(meeting.index)
        for index in suspects:
            yield edges[index]

    def _names(self) -> Iterator[str]:
        for scope in self.scopes.all:
            for node in scope.graph.nodes:
                yield node.name

    def _waits(self, node: ir.Node, scope: Scope, through: dict[int, set[str]]) -> list[str]:
        found = list(node.after)
        for operand in node_operands(node):
            if isinstance(operand, ir.FromTask):
                found.append(operand.task)
            elif isinstance(operand, ir.FromExpr):
                found.extend(self._through(operand, scope, through))
        if isinstance(node, ir.ExitHandler):
            found.extend(name for name in node.exit.after if name in self.scopes.home)
            inside = self.scopes.bodies[node.name][0]
            return [name for name in found if name in self.scopes.home and not self.scopes.home[name].inside(inside)]
        return [name for name in found if name in self.scopes.home]

    def _through(self, operand: ir.FromExpr, scope: Scope, known: dict[int, set[str]]) -> set[str]:
        """The tasks that an expression is made of."""
        table = scope.graph.exprs
        for index in range(len(known), operand.index + 1):
            tasks: set[str] = set()
            for each in expr_operands(table[index]):
                _add(tasks, each, known)
            known[index] = tasks
        return known[operand.index]

    def _meet(self, node: ir.Node, scope: Scope, name: str) -> tuple[Scope, str, str]:
        home = self.scopes.home[name]
        if home is scope:
            return scope, node.name, self.scopes.exits.get(name, name)
        meeting = common(scope, home)
        then = node.name if scope is meeting else _group(meeting, scope)
        first = self.scopes.exits.get(name, name) if home is meeting else _group(meeting, home)
        return meeting, then, first


def _add(tasks: set[str], operand: ir.Operand, known: Mapping[int, set[str]]) -> None:
    if isinstance(operand, ir.FromTask):
        tasks.add(operand.task)
    elif isinstance(operand, ir.FromExpr):
        tasks |= known[operand.index]


def _group(outer: Scope, inner: Scope) -> str:
    group = outer.child(inner).group
    return group.name if group is not None else ""


def find_cycle(edges: Mapping[str, Sequence[str]]) -> list[str]:
    """A cycle, as names that each wait for the next, or nothing. Without recursion.

    >>> find_cycle({"a": ["b"], "b": ["c"], "c": ["b"]})
    ['b', 'c']
    """
    done: set[str] = set()
    for start in edges:
        if start in done:
            continue
        path: dict[str, Iterator[str]] = {start: iter(edges[start])}
        while path:
            name, rest = next(reversed(path.items()))
            step = next(rest, None)
            if step is None:
                del path[name]
                done.add(name)
            elif step in path:
                names = list(path)
                return names[names.index(step) :]
            elif step not in done:
                path[step] = iter(edges.get(step, ()))
    return []
