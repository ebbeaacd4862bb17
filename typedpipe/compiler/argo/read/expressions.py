"""Expressions that the controller evaluates: conditions and the few values it reads itself, computed from wire text."""

from __future__ import annotations

import json

from typedpipe.compiler.argo.templates import esc, string, tag
from typedpipe.compiler.argo.values import Values
from typedpipe.compiler.pod import kind_of
from typedpipe.diagnostics.model import Span
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import needed
from typedpipe.runtime.task import ITEM_CODES
from typedpipe.types.json_text import json_data, json_text
from typedpipe.types.model import (
    NULL,
    ListType,
    Type,
    is_optional,
    without_none,
)
from typedpipe.types.values import object_mark_of


class Unsupported(Exception):
    """The controller cannot compute this value; ``reason`` is a message for the user."""

    def __init__(self, reason: str, span: Span | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.span = span


def native(text: str, type_: Type) -> str:
    """Convert wire text, itself an expression, to the controller's number, string or list.

    >>> from typedpipe.types.model import BOOL, INT
    >>> native("x", INT), native("x", BOOL)
    ('asInt(x)', '(x == "true" || x != "false" && sprig.fail(x) == "")')
    """
    if is_optional(type_) and type_ != NULL:
        inner = native(text, without_none(type_))
        return f'({text} == "null" ? nil : {inner})' if inner != f"fromJSON({text})" else inner
    kind = kind_of(type_)
    if kind == "int":
        return f"asInt({text})"
    if kind == "float":
        return f'asFloat({text} startsWith "{{" ? fromJSON({text})["$tp"][1] : {text})'.replace("$", "\\u0024")
    if kind == "bool":  # an argument of the run that is neither is not false: its text is the message
        return f'({text} == "true" || {text} != "false" && sprig.fail({text}) == "")'
    return native_list(text) if isinstance(type_, ListType) else f"fromJSON({text})"


_FORM = '["\\u0024tp"]'


def native_list(text: str) -> str:
    """Convert a list, which may also be the result of a loop: its entries are wire text, encoded once or twice."""
    form = f"fromJSON({text}){_FORM}"
    boxed = f"map({form}[1], {{fromJSON(fromJSON(#))}})"
    once = f'map({form}[1], {{type(#) == "string" ? fromJSON(#) : #}})'
    return f'({text} startsWith "{{" ? ({form}[0] == "boxed" ? {boxed} : {form}[0] == "collected" ? {once} : {form}[1]) : fromJSON({text}))'


def list_text(text: str) -> str:
    """Convert a list, itself an expression, to plain wire text for a container; decoding entries would lose digits."""
    form = f"fromJSON({text}){_FORM}"
    cut = f'trimSuffix(trimPrefix({text},"{{\\"\\\\u0024tp\\":[\\"collected\\","),"]}}")'
    boxed = f'"[" + join(map({form}[1], {{fromJSON(#)}}),",") + "]"'
    once = f'"[" + join(map({form}[1], {{type(#) == "string" ? # : toJson(#)}}),",") + "]"'
    collected = f'({cut} contains "\\"" ? {once} : {cut})'
    made = f'{form}[0] == "boxed" ? {boxed} : {form}[0] == "collected" ? {collected} : toJson({form}[1])'
    return f'{text} startsWith "{{" ? ({made}) : {text}'


# Argo up to 3.7.14 passes a loop item that is text with JSON's escapes left in, and newer versions without them
# (`processItem` in workflow/controller/operator.go). So an item contains no character that is escaped: `"` becomes `'`,
# and the others become `~` and a letter, as does `~` itself. The nodes of the loop are also named after the item.


def _item_texts(wires: str) -> str:
    coded = "#"
    for plain, code in ITEM_CODES:
        coded = f"sprig.replace({json.dumps(plain)},{json.dumps(code)},{coded})"
    return f"toJson(map({wires}, {{{coded}}}))"


def item_wire(path: str) -> str:
    """Wire text of the current item of a loop, of which this is the path; the inverse of ``runtime.task.item_code``.

    Older controllers evaluate the tag too early, when there is no item yet, and keep the result: `+` of nothing is an
    error, after which they evaluate it again.
    """
    wire = f'({path} + "")'
    for plain, code in reversed(ITEM_CODES):
        wire = f"sprig.replace({json.dumps(code)},{json.dumps(plain)},{wire})"
    return f'trimPrefix({wire},"~")'


def items(kind: str, *, looped: bool) -> str:
    """The items of a loop over values of a kind, an input of its DAG, as a JSON list of codes.

    ``looped``: the items may be the result of a loop, which is not a plain list.
    """
    text, escaped = 'inputs.parameters["tp-items"]', esc("toJson(#)")
    if kind in ("int", "float", "bool"):
        return _plain_items(text) if looped else "{{inputs.parameters.tp-items}}"
    return tag((_string_items if kind == "str" else _items)(text, escaped))


def _items(text: str, escaped: str) -> str:
    return _item_texts(_wires(text, escaped))


def _wires(text: str, escaped: str) -> str:
    form = f"fromJSON({text}){_FORM}"
    unboxed = f"map({form}[1], {{fromJSON(#)}})"
    made = f"map({form}[1], {{{escaped}}})"
    given = f'({form}[0] == "boxed" ? {unboxed} : {form}[0] == "collected" ? {form}[1] : {made})'
    return f'{text} startsWith "{{" ? {given} : map(fromJSON({text}), {{{escaped}}})'


_STRINGS = r'"^\\[\"([^\"\\\\]|\\\\.)*\"(,\"([^\"\\\\]|\\\\.)*\")*\\]$"'.replace("$", "\\u0024")


def _string_items(text: str, escaped: str) -> str:
    """Items of a list of strings, cut out of its wire text without decoding, which some characters would not survive.

    Text entered by a user, which may have spaces or other escapes, is decoded.
    """
    cut = f'split(trimSuffix(trimPrefix({text},"[\\""),"\\"]"),"\\",\\"")'
    whole = f'map({cut}, {{"\\"" + # + "\\""}})'
    return _item_texts(f"{text} matches {_STRINGS} ? {whole} : ({_wires(text, escaped)})")


def _plain_items(text: str) -> str:
    """Items that are numbers and bools, which Argo passes unchanged."""
    form = f"fromJSON({text}){_FORM}"
    wires = f'{form}[0] == "boxed" ? map({form}[1], {{fromJSON(#)}}) : {form}[1]'
    return tag(f'{text} startsWith "{{" ? toJson({wires}) : {text}')


def _digits(number: str) -> str:
    """Digits of an integer that was decoded from JSON, to a float: larger ones, which lost digits, are an error."""
    error = string("an integer of more than 53 bits is a field or an item in an f-string: make the text in a component")
    return f"(abs({number}) < {2**53} ? string(int({number})) : sprig.fail({error}))"


class Controller:
    """Expressions of one graph, each built once, in the order of its table."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._made: dict[int, str] = {}

    def forget(self) -> None:
        """Discard all cached expressions."""
        self._made.clear()

    def native(self, operand: ir.Operand) -> str:
        """The value itself, as an expression.

        Raises:
            Unsupported: only Python can evaluate it.
        """
        if isinstance(operand, ir.Const):
            return self._constant(json_data(operand.text))
        if not isinstance(operand, ir.FromExpr):
            return f"({native(self._values.expr(operand), self._values.type(operand))})"
        graph = self._values.graph
        for index in needed(graph.exprs, [operand]):
            if index not in self._made:
                self._made[index] = self._say(graph.exprs[index])
        return self._made[operand.index]

    def _constant(self, value: object) -> str:
        if isinstance(value, str):
            return string(value)
        if isinstance(value, list):
            return "[" + ", ".join(map(self._constant, value)) + "]"
        if isinstance(value, dict):
            if "$tp" in value:
                raise Unsupported("NaN and infinity cannot be compared")
            return "{ " + ", ".join(f"{string(k)}: {self._constant(v)}" for k, v in value.items()) + " }"
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise Unsupported("the controller has no integers of more than 64 bits")
        return "nil" if value is None else str(value).lower() if isinstance(value, bool) else json_text(value)

    def _say(self, expr: ir.Expr) -> str:
        match expr:
            case ir.Compare():
                return f"({self.native(expr.left)} {expr.op} {self.native(expr.right)})"
            case ir.And() | ir.Or():
                return "(" + (" && " if isinstance(expr, ir.And) else " || ").join(map(self.native, expr.items)) + ")"
            case ir.Not():
                return f"!{self.native(expr.item)}"
            case ir.Contains() if kind_of(self._values.type(expr.items)) == "str":
                return f"({self.native(expr.items)} contains {self.native(expr.value)})"
            case ir.Contains():
                return f"({self.native(expr.value)} in {self.native(expr.items)})"
            case ir.IsSet():
                return f"({self._null(expr.value)} != nil)"
            case ir.Unwrap():
                return self.native(expr.value)
            case ir.Default():
                return f"({self._null(expr.value)} == nil ? {self.native(expr.default)} : {self.native(expr.value)})"
            case ir.Field():
                return f"{self._whole(expr.value)}[{string(expr.name)}]"
            case ir.Index():
                return f"{self._whole(expr.value)}[{self.native(expr.index)}]"
            case ir.MakeList():
                return "[" + ", ".join(map(self.native, expr.items)) + "]"
            case ir.MakeDict():
                mark = object_mark_of(expr.type)
                entries = [f"{string(name)}: {self.native(value)}" for name, value in expr.entries]
                return "{ " + ", ".join([*entries, *([f"{string('$tp')}: {mark}"] if mark else [])]) + " }"
            case ir.Format():
                return self._format(expr)
            case _:
                raise Unsupported("only a component can evaluate it")

    def _null(self, operand: ir.Operand) -> str:
        if isinstance(operand, (ir.FromExpr, ir.Const)):
            return self.native(operand)
        return f"fromJSON({self._values.expr(operand)})"

    def _whole(self, operand: ir.Operand) -> str:
        if isinstance(operand, ir.FromExpr):
            return self.native(operand)
        return self.native(operand) if isinstance(self._values.type(operand), ListType) else self._null(operand)

    def _format(self, expr: ir.Format) -> str:
        parts = []
        for part in expr.parts:
            if isinstance(part, str):
                parts.append(string(part))
                continue
            kind = kind_of(self._values.type(part.value))
            if part.spec or part.conversion or kind not in ("str", "int"):
                raise Unsupported(
                    "an f-string used here can contain only `str` and `int` values, without a format specification"
                )
            value = self.native(part.value)
            decoded = kind == "int" and isinstance(part.value, ir.FromExpr)
            parts.append(value if kind == "str" else _digits(value) if decoded else f"string({value})")
        return "(" + " + ".join(parts) + ")"
