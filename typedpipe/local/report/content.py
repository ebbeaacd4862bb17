"""What a report is made of: the run, its tasks, its pipeline as far as it can be read, and what follows from them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir import nodes as ir
from typedpipe.local.report.schedule import Ready, critical_path, readiness
from typedpipe.local.store.model import StoredAttempt, StoredRun, StoredTask
from typedpipe.local.values import Stored, Value
from typedpipe.types.model import artifact_of

_ITEM = re.compile(r"\[\d+\]")
_KNOWN = {"format", "run", "pipeline", "created", "arguments", "settings"}


@dataclass(frozen=True, slots=True)
class Group:
    """All the tasks of one node of the pipeline: one, or one for each item of the loops around it."""

    path: str
    tasks: Sequence[StoredTask]
    number: int

    @property
    def anchor(self) -> str:
        return f"n{self.number}" if len(self.tasks) > 1 else anchor(self.tasks[0])


@dataclass(frozen=True, slots=True)
class Output:
    """An artifact that a task made."""

    group: Group
    task: StoredTask
    name: str
    stored: Stored

    @property
    def label(self) -> str:
        """The task's name, with the output's where the task has several."""
        return self.task.name if len(self.task.outputs) == 1 else f"{self.task.name} → {self.name}"


@dataclass(frozen=True)
class Content:
    """One run, read. ``problem`` says why there is no pipeline."""

    run: StoredRun
    tasks: Sequence[StoredTask]
    pipeline: ir.Pipeline | None
    problem: str = ""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    now: float = field(default_factory=time.time)

    @cached_property
    def groups(self) -> list[Group]:
        """The tasks by their node, in the order of their first appearance."""
        found: dict[str, list[StoredTask]] = {}
        for task in self.tasks:
            found.setdefault(node_path(task.name), []).append(task)
        return [
            Group(path, sorted(tasks, key=lambda task: item_numbers(task.name)), number)
            for number, (path, tasks) in enumerate(found.items())
        ]

    @cached_property
    def ready(self) -> Mapping[str, Ready]:
        return {} if self.pipeline is None else readiness(self.pipeline, self.tasks, self.begun)

    @cached_property
    def critical(self) -> Sequence[str]:
        return [] if self.pipeline is None else critical_path(self.tasks, self.ready)

    @property
    def begun(self) -> float:
        return self.run.created

    @cached_property
    def ended(self) -> float:
        """The end of the run, or of what is known of it."""
        if self.run.finished is not None:
            return self.run.finished
        if self.run.state == "RUNNING":
            return max(self.now, self.begun)
        times = [each for task in self.tasks for each in (task.started, task.finished) if each is not None]
        return max([self.begun, *times])

    @property
    def failed(self) -> list[StoredTask]:
        """The tasks that failed, first things first."""
        return sorted(
            (task for task in self.tasks if task.state == "FAILED"), key=lambda task: (task.finished or 0.0, task.order)
        )

    def artifacts(self, title: str) -> list[Output]:
        """All outputs of tasks that are artifacts of a class, or of one derived from it."""
        found: list[Output] = []
        for group in self.groups:
            for task in group.tasks:
                for name, value in task.outputs.items():
                    if self._is(task.component, name, title):
                        found += [Output(group, task, name, stored) for stored in _stored(value)]
                    else:
                        same = (stored for stored in _stored(value) if stored.descriptor.get("type") == title)
                        found += [Output(group, task, name, stored) for stored in same]
        return found

    def _is(self, component: str, output: str, title: str) -> bool:
        found = self.pipeline.components.get(component) if self.pipeline is not None else None
        port = next((port for port in found.outputs if port.name == output), None) if found is not None else None
        type_ = artifact_of(port.type) if port is not None else None
        return type_ is not None and (type_.title == title or title in type_.bases)


def read_content(run: StoredRun, tasks: Sequence[StoredTask]) -> Content:
    """Read what the run pinned. A pipeline that cannot be read is said in the report, and the rest is shown."""
    from typedpipe.ir import wire

    pipeline, problem = None, ""
    try:
        pipeline = wire.load(run.pipeline_file)
    except PipelineError as error:
        problem = error.diagnostics[0].message
    except OSError as error:
        problem = f"{run.pipeline_file}: {error.strerror or error}"
    return Content(run, sorted(tasks, key=lambda task: task.order), pipeline, problem, _facts(run))


def _facts(run: StoredRun) -> dict[str, str]:
    """What else the run wrote about where and how it ran."""
    try:
        data: Any = json.loads((run.folder / "run.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(data, dict):
        return {}
    return {
        str(key): value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in data.items()
        if key not in _KNOWN and value not in (None, "", [], {})
    }


def _stored(value: Value) -> Iterator[Stored]:
    if isinstance(value, Stored):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _stored(item)


def node_path(task: str) -> str:
    """The node that a task is a run of.

    >>> node_path("for-1[2]/train")
    'for-1/train'
    """
    return _ITEM.sub("", task)


def item_numbers(task: str) -> list[int]:
    """The numbers of the items of the loops that a task is in: the order of people.

    >>> item_numbers("for-1[2]/for-2[10]/train")
    [2, 10]
    """
    return [int(found[1:-1]) for found in _ITEM.findall(task)]


def anchor(task: StoredTask) -> str:
    return f"t{task.order}"


def began(task: StoredTask) -> float | None:
    """When a task stands on the timeline; one that no process ran for, when its outputs were taken."""
    return task.finished if task.started is None and task.reused else task.started


def took(task: StoredTask) -> float:
    """So many seconds a finished task ran."""
    return 0.0 if task.started is None or task.finished is None else task.finished - task.started


def last_attempt(task: StoredTask) -> StoredAttempt | None:
    return max(task.attempts, key=lambda attempt: attempt.number, default=None)
