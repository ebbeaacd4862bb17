"""Pipeline values: at run time, references to values that are known only when the pipeline runs.

To a type checker, each of them *is* its plain type. So every dunder method that would need the value raises an error
with a suggested fix, and the others build an expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple, NoReturn

from typedpipe.dsl.marker_form import present
from typedpipe.dsl.tracing import (
    GraphBuilder,
    Site,
    Trace,
    abort,
    current,
    error,
    fatal,
    is_called_by,
    site_here,
)
from typedpipe.dsl.values import markers
from typedpipe.ir import nodes as ir
from typedpipe.types.assignable import mismatch
from typedpipe.types.display import show
from typedpipe.types.model import (
    ANY,
    BOOL,
    STR,
    ListType,
    LiteralType,
    StructType,
    Type,
    without_none,
)

Build = Callable[[tuple[Any, ...]], ir.Expr]


class Pending:
    """An expression that is added to the table of the graph that uses it."""

    __slots__ = ("build", "children", "flat")

    def __init__(self, build: Build, children: tuple[Any, ...], flat: str = "") -> None:
        self.build = build
        self.children = children
        self.flat = flat
        """ "and" or "or": a chain of these becomes one n-ary node."""


class Operators(NamedTuple):
    """Operators that build expressions. They create values, so :mod:`operators` is a layer above this module."""

    compare: Callable[[PipelineValue, ir.CompareOp, object], Any]
    combine: Callable[[str, object, object], Any]
    item: Callable[[PipelineValue, object], Any]
    attribute: Callable[[PipelineValue, str], Any]


class PipelineValue:
    """A value that is known only when the pipeline runs. It has no public attributes: they belong to the value."""

    __slots__ = ("_tp_builder", "_tp_object", "_tp_op", "_tp_site", "_tp_trace", "_tp_type")
    _tp_operators: ClassVar[Operators]
    """Registered by :mod:`operators`, which the package loads."""

    def __init__(self, trace: Trace, type_: Type, op: ir.Operand | Pending, site: Site | None = None) -> None:
        self._tp_trace = trace
        self._tp_type = type_
        self._tp_op = op
        self._tp_site = site
        self._tp_builder = trace.builder
        self._tp_object: PipelineValue | None = None
        """The object with this value as its only field, if the user's expression can mean either of them."""

    # ---- what builds an expression

    def __eq__(self, other: object) -> Any:
        return self._tp_operators.compare(self, "==", other)

    def __ne__(self, other: object) -> Any:
        return self._tp_operators.compare(self, "!=", other)

    def __lt__(self, other: object) -> Any:
        return self._tp_operators.compare(self, "<", other)

    def __le__(self, other: object) -> Any:
        return self._tp_operators.compare(self, "<=", other)

    def __gt__(self, other: object) -> Any:
        return self._tp_operators.compare(self, ">", other)

    def __ge__(self, other: object) -> Any:
        return self._tp_operators.compare(self, ">=", other)

    def __hash__(self) -> int:
        return _not_hashed(self)

    def __and__(self, other: object) -> Any:
        return self._tp_operators.combine("and", self, other)

    def __rand__(self, other: object) -> Any:
        return self._tp_operators.combine("and", other, self)

    def __or__(self, other: object) -> Any:
        return self._tp_operators.combine("or", self, other)

    def __ror__(self, other: object) -> Any:
        return self._tp_operators.combine("or", other, self)

    def __invert__(self) -> Any:
        return derived(self._tp_trace, BOOL, lambda ops: ir.Not(ops[0]), (self,))

    def __getitem__(self, key: object) -> Any:
        return self._tp_operators.item(self, key)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self._tp_operators.attribute(self, name)

    def __format__(self, spec: str) -> str:
        if spec and present(spec):
            _not_yet(self, "formatted with another value that is known only then", "format the value in a component")
        return markers.write(self._tp_trace, self, spec, plain=markers.is_plain(self._tp_type, spec))

    def __str__(self) -> str:
        self._check_json()
        return format(self, "")

    def __repr__(self) -> str:
        self._check_json()
        return markers.write_repr(
            self._tp_trace, self, f"{show(self._tp_type)} that is known only when the pipeline runs"
        )

    def _check_json(self) -> None:
        """Refuse ``json.dumps(…, default=str)``, which would quote a value that Python writes without quotes."""
        if is_called_by("json"):
            _not_yet(self, "serialized as JSON", _AS_JSON)

    def __add__(self, other: object) -> Any:
        return f"{self}{other}" if self._joins(other) else self._arithmetic()

    def __radd__(self, other: object) -> Any:
        return f"{other}{self}" if self._joins(other) else self._arithmetic()

    def _joins(self, other: object) -> bool:
        return _is_text(self) and (isinstance(other, str) or _is_text(other))

    def __bool__(self) -> NoReturn:
        stop(
            self,
            "TP150",
            "this value is known only when the pipeline runs, so Python cannot test it here",
            help="use `with dsl.If(...):` to branch; use `&`, `|` and `dsl.Not(...)` for `and`, `or` and `not`, "
            "`dsl.In(x, items)` for `x in items`, and `(a < b) & (b < c)` for `a < b < c`",
        )

    def __iter__(self) -> Iterator[Any]:
        count = _count(self._tp_type)
        if count is not None:
            return iter([self[at] for at in range(count)])
        stop(
            self,
            "TP151",
            "this value is known only when the pipeline runs, so Python cannot loop over it or unpack it here",
            help="use `with dsl.ParallelFor(...) as item:` to run tasks for each item; unpack `task.outputs`, not `task.output`"
            if _count(without_none(self._tp_type)) is None
            else "use `dsl.IfSet(value)` or `dsl.Some(value, default)` first",
        )

    def __len__(self) -> int:
        count = _count(self._tp_type)
        if count is not None:
            return count
        stop(
            self,
            "TP152",
            "the length of this value is known only when the pipeline runs",
            help="call `len(...)` in a component, and use its output",
        )

    def __contains__(self, item: object) -> NoReturn:
        stop(
            self,
            "TP153",
            "the contents of this value are known only when the pipeline runs",
            help="use `dsl.Contains(items, x)` or `dsl.In(x, items)` as the condition",
        )

    def __int__(self) -> NoReturn:
        _not_yet(self, "converted to an int", f"convert the value in a component; {_TEXT}")

    def __index__(self) -> NoReturn:
        _not_yet(
            self, "used as an index, a count or a file", "use `dsl.ParallelFor` to loop, and open files in a component"
        )

    __round__ = __int__
    __trunc__ = __int__

    def __float__(self) -> NoReturn:
        _not_yet(
            self,
            "converted to a float",
            f"pass an int to a `float` input directly; convert other values in a component; {_TEXT}",
        )

    def __complex__(self) -> NoReturn:
        _not_yet(self, "converted to a number", "convert the value in a component")

    def __bytes__(self) -> NoReturn:
        _not_yet(self, "converted to bytes", "convert the value in a component")

    def __fspath__(self) -> str:
        _not_yet(
            self,
            "opened or used as a path",
            'pass it to a component, and open it there; to build a path, use an f-string: `f"{folder}/rows.csv"`',
        )

    def __call__(self, *args: object, **kwargs: object) -> Any:
        if is_poison(self):
            markers.told(self._tp_trace)
            return self
        _not_yet(self, "called", "call its methods in a component")

    def _arithmetic(self, *args: object) -> Any:
        return replaced(
            self,
            "TP155",
            "this value is known only when the pipeline runs, so it cannot be used in arithmetic here",
            help='calculate in a component, and use its output; to join text, use an f-string: `f"{a}-{b}"`',
        )

    __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _arithmetic
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _arithmetic
    __neg__ = __pos__ = __abs__ = __divmod__ = __rdivmod__ = _arithmetic
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = __xor__ = __rxor__ = _arithmetic

    def _no_change(self, *args: object) -> None:
        message = "this value is known only when the pipeline runs, so it cannot be changed here"
        replaced(self, "TP154", message, help="change it in a component, and return the result")

    __setitem__ = __delitem__ = _no_change

    def _no_pickle(self, *args: object) -> NoReturn:
        _not_yet(self, "copied or pickled", "pass it to a component unchanged")

    __reduce_ex__ = __copy__ = __deepcopy__ = _no_pickle

    def _no_with(self, *args: object) -> NoReturn:
        _not_yet(
            self,
            "used in `with`",
            "pass it to `dsl.If(...)`, `dsl.ParallelFor(...)` or `dsl.ExitHandler(...)` in the `with`",
        )

    __enter__ = __exit__ = _no_with


