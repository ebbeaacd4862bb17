"""Immediate execution, for unit tests: a component in this process, a pipeline with the local engine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, Literal, NoReturn, Protocol, TypeAlias, get_origin

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostic, Label
from typedpipe.dsl.nodes.task import ParamTask
from typedpipe.dsl.tracing import Site, TracedPipeline, declarations, detached, error, site_here, span_of
from typedpipe.hooks import HOOKS
from typedpipe.ir import nodes as ir
from typedpipe.runtime import task as runtime
from typedpipe.types.data import to_data
from typedpipe.types.display import show
from typedpipe.types.model import DATETIME, Type, artifact_of, is_artifact, is_optional, without_none

Kind: TypeAlias = Literal["component", "pipeline"]


def run_with_outputs(definition: ir.Component, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a component's function with temporary paths for its outputs; return its outputs by name, or None."""
    if isinstance(definition.impl, ir.ContainerImpl):
        _refuse(
            "TP109",
            f"`{definition.name}` is a container component, so it cannot run in this process",
            "run a pipeline that calls it",
        )
    given = _bound(definition, args, kwargs)
    returned = function(**given)
    outputs = {port.name: _output(definition, port, given, returned, function) for port in definition.outputs}
    return SimpleNamespace(**outputs) if outputs else None


def _refuse(code: str, message: str, help_: str = "", label: str = "") -> NoReturn:
    raise PipelineError([Diagnostic(code, message, Label(span_of(site_here()), label), help=help_)])


