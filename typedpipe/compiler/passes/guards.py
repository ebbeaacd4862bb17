"""Values known not to be None, per scope: inside a branch whose condition tests it."""

from __future__ import annotations

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import expr_operands, with_operands
from typedpipe.ir.scopes import Scope


class Guards:
    """Answers whether a value is guarded by an ``IfSet`` around a scope.

    The same value may be in several tables, so expressions are compared by content: each gets a number, the same number
    for the same expression over the same numbers.
    """

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}
        self._tables: dict[int, list[int]] = {}
        self._arms: dict[int, frozenset[object]] = {}

    def holds(self, value: ir.Operand, owner: Scope, at: Scope) -> bool:
        """Whether ``value`` (of ``owner``'s table) is not None in scope ``at``."""
        wanted = self._key(value, owner)
        scope: Scope | None = at
        while scope is not None:
            if wanted in self._guarded(scope):
                return True
            scope = scope.parent
        return False

    def _guarded(self, scope: Scope) -> frozenset[object]:
        found = self._arms.get(scope.index)
        if found is None:
            found = self._arms[scope.index] = frozenset(self._conditions(scope))
        return found

    def _conditions(self, scope: Scope) -> list[object]:
        outer = scope.parent
        found: list[object] = []
        if scope.region is None or outer is None:
            return found
        stack: list[ir.Operand | None] = [scope.region.condition]
        while stack:
            condition = stack.pop()
            if isinstance(condition, ir.FromExpr):
                expr = outer.graph.exprs[condition.index]
                if isinstance(expr, ir.IsSet):
                    found.append(self._key(expr.value, outer))
                elif isinstance(expr, ir.And):
                    stack.extend(expr.items)
        return found

    def _key(self, operand: ir.Operand, owner: Scope) -> object:
        if not isinstance(operand, ir.FromExpr):
            return operand
        table = self._tables.get(owner.index)
        if table is None:
            table = self._tables[owner.index] = []
            for expr in owner.graph.exprs:
                numbered = with_operands(
                    expr,
                    tuple(
                        ir.FromExpr(table[o.index]) if isinstance(o, ir.FromExpr) else o for o in expr_operands(expr)
                    ),
                )
                table.append(self._numbers.setdefault(numbered, len(self._numbers)))
        return ir.FromExpr(table[operand.index])
