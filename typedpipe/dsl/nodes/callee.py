"""Callables in a pipeline, component or pipeline: their inputs and outputs, and the binding of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from types import FunctionType
from typing import Any, TypeAlias

from typedpipe.diagnostics.model import Label, Span
from typedpipe.diagnostics.source import argument_span
from typedpipe.diagnostics.words import nearest
from typedpipe.dsl.tracing import Site, Trace, current, error, listed, node_name, span_of
from typedpipe.dsl.values.lifting import lift
from typedpipe.dsl.values.subjects import Argument
from typedpipe.dsl.values.value import POISON, PipelineValue, operand_of
from typedpipe.ir import nodes as ir
from typedpipe.types.display import show
from typedpipe.types.model import StatusType, Type

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


MakeTask: TypeAlias = "Callable[[Trace, Callee | None, str, ir.Args, Site], Any]"
"""The class of the task that a call creates; tasks refer to their callee, so they are a layer above this module."""


def call(callee: Callee | None, make: MakeTask, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> Any:
    """Create the task of a call. ``callee`` is None if its decoration failed: the task is then valid anywhere."""
    trace = current()
    assert trace is not None
    if callee is None:
        trace.failed = True
        return make(trace, None, "", (), site)
    if args:
        kwargs = _positional(callee, args, kwargs, site)
    bound: list[tuple[str, ir.Operand]] = []
    unknown = False
    inputs = callee.inputs
    builder = trace.builder
    for name, value in kwargs.items():
        if name not in inputs:
            _unknown(callee, name, site)
            unknown = True
            continue
        if value.__class__ is PipelineValue:
            if value._tp_trace is not trace:
                _foreign(callee, name, value, site)
                bound.append((name, POISON))
                continue
            bound.append((name, operand_of(builder, value)))
            continue
        made = lift(value, Argument(callee.name, name, callee.positions[name], site))
        if made is None:
            bound.append((name, POISON))
        else:
            bound.append((name, made if made.__class__ is ir.Const else operand_of(builder, made)))
    if not callee.required <= kwargs.keys():
        bound.extend(_missing(callee, kwargs, site, misspelt=unknown))
    name = trace.unique(callee.node_name)
    task = make(trace, callee, name, tuple(bound), site)
    trace.builders[name] = builder
    builder.nodes.append(task)
    return task


def _positional(callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> dict[str, Any]:
    names = list(callee.inputs)
    if len(args) > len(names):
        error(
            "TP113",
            f"`{callee.name}` takes {len(names)} argument{'s' * (len(names) != 1)}, but got {len(args)} by position",
            site,
            others=callee.declared(),
            help=f"pass the arguments by name; the inputs are {listed(names)}" if names else "it takes no arguments",
        )
    bound = dict(zip(names, args, strict=False))
    for name in bound.keys() & kwargs.keys():
        error(
            "TP113",
            f"`{name}` of `{callee.name}` is passed both by position and by name",
            site,
            others=callee.declared(),
        )
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