_TEXT = 'to format it, use an f-string: `f"{value:.2f}"`'
_AS_JSON = "put it into text with an f-string, or pass it to a component and serialize it there"


def _count(type_: Type) -> int | None:
    """The number of entries that each value of a type has: of the rows of a loop and of NamedTuples; None for others."""
    if isinstance(type_, StructType) and type_.form == "namedtuple":
        return len(type_.fields)
    return len(type_.entries) or None if isinstance(type_, ListType) else None


def _is_text(value: object) -> bool:
    """Whether Python could add text to the value."""
    if not isinstance(value, PipelineValue):
        return False
    type_ = value._tp_type
    return type_ == STR or (isinstance(type_, LiteralType) and all(wire.startswith('"') for wire in type_.values))


def stop(value: PipelineValue, code: str, message: str, *, help: str) -> NoReturn:
    """End the tracing; nothing is reported for poison, whose error was reported already."""
    trace = current()
    if trace is not None and (trace.aborted or is_poison(value)):
        abort(code)
    if is_called_by("pydantic"):
        message = "a pydantic model cannot be created from a value that is known only when the pipeline runs"
        fatal("TP154", message, help="pass the fields to a component, and create the model there")
    fatal(code, message, help=help)


def replaced(value: PipelineValue, code: str, message: str, *, help: str) -> PipelineValue:
    """Report an operation that needs the value, unless it is poison. Tracing continues with poison as the result."""
    if not is_poison(value):
        error(code, message, help=help)
    markers.told(value._tp_trace)  # the other operand can be text
    return poison(value._tp_trace)


