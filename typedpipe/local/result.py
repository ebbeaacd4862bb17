"""What a run leaves: its state, outputs, and what became of each task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from typedpipe.runs import events
from typedpipe.runs.model import RunEnd, TaskState


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One task of the run. ``place`` is the folder of the last attempt; None when it never started."""

    name: str
    component: str
    state: TaskState
    attempts: int = 0
    exit_code: int | None = None
    message: str = ""
    place: str | None = None
    started: float | None = None
    finished: float | None = None
    reused: Literal["", "cache", "resumed"] = ""
    """No process ran: the outputs are of an earlier run, or of this run before it was resumed."""

    def as_reused(self, how: Literal["", "cache", "resumed"]) -> TaskResult:
        """The same result, as one that was taken from somewhere."""
        return replace(self, reused=how)

    @property
    def folder(self) -> Path | None:
        """The folder of the last attempt."""
        return None if self.place is None else Path(self.place)

    @property
    def log(self) -> Path | None:
        """The file of what it printed; not there when a task in this process printed nothing."""
        return None if self.place is None else Path(self.place, "log")

    @property
    def seconds(self) -> float:
        """From its first start to its end."""
        return self.finished - self.started if self.started is not None and self.finished is not None else 0.0


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run. ``outputs`` are plain Python values and artifact objects; empty unless it succeeded."""

    run: str
    state: RunEnd
    message: str
    folder: Path
    outputs: Mapping[str, object] = field(default_factory=dict[str, object])
    tasks: Mapping[str, TaskResult] = field(default_factory=dict[str, TaskResult])
    started: float = 0.0
    finished: float = 0.0
    timed_out: bool = False
    """Whether it took longer than the run's timeout."""

    @property
    def succeeded(self) -> bool:
        return self.state == "SUCCEEDED"


def told(result: RunResult) -> Iterator[events.Event]:
    """The ends of a run's tasks and its own, as events."""
    yield events.RunStarted(result.run, "", result.started)
    for task in result.tasks.values():
        if task.started is not None:
            yield events.TaskStarted(task.name, task.component, task.attempts, task.started)
        yield events.TaskFinished(
            task.name,
            task.component,
            task.state,
            task.attempts,
            task.exit_code,
            task.message,
            task.finished or result.finished,
            task.reused,
        )
    yield events.RunFinished(result.run, result.state, result.message, result.finished)


class RunFailed(Exception):
    """The run did not succeed. ``result`` has what became of each task."""

    def __init__(self, result: RunResult) -> None:
        failed = next((task for task in result.tasks.values() if task.state == "FAILED"), None)
        where = f": task `{failed.name}`: {failed.message}" if failed is not None else f": {result.message}"
        super().__init__(f"run {result.run} {result.state.lower()}{where}")
        self.result = result
