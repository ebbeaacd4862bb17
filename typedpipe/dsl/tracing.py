"""Tracing state: the current pipeline, its graphs, and the sink for diagnostics.

A pipeline's function runs once, when it is decorated. Calls of components add nodes to the current graph. The state is
a ``ContextVar``, so threads that define pipelines at the same time do not interfere.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType, FrameType
from typing import Any, NoReturn, Protocol

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import NOWHERE, Diagnostic, Diagnostics, Label, Span
from typedpipe.diagnostics.source import read_source, resolve_spans
from typedpipe.dsl.marker_form import shown
from typedpipe.ir import nodes as ir

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

Site = tuple[CodeType, int]
"""Call site in the user's code: cheap to keep, resolved to a :class:`Span` when needed."""


class TraceAbort(BaseException):
    """Ends the tracing of one pipeline after an unrecoverable misuse, which has been reported already.

    A BaseException, so that a user's ``except Exception`` does not hide it.
    """


class TracedPipeline(Protocol):
    """A pipeline after its decoration."""

    __name__: str
    __wrapped__: Any
    name: str
    file: str
    uses: set[str]
    """Names of the pipelines that it calls, directly or indirectly."""

    def _warn_if_outdated(self) -> None:
        """In a notebook, write a warning if a cell has defined again what it calls."""

    @property
    def ir(self) -> _Pipeline | None:
        """The pipeline in the IR; None if its definition has errors."""

    @property
    def traced(self) -> _Pipeline | None:
        """All that could be traced, also if the definition has errors."""


_Pipeline = ir.Pipeline  # inside the class above, `ir` is the property


class Declarations:
    """Components and pipelines declared under :func:`collecting`."""

    def __init__(self, report: Diagnostics) -> None:
        self.report = report
        self.pipelines: list[TracedPipeline] = []


class GraphBuilder:
    """A graph under construction: the pipeline's own, or the body of a group."""

    __slots__ = ("chain", "expr_sites", "exprs", "group", "keep", "kind", "loops", "memo", "nodes", "parent")

    def __init__(self, kind: str, parent: GraphBuilder | None = None, group: str = "") -> None:
        self.kind = kind
        self.group = group
        self.parent = parent
        self.loops: int = (parent.loops if parent else 0) + (kind == "loop")
        self.nodes: list[Any] = []
        self.exprs: list[ir.Expr] = []
        """The expressions that this graph uses; an entry refers to earlier ones only."""
        self.expr_sites: list[Site | None] = []
        self.memo: dict[int, ir.FromExpr] = {}
        self.keep: list[object] = []
        """Objects that ``memo`` refers to by ``id``, kept alive for it."""
        self.chain: Any = None


def node_name(name: str) -> str:
    """The name of a component's task: the component's name, with ``-`` for every character that is not a letter or
    digit.

    >>> node_name("train_model (v2)")
    'train-model-v2'
    """
    words = "".join(c if c.isalnum() else " " for c in name).split()
    return "-".join(words) or "task"


NONCES = itertools.count(1)  # a shared counter whose `next` is atomic: several threads may define pipelines


class Trace:
    """One pipeline that is being traced."""

    __slots__ = (
        "aborted",
        "builder",
        "builders",
        "called",
        "components",
        "decided",
        "failed",
        "formats",
        "groups",
        "name",
        "names",
        "nonce",
        "pipelines",
        "report",
        "root",
    )

    def __init__(self, name: str, report: Diagnostics) -> None:
        self.nonce = next(NONCES)
        self.name = name
        self.report = report
        self.failed = False
        """Whether a mistake was reported for this pipeline: then its other faults may follow from it."""
        self.decided = False
        """Whether the source check found a decision on a value: an exception about its placeholder is no news."""
        self.aborted = False
        """Whether its tracing ended early: the rest of the function is unknown, so nothing is reported as missing."""
        self.root = self.builder = GraphBuilder("pipeline")
        self.names: dict[str, int] = {}
        self.builders: dict[str, GraphBuilder] = {}
        self.components: dict[str, ir.Component] = {}
        self.pipelines: dict[str, Any] = {}
        self.called: dict[str, Any] = {}
        """Components, as objects of the program, by key: a notebook may define them again."""
        self.formats: list[Any] = []
        self.groups: list[Any] = []

    def unique(self, base: str) -> str:
        """A node name that is unique in the pipeline: ``train``, ``train-2``, …."""
        names = self.names
        count = names.get(base, 0) + 1
        names[base] = count
        if count == 1:
            return base
        name = f"{base}-{count}"
        while name in names:
            count += 1
            name = f"{base}-{count}"
        names[base] = count
        names[name] = 1
        return name


