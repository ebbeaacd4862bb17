"""Result of a run: its state, outputs, and the result of each task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from typedpipe.local.tracebacks import traceback_in
from typedpipe.runs import events
from typedpipe.runs.model import RunEnd, Task, TaskState


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One task of the run. ``place`` is the directory of the last attempt; None if it never started."""

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
    """No process ran: the outputs are from an earlier run, or from this run before it was resumed."""
    item: str = ""
    """Items of the loops around it, as short text: ``0.01``, or ``0.01, 3`` in two loops."""

    def as_reused(self, how: Literal["", "cache", "resumed"]) -> TaskResult:
        """The same result, marked as reused."""
        return replace(self, reused=how)

    @property
    def folder(self) -> Path | None:
        """Directory of the last attempt."""
        return None if self.place is None else Path(self.place)

    @property
    def log(self) -> Path | None:
        """Log file of the task; missing if an in-process task printed nothing."""
        return None if self.place is None else Path(self.place, "log")

    @property
    def seconds(self) -> float:
        """Seconds from its first start to its end."""
        return self.finished - self.started if self.started is not None and self.finished is not None else 0.0


def before(task: Task) -> TaskResult:
    """The result of a task that ended before its run was resumed."""
    last = task.attempts[-1].key if task.attempts else None
    return TaskResult(
        task.name,
        task.component,
        task.state,
        len(task.attempts),
        task.exit_code,
        task.message,
        last,
        task.started,
        task.finished,
        item=task.item,
    )


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
    """Whether it exceeded the run's timeout."""

    @property
    def succeeded(self) -> bool:
        return self.state == "SUCCEEDED"


def told(result: RunResult) -> Iterator[events.Event]:
    """The ends of a run and its tasks, as events."""
    yield events.RunStarted(result.run, "", result.started)
    for task in result.tasks.values():
        if task.started is not None:
            yield events.TaskStarted(task.name, task.component, task.attempts, task.started, task.item)
        yield events.TaskFinished(
            task.name,
            task.component,
            task.state,
            task.attempts,
            task.exit_code,
            task.message,
            task.finished or result.finished,
            task.reused,
            task.item,
        )
    yield events.RunFinished(result.run, result.state, result.message, result.finished)


class RunFailed(Exception):
    """The run did not succeed. ``result`` holds the result of each task."""

    traceback: str
    """The traceback of the first task that failed, from its log; "" if it has none."""

    def __init__(self, result: RunResult) -> None:
        failed = next((task for task in result.tasks.values() if task.state == "FAILED"), None)
        where = f": task `{failed.name}`: {failed.message}" if failed is not None else f": {result.message}"
        super().__init__(f"run {result.run} {result.state.lower()}{where}")
        self.result = result
        self.traceback = traceback_in(failed.log) if failed is not None else ""
        if self.traceback and failed is not None:
            self.add_note(f"\nin the task `{failed.name}`:\n{self.traceback}")

    def __reduce__(self) -> tuple[type[RunFailed], tuple[RunResult]]:
        return RunFailed, (self.result,)

    def _render_traceback_(self) -> list[str]:
        """Lines for a notebook."""
        from typedpipe.diagnostics.frames import notebook_lines

        return notebook_lines(self)
