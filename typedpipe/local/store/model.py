"""What is read back of stored runs: plain frozen data, for the command line, reports, handles and resume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typedpipe.local.values import Stored, Value
from typedpipe.runs.model import Reused, RunState, TaskState


@dataclass(frozen=True, slots=True)
class StoredAttempt:
    """One attempt. ``folder`` has ``job.json``, ``log``, ``message``, ``in``, ``out``, ``work``; times are Unix seconds."""

    number: int
    state: TaskState
    folder: Path
    started: float
    finished: float | None = None
    exit_code: int | None = None
    message: str = ""

    @property
    def log(self) -> Path:
        return self.folder / "log"


@dataclass(frozen=True, slots=True)
class StoredTask:
    """One task of a run, by its path in the run; ``order`` is the order of their first appearance."""

    name: str
    component: str
    """The component's key in ``pipeline.components``; "importer", or "" for a group that failed by itself."""
    state: TaskState
    order: int
    attempts: Sequence[StoredAttempt] = ()
    message: str = ""
    exit_code: int | None = None
    started: float | None = None
    finished: float | None = None
    reused: Reused = ""
    source_run: str = ""
    """The run that made the outputs, when they were reused."""
    inputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    outputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    key: str = ""
    """The cache key; "" when the task was not to be cached."""
    key_parts: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run. ``pipeline_file`` is the pinned IR (``ir.wire`` reads it); ``arguments`` are wire text by name."""

    name: str
    pipeline: str
    folder: Path
    state: RunState
    created: float
    finished: float | None = None
    message: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    outputs: Mapping[str, Value] = field(default_factory=dict[str, Value])

    @property
    def root(self) -> Path:
        """The folder of runs that it is in."""
        return self.folder.parent.parent

    @property
    def pipeline_file(self) -> Path:
        return self.folder / "pipeline.ir"


def value_data(value: Value) -> Any:
    """A value as JSON data: wire text as it is, an artifact as its place and descriptor, a list as a list.

    >>> value_data("3"), value_data(None)
    ('3', None)
    """
    if isinstance(value, Stored):
        return {"path": value.path, "companion": value.descriptor}
    if isinstance(value, tuple):
        return [value_data(item) for item in value]
    return value


def data_value(data: Any) -> Value:
    """The value of :func:`value_data`.

    >>> data_value(value_data(("1", None)))
    ('1', None)
    """
    if isinstance(data, dict):
        return Stored(data["path"], data["companion"])
    if isinstance(data, list):
        return tuple(data_value(item) for item in data)
    assert data is None or isinstance(data, str)
    return data
