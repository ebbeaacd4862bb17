"""Calls of a component or a pipeline that run immediately: a pipeline of that one call, run by the same engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.diagnostics.record import NoCollection
from typedpipe.diagnostics.source import resolve_spans
from typedpipe.diagnostics.words import nearest
from typedpipe.dsl.component import BaseComponent
from typedpipe.dsl.direct import of_class
from typedpipe.dsl.nodes.callee import Callee, call
from typedpipe.dsl.nodes.graph import graph_of
from typedpipe.dsl.nodes.importer import importer
from typedpipe.dsl.nodes.task import ParamTask
from typedpipe.dsl.pipeline import Pipeline
from typedpipe.dsl.tracing import Site, Trace, TraceAbort, fatal, tracing
from typedpipe.ir import nodes as ir
from typedpipe.local.handle import Run
from typedpipe.local.result import RunFailed
from typedpipe.local.startup import run_traced
from typedpipe.types.artifacts import Artifact, artifact_type
from typedpipe.types.model import ArtifactType, Type, artifact_of, is_artifact


class CalledOutputs(dict[str, Any]):
    """Outputs of a called task by name: ``outputs["x"]`` and ``outputs.x``."""

    def __missing__(self, name: str) -> Any:
        close = nearest(name, self)
        known = ", ".join(self) or "none"
        raise KeyError(f"no output {name}" + (f"; did you mean {close}?" if close else f"; the outputs are {known}"))

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as problem:
            raise AttributeError(problem.args[0]) from None


class CalledTask:
    """The result of a call after ``local.init``: the task has ended, and its outputs are real values."""

    def __init__(self, name: str, run: Run[CalledOutputs]) -> None:
        self.name = name
        self.run = run
        """The run of this one call."""

    @property
    def state(self) -> str:
        """SUCCEEDED, FAILED or CANCELED."""
        return self.run.result.state

    @property
    def error_message(self) -> str:
        """The reason for the failure; empty if it succeeded."""
        return self.run.result.message

    @property
    def outputs(self) -> CalledOutputs:
        """Outputs by name.

        Raises:
            typedpipe.local.RunFailed: it failed, so there are no outputs.
        """
        return self.run.outputs

    @property
    def output(self) -> Any:
        """The single output; raises the same exceptions as :attr:`outputs`."""
        outputs = self.outputs
        if len(outputs) != 1:
            names = ", ".join(outputs) or "none"
            raise AttributeError(f"`{self.name}` has {len(outputs)} outputs, not one: {names}; use `.outputs[…]`")
        return next(iter(outputs.values()))

    def __repr__(self) -> str:
        return f"<task {self.name}: {self.state.lower()}>"


def run_call(
    what: BaseComponent | Pipeline[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    site: Site,
    options: Mapping[str, Any],
    environment: Mapping[str, str],
) -> CalledTask:
    """Run a component or a pipeline on these arguments.

    Raises:
        PipelineError: an argument does not match, or it cannot run locally.
        RunFailed: it failed, and the session raises.
    """
    traced = _traced(what, args, kwargs, site)
    classes = what.__wrapped__.__globals__ if isinstance(what, Pipeline) else what._classes  # noqa: SLF001 - its own package
    types = {output.name: output.type for output in traced.graph.outputs}

    def outputs(plain: Mapping[str, object]) -> CalledOutputs:
        return CalledOutputs({key: of_class(value, types[key], classes) for key, value in plain.items()})

    run = run_traced(traced, {}, options, outputs, environment)
    task = CalledTask(what.name, run)
    if not run.result.succeeded and options["raise_on_error"]:
        raise RunFailed(run.result)
    return task


def _traced(
    what: BaseComponent | Pipeline[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], site: Site
) -> ir.Pipeline:
    """The pipeline of one call; its outputs are those of the call."""
    callee = what.callee if isinstance(what, Pipeline) else what._callee  # noqa: SLF001 - its own attribute
    if callee is None:
        fatal(
            "TP109", f"`{what.name}` has errors in its definition", site, help="fix the errors in its definition first"
        )
    report = Diagnostics()
    trace = Trace(what.name, report)
    components: dict[str, ir.Component] = {}
    pipelines: dict[str, ir.Graph] = {}
    with NoCollection(), tracing(trace):
        try:
            task = call(callee, ParamTask, *_given(callee, args, kwargs), site)
        except TraceAbort:
            if report.has_errors:
                raise PipelineError(report) from None
            raise
        if report.has_errors:
            raise PipelineError(report)
        outs: list[tuple[str, ir.Operand, Any, Site | None]] = [
            (name, ir.FromTask(task._name, name), type_, site)  # noqa: SLF001 - created here
            for name, type_ in callee.outputs.items()
        ]
        graph = graph_of(trace, (), outs)
    if isinstance(what, Pipeline):
        what._warn_if_outdated()  # noqa: SLF001 - its own package
        assert what.ir is not None
        components, pipelines = dict(what.ir.components), {**what.ir.pipelines, callee.key: what.ir.graph}
    elif what.definition is not None:
        components = {callee.key: what.definition}
    return ir.Pipeline(what.name, graph, components, pipelines, closed=False, span=resolve_spans([site])[0])


def _given(callee: Callee, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments, with artifacts imported."""
    ports = list(callee.inputs.values())
    placed = tuple(_argument(value, ports[at] if at < len(ports) else None) for at, value in enumerate(args))
    return placed, {name: _argument(value, callee.inputs.get(name)) for name, value in kwargs.items()}


def _argument(value: Any, port: ir.InputPort | None) -> Any:
    """A value as a call in a pipeline accepts it: an existing artifact is imported."""
    if port is None or not is_artifact(port.type):
        return value
    if isinstance(value, list | tuple):
        return [_imported(item, port) for item in value]
    return None if value is None else _imported(value, port)


def _imported(value: Any, port: ir.InputPort) -> Any:
    if isinstance(value, Artifact):
        uri, cls, metadata = _uri_of(value), type(value), value.metadata
    elif isinstance(value, str | os.PathLike):
        text = os.fspath(value)
        uri, cls, metadata = (text if "://" in text else os.path.abspath(text)), class_of(port.type), {}
    else:
        fatal(
            "TP663",
            f"the input `{port.name}` is an artifact, but received {type(value).__name__}",
            help="pass a path, an artifact object, or `task.output` of an earlier call",
        )
    if "://" not in uri and not os.path.exists(uri):
        fatal(
            "TP663", f"there is no file {uri} for the input `{port.name}`", help="pass the path of a file or directory"
        )
    return importer(uri, cls, metadata=metadata or None).output


def _uri_of(artifact: Artifact) -> str:
    """Location of an artifact: a local path if it exists, otherwise its URI."""
    local = artifact.custom_path or artifact._path  # noqa: SLF001 - `.path` would create a new path
    return os.path.abspath(local) if local and os.path.exists(local) else artifact.uri


def class_of(type_: Type) -> type[Artifact]:
    """The class of an input's artifacts: the most recently defined one, if a module was loaded twice."""
    wanted = artifact_of(type_)
    classes: list[type[Artifact]] = [Artifact]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    found = [cls for cls in classes if isinstance(wanted, ArtifactType) and artifact_type(cls).title == wanted.title]
    return found[-1] if found else Artifact
