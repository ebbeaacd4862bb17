"""``@pipeline``: traces a function once, when it is decorated, into IR."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics, Span
from typedpipe.diagnostics.record import NoCollection
from typedpipe.diagnostics.words import nearest
from typedpipe.dsl.nodes.callee import Callee, Decorated, call, is_traceable, new_key, not_a_function
from typedpipe.dsl.nodes.graph import graph_of
from typedpipe.dsl.nodes.groups import ExitHandler
from typedpipe.dsl.nodes.task import Task
from typedpipe.dsl.signature import PipelineSignature, pipeline_signature, summary
from typedpipe.dsl.source.files import has_blocks_or_texts, only_calls, span_of_function
from typedpipe.dsl.tracing import (
    Trace,
    TraceAbort,
    current,
    declarations,
    error,
    listed,
    tracing,
)
from typedpipe.dsl.values import markers
from typedpipe.dsl.values.value import PipelineValue, poison
from typedpipe.hooks import HOOKS
from typedpipe.ir import nodes as ir

if TYPE_CHECKING:
    import os

    from typedpipe.dsl.configured import Configured
    from typedpipe.local.handle import Run
    from typedpipe.local.options import Runner

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


class Pipeline(Decorated, Generic[P, R_co]):
    """A pipeline: checked when it is compiled, callable inside other pipelines like a component.

    Created by :func:`pipeline`.
    """

    def __init__(self, fn: Callable[P, R_co], name: str, options: dict[str, Any]) -> None:
        super().__init__(fn)
        self.name = name
        self.description = _text(options.get("description")) or summary(fn.__doc__)
        self.display_name = _text(options.get("display_name"))
        self.pipeline_root = _text(options.get("pipeline_root"))
        code = getattr(fn, "__code__", None)
        self.file: str = code.co_filename if code is not None else ""
        self.uses: set[str] = set()
        self.called: dict[str, Decorated] = {}
        """The components and pipelines that it calls, by key."""
        self.ir: ir.Pipeline | None = None
        """The pipeline in the IR; None if its definition has errors."""
        self.traced: ir.Pipeline | None = None
        """All that could be traced, also if the definition has errors: the checks find further errors in it."""
        self.callee: Callee | None = None

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> Task[R_co]:
        # Without a docstring: editors then show the one of the pipeline's function at a call.
        frame = sys._getframe(1)
        if current() is None:
            from typedpipe.dsl.direct import called_here

            outside: Task[R_co] = called_here("pipeline", self, args, kwargs, (frame.f_code, frame.f_lasti))
            return outside
        made: Task[R_co] = call(self.callee, Task, args, kwargs, (frame.f_code, frame.f_lasti))
        self._used()
        return made

    def _used(self) -> None:
        trace = current()
        if trace is not None and self.callee is not None:
            trace.pipelines[self.callee.key] = self

    def _warn_if_outdated(self) -> None:
        """In a notebook, write a warning if a cell has defined again what this pipeline calls."""
        if "IPython" in sys.modules:
            from typedpipe.dsl.outdated import warn

            warn(self)

    def compile(self, package_path: str) -> None:
        """Write the pipeline as Argo Workflows YAML.

        Args:
            package_path: The file to write.

        Raises:
            PipelineError: The pipeline has errors; the exception holds all of them.
        """
        HOOKS.toolchain.compile(self, package_path)

    @overload
    def run(self, /, *args: P.args, **kwargs: P.kwargs) -> Run[R_co]: ...
    @overload
    def run(
        self,
        /,
        *args: Any,
        runner: Runner | None,
        jobs: int | None = ...,
        folder: str | os.PathLike[str] | None = ...,
        cache: bool | None = ...,
        fail_fast: bool = ...,
        timeout: float | None = ...,
        name: str = ...,
        tags: Mapping[str, str] = ...,
        note: str = ...,
        params_file: str | os.PathLike[str] | None = ...,
        raise_on_error: bool = ...,
        **kwargs: Any,
    ) -> Run[R_co]: ...
    def run(self, /, *args: Any, **kwargs: Any) -> Any:
        """Start a local run and return its handle immediately; the run continues in the background.

        Arguments are the pipeline's parameters. Options of :meth:`options` can be passed too; a parameter of the
        pipeline takes precedence over an option of the same name.

        Raises:
            PipelineError: The pipeline has errors, an argument does not match, or a task cannot run locally.

        >>> from typedpipe import dsl
        >>> @dsl.component
        ... def double(n: int) -> int:
        ...     return 2 * n
        >>> @dsl.pipeline
        ... def four(n: int) -> int:
        ...     return double(n=double(n=n).output).output
        >>> four.run(n=1).outputs
        4
        """
        from typedpipe.dsl.direct import start

        return start(self, args, kwargs, None)

    def options(  # noqa: PLR0913 - by keyword only
        self,
        *,
        runner: Runner | None = None,
        jobs: int | None = None,
        folder: str | os.PathLike[str] | None = None,
        cache: bool | None = None,
        fail_fast: bool = False,
        timeout: float | None = None,
        name: str = "",
        tags: Mapping[str, str] | None = None,
        note: str = "",
        params_file: str | os.PathLike[str] | None = None,
        raise_on_error: bool = True,
    ) -> Configured[P, R_co]:
        """The pipeline with options for a run: ``main.options(jobs=4).run(n=1)``.

        Args:
            runner: Isolation of tasks: ``process``, ``inprocess``, ``venv``, ``docker`` or ``podman``. Default:
                processes of this Python, with a virtual environment or a container where a component needs one.
            jobs: Maximum number of tasks at the same time.
            folder: Directory of the store. Default: ``.typedpipe`` in the working directory.
            cache: False: reuse no results of earlier runs.
            fail_fast: Stop the run at the first failure that is not ignored. Default: independent tasks continue.
            timeout: Maximum duration of the run in seconds.
            name: Name of the run. Default: made from the time and the pipeline's name.
            tags: Tags of the run: ``typedpipe runs ls --tag data=2026-01`` lists the runs that have one.
            note: A note about the run, for people.
            params_file: A YAML or JSON file with parameters; arguments of :meth:`run` take precedence.
            raise_on_error: False: ``.wait()`` of a failed run returns the handle and does not raise.

        Raises:
            PipelineError: an option is invalid.
        """
        given = {key: value for key, value in locals().items() if key != "self"}
        given["tags"] = tags or {}
        from typedpipe.dsl.configured import Configured

        HOOKS.toolchain.check_options(given)
        return Configured(self, given)

    def local(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run the pipeline locally and return its outputs: ``.run(…).outputs``.

        Raises:
            PipelineError: The pipeline has errors, or an argument does not match.
            typedpipe.local.RunFailed: A task failed; ``.result`` holds the result of each.

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
        from typedpipe.dsl.direct import start

        outputs: R_co = start(self, args, kwargs, {}).outputs
        return outputs

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """The pipeline's graph, for notebooks."""
        return HOOKS.toolchain.draw(self)

    def __repr__(self) -> str:
        return f"<pipeline {self.name}>"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


