"""Rebuilding of a lost or corrupted index from the directories of the tasks."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typedpipe.ir import nodes as ir
from typedpipe.ir.taskspec import port_key
from typedpipe.local.store.index import INDEX, RunIndex
from typedpipe.local.store.objects import Objects
from typedpipe.local.store.regular import regular
from typedpipe.local.values import NULL_TEXT, load, raw_value
from typedpipe.runs.model import ArtifactRef, TaskState, Value
from typedpipe.runs.paths import node_at
from typedpipe.runs.problems import os_problem
from typedpipe.runtime.task import descriptor_key
from typedpipe.types.model import is_artifact

_UNKNOWN = "its final state is unknown, because the index was rebuilt"
_LOST = "its outputs are lost, because the index was rebuilt"


@dataclass(frozen=True, slots=True)
class _Left:
    """Data left by one attempt."""

    task: str
    number: int
    folder: Path
    code: int | None
    started: float
    finished: float | None
    said: str
    """The message of a failed task."""


def rebuild(folder: Path, root: Path, objects: Objects) -> int:
    """Rebuild the index of a run; return the number of tasks found done. The old index is kept next to it.

    Raises:
        PipelineError: TP320, the stored pipeline cannot be read; TP601, the directory cannot be written.
    """
    from typedpipe.ir import wire

    pipeline = wire.load(folder / "pipeline.ir")
    found = sorted(_attempts(folder / "tasks"), key=lambda left: (left.started, left.task, left.number))
    try:
        _set_aside(folder)
    except OSError as error:
        raise os_problem(folder, error) from None
    index = RunIndex(str(folder), str(root))
    try:
        index.run_started()
        last = {left.task: left for left in found}
        for left in found:
            _record_attempt(index, left, _component(pipeline, left)[0])
        done = sum(_record_task(index, left, pipeline, objects) for left in last.values())
        index.commit()
    finally:
        index.close()
    return done


def _set_aside(folder: Path) -> None:
    stamp = f"{time.time_ns():x}"
    for end in ("", "-wal", "-shm"):
        path = folder / f"{INDEX}{end}"
        if path.exists():
            path.rename(folder / f"{INDEX}.damaged-{stamp}{end}")


def _attempts(tasks: Path) -> Iterator[_Left]:
    for place, folders, files in os.walk(tasks):
        if "job.json" in files and os.path.basename(place).isdecimal():
            folders.clear()  # files created by the task are not tasks
            left = _attempt(tasks, Path(place))
            if left is not None:
                yield left


def _attempt(tasks: Path, folder: Path) -> _Left | None:
    job = _json(folder / "job.json")
    if job is None:
        return None
    result = _json(folder / "result.json")
    code = result.get("code") if result is not None else None
    return _Left(
        str(job.get("task") or folder.parent.relative_to(tasks).as_posix()),
        int(folder.name),
        folder,
        code if isinstance(code, int) else None,
        (folder / "job.json").stat().st_mtime,
        (folder / "result.json").stat().st_mtime if result is not None else None,
        _said(folder / "message"),
    )


def _said(path: Path) -> str:
    try:
        with open(path, "rb", opener=regular) as file:
            return file.read(4096).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _text(path: Path) -> str:
    with open(path, encoding="utf-8", opener=regular) as file:
        return file.read()


def _json(path: Path) -> dict[str, Any] | None:
    try:
        with open(path, "rb", opener=regular) as file:
            data: Any = json.load(file)
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def _state(left: _Left) -> TaskState:
    if left.code is None:
        return "FAILED" if left.said else "CANCELED"
    return "FAILED" if left.code else "SUCCEEDED"


def _message(left: _Left) -> str:
    return left.said or (_UNKNOWN if left.code is None else "")


def _record_attempt(index: RunIndex, left: _Left, component: str) -> None:
    index.attempt_started(left.task, component, left.number, left.folder, left.started)
    ended = left.finished or left.started
    index.attempt_ended(left.task, left.number, _state(left), left.code, _message(left), ended)


def _record_task(index: RunIndex, left: _Left, pipeline: ir.Pipeline, objects: Objects) -> bool:
    state, message = _state(left), _message(left)
    key, component = _component(pipeline, left)
    outputs: dict[str, Value] = {}
    if state == "SUCCEEDED":
        known = None if component is None else _outputs(left.folder, component, objects)
        outputs = known or {}
        if known is None:
            state, message = "CANCELED", _LOST
    index.finished(
        left.task,
        key,
        state,
        attempts=left.number,
        exit_code=left.code,
        message=message,
        started=left.started,
        finished=left.finished,
        outputs=outputs,
    )
    return state == "SUCCEEDED"


def _component(pipeline: ir.Pipeline, left: _Left) -> tuple[str, ir.Component | None]:
    """The component of a task by its place in the pipeline: another component may have the same name."""
    node = node_at(pipeline, left.task)
    key = node.component if isinstance(node, ir.Task) else ""
    return key, pipeline.components.get(key)


def _outputs(folder: Path, component: ir.Component, objects: Objects) -> dict[str, Value] | None:
    """Outputs of the attempt; None if a part of them is missing."""
    try:
        return {port.name: _output(folder / "out", component, port, objects) for port in component.outputs}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _output(out: Path, component: ir.Component, port: ir.OutputPort, objects: Objects) -> Value:
    key = port_key(port.name)
    if not is_artifact(port.type):
        if isinstance(component.impl, ir.ContainerImpl):
            return raw_value(_text(out / "raw" / key), port.type)
        return _text(out / "p" / key)
    written = out / "p" / descriptor_key(key)
    text = _text(written if written.exists() else out / "p" / f"tp-{key}")  # as earlier versions call it
    if text == NULL_TEXT:
        return None
    descriptor: dict[str, Any] = load(text)
    digest = descriptor["digest"]
    if not digest:
        return ArtifactRef(None, descriptor)
    if not objects.intact(digest):
        raise ValueError(digest)
    place = objects.path(digest)
    if "://" not in str(descriptor.get("uri")):  # a path, of the store's location when the task ran
        descriptor["uri"] = place
    return ArtifactRef(place, descriptor)
