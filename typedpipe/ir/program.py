"""Expressions of a graph as lines of Python, which ``runtime.task.Asker`` evaluates, in a pod and here.

An expression that others share, or that is nested deeply, has a line of its own: no line is evaluated twice, and none
is too deep for Python's parser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from typedpipe.diagnostics.model import Span
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import expr_operands
from typedpipe.ir.typing import TypeOf
from typedpipe.runtime.task import Sent, decode
from typedpipe.types.data import to_data
from typedpipe.types.json_text import json_data
from typedpipe.types.model import (
    BOOL,
    DATETIME,
    AnyType,
    DictType,
    ListType,
    LiteralType,
    NeverType,
    NullType,
    ScalarType,
    StructType,
    Type,
    UnionType,
    without_none,
)
from typedpipe.types.texts import parts_of
from typedpipe.types.values import object_mark_of, python_literal

_DEEPEST: Final = 8
"""Levels of expressions or data in one line. Python 3.8 parses about 90 parentheses in each other."""

Read = Callable[["ir.FromInput | ir.FromTask"], str]
"""The Python of an operand, such as ``out["loss"]``."""


@dataclass(frozen=True, slots=True)
class Line:
    """Python of one expression, and the expressions whose lines come first."""

    python: str
    needs: tuple[int, ...]


class Program:
    """The lines of one graph's expressions, each printed once, when it is asked for."""

    def __init__(self, exprs: tuple[ir.Expr, ...], type_of: TypeOf, read: Read, prefix: str = "_") -> None:
        self._exprs = exprs
        self._type_of = type_of
        self._read = read
        self._prefix = prefix
        self._lines: dict[int, Line] = {}
        self._apart = _apart(exprs)

    def line(self, index: int) -> Line:
        """The line of an entry of the table."""
        found = self._lines.get(index)
        if found is None:
            needs: dict[int, None] = {}
            found = self._lines[index] = Line(self._python(self._exprs[index], needs), tuple(needs))
        return found

    def before(self, needs: Iterable[int]) -> list[str]:
        """The lines that come before a line with these needs, each with its name, in order. Not recursive."""
        found: dict[int, str] = {}
        pending = list(needs)[::-1]
        while pending:
            at = pending[-1]
            line = self.line(at)
            missing = [other for other in line.needs if other not in found]
            pending += missing
            if not missing:
                found[at] = f"{line_name(at, self._prefix)} = {line.python}"
                pending.pop()
        return list(found.values())

    def condition(self, operand: ir.Operand, needs: dict[int, None], *, alone: bool = False) -> str:
        """Python of an operand as a bool; the lines that it requires are added to ``needs``."""
        text = self.operand(operand, needs, alone=alone)
        type_ = self._type_of(operand)
        if type_ == BOOL or (isinstance(type_, LiteralType) and set(type_.values) <= {"true", "false"}):
            return text
        return f"typed({text}, 'bool')"

    def operand(self, operand: ir.Operand, needs: dict[int, None], *, alone: bool = False) -> str:
        """Python of an operand; the lines that it requires are added to ``needs``. ``alone`` as a line or an argument."""
        match operand:
            case ir.Const():
                return constant(operand.text)
            case ir.FromInput() | ir.FromTask():
                return self._read(operand)
            case ir.FromExpr() if operand.index in self._apart:
                needs[operand.index] = None
                return line_name(operand.index, self._prefix)
            case ir.FromExpr():
                expr = self._exprs[operand.index]
                text = self._python(expr, needs)
                bare = not alone and isinstance(
                    expr, ir.Compare | ir.Contains | ir.And | ir.Or | ir.Not | ir.IsSet | ir.Default
                )
                return f"({text})" if bare else text
            case _:
                raise TypeError("the IR is not closed")

    def _python(self, expr: ir.Expr, needs: dict[int, None]) -> str:
        match expr:
            case ir.Compare():
                return f"{self._comparable(expr.left, needs)} {expr.op} {self._comparable(expr.right, needs)}"
            case ir.Contains():
                return f"{self._comparable(expr.value, needs)} in {self._comparable(expr.items, needs)}"
            case ir.And() | ir.Or():
                word = " and " if isinstance(expr, ir.And) else " or "
                return word.join(self.condition(item, needs) for item in expr.items)
            case ir.Not():
                return f"not {self.condition(expr.item, needs)}"
            case ir.IsSet():
                return f"{self._subject(expr.value, needs)} is not None"
            case ir.Default():
                value = self._subject(expr.value, needs)
                return f"{value} if {value} is not None else {self.operand(expr.default, needs)}"
            case ir.Unwrap():
                return self.operand(expr.value, needs)
            case ir.Field():
                return f"{self._subject(expr.value, needs)}[{python_literal(expr.name)}]"
            case ir.Index():
                return f"{self._subject(expr.value, needs)}[{self._key(expr, needs)}]"
            case _:
                return self._composed(expr, needs)

    def _composed(self, expr: ir.Expr, needs: dict[int, None]) -> str:
        match expr:
            case ir.Format():
                return f"join({', '.join(self._part(part, needs) for part in expr.parts)})"
            case ir.MakeList():
                return f"[{', '.join(self.operand(item, needs) for item in expr.items)}]"
            case ir.MakeDict():
                entries = [f"{python_literal(name)}: {self.operand(value, needs)}" for name, value in expr.entries]
                fields = f"{{{', '.join(entries)}}}"
                mark = object_mark_of(expr.type)
                return f"object({python_literal(json_data(mark)[1])}, {fields})" if mark else fields
            case _:
                raise TypeError("the IR is not closed")

    def _comparable(self, operand: ir.Operand, needs: dict[int, None]) -> str:
        """An operand of a comparison. Dates are text on the wire, and the text of equal dates may differ."""
        text = self.operand(operand, needs)
        type_ = without_none(self._type_of(operand))
        dated = type_ == DATETIME or (isinstance(type_, ListType) and without_none(type_.item) == DATETIME)
        return f"typed({text}, {python_literal(to_data(self._type_of(operand)))})" if dated else text

    def _subject(self, operand: ir.Operand, needs: dict[int, None]) -> str:
        """An operand that is tested or indexed. Python warns of constants and displays there."""
        text = self.operand(operand, needs)
        warned = text in ("None", "True", "False") or not (text[0].isalpha() or text[0] in "_(")
        return f"typed({text}, 'any')" if warned else text

    def _key(self, expr: ir.Index, needs: dict[int, None]) -> str:
        """The index. A NamedTuple is a dict on the wire, so its index is the name of the field."""
        at = json_data(expr.index.text) if isinstance(expr.index, ir.Const) else None
        if type(at) is int:
            names = {_field_at(member, at) for member in parts_of(without_none(self._type_of(expr.value)))}
            if len(names) == 1 and None not in names:
                return python_literal(*names)
        return self.operand(expr.index, needs)

    def _part(self, part: str | ir.FormatPart, needs: dict[int, None]) -> str:
        if isinstance(part, str):
            return python_literal(part)
        type_ = self._type_of(part.value)
        data = "any" if _prints_as_data(type_) else to_data(type_)
        given: list[object] = [part.spec, part.conversion, data, part.escapes, dict(part.table)]
        defaults: list[object] = ["", "", "any", "", {}]
        while given and given[-1] == defaults[len(given) - 1]:
            given.pop()
        return f"format({', '.join([self.operand(part.value, needs), *map(python_literal, given)])})"


