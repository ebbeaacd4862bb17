"""Operands and expressions: the arguments of tasks."""

from __future__ import annotations

from typing import Literal, TypeAlias

from typedpipe.diagnostics.record import Record, record
from typedpipe.types.model import Type


@record
class Const(Record):
    """A constant: the wire (JSON) text of a value, and the value's own type."""

    text: str
    type: Type


@record
class FromInput(Record):
    """An input of the graph; when traced, of the *pipeline*, however deep the reference is nested."""

    name: str


@record
class FromTask(Record):
    """An output of a node: of the same graph when closed, of an enclosing or finished one when traced."""

    task: str
    output: str


@record
class FromItem(Record):
    """The item of an enclosing loop. Traced form only."""

    loop: str


@record
class FromExpr(Record):
    """An entry of the expression table of the operand's graph, traced and closed alike."""

    index: int


Operand: TypeAlias = Const | FromInput | FromTask | FromItem | FromExpr
Args: TypeAlias = tuple[tuple[str, Operand], ...]

# --------------------------------------------------------------------------------------------- expressions

CompareOp: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]


@record
class Compare(Record):
    """``left op right``: a bool."""

    op: CompareOp
    left: Operand
    right: Operand


@record
class And(Record):
    """True if all items hold."""

    items: tuple[Operand, ...]


@record
class Or(Record):
    """True if one of the items holds."""

    items: tuple[Operand, ...]


@record
class Not(Record):
    """True if the item does not hold."""

    item: Operand


@record
class Contains(Record):
    """``value in items``."""

    items: Operand
    value: Operand


@record
class IsSet(Record):
    """``value is not None``."""

    value: Operand


@record
class Unwrap(Record):
    """The value inside an ``IfSet`` branch: the same value, with ``None`` removed from its type."""

    value: Operand


@record
class Default(Record):
    """``Some(value, default)``: ``default`` if ``value`` is None."""

    value: Operand
    default: Operand


@record
class Field(Record):
    """A field of a struct, or the value of a dict's key."""

    value: Operand
    name: str


@record
class Index(Record):
    """``value[index]`` of a list or a dict."""

    value: Operand
    index: Operand


@record
class FormatPart(Record):
    """``{value:spec}`` of an f-string; ``conversion`` is "", "r", "s" or "a"."""

    value: Operand
    spec: str = ""
    conversion: str = ""
    escapes: str = ""
    """JSON strings that the text stands in, innermost first: "a" escapes everything but ASCII, "u" keeps it."""
    table: tuple[tuple[str, str], ...] = ()
    """For each wire text of an enum's member its text, as the user's class writes it."""


@record
class Format(Record):
    """An f-string: literal text and formatted values, in order."""

    parts: tuple[str | FormatPart, ...]


@record
class MakeList(Record):
    """A list display with references inside."""

    items: tuple[Operand, ...]


@record
class MakeDict(Record):
    """A dict display or a struct (then ``type`` is its :class:`StructType`) with references inside."""

    entries: Args
    type: Type | None = None


@record
class Collected(Record):
    """All values of an output inside one loop, in the order of the items. Traced form only."""

    value: Operand


@record
class OneOf(Record):
    """One value for each branch of one chain; a last one from outside replaces a missing Else. Traced form only."""

    values: tuple[Operand, ...]


Expr: TypeAlias = (
    Compare
    | And
    | Or
    | Not
    | Contains
    | IsSet
    | Unwrap
    | Default
    | Field
    | Index
    | Format
    | MakeList
    | MakeDict
    | Collected
    | OneOf
)
