"""Recorded results of a run's tasks: directories and outputs, as Python values and artifact objects."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from typedpipe.ir import nodes as ir
from typedpipe.local.python_values import plain
from typedpipe.local.store.index import tasks
from typedpipe.local.store.model import attempt_folder
from typedpipe.local.store.record import read_run
from typedpipe.runs.model import Task
from typedpipe.runs.view import TaskView
from typedpipe.types.artifacts import Artifact, artifact_type

_PATIENCE = 1.0
"""Seconds until a task's event is in the index: one turn of the engine's loop, on a busy machine."""


class RunOutputs:
    """Tasks in a run's index, read on first use, and again if an event is ahead of the index."""

    def __init__(self, pipeline: ir.Pipeline, run: Path) -> None:
        self._pipeline = pipeline
        self._run = run
        self._tasks: dict[str, Task] | None = None

    def of(self, seen: TaskView) -> Task | None:
        """The row of a task, at least as recent as the last event; None if it never started."""
        if seen.state == "WAITING":
            return None
        end = time.monotonic() + _PATIENCE
        while True:
            if self._tasks is None:
                self._tasks = {task.name: task for task in tasks(read_run(self._run))}
            found = self._tasks.get(seen.name)
            if found is not None and found.state == seen.state and len(found.attempts) >= seen.attempts:
                return found
            if time.monotonic() > end:
                return found
            self._tasks = None
            time.sleep(0.005)

    def folder(self, seen: TaskView) -> Path | None:
        """Directory of a task's last attempt."""
        found = self.of(seen)
        return attempt_folder(found.attempts[-1]) if found is not None and found.attempts else None

    def outputs(self, seen: TaskView) -> Mapping[str, Any]:
        """Outputs of a task by name; empty unless it has succeeded."""
        found = self.of(seen) if seen.state == "SUCCEEDED" else None
        if found is None:
            return {}
        component = self._pipeline.components.get(found.component)
        types = {port.name: port.type for port in component.outputs} if component is not None else {}
        return {name: plain(value, types.get(name, _ARTIFACT)) for name, value in found.outputs.items()}


_ARTIFACT = artifact_type(Artifact)


def artifacts_in(name: str, value: object) -> Iterator[tuple[str, Artifact]]:
    """Artifacts in an output, each with a name."""
    if isinstance(value, Artifact):
        yield name, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from artifacts_in(f"{name}[{index}]", item)