if TYPE_CHECKING:  # the first one is what editors show at `@pipeline(`

    @overload
    def pipeline(
        fn: None = None,
        /,
        *,
        name: str = ...,
        description: str = ...,
        pipeline_root: str = ...,
        display_name: str = ...,
    ) -> Callable[[Callable[P, R]], Pipeline[P, R]]: ...
    @overload
    def pipeline(fn: Callable[P, R], /) -> Pipeline[P, R]: ...


def pipeline(fn: Any = None, /, **options: Any) -> Any:
    """Create a pipeline from a function that calls components.

    The function runs once, immediately, to be traced. Its parameters are the pipeline's inputs; its return value is
    the pipeline's output: one value, or a NamedTuple or dataclass of several.

    Args:
        fn: The function, if the decorator is used without arguments.
        name: The pipeline's name. Default: the function's name.
        description: Its description. Default: the docstring's first paragraph.
        pipeline_root: Accepted for KFP and ignored: the engine's configuration determines the artifact store.
        display_name: Its name in user interfaces.

    Raises:
        PipelineError: The definition has errors (under ``typedpipe compile`` they are collected instead).

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> @dsl.pipeline(name="four-times")
    ... def four(n: int = 1) -> int:
    ...     return double(n=double(n=n).output).output
    """
    for option in options:
        if option not in _OPTIONS:
            guess = nearest(option, _OPTIONS)
            help_ = f"did you mean `{guess}`?" if guess else f"the options are {listed(_OPTIONS)}"
            error("TP106", f"`@dsl.pipeline` has no option `{option}`", help=help_)
    known: dict[str, Any] = {option: options.get(option) for option in _OPTIONS}
    name = known.pop("name")
    if fn is not None:
        return _define(fn, name, known)
    return lambda function: _define(function, name, known)


_OPTIONS = ("name", "description", "pipeline_root", "display_name")


