"""The types and homes of values in traced IR, where a body may speak of any scope around it."""

from __future__ import annotations

from typedpipe.ir import nodes as ir
from typedpipe.ir.scopes import Scope, Scopes, common, expr_operands, needed, scopes_of
from typedpipe.ir.typing import Ports, expr_type
from typedpipe.types.model import ANY, NULL, ListType, Type, union


class TracedTypes:
    """The home (the scope that a value lives in) and the type of each operand of one traced graph.

    The home of an expression is the innermost of its operands'; of a ``Collected``, the scope of the loop that it
    closes; of a ``OneOf``, the scope of the branch.
    """

    def __init__(self, pipeline: ir.Pipeline, graph: ir.Graph, ports: Ports | None = None) -> None:
        self.graph = graph
        self.scopes: Scopes = scopes_of(graph)
        self.ports = ports or Ports(pipeline)
        self._inputs = {port.name: port.type for port in graph.inputs}
        self._tables: list[tuple[list[Scope], list[Type]] | None] = [None] * len(self.scopes.all)
        self._floating: dict[tuple[int, int, int], Type] = {}

    # ------------------------------------------------------------------------------------------------ homes

    def home(self, operand: ir.Operand, owner: Scope) -> Scope:
        """Where a value lives; ``owner`` is the scope whose table an expression stands in."""
        match operand:
            case ir.FromTask():
                return self.scopes.home.get(operand.task, self.scopes.root)
            case ir.FromItem():
                found = self.scopes.bodies.get(operand.loop)
                return found[0] if found else self.scopes.root
            case ir.FromExpr():
                return self._table(owner)[0][operand.index]
            case ir.Const() | ir.FromInput():
                return self.scopes.root

    def _table(self, owner: Scope) -> tuple[list[Scope], list[Type]]:
        found = self._tables[owner.index]
        if found is None:
            homes: list[Scope] = []
            types: list[Type] = []
            found = self._tables[owner.index] = (homes, types)
            for expr in owner.graph.exprs:
                homes.append(self._expr_home(expr, owner))
                types.append(self._expr_type(expr, owner))
        return found

    def _expr_home(self, expr: ir.Expr, owner: Scope) -> Scope:
        homes = [self.home(operand, owner) for operand in expr_operands(expr)]
        if isinstance(expr, ir.Collected):
            loop = homes[0].loop()
            return loop.parent if loop is not None and loop.parent is not None else self.scopes.root
        if isinstance(expr, ir.OneOf):
            arm = arm_of(homes[0]) if homes else None
            return arm.parent if arm is not None and arm.parent is not None else self.scopes.root
        return max(homes, key=lambda scope: scope.depth, default=self.scopes.root)

    # ------------------------------------------------------------------------------------------------ types

    def of(self, operand: ir.Operand, owner: Scope, scope: Scope | None = None) -> Type:
        """The type that an operand has in ``scope`` (by default where it stands)."""
        match operand:
            case ir.Const():
                return operand.type
            case ir.FromInput():
                return self._inputs.get(operand.name, ANY)
            case ir.FromTask():
                node = self.scopes.nodes.get(operand.task)
                return ANY if node is None else self.ports.outputs(node).get(operand.output, ANY)
            case ir.FromItem():
                loop = self.scopes.nodes.get(operand.loop)
                return loop.item_type if isinstance(loop, ir.Loop) else ANY
            case ir.FromExpr():
                return self._of_expr(operand, owner, scope or owner)

    def _of_expr(self, operand: ir.FromExpr, owner: Scope, scope: Scope) -> Type:
        homes, types = self._table(owner)
        if scope.inside(homes[operand.index]):
            return types[operand.index]
        key = (owner.index, operand.index, scope.index)
        found = self._floating.get(key)
        if found is None:
            local: dict[int, Type] = {}

            def of(inner: ir.Operand) -> Type:
                return local[inner.index] if isinstance(inner, ir.FromExpr) else self.of(inner, owner)

            for index in needed(owner.graph.exprs, [operand]):
                expr = owner.graph.exprs[index]
                if isinstance(expr, ir.Collected):
                    local[index] = through_loops(types[index], homes[index], scope)
                elif isinstance(expr, ir.OneOf):
                    local[index] = types[index]
                else:
                    local[index] = expr_type(expr, of)
            found = self._floating[key] = local[operand.index]
        return found

    def _expr_type(self, expr: ir.Expr, owner: Scope) -> Type:
        if not isinstance(expr, ir.Collected):
            return expr_type(expr, lambda operand: self.of(operand, owner, self.home(operand, owner)))
        home = self.home(expr.value, owner)
        loop = home.loop()
        type_ = self.of(expr.value, owner, home)
        if loop is None or loop.parent is None:
            return ListType(type_)
        return through_loops(type_, home, loop.parent)


def arm_of(scope: Scope) -> Scope | None:
    """The innermost branch's arm that holds a scope, with nothing but exit handlers between."""
    found: Scope | None = scope
    while found is not None and isinstance(found.group, ir.ExitHandler):
        found = found.parent
    return found if found is not None and isinstance(found.group, ir.Branch) else None


def through_loops(type_: Type, home: Scope, scope: Scope) -> Type:
    """The type that a value has when it is collected out to ``scope``: a list for each loop, with None from a branch.

    What lies outside the last loop changes nothing: that is no matter of collecting.
    """
    result = type_
    for body in home.up(common(home, scope)):
        if isinstance(body.group, ir.Branch):
            type_ = union(type_, NULL)
        elif isinstance(body.group, ir.Loop):
            result = type_ = ListType(type_)
    return result
