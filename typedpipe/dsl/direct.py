"""Running here and now, for unit tests: a component in this process, a pipeline by the local engine."""

from __future__ import annotations

import os
import tempfile
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from typedpipe.diagnostics.model import Diagnostic, Label, PipelineError
from typedpipe.dsl.tracing import site_here, span_of
from typedpipe.ir import nodes as ir
from typedpipe.runtime import task as runtime
from typedpipe.types.data import to_data
from typedpipe.types.display import show
from typedpipe.types.model import artifact_of, is_artifact, is_optional

if TYPE_CHECKING:
    from typedpipe.dsl.component import BaseComponent
    from typedpipe.dsl.pipeline import Pipeline


def run_with_outputs(component: BaseComponent, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a component's function with temporary paths for its outputs; all outputs by name, None when there are none."""
    definition = component.definition
    if definition is None:
        return component.python_func(*args, **kwargs)
    if isinstance(definition.impl, ir.ContainerImpl):
        _refuse(
            "TP109",
            f"`{component.name}` is a container, so it cannot run in this process",
            "run a pipeline that calls it",
        )
    given = _bound(definition, args, kwargs)
    returned = component.python_func(**given)
    outputs = {
        port.name: _output(definition, port, given, returned, component.python_func) for port in definition.outputs
    }
    return SimpleNamespace(**outputs) if outputs else None


def _refuse(code: str, message: str, help_: str = "", label: str = "") -> NoReturn:
    raise PipelineError([Diagnostic(code, message, Label(span_of(site_here()), label), help=help_)])


def _bound(definition: ir.Component, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name, with a place for each output that is a parameter."""
    names = [port.name for port in definition.inputs]
    if len(args) > len(names):
        _refuse("TP113", f"`{definition.name}` takes {len(names)} arguments, and got {len(args)} by position")
    folder = tempfile.mkdtemp(prefix="typedpipe-")
    places = {port.name: _place(port, folder) for port in definition.outputs if port.how in {"path", "artifact"}}
    return {**places, **dict(zip(names, args, strict=False)), **kwargs}


def _place(port: ir.OutputPort, folder: str) -> Any:
    path = os.path.join(folder, port.name)
    return path if port.how == "path" else _artifact(port, path)


def _artifact(port: ir.OutputPort, path: str) -> runtime.Artifact:
    """An artifact of the port's class: the one that was defined last, where a module was loaded twice."""
    wanted = artifact_of(port.type)
    classes: list[type[runtime.Artifact]] = [runtime.Artifact]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    found = [cls for cls in classes if wanted is not None and cls.schema_title == wanted.title]
    return (found[-1] if found else runtime.Artifact)(path, name=port.name)


def _output(definition: ir.Component, port: ir.OutputPort, given: dict[str, Any], returned: Any, fn: Any) -> Any:
    """One output, as a consumer would get it."""
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
        _refuse("TP504", message, f"write it to the path that `{port.name}` is")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        return runtime.from_file(text, to_data(port.type), port.name, fn.__globals__)
    except runtime.WireError as problem:
        _refuse("TP503", f"component `{definition.name}`, output {problem}")


def run_pipeline(pipeline: Pipeline[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a pipeline by the local engine: its output, its outputs by name, or None."""
    if pipeline.ir is None:
        _refuse("TP109", f"the pipeline `{pipeline.name}` was defined with mistakes", "mend its definition first")
    names = [port.name for port in pipeline.ir.graph.inputs]
    if len(args) > len(names):
        _refuse("TP113", f"`{pipeline.name}` takes {len(names)} arguments, and got {len(args)} by position")
    # the compiler and the engine stand above the dsl; they are loaded only when they are used
    closed = import_module("typedpipe.compiler.driver").check(pipeline.ir)
    outputs = import_module("typedpipe.local").run_or_raise(closed, {**dict(zip(names, args, strict=False)), **kwargs})
    return _result(pipeline, outputs)


def _result(pipeline: Pipeline[..., Any], outputs: dict[str, Any]) -> Any:
    """What the function's annotation says that it returns."""
    if not outputs:
        return None
    if list(outputs) == ["Output"]:
        return outputs["Output"]
    hint = pipeline.__wrapped__.__annotations__["return"]
    cls = eval(hint, pipeline.__wrapped__.__globals__) if isinstance(hint, str) else hint  # noqa: S307 - the user's own
    return cls(**outputs)
