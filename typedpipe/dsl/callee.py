"""What can be called in a pipeline body, component or pipeline: its inputs and outputs, and the binding of a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typedpipe.diagnostics.model import Label, Span
from typedpipe.dsl.task import ParamTask, Task
from typedpipe.diagnostics.source import argument_span
from typedpipe.dsl.tracing import Site, current, error, listed, nearest, span_of
from typedpipe.dsl.values import POISON, Argument, Pending, PipelineValue, lift, place
from typedpipe.ir import nodes as ir
from typedpipe.types.display import show
from typedpipe.types.model import StatusType, Type, is_optional


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
        self.required = frozenset(
            p.name for p in self.inputs.values() if p.default is None and not (p.how != "value" and is_optional(p.type))
        )
        self.span = span
        self.is_pipeline = False

    def declared(self) -> tuple[Label, ...]:
        return (Label(self.span, f"`{self.name}` is declared here"),) if self.span.file else ()


def node_name(name: str) -> str:
    """What a task of a component is called: its name, with ``-`` for all that is no letter or digit.

    >>> node_name("train_model (v2)")
    'train-model-v2'
    """
    words = "".join(c if c.isalnum() else " " for c in name).split()
    return "-".join(words) or "task"


def call(callee: Callee | None, task_class: type[Task[Any]], args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> Any:
    """Make the task of a call. ``callee`` is None where its decoration failed: the task then fits anywhere."""
    trace = current()
    assert trace is not None
    if callee is None:
        return ParamTask(trace, None, "", (), site)
    if args:
        kwargs = _positional(callee, args, kwargs, site)
    bound: list[tuple[str, ir.Operand]] = []
    inputs = callee.inputs
    scope = trace.scope
    for name, value in kwargs.items():
        if name not in inputs:
            _unknown(callee, name, site)
            continue
        if value.__class__ is PipelineValue:
            if value._tp_trace is not trace:
                _foreign(callee, name, value, site)
                continue
            op = value._tp_op
            bound.append((name, place(scope, value) if op.__class__ is Pending else op))
            continue
        made = lift(value, Argument(callee.name, name, callee.positions[name], site))
        if made is None:
            bound.append((name, POISON))
        else:
            bound.append((name, made if made.__class__ is ir.Const else place_or_leaf(scope, made)))
    if not callee.required <= kwargs.keys():
        _missing(callee, kwargs, site)
    name = trace.unique(callee.node_name)
    task = task_class(trace, callee, name, tuple(bound), site)
    trace.scopes[name] = scope
    scope.nodes.append(task)
    return task


def place_or_leaf(scope: Any, value: PipelineValue) -> ir.Operand:
    op = value._tp_op
    return place(scope, value) if isinstance(op, Pending) else op


def _positional(callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> dict[str, Any]:
    names = list(callee.inputs)
    if len(args) > len(names):
        error(
            "TP113",
            f"`{callee.name}` takes {len(names)} argument{'s' * (len(names) != 1)}, and got {len(args)} by position",
            site,
            others=callee.declared(),
            help=f"name the arguments; the inputs are {listed(names)}" if names else "it takes none",
        )
    bound = dict(zip(names, args, strict=False))
    for name in bound.keys() & kwargs.keys():
        error("TP113", f"`{name}` of `{callee.name}` is given twice: by position and by name", site, others=callee.declared())
    return {**bound, **kwargs}


def _unknown(callee: Callee, name: str, site: Site) -> None:
    if name in callee.output_params:
        error(
            "TP112",
            f"`{name}` is an output of `{callee.name}`, so a call does not pass it",
            argument_span(span_of(site), name),
            others=callee.declared(),
            help=f"leave it out, and use `.outputs.{name}` of the task",
        )
        return
    names = list(callee.inputs)
    guess = nearest(name, names)
    help_ = f"did you mean `{guess}`?" if guess else f"its inputs are {listed(names)}" if names else "it has no inputs"
    at = argument_span(span_of(site), name)
    error("TP110", f"`{callee.name}` has no input `{name}`", at, others=callee.declared(), help=help_)


def _missing(callee: Callee, kwargs: dict[str, Any], site: Site) -> None:
    missing = [name for name in callee.inputs if name in callee.required and name not in kwargs]
    types = ", ".join(f"{name}: {show(callee.inputs[name].type)}" for name in missing)
    error(
        "TP111",
        f"`{callee.name}` needs {listed(missing)}, and this call does not give {'it' if len(missing) == 1 else 'them'}",
        site,
        others=callee.declared(),
        help=f"pass {types}",
    )


def _foreign(callee: Callee, name: str, value: PipelineValue, site: Site) -> None:
    error(
        "TP158",
        f"`{name}` of `{callee.name}` gets a value of another pipeline: `{value._tp_trace.name}`",
        argument_span(span_of(site), name, callee.positions[name]),
        help="give this pipeline an input for it, and pass the value when you call the pipeline",
    )
