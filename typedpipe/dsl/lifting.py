"""From what a user passes to what the IR takes: references, constants, and displays with references inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from typedpipe.diagnostics.model import Span
from typedpipe.diagnostics.source import argument_span
from typedpipe.dsl import markers
from typedpipe.dsl.tracing import Scope, Site, Trace, current, error, span_of
from typedpipe.dsl.values import POISON, Pending, PipelineValue, derived, same_trace
from typedpipe.ir import nodes as ir
from typedpipe.types.model import ListType, StructField, StructType, Type, union
from typedpipe.types.values import NotAConstant, constant


class Argument:
    """Which argument of which call is looked at: its words and its place are made only when they are needed."""

    __slots__ = ("callee", "name", "position", "site")

    def __init__(self, callee: str, name: str, position: int, site: Site) -> None:
        self.callee = callee
        self.name = name
        self.position = position
        self.site = site

    def __str__(self) -> str:
        return f"`{self.name}` of `{self.callee}`"

    def span(self) -> Span:
        return argument_span(span_of(self.site), self.name, self.position)


What: TypeAlias = str | Argument
"""What a message calls the value that it is about."""


def place_of(what: What) -> Span | None:
    """Where an argument stands; None for what has no place of its own."""
    return what.span() if isinstance(what, Argument) else None


def leaf(value: object, what: What) -> Any:
    """A child of an expression: a reference as it is, anything else as a constant."""
    if isinstance(value, PipelineValue):
        return value
    made = lift(value, what)
    return POISON if made is None else made


def lift(value: object, what: What) -> Any:
    """A value that may contain references, as a reference or a :class:`Const`; None after an error was reported."""
    trace = current()
    if isinstance(value, PipelineValue):
        return value
    if trace is not None and type(value) is str and not value.isascii():
        return markers.read(trace, value, what)
    if trace is not None and holds_reference(value):
        return _display(trace, value, what)
    if _is_ours(value):
        _not_constant(value, what, "")
        return None
    try:
        text, type_ = constant(value)
    except NotAConstant as problem:
        _not_constant(value, what, str(problem))
        return None
    except RecursionError:
        _not_constant(value, what, "the value contains itself, or is nested too deeply")
        return None
    return ir.Const(text, type_)


def _is_ours(value: object) -> bool:
    """Whether it is one of the objects of a pipeline's body that stand for no value."""
    return type(value).__module__.startswith("typedpipe.dsl.")


def _not_constant(value: object, what: What, reason: str) -> None:
    from typedpipe.dsl.groups import Group
    from typedpipe.dsl.task import Outputs, Task
    from typedpipe.types.artifacts import Artifact

    kind = type(value).__name__
    label = help_ = ""
    if isinstance(value, Task):
        names = value._output_names()
        instead = f"`.outputs.{names[0]}`" if len(names) > 1 else "`.output`"
        message = f"{what} is a task, not a value"
        help_ = f"pass the task's output: add {instead}" if names else f"`{value.name}` has no outputs: use `.after(…)`"
    elif isinstance(value, Outputs):
        message, help_ = f"{what} is the whole set of outputs of a task", "select one output: `task.outputs.name`"
    elif isinstance(value, Artifact):
        message = f"{what} is a `{kind}` object that was created in the pipeline's body"
        help_ = f'create it in a component, or import an existing one: `dsl.importer("s3://…", {kind}).output`'
    elif callable(value):
        name = getattr(value, "__name__", kind)
        message = f"{what} is `{name}` itself, which is not a value"
        help_ = (
            f"call it and pass its output: `{name}(…).output`" if _is_ours(value) else "call it, and pass the result"
        )
    elif isinstance(value, Group):
        message, help_ = f"{what} is a `dsl.{kind}`, which is not a value", "pass an output of a task inside the block"
    else:
        message, label = f"{what} cannot be passed to a task", reason
    error("TP114", message, place_of(what), label, help=help_)


def holds_reference(value: object) -> bool:
    """Whether a list, tuple, dict or dataclass contains a reference or a text with one."""
    stack, seen = [value], set[int]()
    while stack:
        item = stack.pop()
        kind = type(item)
        if kind in _PLAIN or (kind is str and item.isascii()):  # type: ignore[attr-defined]  # `kind` narrows `item`
            continue
        if isinstance(item, PipelineValue):
            return True
        if isinstance(item, str):
            if markers.present(item):
                return True
        elif id(item) not in seen:
            seen.add(id(item))
            stack.extend(_parts(item))
    return False


