"""Callables in a pipeline, component or pipeline: as objects of Python, and by their inputs, outputs and calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeAlias

from typedpipe.diagnostics.model import Label, Span
from typedpipe.diagnostics.source import argument_span
from typedpipe.diagnostics.words import nearest
from typedpipe.dsl.source.files import span_of_function
from typedpipe.dsl.tracing import Site, Trace, current, error, listed, node_name, span_of
from typedpipe.dsl.values.lifting import lift, reject
from typedpipe.dsl.values.subjects import Argument
from typedpipe.dsl.values.value import POISON, PipelineValue, fitted, operand_of
from typedpipe.ir import nodes as ir
from typedpipe.types.display import show
from typedpipe.types.model import StatusType, Type

_OF_FUNCTIONS = frozenset(
    {
        "__closure__",
        "__code__",
        "__defaults__",
        "__globals__",
        "__kwdefaults__",
        "__type_params__",
    }
)
"""Attributes that ``inspect`` reads of a function, beside those that each instance has."""


class Decorated:
    """A decorated function.

    ``help``, ``inspect``, ``typing.get_type_hints``, Sphinx and debuggers see a function; ``pickle`` and ``copy`` take
    it by its name in its module, as they take functions.
    """

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn: Any = fn
        self.__name__: str = getattr(fn, "__name__", type(fn).__name__)
        self.__qualname__: str = getattr(fn, "__qualname__", self.__name__)
        self.__doc__ = fn.__doc__
        self.__module__ = getattr(fn, "__module__", "")
        self.__wrapped__ = fn
        self.__annotations__ = getattr(fn, "__annotations__", {})

    if not TYPE_CHECKING:  # checkers know the call's signature from the class

        @property
        def __class__(self) -> type:
            """The class of functions, which ``isinstance`` accepts beside the real one (as a mock's with a spec)."""
            return FunctionType

        def __getattr__(self, name: str) -> Any:
            if name in _OF_FUNCTIONS:
                return getattr(self._fn, name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __reduce__(self) -> str:
        return self.__qualname__


_keys: dict[str, int] = {}
_keys_lock = Lock()


def new_key(name: str) -> str:
    """A key that is unique in this process: the name itself the first time, so that most keep it."""
    key = name
    with _keys_lock:
        while key in _keys:
            _keys[name] += 1
            key = f"{name}#{_keys[name]}"
        _keys[key] = 1
    return key


class Callee:
    """The interface of a component or a pipeline, prepared so that a call costs little."""

    __slots__ = (
        "inputs",
        "is_pipeline",
        "key",
        "name",
        "node_name",
        "output_params",
        "outputs",
        "positions",
        "required",
        "span",
        "status",
        "whole",
    )

    def __init__(
        self,
        name: str,
        key: str,
        inputs: tuple[ir.InputPort, ...],
        outputs: Mapping[str, Type],
        span: Span,
    ) -> None:
        self.name = name
        self.key = key
        self.node_name = node_name(name)
        self.inputs = {port.name: port for port in inputs if not isinstance(port.type, StatusType)}
        self.positions = {name: index for index, name in enumerate(self.inputs)}
        self.outputs = dict(outputs)
        self.output_params: frozenset[str] = frozenset()
        self.required = frozenset(port.name for port in self.inputs.values() if port.required)
        self.span = span
        self.is_pipeline = False
        self.whole: Type | None = None
        """The type of the class that the function returns, whose fields are the outputs, as one value."""
        self.status = next((port.name for port in inputs if isinstance(port.type, StatusType)), "")
        """The input that gets the outcome, of a component made for an exit handler."""

    def declared(self) -> tuple[Label, ...]:
        return (Label(self.span, f"`{self.name}` is declared here"),) if self.span.file else ()


def not_a_function(fn: Any, word: str) -> tuple[str, str] | None:
    """The reason why a typedpipe decorator cannot be applied, and a suggested fix; None if it can."""
    advice = f"put `@dsl.{word}` right above a `def`, below any other decorator"
    if isinstance(fn, type):
        return f"`@dsl.{word}` is applied to the class `{fn.__name__}`", "decorate a function instead"
    kind = type(fn).__name__
    if kind in {"Component", "ParamComponent"}:
        return (
            f"`@dsl.{word}` is applied to the component `{fn.__name__}`",
            "keep one of the two decorators",
        )
    if kind == "Pipeline":
        return (
            f"`@dsl.{word}` is applied to the pipeline `{fn.__name__}`",
            "keep one of the two decorators",
        )
    if isinstance(fn, str):
        option = "name" if word == "pipeline" else "base_image"
        return (
            f"`@dsl.{word}` received {fn!r} as a positional argument",
            f'name the option: `@dsl.{word}({option}="{fn}")`',
        )
    if not isinstance(fn, FunctionType):
        return f"`@dsl.{word}` must decorate a function, not `{kind}`", advice
    if fn.__name__ == "<lambda>":
        return (
            f"`@dsl.{word}` does not support a lambda",
            "use a `def`, because a lambda has no name and no type annotations",
        )
    owner = fn.__qualname__.rpartition(".")[0]
    if word == "pipeline" and owner and not owner.endswith("<locals>"):
        return f"the pipeline `{fn.__name__}` is a method of `{owner}`", "move the function out of the class"
    if word == "pipeline" and hasattr(fn, "__wrapped__"):
        return f"`{fn.__name__}` has another decorator below `@dsl.pipeline`", advice
    return None


_ASYNC_OR_GENERATOR = (
    0x20 | 0x80 | 0x100 | 0x200
)  # CO_GENERATOR, CO_COROUTINE, CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR


def is_traceable(fn: Any, name: Any, options: dict[str, Any], *, nested: bool) -> bool:
    """Whether a pipeline's function can be traced; otherwise the reason is reported."""
    span = span_of_function(fn)
    for option, value in {"name": name, **options}.items():
        if value is not None and not isinstance(value, str):
            error(
                "TP106",
                f"`{option}` must be a string, not `{type(value).__name__}`",
                span,
                help=f'for example `{option}="…"`',
            )
    problem = not_a_function(fn, "pipeline")
    if problem is not None:
        error("TP107", problem[0], span if span.file else None, help=problem[1])
        return False
    if fn.__code__.co_flags & _ASYNC_OR_GENERATOR:
        kind = "a generator" if fn.__code__.co_flags & 0x20 else "async"
        message = f"the pipeline `{fn.__name__}` is {kind}"
        error("TP107", message, span, help="use a plain `def`: the tasks of a pipeline run in parallel anyway")
        return False
    if nested:
        help_ = "define it at module level, and call it here"
        error("TP118", f"the pipeline `{fn.__name__}` is defined inside another pipeline", span, help=help_)
        return False
    return True


MakeTask: TypeAlias = "Callable[[Trace, Callee | None, str, ir.Args, Site], Any]"
"""The class of the task that a call creates; tasks refer to their callee, so they are a layer above this module."""


def call(callee: Callee | None, make: MakeTask, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> Any:
    """Create the task of a call. ``callee`` is None if its decoration failed: the task is then valid anywhere."""
    trace = current()
    assert trace is not None
    if callee is None:
        trace.failed = True
        reject(trace, [*args, *kwargs.values()])
        return make(trace, None, "", (), site)
    if args:
        kwargs = _positional(trace, callee, args, kwargs, site)
    bound: list[tuple[str, ir.Operand]] = []
    unknown = False
    inputs = callee.inputs
    builder = trace.builder
    for name, value in kwargs.items():
        if name not in inputs:
            _unknown(callee, name, site)
            reject(trace, value)
            unknown = True
            continue
        if value.__class__ is PipelineValue:
            if value._tp_trace is not trace:
                _foreign(callee, name, value, site)
                bound.append((name, POISON))
                continue
            bound.append((name, operand_of(builder, fitted(value, inputs[name].type))))
            continue
        made = lift(value, Argument(callee.name, name, callee.positions[name], site))
        if made is None:
            bound.append((name, POISON))
        else:
            constant = made.__class__ is ir.Const
            bound.append((name, made if constant else operand_of(builder, fitted(made, inputs[name].type))))
    if not callee.required <= kwargs.keys():
        bound.extend(_missing(callee, kwargs, site, misspelt=unknown))
    name = trace.unique(callee.node_name)
    task = make(trace, callee, name, tuple(bound), site)
    trace.builders[name] = builder
    builder.nodes.append(task)
    return task


def _positional(
    trace: Trace, callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site
) -> dict[str, Any]:
    names = list(callee.inputs)
    if len(args) > len(names):
        error(
            "TP113",
            f"`{callee.name}` takes {len(names)} argument{'s' * (len(names) != 1)}, but got {len(args)} by position",
            site,
            others=callee.declared(),
            help=f"pass the arguments by name; the inputs are {listed(names)}" if names else "it takes no arguments",
        )
        reject(trace, args[len(names) :])
    bound = dict(zip(names, args, strict=False))
    for name in bound.keys() & kwargs.keys():
        error(
            "TP113",
            f"`{name}` of `{callee.name}` is passed both by position and by name",
            site,
            others=callee.declared(),
        )
        reject(trace, bound[name])
    return {**bound, **kwargs}


def _unknown(callee: Callee, name: str, site: Site) -> None:
    if name in callee.output_params:
        error(
            "TP112",
            f"`{name}` is an output of `{callee.name}`, so it cannot be passed in a call",
            argument_span(span_of(site), name),
            others=callee.declared(),
            help=f"remove the argument, and read `.outputs.{name}` of the task",
        )
        return
    names = list(callee.inputs)
    guess = nearest(name, names)
    help_ = f"did you mean `{guess}`?" if guess else f"its inputs are {listed(names)}" if names else "it has no inputs"
    at = argument_span(span_of(site), name)
    error("TP110", f"`{callee.name}` has no input `{name}`", at, others=callee.declared(), help=help_)


def _missing(callee: Callee, kwargs: dict[str, Any], site: Site, *, misspelt: bool) -> list[tuple[str, ir.Operand]]:
    """Report inputs without an argument, unless a wrong name was reported; return placeholders for them."""
    missing = [name for name in callee.inputs if name in callee.required and name not in kwargs]
    if not misspelt:
        wanted = " and ".join(f"`{name}=…` of type `{show(callee.inputs[name].type)}`" for name in missing)
        error(
            "TP111",
            f"`{callee.name}` requires {listed(missing)}, but this call does not pass {'it' if len(missing) == 1 else 'them'}",
            site,
            others=callee.declared(),
            help=f"add {wanted}",
        )
    return [(name, POISON) for name in missing]


def _foreign(callee: Callee, name: str, value: PipelineValue, site: Site) -> None:
    error(
        "TP158",
        f"`{name}` of `{callee.name}` receives a value of another pipeline: `{value._tp_trace.name}`",
        argument_span(span_of(site), name, callee.positions[name]),
        help="add an input to this pipeline, and pass the value when you call the pipeline",
    )
