"""``importer``: imports an existing artifact."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

from typedpipe.diagnostics.model import NOWHERE
from typedpipe.dsl.nodes.callee import Callee
from typedpipe.dsl.nodes.task import Task
from typedpipe.dsl.tracing import Site, Trace, error, trace_for
from typedpipe.dsl.values.lifting import operand, reject
from typedpipe.ir import nodes as ir
from typedpipe.types.artifacts import Artifact, artifact_type
from typedpipe.types.model import ArtifactType

A = TypeVar("A", bound=Artifact)


class ImporterTask(Task[A]):
    """The task of an :func:`importer`."""

    __slots__ = ("_metadata", "_reimport", "_type", "_uri")
    _metadata: ir.Operand | None
    _reimport: bool
    _type: ArtifactType
    _uri: ir.Operand

    if not TYPE_CHECKING:

        def __init__(self, trace: Trace, callee: Callee, name: str, site: Site, type_: ArtifactType) -> None:
            super().__init__(trace, callee, name, (), site)
            self._type = type_
            self._uri = ir.Const('""', type_)
            self._metadata = None
            self._reimport = False


def importer(
    artifact_uri: str,
    artifact_class: type[A],
    reimport: bool = False,
    metadata: dict[str, Any] | None = None,
) -> Task[A]:
    """Import an existing file or directory as a typed artifact. It needs no pod.

    Args:
        artifact_uri: Its URI: ``"s3://bucket/key"``, or a pipeline value.
        artifact_class: Its artifact class.
        reimport: Accepted for compatibility with KFP: an importer always uses the current content of the URI.
        metadata: The artifact's ``.metadata`` for downstream tasks; values can be pipeline values.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def rows(data: dsl.InputPath[dsl.Dataset]) -> int:
    ...     return len(open(data).readlines())
    >>> @dsl.pipeline
    ... def counted(uri: str = "s3://bucket/data.csv") -> int:
    ...     return rows(data=dsl.importer(uri, dsl.Dataset).output).output
    """
    trace = trace_for("importer")
    frame = sys._getframe(1)
    cls: Any = artifact_class  # untyped: the value comes from a user's file
    if not (isinstance(cls, type) and issubclass(cls, Artifact)):
        error(
            "TP114",
            f"`dsl.importer` takes an artifact class, not {cls!r}",
            help="pass an artifact class, such as `dsl.Dataset`",
        )
        reject(trace, [artifact_uri, metadata])
        return Task(trace, None, "", (), (frame.f_code, frame.f_lasti))  # valid anywhere
    type_ = artifact_type(cls)
    callee = Callee("importer", "", (), {"artifact": type_}, NOWHERE)
    site = frame.f_code, frame.f_lasti
    make: Any = ImporterTask  # its constructor is not public
    task = make(trace, callee, trace.unique("importer"), site, type_)
    uri = operand(trace.builder, artifact_uri, "the URI of the importer")
    task._uri = uri if uri is not None else ir.Const('""', type_)
    task._metadata = operand(trace.builder, metadata, "the importer's metadata") if metadata else None
    task._reimport = bool(reimport)
    trace.builders[task._name] = trace.builder
    trace.builder.nodes.append(task)
    return task  # type: ignore[no-any-return]  # created above
