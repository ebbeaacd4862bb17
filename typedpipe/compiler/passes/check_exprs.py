"""Types in expressions: comparisons, ``&`` and ``|``, fields, indexes, f-strings, OneOf."""

from __future__ import annotations

from collections.abc import Sequence

from typedpipe.compiler.passes.check_scopes import is_uncollected
from typedpipe.compiler.passes.formats import format_problem
from typedpipe.compiler.passes.labels import Use, source_label
from typedpipe.diagnostics.model import NOWHERE, Diagnostics
from typedpipe.diagnostics.words import nearest
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import expr_operands
from typedpipe.ir.scopes import Scope
from typedpipe.ir.typing import TracedTypes, default_type, field_type, item_type
from typedpipe.types.assignable import advice_for_one, mismatch
from typedpipe.types.display import show
from typedpipe.types.json_text import json_data
from typedpipe.types.model import (
    BOOL,
    INT,
    NULL,
    STR,
    AnyType,
    DictType,
    EnumType,
    ListType,
    LiteralType,
    ScalarType,
    StructType,
    Type,
    UnionType,
    is_artifact,
    is_optional,
    without_none,
)
from typedpipe.types.texts import own_text

_NUMBER = "use a number as the index, such as `[0]`, or read the element in a component"
_KEY = 'use a string as the key, such as `["name"]`, or read the entry in a component'
UNSET = "provide a default with `dsl.Some(value, default)`, or branch on the value with `with dsl.IfSet(value) as v:`"


def check_exprs(types: TracedTypes, scope: Scope, report: Diagnostics) -> frozenset[int]:
    """Report errors in the expressions of one graph's table.

    Returns:
        The expressions with an error and those that depend on them: their types are uncertain.
    """
    graph = scope.graph
    wrong: set[int] = set()
    for index, expr in enumerate(graph.exprs):
        span = graph.expr_spans[index] if graph.expr_spans else NOWHERE
        use = Use(ir.FromExpr(index), scope, span)
        if (wrong and any(_index(inner) in wrong for inner in expr_operands(expr))) or _Expression(
            types, use, report
        ).is_wrong(expr):
            wrong.add(index)
    return frozenset(wrong)


def _index(operand: ir.Operand) -> int | None:
    return operand.index if isinstance(operand, ir.FromExpr) else None


