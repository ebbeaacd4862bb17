"""Conditions that read only arguments of the run: the controller evaluates them, exactly, or gives the text of an error.

An argument that is not of its type is an error, never another arm. Locally, such a run does not start.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from typedpipe.compiler.argo.read.arguments import mistake
from typedpipe.compiler.argo.templates import string
from typedpipe.compiler.pod import kind_of
from typedpipe.ir import nodes as ir
from typedpipe.types.display import show
from typedpipe.types.json_text import json_data, json_text
from typedpipe.types.model import BOOL, FLOAT, INT, STR, EnumType, LiteralType, is_optional, without_none

_DEEPEST: Final = 20
_LONGEST: Final = 4096
"""Levels of an expression, and characters of all conditions of a chain. Larger ones are rare."""
_DIGITS: Final = 18
"""Digits of an int that certainly has 64 bits. One with more of them is compared as if it were the next one."""
_MOST: Final = 10**_DIGITS
_FEW_DIGITS: Final = string(f"^-?[0-9]{{1,{_DIGITS}}}$")
_ANY_DIGITS: Final = string("^-?[0-9]+$")
_FLOAT_TEXT: Final = string(r"^-?[0-9]{1,99}(\.[0-9]{1,99})?([eE][+-]?[0-9]{1,2})?$")
"""A float whose digits the controller reads as Python does."""

Outward = Callable[[int, str], "ir.Operand | None"]
"""What the caller of the graph at a level passes for an input; None for the outermost graph."""


class _NotExact(Exception):
    """The controller would not give the same answer as Python."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A value in the language of the controller."""

    text: str
    kind: str
    """``int``, ``float``, ``bool``, ``str``, ``none``, or ``list`` for constants."""
    argument: str = ""
    """The argument that it is, unchanged."""
    null: str = ""
    """For an argument that may be None: the condition that it is."""
    constant: Any = None


@dataclass(frozen=True, slots=True)
class FromArguments:
    """The number of the arm that is taken, as an expression for the controller."""

    expression: str
    variables: tuple[tuple[str, str], ...]
    """Its variables, and the arguments whose wire text they are."""


def arm_of(
    conditions: Iterable[ir.Operand], graphs: list[ir.Graph], outward: Outward, ports: Mapping[str, ir.InputPort]
) -> FromArguments | None:
    """The arm that is taken; None if the controller cannot give it exactly.

    ``graphs`` are the graph of the chain, and those around it through which its values come.
    """
    chain = _Chain(graphs, outward, ports)
    try:
        arms = [chain.condition(0, each) for each in conditions]
    except _NotExact:
        return None
    taken = "".join(f'{text} ? "{number}" : ' for number, text in enumerate(arms, 1))
    checks = "".join(f"!({check}) ? {string(wrong)} : " for check, wrong in chain.checks())
    numbers = "".join(f"let {name} = {value}; " for name, value in chain.numbers.items())
    text = f'{numbers}{checks}{taken}"0"'
    return FromArguments(text, tuple(chain.variables.items())) if len(text) <= _LONGEST else None


