"""Conversion of user arguments to IR operands: references, constants, and displays with references inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from typedpipe.dsl.marker_form import present
from typedpipe.dsl.tracing import GraphBuilder, Trace, current, error
from typedpipe.dsl.values import markers, texts
from typedpipe.dsl.values.subjects import Subject, span_of_subject
from typedpipe.dsl.values.value import POISON, PipelineValue, derived, operand_of, same_trace
from typedpipe.ir import nodes as ir
from typedpipe.runtime.task import layout_of
from typedpipe.types.annotations import struct_type
from typedpipe.types.artifacts import Artifact
from typedpipe.types.model import ListType, StructField, StructType, Type
from typedpipe.types.values import NotAConstant, constant, joined


def operand_value(value: object, subject: Subject) -> Any:
    """A child of an expression: a reference unchanged, anything else as a constant."""
    if isinstance(value, PipelineValue):
        return value
    made = lift(value, subject)
    return POISON if made is None else made


def lift(value: object, subject: Subject) -> Any:
    """A value that may contain references, as a reference or a :class:`Const`; None after an error was reported."""
    trace = current()
    value = as_value(value)
    if isinstance(value, PipelineValue):
        return value
    if trace is not None and type(value) is str and present(value):
        return texts.read(trace, value, subject)
    if _is_ours(value):
        _not_constant(value, subject, "")
        return None
    if trace is not None and holds_reference(value):
        return _display(trace, value, subject)
    try:
        text, type_ = constant(value)
    except NotAConstant as problem:
        _not_constant(value, subject, str(problem))
        return None
    except RecursionError:
        _not_constant(value, subject, "the value contains itself, or is nested too deeply")
        return None
    return ir.Const(text, type_)


def as_value(value: object) -> object:
    """A task's outputs, which are no value themselves, as one value if they can be; anything else unchanged."""
    whole: Callable[[object], object] | None = getattr(type(value), "_tp_whole", None)
    found = None if whole is None else whole(value)
    return value if found is None else found


def _is_ours(value: object) -> bool:
    """Whether it is a typedpipe object of a pipeline that is not a value."""
    return type(value).__module__.startswith("typedpipe.dsl.")


def _not_constant(value: object, subject: Subject, reason: str) -> None:
    kind = type(value).__name__
    label = help_ = ""
    explain: Callable[[object], tuple[str, str]] | None = getattr(type(value), "_tp_no_value", None)
    if explain is not None:  # a task or a group: report it, with a suggested replacement
        what, help_ = explain(value)
        message = f"{subject} is {what}"
    elif isinstance(value, Artifact):
        message = f"{subject} is a `{kind}` object that was created in the pipeline's body"
        help_ = f'create it in a component, or import an existing one: `dsl.importer("s3://…", {kind}).output`'
    elif callable(value):
        name = getattr(value, "__name__", kind)
        message = f"{subject} is `{name}` itself, which is not a value"
        help_ = (
            f"call it and pass its output: `{name}(…).output`" if _is_ours(value) else "call it, and pass the result"
        )
    else:
        message, label = f"{subject} cannot be passed to a task", reason
    error("TP114", message, span_of_subject(subject), label, help=help_)


def holds_reference(value: object) -> bool:
    """Whether a list, tuple, dict or dataclass contains a reference or a text with one."""
    return any(True for _ in _references(value))


def reject(trace: Trace, value: object) -> None:
    """Note that the call that receives a value has an error: texts in the value are not reported as unused."""
    for item in _references(value):
        if isinstance(item, str) and isinstance(markers.pieces(trace, item), markers.Damage):
            markers.told(trace)


def _references(value: object) -> Iterator[object]:
    """References, and texts with one, in a list, tuple, dict or dataclass."""
    stack, seen = [value], set[int]()
    while stack:
        item = stack.pop()
        if type(item) in _PLAIN:
            continue
        if isinstance(item, str):
            if present(item):
                yield item
        elif isinstance(item, PipelineValue) or hasattr(type(item), "_tp_whole"):
            yield item
        elif id(item) not in seen:
            seen.add(id(item))
            stack.extend(_parts(item))


_PLAIN = frozenset({int, float, bool, type(None), bytes})


def _parts(item: object) -> Sequence[object]:
    if isinstance(item, dict):
        return [*item.keys(), *item.values()]
    if isinstance(item, (list, tuple)):
        return item
    layout = layout_of(type(item))
    return list(layout.fields(item).values()) if layout is not None else ()


def _display(trace: Trace, value: object, subject: Subject) -> Any:
    """A list, dict or dataclass with references inside: assembled by the task that receives it."""
    if isinstance(value, str):
        return texts.read(trace, value, subject)
    if isinstance(value, dict):
        return _struct(trace, [(k, v) for k, v in value.items()], None, subject)
    layout = layout_of(type(value))
    if layout is not None:
        return _struct(trace, list(layout.fields(value).items()), struct_type(type(value)), subject)
    items = [_inner(item, subject) for item in _parts(value)]
    item_type = joined([type_of(item) for item in items])
    made = derived(trace, ListType(item_type), ir.MakeList, tuple(items))
    objects = [item._tp_object if isinstance(item, PipelineValue) else None for item in items]
    if any(each is not None for each in objects):
        wholes = [item if each is None else each for item, each in zip(items, objects, strict=True)]
        type_ = ListType(joined([type_of(item) for item in wholes]))
        made._tp_object = derived(trace, type_, ir.MakeList, tuple(wholes))
    return made


def _struct(trace: Trace, entries: list[tuple[Any, object]], type_: Type | None, subject: Subject) -> Any:
    names: list[str] = []
    for key, _ in entries:
        if not isinstance(key, str) or present(key):
            markers.told(trace)
            error(
                "TP114",
                f"{subject} has a key that is not a constant string",
                span_of_subject(subject),
                help="use constant strings as dict keys",
            )
            return None
        names.append(key)
    values = tuple(_inner(value, subject) for _, value in entries)
    made = type_ or StructType(
        "dict", "literal", tuple(StructField(n, type_of(v)) for n, v in zip(names, values, strict=True))
    )
    return derived(trace, made, lambda ops: ir.MakeDict(tuple(zip(names, ops, strict=True)), type_), values)


def _inner(value: object, subject: Subject) -> Any:
    made = lift(value, subject)
    return POISON if made is None else made


def type_of(value: PipelineValue | ir.Const) -> Type:
    return value._tp_type if isinstance(value, PipelineValue) else value.type


def operand(builder: GraphBuilder, value: object, subject: Subject) -> ir.Operand | None:
    """The IR operand of a task's argument; None after an error was reported."""
    made = value if isinstance(value, (PipelineValue, ir.Const)) else lift(value, subject)
    if made is None or isinstance(made, ir.Const):
        return made
    trace = current()
    if trace is not None and not same_trace(made, trace, subject):
        return POISON
    return operand_of(builder, made)