def _define(fn: Any, name: Any, options: dict[str, Any]) -> Any:
    if not callable(fn) and not hasattr(fn, "__func__"):
        message, help_ = not_a_function(fn, "pipeline") or ("", "")
        error("TP107", message, help=help_)
        return lambda function: Pipeline(function, function.__name__, {})
    found = declarations()
    report = found.report if found is not None else Diagnostics()
    title = name if isinstance(name, str) and name.strip() else getattr(fn, "__name__", "pipeline").replace("_", "-")
    handle: Pipeline[..., Any] = Pipeline(fn, title, options)
    outer = current()
    trace = Trace(title, outer.report if outer is not None else report)
    try:
        with NoCollection(), tracing(trace):
            if is_traceable(fn, name, options, nested=outer is not None):
                _trace(handle, fn, trace)
    except TraceAbort:
        handle.callee = handle.ir = None  # a call of it is valid anywhere: its error has been reported
    if found is not None:
        found.pipelines.append(handle)
    elif outer is None and report.has_errors:
        if handle.traced is not None:
            HOOKS.toolchain.report_errors(handle.traced, report)
        raise PipelineError(report)
    return handle


def _trace(handle: Pipeline[..., Any], fn: Any, trace: Trace) -> None:
    signature = pipeline_signature(fn, trace)
    span = span_of_function(fn)
    callee = Callee(fn.__name__, new_key(fn.__name__), signature.inputs, signature.outputs, span)
    callee.whole = signature.returns.whole if signature.returns is not None else None
    callee.is_pipeline = True
    leaves = _leaves_a_block(fn, signature, trace)
    result = _result(fn, signature, trace)
    if leaves:
        result = poison(trace)  # of a `return` that is an error itself
    for group in () if trace.aborted else trace.groups:
        unfinished = group._unfinished()
        if unfinished:
            error(
                "TP163",
                f"this `dsl.{type(group).__name__}` {unfinished}",
                group._site,
                help=f"write `with dsl.{type(group).__name__}(...):` and put the tasks into the block",
            )
    handle.callee = callee if signature.returns is not None else None
    _finish(handle, trace, signature, result, span)


def _leaves_a_block(fn: Any, signature: PipelineSignature, trace: Trace) -> bool:
    """Report the errors of the function's syntax; return whether one of them is a `return` in a block."""
    found = Diagnostics()
    if has_blocks_or_texts(fn.__code__):
        from typedpipe.dsl.source import bodies

        bodies.check(fn, found)
    if not only_calls(fn):
        from typedpipe.dsl.source.decisions import check_decisions  # loading takes time
        from typedpipe.dsl.source.facts import inputs_of

        trace.decided = check_decisions(fn, inputs_of(signature.inputs), found)
    for diagnostic in found:
        trace.report.add(diagnostic)
    trace.failed |= found.has_errors
    return any(diagnostic.code == "TP165" for diagnostic in found)


def _result(fn: Any, signature: PipelineSignature, trace: Trace) -> object:
    """Call the function; poison if it did not reach its end, which was reported. The tasks until then are checked."""
    positional, by_name = _arguments(fn, signature, trace)
    try:
        return fn(*positional, **by_name)
    except TraceAbort:
        pass
    except Exception as problem:
        from typedpipe.dsl.escapes import report_escaped  # needed only here, and loading takes time

        report_escaped(problem, fn)
    trace.failed = trace.aborted = True
    return poison(trace)


def _arguments(fn: Any, signature: PipelineSignature, trace: Trace) -> tuple[list[Any], dict[str, Any]]:
    """Arguments for the function; poison if a parameter cannot be an input, which was reported."""
    values = {port.name: PipelineValue(trace, port.type, ir.FromInput(port.name)) for port in signature.inputs}
    code = fn.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    given = [values[name] if name in values else poison(trace) for name in names]
    return given[: code.co_argcount], dict(zip(names[code.co_argcount :], given[code.co_argcount :], strict=True))


def _finish(handle: Pipeline[..., Any], trace: Trace, signature: PipelineSignature, result: object, span: Span) -> None:
    outputs = signature.bind_outputs(result, trace)
    if any(isinstance(group, ExitHandler) and group._exit is None for group in trace.groups):
        handle.callee = None  # a handler without its exit task is not a node
        return
    graph = graph_of(trace, signature.inputs, outputs)
    if trace.formats and not trace.decided and not trace.aborted:
        markers.check_used(trace)
    if not trace.root.nodes and not trace.failed:
        error(
            "TP120",
            f"the pipeline `{trace.name}` has no tasks",
            span,
            help="call at least one component in its body",
        )
    handle.called = {key: each for key, each in trace.called.items() if isinstance(each, Decorated)} | trace.pipelines
    components = dict(trace.components)
    pipelines: dict[str, ir.Graph] = {}
    for key, used in trace.pipelines.items():
        handle.uses |= {used.name, *used.uses}
        trace.failed |= used.ir is None
        if used.traced is not None:
            components.update(used.traced.components)
            pipelines.update(used.traced.pipelines)
            pipelines[key] = used.traced.graph
    handle.traced = ir.Pipeline(
        trace.name, graph, components, pipelines, handle.display_name, handle.description, closed=False, span=span
    )
    handle.ir = None if trace.failed else handle.traced