_TRACE: ContextVar[Trace | None] = ContextVar("typedpipe_trace", default=None)
_COLLECTED: ContextVar[Declarations | None] = ContextVar("typedpipe_collected", default=None)
_REPORT: ContextVar[Diagnostics | None] = ContextVar("typedpipe_report", default=None)


def current() -> Trace | None:
    """The pipeline that is being traced, if any."""
    return _TRACE.get()


def declarations() -> Declarations | None:
    """The driver's sink, if the driver is importing the file."""
    return _COLLECTED.get()


def detached() -> Trace:
    """A trace without a pipeline, for the poisoned task of a call outside a pipeline."""
    found = _COLLECTED.get()
    return Trace("", found.report if found is not None else Diagnostics())


@contextmanager
def collecting(report: Diagnostics) -> Generator[Declarations]:
    """Collect diagnostics of decorators in ``report`` instead of raising them, and list the pipelines they define."""
    found = Declarations(report)
    token = _COLLECTED.set(found)
    try:
        yield found
    finally:
        _COLLECTED.reset(token)


@contextmanager
def tracing(trace: Trace) -> Generator[Trace]:
    """Make ``trace`` the current one."""
    token = _TRACE.set(trace)
    try:
        yield trace
    finally:
        _TRACE.reset(token)


# ---------------------------------------------------------------------------------------------------- sites


_LIBRARIES = (PACKAGE, os.path.dirname(os.__file__) + os.sep, "<frozen ")


def is_users_file(file: str) -> bool:
    """Whether a file is neither typedpipe's nor a library's."""
    return not file.startswith(_LIBRARIES) and "site-packages" not in file


def site_here() -> Site | None:
    """The innermost frame of the user's code; one of a library only if there is no other."""
    frame: FrameType | None = sys._getframe(1)
    library: Site | None = None
    while frame is not None:
        file = frame.f_code.co_filename
        if is_users_file(file):
            return frame.f_code, frame.f_lasti
        if library is None and not file.startswith(PACKAGE):
            library = frame.f_code, frame.f_lasti
        frame = frame.f_back
    return library


def is_called_by(library: str) -> bool:
    """Whether frames of a library are between here and the user's code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not is_users_file(frame.f_code.co_filename):
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == library:
            return True
        frame = frame.f_back
    return False


def user_site(problem: BaseException, file: str) -> Site | None:
    """Location where an exception left the user's code: in ``file`` if possible, else in any file outside typedpipe."""
    own: Site | None = None
    other: Site | None = None
    step = problem.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if code.co_filename == file:
            own = (code, step.tb_lasti)
        elif is_users_file(code.co_filename):
            other = (code, step.tb_lasti)
        step = step.tb_next
    return own or other


def enclosing_names() -> dict[str, Any]:
    """Local names of the user's function around a decorator: string annotations may refer to its classes."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return {} if frame is None or frame.f_code.co_name == "<module>" else frame.f_locals


def caller_site(depth: int = 2) -> Site:
    """The calling frame: the user's, if called directly from a public function."""
    frame = sys._getframe(depth)
    if frame.f_code.co_filename.startswith(PACKAGE):
        return site_here() or (frame.f_code, frame.f_lasti)
    return frame.f_code, frame.f_lasti


