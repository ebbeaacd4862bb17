"""``@pipeline``: a function traced once, when it is decorated, into IR."""

from __future__ import annotations

import itertools
import os
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from typedpipe.diagnostics.model import Diagnostics, PipelineError, Span
from typedpipe.dsl import bodies, markers
from typedpipe.dsl.build import graph_of
from typedpipe.dsl.callee import Callee, call
from typedpipe.dsl.signature import PipelineSignature, pipeline_signature
from typedpipe.dsl.task import Task
from typedpipe.dsl.tracing import (
    PACKAGE,
    Trace,
    TraceAbort,
    collected,
    current,
    error,
    fatal,
    span_of_function,
    tracing,
)
from typedpipe.dsl.values import PipelineValue
from typedpipe.ir import nodes as ir
from typedpipe.types.annotations import Returned

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")

_keys = itertools.count(1)


class Pipeline(Generic[P, R_co]):
    """A pipeline: checked when it is compiled, callable inside other pipelines as a component is.

    Made by :func:`pipeline`.
    """

    def __init__(self, fn: Callable[P, R_co], name: str, options: dict[str, Any]) -> None:
        self._fn = fn
        self.name = name
        self.__name__ = fn.__name__
        self.__qualname__ = getattr(fn, "__qualname__", fn.__name__)
        self.__doc__ = fn.__doc__
        self.__module__ = fn.__module__
        self.__wrapped__ = fn
        self.description: str = options.get("description") or _summary(fn.__doc__)
        self.display_name: str = options.get("display_name") or ""
        self.pipeline_root: str = options.get("pipeline_root") or ""
        self.file = fn.__code__.co_filename
        self.uses: set[str] = set()
        self.ir: ir.Pipeline | None = None
        self.callee: Callee | None = None
        self._returns: Returned | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Task[R_co]:
        """Call the pipeline inside another one."""
        frame = sys._getframe(1)
        if current() is None:
            fatal(
                "TP109",
                f"the pipeline `{self.name}` is called outside of a pipeline",
                help="run it here with `typedpipe run`, compile it with `typedpipe compile`, or call it in a `@dsl.pipeline`",
            )
        made: Task[R_co] = call(self.callee, Task, args, kwargs, (frame.f_code, frame.f_lasti))
        self._used()
        return made

    def _used(self) -> None:
        trace = current()
        if trace is not None and self.callee is not None:
            trace.pipelines[self.callee.key] = self

    def compile(self, package_path: str) -> None:
        """Write the pipeline as Argo Workflows YAML.

        Args:
            package_path: The file to write.

        Raises:
            PipelineError: The pipeline has mistakes; all of them are in it.
        """
        from importlib import import_module  # the compiler stands above the dsl; it is loaded only when it is used

        import_module("typedpipe.compiler").Compiler().compile(self, package_path)

    def local(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run the pipeline on this machine, each task in its own process, and give its outputs.

        Raises:
            PipelineError: The pipeline, or an argument, has mistakes.
            RunFailed: A task failed; ``.result`` has what became of each.

        >>> from typedpipe import dsl
        >>> @dsl.component
        ... def double(n: int) -> int:
        ...     return 2 * n
        >>> @dsl.pipeline
        ... def four(n: int) -> int:
        ...     return double(n=double(n=n).output).output
        >>> four.local(n=1)
        4
        """
        from importlib import import_module  # as in `compile`: the engine stands above the dsl

        if self.ir is None:
            raise PipelineError([])
        arguments = {**dict(zip((port.name for port in self.ir.graph.inputs), args, strict=False)), **kwargs}
        checked = import_module("typedpipe.compiler.driver").check(self.ir)
        outputs = import_module("typedpipe.local").run_or_raise(checked, arguments)
        result: R_co = self._result(outputs)
        return result

    def _result(self, outputs: dict[str, Any]) -> Any:
        if self._returns is None or self._returns.kind == "none":
            return None
        if self._returns.kind == "one":
            return outputs["Output"]
        hint = self._fn.__annotations__["return"]
        cls = eval(hint, self._fn.__globals__) if isinstance(hint, str) else hint  # noqa: S307 - the user's annotation
        return cls(**outputs)

    def __repr__(self) -> str:
        return f"<pipeline {self.name}>"


def _summary(doc: str | None) -> str:
    """The first paragraph of a docstring."""
    return " ".join((doc or "").strip().partition("\n\n")[0].split())


if TYPE_CHECKING:

    @overload
    def pipeline(fn: Callable[P, R], /) -> Pipeline[P, R]: ...
    @overload
    def pipeline(
        *, name: str = ..., description: str = ..., pipeline_root: str = ..., display_name: str = ...
    ) -> Callable[[Callable[P, R]], Pipeline[P, R]]: ...
    def pipeline(fn: Any = None, /, **options: Any) -> Any: ...

else:

    def pipeline(fn=None, /, *, name=None, description=None, pipeline_root=None, display_name=None):
        """Make a pipeline of a function that calls components.

        The function runs once, now, to be traced. Its parameters are the pipeline's inputs, what it returns are the
        pipeline's outputs: one value, or a NamedTuple or dataclass of several.

        Args:
            fn: The function, when the decorator is used bare.
            name: The pipeline's name; the function's when not given.
            description: What it does; the docstring's first paragraph when not given.
            pipeline_root: Kept for KFP's sake: where artifacts are stored is the engine's configuration.
            display_name: What a user interface calls it.

        Raises:
            PipelineError: The definition has mistakes (under ``typedpipe compile`` they are collected instead).

        >>> from typedpipe import dsl
        >>> @dsl.component
        ... def double(n: int) -> int:
        ...     return 2 * n
        >>> @dsl.pipeline(name="four-times")
        ... def four(n: int = 1) -> int:
        ...     return double(n=double(n=n).output).output
        """
        options = {"description": description, "pipeline_root": pipeline_root, "display_name": display_name}
        if fn is not None:
            return _define(fn, name, options)
        return lambda function: _define(function, name, options)


def _define(fn: Any, name: str | None, options: dict[str, Any]) -> Pipeline[..., Any]:
    if not hasattr(fn, "__code__"):
        fatal("TP107", f"`@dsl.pipeline` decorates a function, not {type(fn).__name__!r}", help="put it above a `def`")
    title = name or fn.__name__.replace("_", "-")
    handle: Pipeline[..., Any] = Pipeline(fn, title, options)
    found = collected()
    if current() is not None:
        error("TP118", f"the pipeline `{title}` is defined inside another pipeline", help="define it at the top of the module")
    report = found.report if found is not None else Diagnostics()
    trace = Trace(title, report)
    try:
        with tracing(trace):
            _trace(handle, fn, trace)
    except TraceAbort:
        pass
    if found is not None:
        found.pipelines.append(handle)
    else:
        report.raise_if_errors()
    return handle


def _trace(handle: Pipeline[..., Any], fn: Any, trace: Trace) -> None:
    signature = pipeline_signature(fn, trace)
    handle._returns = signature.returns
    span = span_of_function(fn)
    handle.callee = Callee(fn.__name__, f"{fn.__name__}#{next(_keys)}", signature.inputs, signature.outputs, span)
    handle.callee.is_pipeline = True
    bodies.check(fn, trace.report)
    arguments = {port.name: PipelineValue(trace, port.type, ir.FromInput(port.name)) for port in signature.inputs}
    try:
        result = fn(**arguments)
    except TraceAbort:
        handle.callee = None  # a call of it fits anywhere: its mistake has been reported
        return
    except Exception as problem:  # noqa: BLE001 - whatever the user's code raises is reported at the user's line
        _escaped(problem, fn)
        return
    for group in trace.groups:
        if not group._entered:
            error(
                "TP163",
                f"this `dsl.{type(group).__name__}` is never entered, so it does nothing",
                group._site,
                help=f"write `with dsl.{type(group).__name__}(...):` and put its tasks into the block",
            )
    _finish(handle, trace, signature, result, span)


def _finish(handle: Pipeline[..., Any], trace: Trace, signature: PipelineSignature, result: object, span: Span) -> None:
    outputs = signature.bind_outputs(result, trace)
    graph = graph_of(trace, signature.inputs, outputs)
    markers.check_used(trace)
    if not trace.root.nodes and not trace.report.has_errors:
        error(
            "TP120",
            f"the pipeline `{trace.name}` has no tasks",
            span,
            help="call at least one component in its body",
        )
    components = dict(trace.components)
    pipelines: dict[str, ir.Graph] = {}
    for key, used in trace.pipelines.items():
        handle.uses |= {used.name, *used.uses}
        if used.ir is not None:
            components.update(used.ir.components)
            pipelines.update(used.ir.pipelines)
            pipelines[key] = used.ir.graph
    handle.ir = ir.Pipeline(
        trace.name, graph, components, pipelines, handle.display_name, handle.description, closed=False, span=span
    )


def _escaped(problem: Exception, fn: Any) -> None:
    """An exception of the user's code, or of Python's about a value that is not there yet."""
    site = _user_frame(problem.__traceback__, fn)
    text = "".join(traceback.format_exception_only(problem)).strip().splitlines()[-1]
    help_ = "a pipeline's function runs once, when it is defined; what it calls besides components must not fail"
    if isinstance(problem, PipelineError):
        for diagnostic in problem.diagnostics:
            trace = current()
            if trace is not None:
                trace.report.add(diagnostic)
        return
    if "PipelineValue" in text or type(problem).__name__ == "ValidationError":
        text = text.replace("PipelineValue", "a value of the pipeline")
        help_ = (
            "a value of the pipeline is not there yet, so Python's own functions cannot take it: pass it to a component; "
            "a pydantic model is built in a component, or give the component its fields"
        )
    elif isinstance(problem, NameError) and getattr(problem, "name", None) == fn.__name__:
        help_ = "a pipeline cannot call itself: recursion has no end that is known when it is compiled"
    error("TP119", f"the pipeline `{fn.__name__}` raised an exception: {text}", site, help=help_)


def _user_frame(tb: TracebackType | None, fn: Any) -> Any:
    """The innermost frame of the user's own file; else of any file that is not ours."""
    own = found = None
    while tb is not None:
        code = tb.tb_frame.f_code
        if code.co_filename == fn.__code__.co_filename:
            own = (code, tb.tb_lasti)
        elif not code.co_filename.startswith(PACKAGE) and os.sep + "lib" + os.sep not in code.co_filename:
            found = (code, tb.tb_lasti)
        tb = tb.tb_next
    return own or found
