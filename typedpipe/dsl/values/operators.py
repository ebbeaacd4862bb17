"""Operators of pipeline values: comparison, ``&`` and ``|``, index, field, f-string."""

from __future__ import annotations

from typing import Any

from typedpipe.diagnostics.words import nearest
from typedpipe.dsl.tracing import current, error, listed
from typedpipe.dsl.values.lifting import operand_value
from typedpipe.dsl.values.value import Build, Operators, PipelineValue, derived, poison, replaced
from typedpipe.ir import nodes as ir
from typedpipe.types.display import show
from typedpipe.types.model import (
    ANY,
    BOOL,
    AnyType,
    DictType,
    ListType,
    StructType,
    Type,
    UnionType,
    is_artifact,
    is_optional,
    union,
    without_none,
)


def compare(left: PipelineValue, op: ir.CompareOp, other: object) -> Any:
    if isinstance(other, (list, tuple, dict)) or other is None:
        what = "None" if other is None else f"a {type(other).__name__}"
        if other is None and op in {"==", "!="}:
            trace = left._tp_trace
            is_set = derived(trace, BOOL, lambda ops: ir.IsSet(ops[0]), (left,))
            return is_set if op == "!=" else derived(trace, BOOL, lambda ops: ir.Not(ops[0]), (is_set,))
        error(
            "TP156",
            f"a condition can compare only scalars, but the other side is {what}",
            help="compare the values in a component that returns a bool, and branch on its output",
        )
        return poison(left._tp_trace)
    right = operand_value(other, "the other side of the comparison")
    return derived(left._tp_trace, BOOL, lambda ops: ir.Compare(op, ops[0], ops[1]), (left, right))


def combine(flat: str, left: object, right: object) -> Any:
    trace = current()
    for side in (left, right):
        if not isinstance(side, PipelineValue):
            symbol = "&" if flat == "and" else "|"
            help_ = f"put parentheses around each comparison: `(a > 1) {symbol} (b < 2)`"
            error("TP157", f"`{symbol}` combines two conditions, but one side is the constant {side!r}", help=help_)
            return poison(trace or next(s for s in (left, right) if isinstance(s, PipelineValue))._tp_trace)
    build: Build = ir.And if flat == "and" else ir.Or
    first = left if isinstance(left, PipelineValue) else right
    assert isinstance(first, PipelineValue)
    return derived(first._tp_trace, BOOL, build, (left, right), flat)


def item(value: PipelineValue, key: object) -> Any:
    trace, type_ = value._tp_trace, without_none(value._tp_type)
    if isinstance(key, str):
        if not isinstance(type_, (DictType, StructType, AnyType, UnionType)):
            error(
                "TP156", f"`{show(type_)}` has no key `{key}`", help="index a list with an int, or a dict with a string"
            )
            return poison(trace)
        return field_of(value, key)
    if isinstance(key, slice):
        message = "a slice of this value is known only when the pipeline runs"
        return replaced(value, "TP154", message, help="slice it in a component")
    if isinstance(type_, ListType):
        index = operand_value(key, "the index")
        entry = type_.entry(index.text) if isinstance(index, ir.Const) else type_.item
        if entry is None:
            count = f"{len(type_.entries)} entr{'y' if len(type_.entries) == 1 else 'ies'}"
            error("TP156", f"each of these lists has {count}, so there is no `[{key}]`", help="use a smaller index")
            return poison(trace)
        return derived(trace, entry, lambda ops: ir.Index(ops[0], ops[1]), (value, index))
    if isinstance(type_, StructType) and type_.form == "namedtuple" and isinstance(key, int):
        names = [field.name for field in type_.fields]
        if -len(names) <= key < len(names):
            return field_of(value, names[key])
        error("TP156", f"`{show(type_)}` has no field number {key}", help=f"the fields are {listed(names)}")
        return poison(trace)
    if isinstance(type_, (DictType, AnyType)):
        index = operand_value(key, "the key")
        item = type_.value if isinstance(type_, DictType) else ANY
        return derived(trace, item, lambda ops: ir.Index(ops[0], ops[1]), (value, index))
    fields = [field.name for field in type_.fields] if isinstance(type_, StructType) else []
    help_ = f"the fields are {listed(fields)}" if fields else "index it in a component, and use the output"
    error("TP156", f"`{show(type_)}` cannot be indexed", help=help_)
    return poison(trace)


def attribute(value: PipelineValue, name: str) -> Any:
    whole = value._tp_object
    if whole is not None and isinstance(whole._tp_type, StructType) and name == whole._tp_type.fields[0].name:
        return field_of(whole, name)
    type_ = without_none(value._tp_type)
    if is_artifact(type_):
        error(
            "TP167",
            f"`.{name}` of an artifact is known only when the pipeline runs",
            help=f"pass the artifact to a component as `Input[{show(type_)}]`, and use `.{name}` there",
        )
        return poison(value._tp_trace)
    if isinstance(type_, (StructType, DictType, AnyType, UnionType)):
        return field_of(value, name)
    error(
        "TP156",
        f"`{show(type_)}` has no `.{name}` in a pipeline's body",
        help="pipeline values can be compared, indexed, used in f-strings and passed to tasks; "
        "use a component for anything else",
    )
    return poison(value._tp_trace)


def field_of(value: PipelineValue, name: str) -> Any:
    found = _field_type(without_none(value._tp_type), name)
    if isinstance(found, str):
        error("TP156", f"`{show(value._tp_type)}` has no field `{name}`", help=found)
        return poison(value._tp_trace)
    if is_optional(value._tp_type):
        error(
            "TP156",
            f"this value can be None, so its field `{name}` can be missing",
            help="use `dsl.IfSet(value)` or `dsl.Some(value, default)` first",
        )
        return poison(value._tp_trace)
    return derived(value._tp_trace, found, lambda ops: ir.Field(ops[0], name), (value,))


def _field_type(type_: Type, name: str) -> Type | str:
    """The type of a field, or a help text if there is none."""
    if isinstance(type_, StructType):
        names = [f.name for f in type_.fields]
        for field in type_.fields:
            if field.name == name:
                return field.type
        guess = nearest(name, names)
        return (
            f"did you mean `{guess}`?"
            if guess
            else f"the fields are {listed(names)}"
            if names
            else "the type has no fields"
        )
    if isinstance(type_, DictType):
        return type_.value
    if isinstance(type_, UnionType):
        found = [_field_type(member, name) for member in type_.members]
        missing = next((f for f in found if isinstance(f, str)), None)
        return missing if missing is not None else union(*(f for f in found if not isinstance(f, str)))
    return ANY if isinstance(type_, AnyType) else "only structs and dicts have fields"


PipelineValue._tp_operators = Operators(compare, combine, item, attribute)
