"""Answers of fakes, and their conversion to the outputs of the replaced component."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from typedpipe.dsl.direct import of_class
from typedpipe.ir import nodes as ir
from typedpipe.runtime import task as runtime
from typedpipe.types.artifacts import Artifact
from typedpipe.types.data import to_data
from typedpipe.types.model import is_artifact

Answer = Callable[[Mapping[str, Any]], Any]
"""Receives the inputs and the output parameters by name, and returns what the component would return."""

_answers: dict[str, Answer] = {}

_STUB = """\
def {entry}(**given):
    from typedpipe.testing.answers import answered
    return answered({token!r}, given)
"""


def answered(token: str, given: Mapping[str, Any]) -> Any:
    """Called instead of a component's function."""
    return _answers[token](given)


def stub(component: ir.Component, answer: Answer) -> tuple[ir.Component, str]:
    """A component with the same interface that calls ``answer``, and the token to remove it."""
    token = secrets.token_hex(8)
    _answers[token] = answer
    entry = component.impl.entry if isinstance(component.impl, ir.PythonImpl) else "fake"
    returns = component.impl.returns if isinstance(component.impl, ir.PythonImpl) else "none"
    impl = ir.PythonImpl(
        entry, (ir.Chunk(_STUB.format(entry=entry, token=token), f"<fake {component.name}>"),), returns
    )
    new = ir.Component(
        component.name,
        component.inputs,
        component.outputs,
        impl,
        component.image,
        component.description,
        component.span,
    )
    return new, token


def forget(token: str) -> None:
    """Remove the stub with this token."""
    _answers.pop(token, None)


def inputs_of(component: ir.Component, given: Mapping[str, Any], classes: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs of the component, with structs and enums of the test's own classes."""
    return {
        port.name: of_class(given[port.name], port.type, classes)
        if port.how == "value" and not is_artifact(port.type)
        else given[port.name]
        for port in component.inputs
        if port.name in given
    }


def delivered(component: ir.Component, result: Any, given: Mapping[str, Any], taken: frozenset[str]) -> Any:
    """Convert a fake's result to the component's outputs; ``taken`` are the output parameters that it wrote itself."""
    params = [port for port in component.outputs if port.how in ("path", "artifact") and port.name not in taken]
    returned = [port for port in component.outputs if port.how in ("return", "field")]
    parts = parts_of(result, [port.name for port in [*params, *returned]])
    for port in params:
        _write(port, parts.get(port.name), given[port.name])
    if not returned:
        return None
    made = {port.name: _made(port, parts[port.name]) for port in returned if port.name in parts}
    if len(returned) == 1 and returned[0].how == "return":
        return next(iter(made.values()), None)
    return SimpleNamespace(**made)


def parts_of(result: Any, names: list[str]) -> dict[str, Any]:
    """Outputs in a result, by name: it is the single output, a mapping or tuple of them, or an object that has them."""
    if isinstance(result, Mapping) and result.keys() <= set(names) and result:
        return dict(result)
    if len(names) == 1:
        return {names[0]: getattr(result, names[0]) if hasattr(result, "_fields") else result}
    if isinstance(result, tuple) and not hasattr(result, "_fields"):
        return dict(zip(names, result, strict=False))
    return {name: getattr(result, name) for name in names if hasattr(result, name)}


def _made(port: ir.OutputPort, value: Any) -> Any:
    if not is_artifact(port.type) or value is None:
        return value
    if isinstance(value, Artifact):
        new = type(value)(value.uri if "://" in value.uri else "", name=value.name, metadata=value.metadata)
        if "://" not in value.uri:
            _copy(value, new.path)
        return new
    if isinstance(value, str | bytes):
        from typedpipe.local.calls import class_of

        made = class_of(port.type)()
        _put(value, made.path)
        return made
    return value


def _copy(source: Artifact, path: str) -> None:
    """Copy the content of an artifact that a test created; one without a file is empty."""
    there = source.custom_path or source._path or source.uri  # noqa: SLF001 - `.path` would create a new path
    if there and Path(there).is_dir():
        shutil.copytree(there, path)
    elif there and Path(there).exists():
        shutil.copy(there, path)
    else:
        _put("", path)


def _write(port: ir.OutputPort, value: Any, target: Any) -> None:
    """Write the content of an output parameter."""
    if not is_artifact(port.type):
        if value is not None:
            _put(value if isinstance(value, str) else runtime.encode(value, to_data(port.type)), os.fspath(target))
        return
    if isinstance(value, Artifact):
        if isinstance(target, Artifact):
            target.metadata.update(value.metadata)
        _copy(value, os.fspath(target))
    elif not (value is None and isinstance(target, Artifact) and target.metadata):
        _put(value if isinstance(value, str | bytes) else "", os.fspath(target))


def _put(content: str | bytes, path: str) -> None:
    Path(path).write_bytes(content if isinstance(content, bytes) else content.encode())