_PLAIN = frozenset({int, float, bool, type(None), bytes})


def _parts(item: object) -> Sequence[object]:
    if isinstance(item, dict):
        return [*item.keys(), *item.values()]
    if isinstance(item, (list, tuple)):
        return item
    fields = getattr(type(item), "__dataclass_fields__", None)
    return [getattr(item, name, None) for name in fields] if fields is not None else ()


def _display(trace: Trace, value: object, what: What) -> Any:
    """A list, dict or dataclass with references inside: put together by the task that takes it."""
    if isinstance(value, str):
        return markers.read(trace, value, what)
    if isinstance(value, dict):
        return _struct(trace, [(k, v) for k, v in value.items()], None, what)
    names = getattr(value, "_fields", None) or getattr(type(value), "__dataclass_fields__", None)
    if names is not None:
        from typedpipe.types.annotations import struct_type

        return _struct(trace, [(name, getattr(value, name)) for name in names], struct_type(type(value)), what)
    items = [_inner(item, what) for item in _parts(value)]
    item_type = union(*(type_of(item) for item in items))
    return derived(trace, ListType(item_type), ir.MakeList, tuple(items))


def _struct(trace: Trace, entries: list[tuple[Any, object]], type_: Type | None, what: What) -> Any:
    names: list[str] = []
    for key, _ in entries:
        if not isinstance(key, str) or markers.present(key):
            markers.told(trace)
            error(
                "TP114",
                f"{what} has a key that is not a constant string",
                place_of(what),
                help="use constant strings as dict keys",
            )
            return None
        names.append(key)
    values = tuple(_inner(value, what) for _, value in entries)
    made = type_ or StructType(
        "dict", "literal", tuple(StructField(n, type_of(v)) for n, v in zip(names, values, strict=True))
    )
    return derived(trace, made, lambda ops: ir.MakeDict(tuple(zip(names, ops, strict=True)), type_), values)


def _inner(value: object, what: What) -> Any:
    made = lift(value, what)
    return POISON if made is None else made


def type_of(value: PipelineValue | ir.Const) -> Type:
    return value._tp_type if isinstance(value, PipelineValue) else value.type


def operand(scope: Scope, value: object, what: What) -> ir.Operand | None:
    """What a task's argument is in the IR; None after an error was reported."""
    made = value if isinstance(value, (PipelineValue, ir.Const)) else lift(value, what)
    if made is None or isinstance(made, ir.Const):
        return made
    trace = current()
    if trace is not None and not same_trace(made, trace, what):
        return POISON
    op = made._tp_op
    return place(scope, made) if isinstance(op, Pending) else op


def place(scope: Scope, value: PipelineValue) -> ir.FromExpr:
    """Put a pending expression, and those it needs, into the scope's table. Iterative: depth is no limit."""
    memo = scope.memo
    stack = [value]
    while stack:
        top = stack[-1]
        if id(top) in memo:
            stack.pop()
            continue
        pending = top._tp_op
        assert isinstance(pending, Pending)
        children = _flattened(pending)
        todo = [
            c for c in children if c.__class__ is PipelineValue and c._tp_op.__class__ is Pending and id(c) not in memo
        ]
        if todo:
            stack.extend(reversed(todo))
            continue
        stack.pop()
        built = pending.build(tuple(_placed(memo, c) for c in children))
        memo[id(top)] = ir.FromExpr(len(scope.exprs))
        scope.keep.append(top)
        scope.exprs.append(built)
        scope.expr_sites.append(top._tp_site)
    return memo[id(value)]


def _placed(memo: dict[int, ir.FromExpr], child: Any) -> ir.Operand:
    if child.__class__ is not PipelineValue:
        return child  # type: ignore[no-any-return]  # a Const
    return memo[id(child)] if isinstance(child._tp_op, Pending) else child._tp_op


def _flattened(pending: Pending) -> tuple[Any, ...]:
    """``((a & b) & c) & d`` as (a, b, c, d): one node, whatever the number."""
    if not pending.flat:
        return pending.children
    left: Any = pending.children[0]
    tail = [pending.children[1]]
    while left.__class__ is PipelineValue and left._tp_op.__class__ is Pending and left._tp_op.flat == pending.flat:
        tail.append(left._tp_op.children[1])
        left = left._tp_op.children[0]
    return (left, *reversed(tail))