class _Chain:
    """The conditions of one chain, and what has to hold for the text of the arguments that they read."""

    def __init__(self, graphs: list[ir.Graph], outward: Outward, ports: Mapping[str, ir.InputPort]) -> None:
        self.variables: dict[str, str] = {}
        self.numbers: dict[str, str] = {}
        self._checks: dict[str, str] = {}
        self._limited: set[str] = set()
        """Ints that are compared with something that may have as many digits."""
        self._graphs = graphs
        self._outward = outward
        self._ports = ports

    def checks(self) -> Iterator[tuple[str, str]]:
        """What has to hold for the text of each argument, and the message if it does not."""
        for name, each in self._checks.items():
            check, port = each, self._ports[name]
            expected = f"`{show(port.type)}`"
            if without_none(port.type) == FLOAT:
                expected = f"a finite {expected}"
            elif name in self._limited:
                check, expected = check.replace(_ANY_DIGITS, _FEW_DIGITS), f"{expected} of at most {_DIGITS} digits"
            number = without_none(port.type) in (INT, FLOAT)
            yield check, mistake(port, f"{expected}, written as in JSON" if number else expected)

    def condition(self, level: int, operand: ir.Operand, depth: int = 0) -> str:
        value = self._value(level, operand, depth)
        if value.kind != "bool" or value.null:
            raise _NotExact
        return value.text

    def _value(self, level: int, operand: ir.Operand, depth: int) -> _Value:
        if depth > _DEEPEST:
            raise _NotExact
        if isinstance(operand, ir.Const):
            return _constant(json_data(operand.text))
        if isinstance(operand, ir.FromInput):
            passed = self._outward(level, operand.name)
            return self._argument(operand.name) if passed is None else self._value(level + 1, passed, depth + 1)
        if not isinstance(operand, ir.FromExpr):
            raise _NotExact
        return self._expression(level, self._graphs[level].exprs[operand.index], depth + 1)

    def _expression(self, level: int, expr: ir.Expr, depth: int) -> _Value:
        match expr:
            case ir.And() | ir.Or():
                word = " && " if isinstance(expr, ir.And) else " || "
                return _Value(word.join(f"({self.condition(level, item, depth)})" for item in expr.items), "bool")
            case ir.Not():
                return _Value(f"!({self.condition(level, expr.item, depth)})", "bool")
            case ir.Compare():
                left, right = (self._value(level, side, depth) for side in (expr.left, expr.right))
                return _Value(self._compare(expr.op, left, right), "bool")
            case ir.Contains():
                value, items = (self._value(level, side, depth) for side in (expr.value, expr.items))
                return _Value(self._contains(value, items), "bool")
            case ir.IsSet():
                value = self._value(level, expr.value, depth)
                return _Value(f"!{value.null}" if value.null else "true", "bool")
            case ir.Unwrap():
                return replace(self._value(level, expr.value, depth), null="")
            case ir.Default():
                return self._default(*(self._value(level, side, depth) for side in (expr.value, expr.default)))
            case _:
                raise _NotExact

    # ---------------------------------------------------------------------------------------------------- values

    def _argument(self, name: str) -> _Value:
        """The value of an argument whose wire text has passed its check."""
        port = self._ports[name]
        core = without_none(port.type)
        text = f"arg_{list(self._ports).index(name) + 1}" if not name.isascii() else f"arg_{name}"
        null = f'{text} == "null"' if is_optional(port.type) else ""
        kind = kind_of(core)
        if core == STR or (isinstance(core, LiteralType | EnumType) and kind == "str"):
            check, found = f"{text} startsWith {string(chr(34))}", f"fromJSON({text})"
        elif core == BOOL or (isinstance(core, LiteralType | EnumType) and kind == "bool"):
            check, found = f'{text} in ["true", "false"]', f'{text} == "true"'
        elif core == INT or (isinstance(core, LiteralType | EnumType) and kind == "int"):
            check, found = f"{text} matches {_ANY_DIGITS}", f"int_{text[4:]}"
            few, negative = f"{text} matches {_FEW_DIGITS}", f'{text} startsWith "-"'
            self.numbers[found] = f"{few} ? asInt({text}) : {negative} ? {-_MOST} : {_MOST}"
        elif core == FLOAT:
            check, found = f"{text} matches {_FLOAT_TEXT}", f"asFloat({text})"
        else:
            raise _NotExact
        self.variables[text] = name
        if core != STR:
            self._checks.setdefault(name, f"{null} || {check}" if null else check)
        return _Value(found, kind, name, f"({null})" if null else "")

    def _default(self, value: _Value, default: _Value) -> _Value:
        if not value.null:
            return value
        if default.kind != value.kind or default.null:
            raise _NotExact
        self._limit(value, default)
        return _Value(f"({value.null} ? {default.text} : {value.text})", value.kind)

    def _limit(self, *values: _Value) -> None:
        """Require that arguments have few digits where it matters how many they have."""
        for value in values:
            if value.argument and value.kind == "int":
                self._limited.add(value.argument)

    # --------------------------------------------------------------------------------------------- comparisons

    def _compare(self, op: str, left: _Value, right: _Value) -> str:
        if "none" in (left.kind, right.kind):
            value = right if left.kind == "none" else left
            if op not in ("==", "!="):
                raise _NotExact
            same = value.null or ("true" if value.kind == "none" else "false")
            return same if op == "==" else f"!{same}"
        if left.argument == "" and left.constant is not None and right.constant is None:
            left, right, op = right, left, _SWAPPED.get(op, op)
        if right.null or (left.null and op not in ("==", "!=")):
            raise _NotExact
        text = self._plain(op, left, right)
        if not left.null:
            return text
        return f"!{left.null} && ({text})" if op == "==" else f"{left.null} || ({text})"

    def _plain(self, op: str, left: _Value, right: _Value) -> str:
        """Comparison of values that are not None."""
        kinds = {left.kind, right.kind}
        if kinds == {"int"}:
            if left.constant is not None and abs(left.constant) >= _MOST:
                raise _NotExact
            if right.constant is None or abs(right.constant) >= _MOST:
                self._limit(left, right)
            if right.constant is not None:
                right = replace(right, text=str(max(-_MOST, min(right.constant, _MOST))))
        elif left.kind == "int" and isinstance(right.constant, float):
            return self._with_fraction(op, left, right.constant)
        elif left.kind == "float" and isinstance(right.constant, int) and right.kind == "int":
            right = replace(right, text=_float(right.constant))
        elif len(kinds) > 1:
            apart = "str" in kinds and op in ("==", "!=") and "list" not in kinds
            if not apart:
                raise _NotExact
            return "false" if op == "==" else "true"
        if left.kind == "list" or (left.kind == "bool" and op not in ("==", "!=")):
            raise _NotExact
        sides = [f"({side.text})" if side.kind == "bool" else side.text for side in (left, right)]
        return f"{sides[0]} {op} {sides[1]}"

    def _with_fraction(self, op: str, left: _Value, number: float) -> str:
        """Comparison of an int with a float, which Python compares exactly."""
        if not abs(number) < _MOST:
            raise _NotExact
        if number == int(number):
            return f"{left.text} {op} {int(number)}"
        if op in ("==", "!="):
            return "false" if op == "==" else "true"
        return f"{left.text} {op} {math.floor(number) if op in ('>', '<=') else math.ceil(number)}"

    def _contains(self, value: _Value, items: _Value) -> str:
        if (value.kind, items.kind) == ("str", "str") and not value.null and not items.null:
            return f"{items.text} contains {value.text}"
        if items.kind != "list":
            raise _NotExact
        given = [item for item in items.constant if item is not None]
        same = {"str": str, "int": int}.get(value.kind)
        if given and all(type(item) is same for item in given) and (same is str or max(map(abs, given)) < _MOST):
            text = f"{value.text} in [{', '.join(_constant(item).text for item in given)}]"
            if not value.null:
                return text
            return f"!{value.null} && {text}" if len(given) == len(items.constant) else f"{value.null} || {text}"
        found = [self._compare("==", value, _constant(item)) for item in items.constant]
        return " || ".join(f"({each})" for each in found) or "false"


_SWAPPED: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _float(number: int) -> str:
    try:
        same = float(number)
    except OverflowError:
        raise _NotExact from None
    if same != number:
        raise _NotExact
    return repr(same)


def _constant(data: Any) -> _Value:
    """A constant of the pipeline."""
    if data is None:
        return _Value("nil", "none")
    if isinstance(data, bool):
        return _Value("true" if data else "false", "bool", constant=data)
    if isinstance(data, int):
        return _Value(json_text(data), "int", constant=data)
    if isinstance(data, float) and math.isfinite(data):
        return _Value(repr(data), "float", constant=data)
    if isinstance(data, str) and not any("\ud800" <= c <= "\udfff" or c == "\ufffd" for c in data):
        return _Value(string(data), "str", constant=data)
    if isinstance(data, list):
        return _Value("", "list", constant=data)
    raise _NotExact