class _Expression:
    def __init__(self, types: TracedTypes, use: Use, report: Diagnostics) -> None:
        self.types = types
        self.use = use
        self.scope = use.scope
        self.report = report
        self.wrong = False

    def of(self, operand: ir.Operand) -> Type:
        return self.types.of(operand, self.scope)

    def _error(self, code: str, message: str, label: str, help_: str, *about: ir.Operand) -> None:
        self.wrong = True
        if is_uncollected(self.types, self.use):
            return  # check_scopes reports it
        others = [label for operand in about for label in source_label(operand, self.scope, self.types)]
        self.report.error(code, message, self.use.span, label, others=others, help=help_)

    def is_wrong(self, expr: ir.Expr) -> bool:
        """Report the errors of an expression; return whether there is one."""
        self._check(expr)
        return self.wrong

    def _check(self, expr: ir.Expr) -> None:
        match expr:
            case ir.Compare():
                self._compare(expr)
            case ir.And() | ir.Or():
                self._bools(expr.items)
            case ir.Not():
                self._bools((expr.item,))
            case ir.Contains():
                self._contains(expr)
            case ir.Field():
                self._field(expr)
            case ir.Index():
                self._index(expr)
            case ir.Default():
                self._default(expr)
            case ir.Format():
                for part in expr.parts:
                    if isinstance(part, ir.FormatPart):
                        self._piece(part)
            case ir.OneOf():
                self._one_of(expr)
            case _:
                pass

    def _bools(self, operands: Sequence[ir.Operand]) -> None:
        for operand in operands:
            source = self.of(operand)
            if mismatch(source, BOOL) is not None:
                self._error(
                    "TP203",
                    f"`&`, `|` and `Not` take conditions, but this is `{show(source)}`",
                    f"expected `bool`, found `{show(source)}`",
                    "compare the value, as in `(value > 3) & other`; the parentheses are required",
                    operand,
                )

    def _compare(self, expr: ir.Compare) -> None:
        left, right = self.of(expr.left), self.of(expr.right)
        kinds = kind(left), kind(right)
        message = f"`{show(left)}` and `{show(right)}` cannot be compared with `{expr.op}`"
        if None in kinds:
            bad = left if kinds[0] is None else right
            if is_optional(bad):
                self._error("TP204", message, f"`{show(bad)}` can be None", UNSET, expr.left, expr.right)
            else:
                help_ = "compare one of its fields, or compare in a component that returns `bool`"
                self._error("TP204", message, f"`{show(bad)}` is not a scalar", help_, expr.left, expr.right)
        elif "any" not in kinds and kinds[0] != kinds[1]:
            help_ = "convert one of the values in a component, so that both have the same type"
            self._error("TP204", message, "these types cannot be compared", help_, expr.left, expr.right)
        elif expr.op not in ("==", "!=") and kinds[0] == "bool":
            self._error("TP204", message, "`bool` has no order", "use `==`, `&`, `|` and `Not`", expr.left, expr.right)

    def _contains(self, expr: ir.Contains) -> None:
        items, value = self.of(expr.items), self.of(expr.value)
        if isinstance(items, AnyType):
            return
        inner = items.item if isinstance(items, ListType) else STR if isinstance(items, DictType) else None
        if inner is None and kind(items) == "str":
            inner = STR
        if inner is None:
            label = f"expected a list, a dict or a string, found `{show(items)}`"
            help_ = UNSET if is_optional(items) else "pass a list, a dict or a `str`"
            self._error("TP213", f"`{show(items)}` is not a container", label, help_, expr.items)
        elif "any" not in (kind(inner), kind(value)) and (kind(inner) != kind(value) or kind(inner) is None):
            message = f"a value of type `{show(value)}` can never be in `{show(items)}`"
            help_ = UNSET if is_optional(value) else _comparable(items, inner, value)
            self._error("TP213", message, f"expected `{show(inner)}`, found `{show(value)}`", help_, expr.value)

    def _field(self, expr: ir.Field) -> None:
        value = self.of(expr.value)
        if field_type(value, expr.name) is not None:
            return
        message = f"`{show(value)}` has no field `{expr.name}`"
        help_ = "read the file in a component"
        if is_optional(value):
            help_ = UNSET
        elif isinstance(value, StructType):
            names = [field.name for field in value.fields]
            near = nearest(expr.name, names)
            listed = ", ".join(f"`{name}`" for name in names)
            help_ = f"did you mean `{near}`?" if near else f"the fields are {listed}"
        elif is_artifact(value):
            help_ = "read the artifact's properties in a component that takes it as an input"
        self._error("TP207", message, f"`{expr.name}` is not a field of this type", help_, expr.value)

    def _index(self, expr: ir.Index) -> None:
        value, at = self.of(expr.value), self.of(expr.index)
        inner = item_type(value, expr.index)
        if inner is None:
            help_ = (
                UNSET
                if is_optional(value)
                else "index only lists, dicts and structs; use a component for anything else"
            )
            if isinstance(value, StructType):
                help_ = "the fields are " + ", ".join(f"`{field.name}`" for field in value.fields)
            label = f"`{show(value)}` has no entries"
            self._error("TP208", f"`{show(value)}` has no entry {_shown(expr.index, at)}", label, help_, expr.value)
        elif isinstance(value, ListType | DictType):
            wanted, instead = (INT, _NUMBER) if isinstance(value, ListType) else (STR, _KEY)
            if mismatch(at, wanted) is not None:
                message = f"the index of `{show(value)}` must be `{show(wanted)}`, but this is `{show(at)}`"
                label = f"expected `{show(wanted)}`, found `{show(at)}`"
                help_ = UNSET if mismatch(without_none(at), wanted) is None else instead
                self._error("TP208", message, label, help_, expr.index)

    def _default(self, expr: ir.Default) -> None:
        value, default = without_none(self.of(expr.value)), self.of(expr.default)
        if default_type(self.of(expr.value), default) is None:
            self._error(
                "TP211",
                f"the default of `Some` must be `{show(value)}`, but this is `{show(default)}`",
                f"expected `{show(value)}`, found `{show(default)}`",
                advice_for_one(default, value),
                expr.value,
                expr.default,
            )

    def _piece(self, part: ir.FormatPart) -> None:
        value = self.of(part.value)
        if is_artifact(value):
            self._error(
                "TP209",
                f"an f-string cannot contain an artifact: `{show(value)}`",
                "this is a file, not text",
                "pass the artifact to a component as an input, and create the text there",
                part.value,
            )
            return
        written = f"{{…{'!' if part.conversion else ''}{part.conversion}{':' if part.spec else ''}{part.spec}}}"
        refused = format_problem(value, part.spec, part.conversion)
        if refused is not None:
            bad, reason = refused
            if is_optional(value) and bad == NULL:
                message, help_ = f"`{written}` cannot format `{show(value)}`, because it can be None", UNSET
            else:
                message = f"`{written}` cannot format `{show(bad)}`"
                help_ = f"remove `:{part.spec}`, or format the value in a component that returns `str`"
            self._error("TP214", message, reason, help_, part.value)
            return
        owner = own_text(value, nested=bool(part.conversion in ("r", "a")) and not part.table)
        if owner:
            message = f"the text of `{show(value)}` is written by the class `{owner}` itself, which a task may not have"
            help_ = "return the text from a component that takes the value, or insert its fields: `{value.field}`"
            self._error("TP214", message, f"`{owner}` defines its own text", help_, part.value)

    def _one_of(self, expr: ir.OneOf) -> None:
        if not expr.values:
            return
        found = [self.types.of(value, self.scope, self.types.home(value, self.scope)) for value in expr.values]
        wanted = next((type_ for type_ in found if not isinstance(type_, LiteralType)), found[0])
        for value, type_ in zip(expr.values, found, strict=True):
            if isinstance(type_, LiteralType) and isinstance(wanted, LiteralType):
                same = kind(type_) == kind(wanted)
            else:
                narrower = isinstance(value, ir.Const) or isinstance(type_, LiteralType)
                same = mismatch(type_, wanted) is None and (narrower or mismatch(wanted, type_) is None)
            if not same:
                self._error(
                    "TP206",
                    f"the values of `OneOf` must have the same type, but these are `{show(wanted)}` and `{show(type_)}`",
                    f"expected `{show(wanted)}`, found `{show(type_)}`",
                    "return the same type from every branch",
                    expr.values[0],
                    value,
                )


