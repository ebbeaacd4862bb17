"""What tasks of a run left in its folder: their outputs, as Python values and artifact objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from typedpipe.ir.nodes import Pipeline
from typedpipe.local.following import Seen
from typedpipe.local.run import plain
from typedpipe.local.task import Attempt, folder_of
from typedpipe.types.artifacts import Artifact


def attempt_folder(run: Path, seen: Seen) -> Path | None:
    """The folder of a task's last attempt; None when it never started."""
    if not seen.attempts or seen.reused:
        return None
    return folder_of(run, seen.name) / str(seen.attempts)


def task_outputs(pipeline: Pipeline, run: Path, seen: Seen) -> Mapping[str, Any]:
    """The outputs of a task by name; none unless it has succeeded."""
    component = pipeline.components.get(seen.component)
    folder = attempt_folder(run, seen)
    if seen.state != "SUCCEEDED" or component is None or folder is None:
        return {}
    values = Attempt(folder, component, {}, {}).outputs()
    return {port.name: plain(values[port.name], port.type) for port in component.outputs}


def artifacts_in(name: str, value: object) -> Iterator[tuple[str, Artifact]]:
    """The artifacts in an output, each with a name."""
    if isinstance(value, Artifact):
        yield name, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from artifacts_in(f"{name}[{index}]", item)
