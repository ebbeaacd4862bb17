"""Functions for pipeline values that Python's syntax cannot express: ``not``, ``in``, defaults, fan-in, OneOf."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from typedpipe.dsl.nodes.task import Task
from typedpipe.dsl.tracing import Trace, error, trace_for
from typedpipe.dsl.values.lifting import as_value, holds_reference, lift, type_of
from typedpipe.dsl.values.value import Pending, PipelineValue, derived, poison, same_trace
from typedpipe.ir import nodes as ir
from typedpipe.types.display import show
from typedpipe.types.model import ANY, BOOL, AnyType, ListType, Type, is_optional, union, without_none

T = TypeVar("T")


def _reference(trace: Trace, value: object, word: str, wanted: str) -> PipelineValue:
    """A value of this pipeline; poison after an error was reported."""
    value = as_value(value)
    if isinstance(value, PipelineValue):
        return value if same_trace(value, trace, f"the value of `dsl.{word}`") else poison(trace)
    if isinstance(value, Task):
        error("TP170", f"`dsl.{word}` received a task instead of a value", help="pass the task's output: `task.output`")
    else:
        got = repr(value) if isinstance(value, (str, int, float, type(None))) else f"`{type(value).__name__}`"
        error("TP170", f"`dsl.{word}` received {got}, which is not a pipeline value", help=f"pass {wanted}")
    return poison(trace)


def Not(condition: bool) -> bool:
    """Negate a condition.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def warn() -> None: ...
    >>> @dsl.pipeline
    ... def checked(ready: bool = False) -> None:
    ...     with dsl.If(dsl.Not(ready)):
    ...         warn()
    """
    trace = trace_for("Not")
    value = _reference(trace, condition, "Not", "a condition on pipeline values")
    negated: Any = derived(trace, BOOL, lambda ops: ir.Not(ops[0]), (value,))
    return negated  # type: ignore[no-any-return]  # to the checker it is a bool


def Contains(items: Sequence[T], value: T) -> bool:
    """Test whether a list contains a value: ``value in items``."""
    trace = trace_for("Contains")
    sides = [lift(side, "a side of `dsl.Contains`") for side in (items, value)]
    contains: Any = poison(trace)
    if all(side is not None for side in sides):
        if any(isinstance(side, PipelineValue) for side in sides):
            contains = derived(trace, BOOL, lambda ops: ir.Contains(ops[0], ops[1]), (sides[0], sides[1]))
        else:
            error("TP170", "both sides of `dsl.Contains` are constants", help="one side must be a pipeline value")
    return _as_bool(contains)


def _as_bool(value: Any) -> bool:
    """Type a condition as bool for type checkers."""
    return value  # type: ignore[no-any-return]  # a reference, at run time


def In(value: T, items: Sequence[T]) -> bool:
    """Test whether a value is in a list: ``value in items``.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def special() -> None: ...
    >>> @dsl.pipeline
    ... def regional(region: str = "eu") -> None:
    ...     with dsl.If(dsl.In(region, ["eu", "us"])):
    ...         special()
    """
    return Contains(items, value)


def Some(value: T | None, default: T) -> T:
    """The value, or the default if it is None.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def log(text: str) -> None: ...
    >>> @dsl.pipeline
    ... def noted(note: str | None = None) -> None:
    ...     log(text=dsl.Some(note, "nothing"))
    """
    trace = trace_for("Some")
    left = _reference(trace, value, "Some", "a pipeline value that can be None")
    if left._tp_type != ANY and not is_optional(left._tp_type):
        message = f"this value is always set: its type is `{show(left._tp_type)}`"
        error("TP161", message, help="use the value directly; `dsl.Some` is only for `T | None`")
    right = lift(default, "the default of `dsl.Some`")
    right = poison(trace) if right is None else right
    plain = without_none(left._tp_type)
    # a constant of the plain type does not extend it; a reference may
    type_ = plain if isinstance(right, ir.Const) else union(plain, right._tp_type)
    some: Any = derived(trace, type_, lambda ops: ir.Default(ops[0], ops[1]), (left, right))
    return some  # type: ignore[no-any-return]  # to the checker it is the plain value


def OneOf(first: T, *others: T) -> T:
    """The value of the branch that ran: one value for each branch of one chain.

    If the chain has no ``Else``, a last value from outside the chain is used for it.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def small() -> int:
    ...     return 1
    >>> @dsl.component
    ... def large() -> int:
    ...     return 100
    >>> @dsl.pipeline
    ... def sized(big: bool = False) -> int:
    ...     with dsl.If(big == True):
    ...         a = large()
    ...     with dsl.Else():
    ...         b = small()
    ...     return dsl.OneOf(a.output, b.output)
    """
    trace = trace_for("OneOf")
    sides = []
    for value in (first, *others):
        if isinstance(value, Task):
            _reference(trace, value, "OneOf", "")
            sides.append(poison(trace))
        else:
            made = lift(value, "a value of `dsl.OneOf`")
            sides.append(poison(trace) if made is None else made)
    type_ = _joined([type_of(side) for side in sides])
    chosen: Any = derived(trace, type_, ir.OneOf, tuple(sides))
    return chosen  # type: ignore[no-any-return]  # to the checker it is the plain value


def _joined(types: list[Type]) -> Type:
    return ANY if any(isinstance(t, AnyType) for t in types) else union(*types)


def Collected(value: T) -> list[T]:
    """All values of an output inside a ``ParallelFor``, in the order of the items.

    Use it outside the loop. Each ``Collected`` closes one loop; a single one over nested loops returns nested lists.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def square(n: int) -> int:
    ...     return n * n
    >>> @dsl.component
    ... def total(xs: list[int]) -> int:
    ...     return sum(xs)
    >>> @dsl.pipeline
    ... def sum_of_squares() -> int:
    ...     with dsl.ParallelFor([1, 2, 3]) as n:
    ...         task = square(n=n)
    ...     return total(xs=dsl.Collected(task.output)).output
    """
    trace = trace_for("Collected")
    made: object = as_value(value)
    if not isinstance(made, PipelineValue) and holds_reference(made):  # text, a list or a dict of values
        made = lift(made, "the value of `dsl.Collected`")
        made = poison(trace) if made is None else made
    source = _reference(trace, made, "Collected", "an output of a task inside a `dsl.ParallelFor`")
    base = source
    while isinstance(base._tp_op, Pending) and base._tp_op.build is _collect:
        base = base._tp_op.children[0]
    type_ = base._tp_type
    for _ in range(max(_loops(trace, base) - trace.builder.loops, 1)):
        type_ = ListType(type_)
    collected: Any = derived(trace, type_, _collect, (source,))
    return collected  # type: ignore[no-any-return]  # to the checker it is a list


def _collect(ops: tuple[Any, ...]) -> ir.Expr:
    return ir.Collected(ops[0])


def _loops(trace: Trace, value: PipelineValue) -> int:
    """Number of loops around a value; an expression is in the innermost loop of its operands."""
    op = value._tp_op
    if isinstance(op, ir.FromTask):
        return trace.builders.get(op.task, value._tp_builder).loops
    if isinstance(op, Pending):
        most = max((_loops(trace, each) for each in op.children if isinstance(each, PipelineValue)), default=0)
        return most - (op.build is _collect)
    return value._tp_builder.loops
