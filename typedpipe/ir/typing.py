"""Types of all values in a pipeline, traced or closed: outputs of nodes, operands, expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import expr_operands, needed
from typedpipe.ir.scopes import Scope, Scopes, common, scopes_of
from typedpipe.types.json_text import json_data
from typedpipe.types.model import (
    ANY,
    BOOL,
    NEVER,
    NULL,
    STR,
    DictType,
    ListType,
    LiteralType,
    StructField,
    StructType,
    Type,
    UnionType,
    union,
    without_none,
)

TypeOf: TypeAlias = Callable[[ir.Operand], Type]


class Ports:
    """Inputs and outputs of components and called pipelines by name; each is looked up once."""

    def __init__(self, pipeline: ir.Pipeline) -> None:
        self._pipeline = pipeline
        self._inputs: dict[tuple[str, bool], Mapping[str, ir.InputPort]] = {}
        self._outputs: dict[tuple[str, bool], Mapping[str, Type]] = {}

    def inputs(self, node: ir.Task | ir.Call) -> Mapping[str, ir.InputPort]:
        """Inputs of a task; empty if its component is missing."""
        calls = isinstance(node, ir.Call)
        key = (node.pipeline if isinstance(node, ir.Call) else node.component, calls)
        found = self._inputs.get(key)
        if found is None:
            target = self._pipeline.pipelines.get(key[0]) if calls else self._pipeline.components.get(key[0])
            found = self._inputs[key] = {port.name: port for port in target.inputs} if target else {}
        return found

    def outputs(self, node: ir.Node) -> Mapping[str, Type]:
        """Outputs of a node by name; those of a group are outputs of its bodies."""
        if isinstance(node, ir.Task):
            key = (node.component, False)
        elif isinstance(node, ir.Call):
            key = (node.pipeline, True)
        else:
            return group_outputs(node)
        found = self._outputs.get(key)
        if found is None:
            target = self._pipeline.pipelines.get(key[0]) if key[1] else self._pipeline.components.get(key[0])
            found = self._outputs[key] = {port.name: port.type for port in target.outputs} if target else {}
        return found


def group_outputs(node: ir.Importer | ir.Group) -> dict[str, Type]:
    """Outputs of a node that is not a call: lists for a loop, the arms' for a branch, with None if an arm has none."""
    if isinstance(node, ir.Importer):
        return {"artifact": node.type}
    regions = node.regions()
    gives = [{output.name: region_type(region, output.type) for output in region.body.outputs} for region in regions]
    if not all(region.role == "arm" for region in regions):
        return {name: type_ for each in gives for name, type_ in each.items()}
    if not regions or regions[-1].condition is not None:
        gives.append({})
    names = dict.fromkeys(name for each in gives for name in each)
    return {name: union(*(each.get(name, NULL) for each in gives)) for name in names}


def region_type(region: ir.Region, type_: Type) -> Type:
    """The type of a region's output outside the region, as far as the region determines it: lists for items."""
    return ListType(type_) if region.role == "item" else type_


def output_type(pipeline: ir.Pipeline, node: ir.Node, output: str) -> Type:
    """The type of one output of a node in closed IR; ``Any`` if there is no such output (verify reports that).

    >>> from typedpipe.types.model import ARTIFACT
    >>> output_type(ir.Pipeline("p", ir.Graph()), ir.Importer("i", ir.Const('"s3://b/k"', STR), ARTIFACT), "artifact") == ARTIFACT
    True
    """
    return Ports(pipeline).outputs(node).get(output, ANY)


class GraphTypes:
    """The types in one closed graph. Expressions are typed once, in the order of the table."""

    def __init__(self, pipeline: ir.Pipeline, graph: ir.Graph, ports: Ports | None = None) -> None:
        self._ports = ports or Ports(pipeline)
        self._inputs = {port.name: port.type for port in graph.inputs}
        self._nodes = {node.name: node for node in graph.nodes}
        self._table = graph.exprs
        self._exprs: list[Type] = []

    def of(self, operand: ir.Operand) -> Type:
        """The type of an operand of this graph.

        >>> GraphTypes(ir.Pipeline("p", ir.Graph()), ir.Graph((ir.InputPort("x", STR),))).of(ir.FromInput("x")) == STR
        True
        """
        match operand:
            case ir.Const():
                return operand.type
            case ir.FromInput():
                return self._inputs.get(operand.name, ANY)
            case ir.FromTask():
                node = self._nodes.get(operand.task)
                return ANY if node is None else self._ports.outputs(node).get(operand.output, ANY)
            case ir.FromItem():
                return ANY
            case ir.FromExpr():
                for expr in self._table[len(self._exprs) : operand.index + 1]:
                    self._exprs.append(expr_type(expr, self.of))
                return self._exprs[operand.index] if operand.index < len(self._exprs) else ANY


# ---------------------------------------------------------------------------------------------- traced graphs