def _bound(definition: ir.Component, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name, with a path or an artifact for each output parameter."""
    names = [port.name for port in definition.inputs]
    if len(args) > len(names):
        _refuse("TP113", f"`{definition.name}` takes {len(names)} arguments, but got {len(args)} by position")
    folder = tempfile.mkdtemp(prefix="typedpipe-")
    destinations = {
        port.name: _destination(port, folder) for port in definition.outputs if port.how in {"path", "artifact"}
    }
    return {**destinations, **dict(zip(names, args, strict=False)), **kwargs}


def _destination(port: ir.OutputPort, folder: str) -> Any:
    path = os.path.join(folder, port.name)
    return path if port.how == "path" else _artifact(port, path)


def _artifact(port: ir.OutputPort, path: str) -> runtime.Artifact:
    """An artifact of the port's class: the most recently defined one, if a module was loaded twice."""
    wanted = artifact_of(port.type)
    classes: list[type[runtime.Artifact]] = [runtime.Artifact]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    found = [cls for cls in classes if wanted is not None and cls.schema_title == wanted.title]
    return (found[-1] if found else runtime.Artifact)(path, name=port.name)


def _output(definition: ir.Component, port: ir.OutputPort, given: dict[str, Any], returned: Any, fn: Any) -> Any:
    """One output, as a downstream task would receive it."""
    if port.how == "return":
        return returned
    if port.how == "field":
        return getattr(returned, port.name)
    if port.how == "artifact":
        return given[port.name]
    path = given[port.name]
    if is_artifact(port.type):
        return _artifact(port, path)
    if not os.path.exists(path) and is_optional(port.type):
        return None
    if not os.path.exists(path):
        message = f"component `{definition.name}`, output `{port.name}`: expected a `{show(port.type)}`, found no file"
        _refuse("TP504", message, f"write the output to the path in `{port.name}`")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        return runtime.from_file(text, to_data(port.type), port.name, fn.__globals__)
    except runtime.WireError as problem:
        _refuse("TP503", f"component `{definition.name}`, output {problem}")


class Called(Protocol):
    """A callable of a program: a component or a pipeline."""

    __name__: str
    name: str


def called_here(kind: Kind, what: Called, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> Any:
    """Handle a call outside any pipeline: it runs if `local.init()` was called, otherwise it is an error."""
    session = HOOKS.session
    if session is None:
        message = f"the {kind} `{what.name}` is called outside a pipeline"
        error("TP109", message, site, help=_instead(what.__name__, kind))
        return ParamTask(detached(), None, "", (), site)  # it is valid anywhere
    if declarations() is not None:  # a file is being checked or compiled: nothing runs
        return NotRun()
    return session.call(what, args, kwargs, site)


class NotRun:
    """The result of a call while its file is only checked: a value that allows the rest of the file to be read."""

    def __getattr__(self, name: str) -> NotRun:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: object, **__: object) -> NotRun:
        return self

    def __getitem__(self, _key: object) -> NotRun:
        return self

    def __iter__(self) -> Iterator[NotRun]:
        return iter(())

    def __fspath__(self) -> str:
        return os.devnull

    def __repr__(self) -> str:
        return "<not run>"


def _instead(name: str, kind: Kind) -> str:
    if kind == "component":
        return (
            f"call it in a function decorated with `@dsl.pipeline`; `{name}.local(…)` runs it immediately, and after "
            "`typedpipe.local.init()` this call does too"
        )
    return (
        f"`{name}.run(…)` and `typedpipe run` run it locally, and after `typedpipe.local.init()` this call does too; "
        "`typedpipe compile` compiles it"
    )


OPTIONS = (
    *("runner", "jobs", "folder", "cache", "fail_fast", "timeout", "name", "tags", "note", "params_file"),
    "raise_on_error",
)


def start(pipeline: TracedPipeline, args: tuple[Any, ...], kwargs: dict[str, Any], options: Any) -> Any:
    """Start a run of a pipeline and return its handle; ``options`` None: they may be among the arguments."""
    if declarations() is not None:
        message = f"the run of `{pipeline.name}` would start whenever this file is imported"
        error("TP190", message, help='move it under `if __name__ == "__main__":`')
        return NotRun()
    names = inputs_of(pipeline)
    if options is None:
        options = {key: kwargs[key] for key in OPTIONS if key in kwargs and key not in names}
        kwargs = {key: value for key, value in kwargs.items() if key not in options}
    arguments = by_name(pipeline.name, names, args, kwargs)
    traced = pipeline.ir
    assert traced is not None  # otherwise `inputs_of` has raised
    pipeline._warn_if_outdated()
    return HOOKS.toolchain.run(traced, arguments, options, lambda outputs: result_of(pipeline, outputs))


def inputs_of(pipeline: TracedPipeline) -> list[str]:
    """Names of a pipeline's parameters."""
    if pipeline.ir is None:
        _refuse(
            "TP109",
            f"the pipeline `{pipeline.name}` has errors in its definition",
            "fix the errors in its definition first",
        )
    return [port.name for port in pipeline.ir.graph.inputs]


def by_name(callee: str, names: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a call by name."""
    if len(args) > len(names):
        _refuse("TP113", f"`{callee}` takes {len(names)} arguments, but got {len(args)} by position")
    given = dict(zip(names, args, strict=False))
    for name in given.keys() & kwargs.keys():
        _refuse("TP113", f"`{name}` of `{callee}` is passed both by position and by name")
    return {**given, **kwargs}


def result_of(pipeline: TracedPipeline, outputs: Mapping[str, Any]) -> Any:
    """Convert outputs to the return type of the function's annotation."""
    assert pipeline.ir is not None
    if not outputs:
        return None
    function = pipeline.__wrapped__
    types = {output.name: output.type for output in pipeline.ir.graph.outputs}
    made = {name: of_class(value, types[name], function.__globals__) for name, value in outputs.items()}
    if list(made) == ["Output"]:
        return made["Output"]
    hint = function.__annotations__["return"]
    cls = eval(hint, function.__globals__) if isinstance(hint, str) else hint  # noqa: S307 - the user's own
    cls = getattr(cls, "__value__", cls)  # of a `type` alias
    layout = runtime.layout_of(get_origin(cls) or cls)
    assert layout is not None  # it has the outputs as its fields
    return layout.restored(made, runtime.Sent({}, layout.cls.__name__))


def of_class(value: Any, type_: Type, classes: Mapping[str, Any]) -> Any:
    """Convert a plain value to its type: structs and enums to their class, if it is among ``classes``."""
    if is_artifact(type_) or without_none(type_) == DATETIME:
        return value
    return runtime.decode(runtime.encode(value, "any"), to_data(type_), "output", classes)