def kind(type_: Type) -> str | None:
    """The kind of a scalar, which can be compared with values of the same kind. None if it is not a scalar.

    >>> kind(INT), kind(LiteralType(('"a"',))), kind(ListType(INT)), kind(UnionType((INT, LiteralType(("3",)))))
    ('number', 'str', None, 'number')
    """
    match type_:
        case AnyType():
            return "any"
        case ScalarType():
            return "number" if type_.kind in ("int", "float") else type_.kind
        case LiteralType():
            kinds = {_text_kind(text) for text in type_.values}
        case EnumType():
            kinds = {_text_kind(member.wire) for member in type_.members}
        case UnionType():
            found = {kind(member) for member in type_.members}
            return found.pop() if len(found) == 1 else None
        case _:
            return None
    return kinds.pop() if len(kinds) == 1 else None


def _comparable(items: Type, item: Type, value: Type) -> str:
    """A remedy for a value that cannot be in a container."""
    if kind(item) is None or kind(value) is None:
        return "test it in a component that returns `bool`"
    if isinstance(items, ListType):
        return f"use a list of `{_class_name(value)}`, or a value of type `{_class_name(item)}`"
    return "use a value of type `str`"


def _class_name(type_: Type) -> str:
    return type(json_data(type_.values[0])).__name__ if isinstance(type_, LiteralType) else show(type_)


def _text_kind(text: str) -> str:
    return "str" if text.startswith('"') else "bool" if text in ("true", "false") else "number"


def _shown(index: ir.Operand, type_: Type) -> str:
    return f"`{index.text}`" if isinstance(index, ir.Const) else f"`{show(type_)}`"