def _not_hashed(value: PipelineValue) -> int:
    what, instead = (
        "looked up in a dict or a set",
        "look it up in a component, or use `dsl.In(x, items)` as the condition",
    )
    _not_yet(value, what, instead)


def _not_yet(value: PipelineValue, what: str, instead: str) -> NoReturn:
    message = f"this value is known only when the pipeline runs, so it cannot be {what} here"
    stop(value, "TP154", message, help=instead)


# ------------------------------------------------------------------------------------------------ building


def derived(
    trace: Trace, type_: Type, build: Build, children: tuple[Any, ...], flat: str = "", site: Site | None = None
) -> PipelineValue:
    """A value derived from others; poison if one of them is."""
    for child in children:
        if child is POISON:
            return poison(trace)
        if child.__class__ is PipelineValue and (child._tp_op is POISON or child._tp_trace is not trace):
            if child._tp_op is not POISON:
                same_trace(child, trace, "this value")
            return poison(trace)
    return PipelineValue(trace, type_, Pending(build, children, flat), site or site_here())


POISON = ir.Const("null", ANY)
"""The constant that replaces an erroneous value; recognized by identity."""


def poison(trace: Trace) -> PipelineValue:
    """The replacement of an erroneous value: it is valid anywhere, so one error is reported only once."""
    return PipelineValue(trace, ANY, POISON)


def is_poison(value: object) -> bool:
    """Whether a value replaces one whose error was reported."""
    return value is POISON or (isinstance(value, PipelineValue) and value._tp_op is POISON)


def same_trace(value: PipelineValue, trace: Trace, what: object) -> bool:
    """Whether a value belongs to the pipeline that is traced; otherwise reported."""
    if value._tp_trace is trace or is_poison(value):
        return True
    error(
        "TP158",
        f"{what} belongs to another pipeline: `{value._tp_trace.name}`",
        help="add an input to this pipeline, and pass the value when you call the pipeline",
    )
    return False


def fitted(value: PipelineValue, target: Type) -> PipelineValue:
    """The value, or the object of which it is the only field, whichever fits an input of type ``target``."""
    whole = value._tp_object
    if whole is None or mismatch(value._tp_type, target) is None or mismatch(whole._tp_type, target) is not None:
        return value
    return whole


# ------------------------------------------------------------------------------------------------ operands


def operand_of(builder: GraphBuilder, value: PipelineValue) -> ir.Operand:
    """A value of this trace as an operand: an expression is added to the table of the graph that uses it."""
    op = value._tp_op
    return intern_expr(builder, value) if isinstance(op, Pending) else op


def intern_expr(builder: GraphBuilder, value: PipelineValue) -> ir.FromExpr:
    """Add a pending expression, and those it needs, to the builder's table. Iterative: depth is not limited."""
    memo = builder.memo
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
        built = pending.build(tuple(_interned(memo, c) for c in children))
        memo[id(top)] = ir.FromExpr(len(builder.exprs))
        builder.keep.append(top)
        builder.exprs.append(built)
        builder.expr_sites.append(top._tp_site)
    return memo[id(value)]


def _interned(memo: dict[int, ir.FromExpr], child: Any) -> ir.Operand:
    if child.__class__ is not PipelineValue:
        return child  # type: ignore[no-any-return]  # a Const
    return memo[id(child)] if isinstance(child._tp_op, Pending) else child._tp_op


def _flattened(pending: Pending) -> tuple[Any, ...]:
    """Flatten ``((a & b) & c) & d`` to (a, b, c, d): one node for any number of operands."""
    if not pending.flat:
        return pending.children
    left: Any = pending.children[0]
    tail = [pending.children[1]]
    while left.__class__ is PipelineValue and left._tp_op.__class__ is Pending and left._tp_op.flat == pending.flat:
        tail.append(left._tp_op.children[1])
        left = left._tp_op.children[0]
    return (left, *reversed(tail))