def _field_at(type_: Type, index: int) -> str | None:
    """The name of the field of a NamedTuple at an index; None for other types."""
    if not isinstance(type_, StructType) or type_.form != "namedtuple":
        return None
    return type_.fields[index].name if -len(type_.fields) <= index < len(type_.fields) else None


def _prints_as_data(type_: Type) -> bool:
    """Whether values of a type print as their JSON data does; an int that is given for a float does not."""
    match type_:
        case ListType():
            return _prints_as_data(type_.item)
        case DictType():
            return _prints_as_data(type_.value)
        case UnionType():
            return all(map(_prints_as_data, type_.members))
        case ScalarType():
            return type_.kind in ("int", "bool", "str")
        case _:
            return isinstance(type_, AnyType | NullType | NeverType | LiteralType)


def _apart(exprs: tuple[ir.Expr, ...]) -> frozenset[int]:
    """Entries of a table with a line of their own: those that others share, read twice, or nest too deeply."""
    users: dict[int, int] = {}
    depths: list[int] = []
    apart: set[int] = set()
    for expr in exprs:
        depth = 0
        for operand in expr_operands(expr):
            if isinstance(operand, ir.FromExpr):
                users[operand.index] = users.get(operand.index, 0) + 1
                twice = isinstance(expr, ir.Default) and operand == expr.value
                if twice or users[operand.index] > 1 or depths[operand.index] >= _DEEPEST:
                    apart.add(operand.index)
                if operand.index not in apart:
                    depth = max(depth, depths[operand.index])
        depths.append(depth + 1)
    return frozenset(apart)


def line_name(index: int, prefix: str = "_") -> str:
    """The name of the line of an entry. Programs whose lines stand together have different prefixes.

    >>> line_name(3)
    '_3'
    """
    return f"{prefix}{index}"


def place(graph: ir.Graph, operand: ir.Operand, what: str, span: Span) -> str:
    """The location of an operand in messages: file, line and construct. ``span`` is that of its node.

    >>> place(ir.Graph(), ir.FromInput("x"), "If", Span("/home/me/train.py", 12, 5))
    'train.py:12, If'
    """
    own = graph.expr_spans[operand.index] if isinstance(operand, ir.FromExpr) and graph.expr_spans else span
    span = own if own.file else span
    file = span.file.replace("\\", "/").rpartition("/")[2]
    return ", ".join(filter(None, (f"{file}:{span.line}" if file else "", what)))


def constant(text: str) -> str:
    r"""Python of a constant's wire text.

    >>> constant('{"a":[1,null]}'), constant('{"\\u0024tp":["float","nan"]}')
    ("{'a': [1, None]}", 'nan')
    """
    value = decode(text, "any")
    return python_literal(value) if _is_shallow(value, _DEEPEST) else f"value({python_literal(text)})"


def _is_shallow(value: object, depth: int) -> bool:
    """Whether a value is plain data of few levels, which Python's parser reads."""
    if isinstance(value, list):
        return depth > 0 and all(_is_shallow(item, depth - 1) for item in value)  # pyright: ignore[reportUnknownVariableType]  # JSON data
    if isinstance(value, dict):
        return depth > 0 and not isinstance(value, Sent) and all(_is_shallow(v, depth - 1) for v in value.values())  # pyright: ignore[reportUnknownVariableType]  # JSON data
    return True
