"""Outputs of a run as returned to its caller: plain Python values and artifact objects."""

from __future__ import annotations

from typing import Any

from typedpipe.ir import nodes as ir
from typedpipe.local.scheduling.frame import NodeResult
from typedpipe.local.values import load
from typedpipe.runs.model import ArtifactRef, Value
from typedpipe.types.model import DATETIME, Type, artifact_of, is_artifact, without_none


def outputs_of(pipeline: ir.Pipeline, result: NodeResult) -> dict[str, object]:
    """Outputs of a pipeline as returned to the caller."""
    return {output.name: plain(result.outputs[output.name], output.type) for output in pipeline.graph.outputs}


def plain(value: Value, type_: Type) -> object:
    """A plain Python value, or an artifact object with its real path."""
    if isinstance(value, tuple):
        return [plain(item, type_) for item in value]
    if isinstance(value, ArtifactRef):
        return artifact(value, type_)
    if value is None:
        return None
    if is_artifact(type_):
        return load(value)
    if without_none(type_) == DATETIME and value != "null":
        from typedpipe.runtime.task import decode

        return decode(value, "datetime")
    return load(value)


def artifact(value: ArtifactRef, type_: Type) -> object:
    """The caller's object for a stored artifact: of its own class if known, otherwise of the nearest base that is."""
    from typedpipe.types.artifacts import Artifact

    data: dict[str, Any] = value.descriptor
    known: dict[str, type[Artifact]] = {}
    pending: list[type[Artifact]] = [Artifact]
    for cls in pending:
        known.setdefault(cls.schema_title, cls)
        pending.extend(cls.__subclasses__())
    title, declared = str(data.get("type") or Artifact.schema_title), artifact_of(type_)
    nearest = (title, declared.title, *declared.bases) if declared is not None else (title,)
    found = next((known[each] for each in nearest if each in known), Artifact)(
        value.uri, name=str(data.get("name", "")), metadata=dict(data.get("metadata") or {})
    )
    if found.schema_title != title:  # without the module that defines the class, as in `typedpipe resume`
        found.schema_title, found.schema_version = title, str(data.get("version", found.schema_version))
    if value.path is not None:
        found._path = value.path  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # not set_path, which is for users
    return found
