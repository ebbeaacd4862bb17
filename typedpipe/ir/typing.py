"""The type of every value in a pipeline: outputs of nodes, operands, expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from typedpipe.ir import nodes as ir
from typedpipe.types.model import (
    ANY,
    BOOL,
    NEVER,
    NULL,
    STR,
    DictType,
    ListType,
    StructField,
    StructType,
    Type,
    UnionType,
    union,
    without_none,
)

TypeOf: TypeAlias = Callable[[ir.Operand], Type]


class Ports:
    """Inputs and outputs of components and called pipelines by name; each looked up once."""

    def __init__(self, pipeline: ir.Pipeline) -> None:
        self._pipeline = pipeline
        self._inputs: dict[tuple[str, bool], Mapping[str, ir.InputPort]] = {}
        self._outputs: dict[tuple[str, bool], Mapping[str, Type]] = {}

    def inputs(self, node: ir.Task | ir.Call) -> Mapping[str, ir.InputPort]:
        """What a task may be given; nothing when its component is not there."""
        calls = isinstance(node, ir.Call)
        key = (node.pipeline if isinstance(node, ir.Call) else node.component, calls)
        found = self._inputs.get(key)
        if found is None:
            target = self._pipeline.pipelines.get(key[0]) if calls else self._pipeline.components.get(key[0])
            found = self._inputs[key] = {port.name: port for port in target.inputs} if target else {}
        return found

    def outputs(self, node: ir.Node) -> Mapping[str, Type]:
        """The outputs of a node by name; those of a group are what its bodies give."""
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


def group_outputs(node: ir.Importer | ir.Branch | ir.Loop | ir.ExitHandler) -> dict[str, Type]:
    """The outputs of a node that is no call: lists for a loop, the arms' for a branch, with None where an arm has none."""
    match node:
        case ir.Importer():
            return {"artifact": node.type}
        case ir.Loop():
            return {output.name: ListType(output.type) for output in node.body.outputs}
        case ir.ExitHandler():
            return {output.name: output.type for output in node.body.outputs}
        case ir.Branch():
            arms = [{output.name: output.type for output in arm.body.outputs} for arm in node.arms]
            if not node.arms or node.arms[-1].condition is not None:
                arms.append({})
            names = dict.fromkeys(name for arm in arms for name in arm)
            return {name: union(*(arm.get(name, NULL) for arm in arms)) for name in names}


def output_type(pipeline: ir.Pipeline, node: ir.Node, output: str) -> Type:
    """The type of one output of a node of closed IR; ``Any`` when there is no such output (verify reports that).

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


def operand_type(pipeline: ir.Pipeline, graph: ir.Graph, operand: ir.Operand, types: GraphTypes | None = None) -> Type:
    """The type of an operand of a closed graph. Pass the graph's ``types`` when asking more than once.

    >>> operand_type(ir.Pipeline("p", ir.Graph()), ir.Graph(), ir.Const("true", BOOL)) == BOOL
    True
    """
    return (types or GraphTypes(pipeline, graph)).of(operand)


# ---------------------------------------------------------------------------------------------- expressions


def expr_type(expr: ir.Expr, of: TypeOf) -> Type:
    """The type of an expression, given the types of its operands; ``Any`` where it cannot have one.

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
            return _default_type(without_none(of(expr.value)), of(expr.default))
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
            return of(expr.values[0]) if expr.values else ANY


def _default_type(value: Type, default: Type) -> Type:
    from typedpipe.types.assignable import mismatch

    wider = value == NEVER or (mismatch(default, value) is not None and mismatch(value, default) is None)
    return default if wider else value


def field_type(value: Type, name: str) -> Type | None:
    """The type of ``value.name`` (of ``value["name"]`` for a dict), or None when there is none."""
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
    """The union of what each member of a union has; None when one of them has none."""
    found = [type_ for type_ in types if type_ is not None]
    return union(*found) if len(found) == len(types) else None


def item_type(value: Type, index: ir.Operand) -> Type | None:
    """The type of ``value[index]``, or None when there is none."""
    match value:
        case ListType():
            return value.item
        case DictType():
            return value.value
        case StructType() if isinstance(index, ir.Const) and index.text.startswith('"'):
            import json

            return field_type(value, json.loads(index.text))
        case StructType(form="namedtuple") if isinstance(index, ir.Const) and index.text.lstrip("-").isdigit():
            at = int(index.text)
            return value.fields[at].type if -len(value.fields) <= at < len(value.fields) else None
        case UnionType():
            return _of_all([item_type(member, index) for member in value.members])
        case _:
            return ANY if value == ANY else None