def span_of(site: Site | None) -> Span:
    return resolve_spans([site])[0] if site is not None else NOWHERE


# ------------------------------------------------------------------------------------------------ reporting


@contextmanager
def reporting() -> Generator[Diagnostics]:
    """Collect the errors of one decoration; at its end they go to the sink, or are raised together."""
    outer = sink()
    report = Diagnostics()
    token = _REPORT.set(report)
    try:
        yield report
    finally:
        _REPORT.reset(token)
        if outer is not None:
            for diagnostic in report:
                outer.add(diagnostic)
    if outer is None and report.has_errors:
        raise PipelineError(report)


_OUR_CLASSES = r"'?\b(PipelineValue|ArtifactPart|Part)\b'?"


def exception_line(problem: BaseException) -> str:
    """An exception in one line, with typedpipe's own markers removed."""
    from typedpipe.runtime.task import one_line

    text = one_line(problem)
    text = re.sub(_OUR_CLASSES, "`pipeline value`", text)
    return "".join(c for c in text if c.isprintable())


def sink() -> Diagnostics | None:
    """The sink for errors: the decoration's report, the trace's, the driver's, or None if they are to be raised."""
    report = _REPORT.get()
    if report is not None:
        return report
    trace = _TRACE.get()
    if trace is not None:
        return trace.report
    found = _COLLECTED.get()
    return found.report if found is not None else None


def error(
    code: str,
    message: str,
    at: Site | Span | None = None,
    label: str = "",
    *,
    others: Sequence[Label] = (),
    notes: Sequence[str] = (),
    help: str = "",
) -> None:
    """Report at the user's line; raise :class:`PipelineError` if there is no sink."""
    span = at if isinstance(at, Span) else _first_line(span_of(at or site_here()))
    report = sink()
    diagnostic = Diagnostic(code, shown(message), Label(span, label), tuple(others), tuple(notes), shown(help))
    if report is None:
        raise PipelineError([diagnostic])
    report.add(diagnostic)
    trace = _TRACE.get()
    if trace is not None:
        trace.failed = True


def fatal(
    code: str,
    message: str,
    at: Site | Span | None = None,
    *,
    label: str = "",
    notes: Sequence[str] = (),
    help: str = "",
) -> NoReturn:
    """Report an unrecoverable misuse, and end the tracing of this pipeline, or the import if there is none."""
    span = at if isinstance(at, Span) else _first_line(span_of(at or site_here()))
    diagnostic = Diagnostic(code, shown(message), Label(span, label), (), tuple(notes), help)
    report = sink()
    if report is not None:
        report.add(diagnostic)
    if _TRACE.get() is None:
        raise PipelineError([diagnostic])
    abort(code)


def trace_for(word: str) -> Trace:
    """The pipeline that is being traced; outside a pipeline, ``dsl.<word>`` is a misuse."""
    trace = _TRACE.get()
    if trace is None:
        fatal(
            "TP169",
            f"`dsl.{word}` is used outside a pipeline",
            help="use it in a function decorated with `@dsl.pipeline`",
        )
    return trace


def abort(code: str = "") -> NoReturn:
    """End the tracing of this pipeline: the error was reported."""
    trace = _TRACE.get()
    if trace is not None:
        trace.failed = trace.aborted = True
    raise TraceAbort(code)


def _first_line(span: Span) -> Span:
    """Cut the span of a block, which Python records for its first line, to that line: ``for x in value:``."""
    source = read_source(span.file) if span.end_line > span.line else None
    text = source.line(span.line).rstrip() if source is not None else ""
    if not text[span.column - 1 :].startswith(("for ", "with ", "match ", "if ", "while ")):
        return span
    return Span(span.file, span.line, span.column, span.line, len(text) + 1)


def listed(names: Sequence[str], word: str = "and") -> str:
    """``a``, `b` and `c`` as part of a sentence.

    >>> listed(["a", "b"])
    '`a` and `b`'
    """
    quoted = [f"`{name}`" for name in names]
    return f" {word} ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)
