"""Expressions of a pipeline, evaluated by the engine once their operands are available."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import expr_operands
from typedpipe.ir.typing import GraphTypes
from typedpipe.local.values import NULL_TEXT, as_list, dump, is_none, load
from typedpipe.runs.model import ArtifactRef, Value
from typedpipe.runtime.task import decode, to_text
from typedpipe.types.data import to_data
from typedpipe.types.model import DATETIME, StructType, without_none
from typedpipe.types.values import object_mark_of, object_wire, string_wire

COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Lookup = Callable[["ir.FromInput | ir.FromTask"], Value]


class CannotEvaluate(Exception):
    """An expression has no value for these operands: an index out of range, a missing key."""


class Evaluation:
    """Expressions of one graph in one of its runs: each is evaluated once, on first use."""

    def __init__(self, graph: ir.Graph, types: GraphTypes, lookup: Lookup) -> None:
        self._exprs = graph.exprs
        self._types = types
        self._lookup = lookup
        self._known: dict[int, Value] = {}

    def value(self, operand: ir.Operand) -> Value:
        """The value of an operand of the graph.

        Raises:
            CannotEvaluate: an expression in it has no value.
        """
        if isinstance(operand, ir.FromExpr):
            self._work_out(operand.index)
        return self._get(operand)

    def holds(self, operand: ir.Operand) -> bool:
        return self.value(operand) == "true"

    def plain(self, operand: ir.Operand) -> Any:
        """The decoded value of a parameter."""
        value = self.value(operand)
        if isinstance(value, str):
            return load(value)
        if value is None:
            return None
        raise CannotEvaluate("the value is an artifact, but a parameter is expected")

    def _get(self, operand: ir.Operand) -> Value:
        match operand:
            case ir.Const():
                return operand.text
            case ir.FromExpr():
                return self._known[operand.index]
            case ir.FromInput() | ir.FromTask():
                return self._lookup(operand)
            case _:
                raise AssertionError(f"not in closed IR: {operand}")

    def _work_out(self, index: int) -> None:
        """Evaluate an entry and its dependencies. Not recursive: an expression may be as deep as the table is long."""
        frames = [[index, 0]]
        while frames:
            frame = frames[-1]
            at, position = frame
            if at in self._known:
                frames.pop()
                continue
            expr = self._exprs[at]
            operands = expr_operands(expr)
            while position < len(operands):
                operand = operands[position]
                if isinstance(operand, ir.FromExpr) and operand.index not in self._known:
                    frames.append([operand.index, 0])
                    break
                position += 1
                if isinstance(expr, ir.And | ir.Or) and (self._get(operand) == "true") == isinstance(expr, ir.Or):
                    position = len(operands)  # decided: the remaining operands may not even have a value
                    self._known[at] = "true" if isinstance(expr, ir.Or) else "false"
            frame[1] = position
            if position == len(operands) and at not in self._known:
                self._known[at] = self._compute(expr)

    def _compute(self, expr: ir.Expr) -> Value:
        try:
            return (
                self._parameter(expr)
                if isinstance(expr, ir.Compare | ir.Contains | ir.Format | ir.Field)
                else self._other(expr)
            )
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise CannotEvaluate(f"{describe(expr)}: {reason(error)}") from None

    def _other(self, expr: ir.Expr) -> Value:
        match expr:
            case ir.And() | ir.Or():
                return "true" if isinstance(expr, ir.And) else "false"
            case ir.Not():
                return truth(self._get(expr.item) != "true")
            case ir.IsSet():
                return truth(not is_none(self._get(expr.value)))
            case ir.Unwrap():
                return self._get(expr.value)
            case ir.Default():
                value = self._get(expr.value)
                return self._get(expr.default) if is_none(value) else value
            case ir.Index():
                return self._index(expr)
            case ir.MakeList():
                return as_list([self._get(item) for item in expr.items])
            case ir.MakeDict():
                return make_dict([(name, self._get(value)) for name, value in expr.entries], object_mark_of(expr.type))
            case _:
                raise AssertionError(f"not in closed IR: {expr}")

    def _parameter(self, expr: ir.Compare | ir.Contains | ir.Format | ir.Field) -> str:
        match expr:
            case ir.Compare():
                left, right = self._comparable(expr.left), self._comparable(expr.right)
                return truth(COMPARE[expr.op](left, right))
            case ir.Contains():
                return truth(self._plain(expr.value) in self._plain(expr.items))
            case ir.Field():
                return dump(self._plain(expr.value)[expr.name])
            case ir.Format():
                return string_wire(decode(f'{{"$tp":["format",[{",".join(map(self._part, expr.parts))}]]}}', "str"))

    def _plain(self, operand: ir.Operand) -> Any:
        value = self._get(operand)
        if isinstance(value, ArtifactRef | tuple):
            raise TypeError("the value is an artifact, but a parameter is expected")
        return None if value is None else load(value)

    def _comparable(self, operand: ir.Operand) -> Any:
        value = self._plain(operand)
        if isinstance(value, str) and without_none(self._types.of(operand)) == DATETIME:
            return datetime.fromisoformat(value)
        return value

    def _part(self, part: str | ir.FormatPart) -> str:
        """A part of an f-string as the runtime's ``format`` operation expects it, so that it prints as in a task."""
        if isinstance(part, str):
            return string_wire(part)
        self._plain(part.value)
        value, type_ = self._get(part.value) or NULL_TEXT, self._types.of(part.value)
        how = [part.spec, part.conversion, part.escapes]
        return f"[{value},{json.dumps(to_data(type_))},{','.join(map(string_wire, how))},{to_text(dict(part.table))}]"

    def _index(self, expr: ir.Index) -> Value:
        index = self._plain(expr.index)
        value = self._get(expr.value)
        if isinstance(value, tuple):
            items: tuple[Value, ...] = value
            return items[operator.index(index)]
        type_ = without_none(self._types.of(expr.value))
        if isinstance(type_, StructType) and isinstance(index, int):
            index = type_.fields[index].name
        return dump(self._plain(expr.value)[index])


def truth(value: object) -> str:
    return "true" if value else "false"


def make_dict(entries: list[tuple[str, Value]], mark: str) -> str:
    texts: dict[str, str] = {}
    for name, value in entries:
        if isinstance(value, ArtifactRef | tuple):
            raise TypeError(f"`{name}` is an artifact, which is not supported in a dict")
        texts[name] = NULL_TEXT if value is None else value
    return object_wire(texts, "", mark)


def describe(expr: ir.Expr) -> str:
    match expr:
        case ir.Field():
            return f"the field `{expr.name}`"
        case ir.Index():
            return "an index"
        case ir.Compare():
            return f"a comparison with `{expr.op}`"
        case ir.Format():
            return "an f-string"
        case _:
            return "an expression"


def reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error} does not exist"
    return str(error)