class TracedTypes:
    """Home (the scope of a value) and type of each operand of one traced graph.

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
        """Home scope of a value; ``owner`` is the scope whose table contains an expression."""
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
            arm = homes[0].branch() if homes else None
            return arm.parent if arm is not None and arm.parent is not None else self.scopes.root
        return max(homes, key=lambda scope: scope.depth, default=self.scopes.root)

    # ------------------------------------------------------------------------------------------------ types

    def of(self, operand: ir.Operand, owner: Scope, scope: Scope | None = None) -> Type:
        """Type of an operand in ``scope`` (by default, in its own)."""
        match operand:
            case ir.Const():
                return operand.type
            case ir.FromInput():
                return self._inputs.get(operand.name, ANY)
            case ir.FromTask():
                node = self.scopes.nodes.get(operand.task)
                return ANY if node is None else self.ports.outputs(node).get(operand.output, ANY)
            case ir.FromItem():
                loop = self.scopes.bodies.get(operand.loop)
                region = loop[0].region if loop else None
                return ANY if region is None or region.item_type is None else region.item_type
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


def through_loops(type_: Type, home: Scope, scope: Scope) -> Type:
    """The type of a value collected out to ``scope``: a list for each loop, with None from a branch.

    Anything outside the last loop changes nothing: it does not affect collecting.
    """
    result = type_
    for body in home.up(common(home, scope)):
        if body.role == "arm":
            type_ = union(type_, NULL)
        elif body.role == "item":
            result = type_ = ListType(type_)
    return result


# ---------------------------------------------------------------------------------------------- expressions


def expr_type(expr: ir.Expr, of: TypeOf) -> Type:
    """The type of an expression, given the types of its operands; ``Any`` if it has none.

    >>> expr_type(ir.MakeList((ir.Const("1", STR),)), lambda operand: STR) == ListType(STR)
    True
    """
    match expr:
        case ir.Compare() | ir.And() | ir.Or() | ir.Not() | ir.Contains() | ir.IsSet():
            return BOOL
        case ir.Format():
            return STR
        case ir.Unwrap():
            return without_none(of(expr.value))
        case ir.Default():
            value, default = of(expr.value), of(expr.default)
            return default_type(value, default) or union(without_none(value), default)  # the second is reported
        case ir.Field():
            return field_type(of(expr.value), expr.name) or ANY
        case ir.Index():
            return item_type(of(expr.value), expr.index) or ANY
        case ir.MakeList():
            return ListType(union(*map(of, expr.items)))
        case ir.MakeDict():
            return expr.type or StructType(
                "dict", "literal", tuple(StructField(name, of(value)) for name, value in expr.entries)
            )
        case ir.Collected():
            return ListType(of(expr.value))
        case ir.OneOf():
            return _one_of([of(value) for value in expr.values])


def default_type(value: Type, default: Type) -> Type | None:
    """The type of ``Some(value, default)``, or None if the default is of another type than the value."""
    return default if value == NULL else either_type(without_none(value), default)


def _one_of(types: Sequence[Type]) -> Type:
    """The type of a branch's outputs; of those that differ, which are reported, the first counts."""
    found = types[0] if types else ANY
    for type_ in types[1:]:
        found = either_type(found, type_) or found
    return found


def either_type(one: Type, other: Type) -> Type | None:
    """The type of a value that is one of two, or None if their types differ.

    Of two types, it is the wider one. Constants of one kind are joined: a list ``[1, None]`` is of ``Literal[1] | None``,
    but its user means ``int | None``.

    >>> from typedpipe.types.model import FLOAT, INT
    >>> either_type(INT, FLOAT) == FLOAT, either_type(INT, STR)
    (True, None)
    >>> either_type(LiteralType(("1",)), LiteralType(("5",)))
    LiteralType(values=('1', '5'))
    """
    from typedpipe.types.assignable import mismatch

    if one != NEVER and mismatch(other, one) is None:
        return one
    if mismatch(one, other) is None:
        return other
    match one, other:
        case LiteralType(), LiteralType() if _kinds(other) <= _kinds(one) or _kinds(one) <= _kinds(other):
            return LiteralType(tuple(dict.fromkeys((*one.values, *other.values))))
        case ListType(), ListType():
            item = either_type(one.item, other.item)
            return None if item is None else ListType(item)
        case StructType(form="literal"), StructType(form="literal"):
            return _either_struct(one, other)
        case UnionType(), _:
            for at, member in enumerate(one.members):
                wider = either_type(member, other)
                if wider is not None:
                    return union(*one.members[:at], wider, *one.members[at + 1 :])
            return None
        case _:
            return None


def _kinds(type_: LiteralType) -> set[type]:
    return {type(json_data(text)) for text in type_.values}


def _either_struct(one: StructType, other: StructType) -> StructType | None:
    types = {field.name: field.type for field in other.fields}
    if types.keys() != {field.name for field in one.fields}:
        return None
    fields: list[StructField] = []
    for field in one.fields:
        type_ = either_type(field.type, types[field.name])
        if type_ is None:
            return None
        fields.append(StructField(field.name, type_))
    return StructType(one.name, "literal", tuple(fields))


def field_type(value: Type, name: str) -> Type | None:
    """The type of ``value.name`` (of ``value["name"]`` for a dict), or None if there is none."""
    match value:
        case StructType():
            return next((field.type for field in value.fields if field.name == name), None)
        case DictType():
            return value.value
        case UnionType():
            return _of_all([field_type(member, name) for member in value.members])
        case _:
            return ANY if value == ANY else None


def _of_all(types: Sequence[Type | None]) -> Type | None:
    """The union of the types for each member of a union; None if one member has none."""
    found = [type_ for type_ in types if type_ is not None]
    return union(*found) if len(found) == len(types) else None


def item_type(value: Type, index: ir.Operand) -> Type | None:
    """The type of ``value[index]``, or None if there is none."""
    match value:
        case ListType():
            return value.entry(index.text) if isinstance(index, ir.Const) else value.item
        case DictType():
            return value.value
        case StructType() if isinstance(index, ir.Const) and index.text.startswith('"'):
            return field_type(value, json_data(index.text))
        case StructType(form="namedtuple") if isinstance(index, ir.Const) and index.text.lstrip("-").isdigit():
            at = json_data(index.text)
            return value.fields[at].type if -len(value.fields) <= at < len(value.fields) else None
        case StructType(form="literal", fields=fields) if not isinstance(index, ir.Const):
            return _of_all([each.type for each in fields])
        case UnionType():
            return _of_all([item_type(member, index) for member in value.members])
        case _:
            return ANY if value == ANY else None
