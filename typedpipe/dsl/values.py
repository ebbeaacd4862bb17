"""Values of a pipeline body: at run time references to what is known only when the pipeline runs.

To a type checker each of them *is* its plain type. So every dunder that would act on a value that is not there yet
raises an error that says what to type instead, and the others build an expression.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias

from typedpipe.diagnostics.model import Span
from typedpipe.diagnostics.source import argument_span
from typedpipe.dsl import markers
from typedpipe.dsl.tracing import (
    PACKAGE,
    Scope,
    Site,
    Trace,
    abort,
    current,
    error,
    fatal,
    is_called_by,
    listed,
    nearest,
    site_here,
    span_of,
)
from typedpipe.ir import nodes as ir
from typedpipe.types.display import show
from typedpipe.types.model import (
    ANY,
    BOOL,
    STR,
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
from typedpipe.types.values import NotAConstant, constant

Build = Callable[[tuple[Any, ...]], ir.Expr]


class Pending:
    """An expression that is put into the table of the graph that uses it."""

    __slots__ = ("build", "children", "flat")

    def __init__(self, build: Build, children: tuple[Any, ...], flat: str = "") -> None:
        self.build = build
        self.children = children
        self.flat = flat
        """ "and" or "or": a chain of these becomes one n-ary node."""


class PipelineValue:
    """A value that is known only when the pipeline runs. It has no public attributes: they are the value's own."""

    __slots__ = ("_tp_op", "_tp_scope", "_tp_site", "_tp_trace", "_tp_type")

    def __init__(self, trace: Trace, type_: Type, op: ir.Operand | Pending, site: Site | None = None) -> None:
        self._tp_trace = trace
        self._tp_type = type_
        self._tp_op = op
        self._tp_site = site
        self._tp_scope = trace.scope

    # ---- what builds an expression

    def __eq__(self, other: object) -> Any:
        return _compare(self, "==", other)

    def __ne__(self, other: object) -> Any:
        return _compare(self, "!=", other)

    def __lt__(self, other: object) -> Any:
        return _compare(self, "<", other)

    def __le__(self, other: object) -> Any:
        return _compare(self, "<=", other)

    def __gt__(self, other: object) -> Any:
        return _compare(self, ">", other)

    def __ge__(self, other: object) -> Any:
        return _compare(self, ">=", other)

    __hash__ = object.__hash__

    def __and__(self, other: object) -> Any:
        return _combine("and", self, other)

    def __rand__(self, other: object) -> Any:
        return _combine("and", other, self)

    def __or__(self, other: object) -> Any:
        return _combine("or", self, other)

    def __ror__(self, other: object) -> Any:
        return _combine("or", other, self)

    def __invert__(self) -> Any:
        return derived(self._tp_trace, BOOL, lambda ops: ir.Not(ops[0]), (self,))

    def __getitem__(self, key: object) -> Any:
        return _item(self, key)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return _attribute(self, name)

    def __format__(self, spec: str) -> str:
        return markers.write(self._tp_trace, self, spec)

    def __repr__(self) -> str:
        return f"{markers.POISON}<{show(self._tp_type)} that is known only when the pipeline runs>"

    # ---- what cannot work before the value is there

    def __bool__(self) -> NoReturn:
        _stop(
            self,
            "TP150",
            "this value is known only when the pipeline runs, so Python cannot branch on it here",
            help="`with dsl.If(...):` branches; `&`, `|` and `dsl.Not(...)` stand for `and`, `or` and `not`; "
            "`dsl.In(x, items)` for `x in items`; chain `(a < b) & (b < c)` for `a < b < c`",
        )

    def __iter__(self) -> NoReturn:
        _stop(
            self,
            "TP151",
            "this value is known only when the pipeline runs, so Python cannot loop over it or unpack it here",
            help="`with dsl.ParallelFor(...) as item:` runs tasks for each item; unpack `task.outputs`, not `task.output`",
        )

    def __len__(self) -> NoReturn:
        _stop(
            self,
            "TP152",
            "the length of this value is known only when the pipeline runs",
            help="take `len(...)` in a component, and use its output",
        )

    def __contains__(self, item: object) -> NoReturn:
        _stop(
            self,
            "TP153",
            "what this value contains is known only when the pipeline runs",
            help="write `dsl.Contains(items, x)` or `dsl.In(x, items)` as the condition",
        )

    def __str__(self) -> NoReturn:
        _not_yet(self, "turned into text by `str()` or `%s`", 'put it into an f-string: `f"{value}"`')

    def __int__(self) -> NoReturn:
        _not_yet(self, "turned into an int", "convert it in a component")

    def __index__(self) -> NoReturn:
        _not_yet(self, "used as an index, a count or a file", "loop by `dsl.ParallelFor`; open it in a component")

    __round__ = __int__
    __trunc__ = __int__

    def __float__(self) -> NoReturn:
        _not_yet(
            self, "turned into a float", "an int goes into a `float` input as it is; convert anything else in a component"
        )

    def __complex__(self) -> NoReturn:
        _not_yet(self, "turned into a number", "convert it in a component")

    def __bytes__(self) -> NoReturn:
        _not_yet(self, "turned into bytes", "convert it in a component")

    def __fspath__(self) -> str:
        _not_yet(self, "opened or used as a path", "a component that takes it as `InputPath[...]` can open it")

    def __call__(self, *args: object, **kwargs: object) -> Any:
        if is_poison(self):
            return self
        _not_yet(self, "called", "call its methods in a component")

    def _arithmetic(self, *args: object) -> NoReturn:
        _stop(
            self,
            "TP155",
            "arithmetic on this value is possible only when the pipeline runs",
            help='calculate in a component, and use its output; text is joined by an f-string: `f"{a}-{b}"`',
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _arithmetic
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _arithmetic
    __neg__ = __pos__ = __abs__ = __divmod__ = __rdivmod__ = _arithmetic
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __xor__ = __rxor__ = _arithmetic
    __neg__ = __pos__ = __abs__ = __divmod__ = __rdivmod__ = _arithmetic

    def _no_change(self, *args: object) -> NoReturn:
        _not_yet(self, "changed", "change it in a component, and return the result")

    __setitem__ = __delitem__ = _no_change

    def _no_pickle(self, *args: object) -> NoReturn:
        _not_yet(self, "copied or pickled", "pass it to a component as it is")

    __reduce_ex__ = __copy__ = __deepcopy__ = _no_pickle

    def _no_with(self, *args: object) -> NoReturn:
        _not_yet(self, "used in `with`", "`with dsl.If(...)`, `dsl.ParallelFor(...)` and `dsl.ExitHandler(...)` take it")

    __enter__ = __exit__ = _no_with


def _stop(value: PipelineValue, code: str, message: str, *, help: str) -> NoReturn:
    """End the tracing; of poison nothing is said, for its making was an error already."""
    trace = current()
    if trace is not None and (trace.aborted or is_poison(value)):
        abort(code)
    if is_called_by("pydantic"):
        message = "a pydantic model cannot be made of a value that is known only when the pipeline runs"
        fatal("TP154", message, help="pass the fields to a component, and make the model there")
    fatal(code, message, help=help)


def _not_yet(value: PipelineValue, what: str, instead: str) -> NoReturn:
    message = f"this value is known only when the pipeline runs, so it cannot be {what} here"
    _stop(value, "TP154", message, help=instead)


# ------------------------------------------------------------------------------------------------ building


def derived(trace: Trace, type_: Type, build: Build, children: tuple[Any, ...], flat: str = "") -> PipelineValue:
    """A value made of others; poison when one of them is."""
    for child in children:
        if child is POISON:
            return poison(trace)
        if child.__class__ is PipelineValue and (child._tp_op is POISON or child._tp_trace is not trace):
            if child._tp_op is not POISON:
                same_trace(child, trace, "this value")
            return poison(trace)
    return PipelineValue(trace, type_, Pending(build, children, flat), site_here())


POISON = ir.Const("null", ANY)
"""The one constant that stands for a mistake; known by identity."""


def poison(trace: Trace) -> PipelineValue:
    """What stands for a value whose making was an error: it fits anywhere, so one mistake gives one error."""
    return PipelineValue(trace, ANY, POISON)


def is_poison(value: object) -> bool:
    """Whether a value stands for a mistake that was reported."""
    return value is POISON or (isinstance(value, PipelineValue) and value._tp_op is POISON)


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


def _leaf(value: object, what: What) -> Any:
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
        _not_constant(value, what, "it contains itself, or is nested too deeply")
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
        help_ = f"pass what the task gives: add {instead}" if names else f"`{value.name}` gives nothing: use `.after(…)`"
    elif isinstance(value, Outputs):
        message, help_ = f"{what} is all the outputs of a task", "name one of them: `task.outputs.name`"
    elif isinstance(value, Artifact):
        message = f"{what} is a `{kind}` object made in the pipeline's body"
        help_ = f'make it in a component, or bring an existing one in: `dsl.importer("s3://…", {kind}).output`'
    elif callable(value):
        name = getattr(value, "__name__", kind)
        message = f"{what} is `{name}` itself, which is no value"
        help_ = f"call it and pass its output: `{name}(…).output`" if _is_ours(value) else "pass what it returns"
    elif isinstance(value, Group):
        message, help_ = f"{what} is a `dsl.{kind}`, which is no value", "pass an output of a task in it"
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
    items = [_inner(item, what) for item in value]  # type: ignore[attr-defined]  # a list or a tuple: it holds a reference
    item_type = union(*(type_of(item) for item in items))
    return derived(trace, ListType(item_type), ir.MakeList, tuple(items))


def _struct(trace: Trace, entries: list[tuple[Any, object]], type_: Type | None, what: What) -> Any:
    from typedpipe.types.model import StructField

    names: list[str] = []
    for key, _ in entries:
        if not isinstance(key, str) or markers.present(key):
            error("TP114", f"{what} has a key that is not plain text", place_of(what), help="a dict's keys are constant strings")
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
        todo = [c for c in children if c.__class__ is PipelineValue and c._tp_op.__class__ is Pending and id(c) not in memo]
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


def same_trace(value: PipelineValue, trace: Trace, what: What) -> bool:
    if value._tp_trace is trace or is_poison(value):
        return True
    error(
        "TP158",
        f"{what} belongs to another pipeline: `{value._tp_trace.name}`",
        help="give this pipeline an input for it, and pass the value when you call the pipeline",
    )
    return False


# ----------------------------------------------------------------------------------------------- operators


def _compare(left: PipelineValue, op: ir.CompareOp, other: object) -> Any:
    if isinstance(other, (list, tuple, dict)) or other is None:
        what = "None" if other is None else f"a {type(other).__name__}"
        if other is None and op in {"==", "!="}:
            trace = left._tp_trace
            is_set = derived(trace, BOOL, lambda ops: ir.IsSet(ops[0]), (left,))
            return is_set if op == "!=" else derived(trace, BOOL, lambda ops: ir.Not(ops[0]), (is_set,))
        error(
            "TP156",
            f"a condition compares scalars; the other side is {what}",
            help="compare it in a component that returns a bool, and branch on that",
        )
        return poison(left._tp_trace)
    right = _leaf(other, "the other side of the comparison")
    return derived(left._tp_trace, BOOL, lambda ops: ir.Compare(op, ops[0], ops[1]), (left, right))


def _combine(flat: str, left: object, right: object) -> Any:
    trace = current()
    for side in (left, right):
        if not isinstance(side, PipelineValue):
            symbol = "&" if flat == "and" else "|"
            help_ = f"put parentheses round each comparison: `(a > 1) {symbol} (b < 2)`"
            error("TP157", f"`{symbol}` joins two conditions, and one side is the constant {side!r}", help=help_)
            return poison(trace or next(s for s in (left, right) if isinstance(s, PipelineValue))._tp_trace)
    build: Build = ir.And if flat == "and" else ir.Or
    first = left if isinstance(left, PipelineValue) else right
    assert isinstance(first, PipelineValue)
    return derived(first._tp_trace, BOOL, build, (left, right), flat)


def _item(value: PipelineValue, key: object) -> Any:
    trace, type_ = value._tp_trace, without_none(value._tp_type)
    if isinstance(key, str):
        if not isinstance(type_, (DictType, StructType, AnyType, UnionType)):
            error("TP156", f"a `{show(type_)}` has no key `{key}`", help="index a list by an int, a dict by a string")
            return poison(trace)
        return _field(value, key)
    if isinstance(key, slice):
        _stop(value, "TP154", "a slice of this value is known only when the pipeline runs", help="slice it in a component")
    if isinstance(type_, ListType):
        index = _leaf(key, "the index")
        return derived(trace, type_.item, lambda ops: ir.Index(ops[0], ops[1]), (value, index))
    if isinstance(type_, (DictType, AnyType)):
        index = _leaf(key, "the key")
        item = type_.value if isinstance(type_, DictType) else ANY
        return derived(trace, item, lambda ops: ir.Index(ops[0], ops[1]), (value, index))
    error("TP156", f"a `{show(type_)}` cannot be indexed")
    return poison(trace)


def _attribute(value: PipelineValue, name: str) -> Any:
    type_ = without_none(value._tp_type)
    if is_artifact(type_):
        error(
            "TP167",
            f"`.{name}` of an artifact is known only when the pipeline runs",
            help=f"take the artifact as an `Input[{show(type_)}]` in a component, and use `.{name}` there",
        )
        return poison(value._tp_trace)
    if isinstance(type_, (StructType, DictType, AnyType, UnionType)):
        return _field(value, name)
    error(
        "TP156",
        f"a `{show(type_)}` of a pipeline's body has no `.{name}`",
        help="values of a pipeline body can be compared, indexed, put into f-strings and passed to tasks; "
        "do anything else in a component",
    )
    return poison(value._tp_trace)


def _field(value: PipelineValue, name: str) -> Any:
    found = _field_type(without_none(value._tp_type), name)
    if isinstance(found, str):
        error("TP156", f"`{show(value._tp_type)}` has no field `{name}`", help=found)
        return poison(value._tp_trace)
    if is_optional(value._tp_type):
        error("TP156", f"this value may be None, so its field `{name}` may be missing", help="use `dsl.IfSet(value)` or `dsl.Some(value, default)` first")
    return derived(value._tp_trace, found, lambda ops: ir.Field(ops[0], name), (value,))


def _field_type(type_: Type, name: str) -> Type | str:
    """The type of a field, or a help text when there is none."""
    if isinstance(type_, StructType):
        names = [f.name for f in type_.fields]
        for field in type_.fields:
            if field.name == name:
                return field.type
        guess = nearest(name, names)
        return f"did you mean `{guess}`?" if guess else f"it has {listed(names)}" if names else "it has no fields"
    if isinstance(type_, DictType):
        return type_.value
    if isinstance(type_, UnionType):
        found = [_field_type(member, name) for member in type_.members]
        missing = next((f for f in found if isinstance(f, str)), None)
        return missing if missing is not None else union(*(f for f in found if not isinstance(f, str)))
    return ANY if isinstance(type_, AnyType) else "take a field of a struct or a dict"


def text_value(trace: Trace, parts: list[str | tuple[PipelineValue, str]]) -> PipelineValue:
    """The value of an f-string."""
    children = tuple(part[0] for part in parts if not isinstance(part, str))

    def build(ops: tuple[Any, ...]) -> ir.Expr:
        left = iter(ops)
        return ir.Format(tuple(p if isinstance(p, str) else ir.FormatPart(next(left), p[1]) for p in parts))

    return derived(trace, STR, build, children)


def caller_site(depth: int = 2) -> Site:
    """The frame that called: the user's, when it is called directly from a public function."""
    frame = sys._getframe(depth)
    if frame.f_code.co_filename.startswith(PACKAGE):
        return site_here() or (frame.f_code, frame.f_lasti)
    return frame.f_code, frame.f_lasti


__all__ = ["Pending", "PipelineValue", "Span", "derived", "lift", "operand", "place", "poison", "same_trace"]
