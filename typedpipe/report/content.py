"""Content of a report: the run, its tasks, its pipeline as far as it can be read, and data derived from them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir import nodes as ir
from typedpipe.report.schedule import Ready, critical_path, readiness
from typedpipe.runs.model import ArtifactRef, Attempt, Run, Task, artifacts_in
from typedpipe.runs.paths import item_numbers, node_path
from typedpipe.runs.source import RunSource
from typedpipe.types.json_text import json_text
from typedpipe.types.model import artifact_of

CHARTED = frozenset({"confidenceMetrics", "confusionMatrix", "evaluationSlices"})
"""Metadata that is drawn instead of printed."""


@dataclass(frozen=True, slots=True)
class Group:
    """All tasks of one node of the pipeline: one, or one for each item of the loops around it."""

    path: str
    tasks: Sequence[Task]
    number: int

    @property
    def anchor(self) -> str:
        return f"n{self.number}" if len(self.tasks) > 1 else anchor(self.tasks[0])


@dataclass(frozen=True, slots=True)
class Output:
    """An artifact that a task produced."""

    group: Group
    task: Task
    name: str
    stored: ArtifactRef

    @property
    def label(self) -> str:
        """Name of the task, with that of the output if the task has several."""
        return self.task.name if len(self.task.outputs) == 1 else f"{self.task.name} → {self.name}"


@dataclass(frozen=True)
class Content:
    """The content of one run. ``problem`` is the reason why there is no pipeline."""

    source: RunSource
    run: Run
    tasks: Sequence[Task]
    pipeline: ir.Pipeline | None
    problem: str = ""
    now: float = field(default_factory=time.time)

    @cached_property
    def groups(self) -> list[Group]:
        """Tasks by node, in the order of their first appearance."""
        found: dict[str, list[Task]] = {}
        for task in self.tasks:
            found.setdefault(node_path(task.name), []).append(task)
        return [
            Group(path, sorted(tasks, key=lambda task: item_numbers(task.name)), number)
            for number, (path, tasks) in enumerate(found.items())
        ]

    @property
    def facts(self) -> Mapping[str, str]:
        """Further known facts about the run's environment."""
        return {
            name: value if isinstance(value, str) else json_text(value, ensure_ascii=False)
            for name, value in self.run.facts.items()
        }

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
        """End of the run, or the last known time."""
        if self.run.finished is not None:
            return self.run.finished
        if self.run.state == "RUNNING":
            return max(self.now, self.begun)
        times = [each for task in self.tasks for each in (task.started, task.finished) if each is not None]
        return max([self.begun, *times])

    @property
    def took(self) -> float:
        """Seconds from start to end, without pauses before the run was resumed."""
        return self.ended - self.begun - self.run.paused

    @property
    def arguments(self) -> list[tuple[str, str, bool]]:
        """Name, wire text, and whether it is the default, for all arguments of the pipeline."""
        given = dict(self.run.arguments)
        ports = [] if self.pipeline is None else self.pipeline.graph.inputs
        defaults = {port.name: port.default.text for port in ports if port.default is not None}
        order = {port.name: place for place, port in enumerate(ports)}
        names = [*defaults, *(name for name in given if name not in defaults)]
        names.sort(key=lambda name: order.get(name, len(order)))
        return [
            (name, given.get(name, defaults.get(name, "")), name not in given or given[name] == defaults.get(name))
            for name in names
        ]

    @property
    def failed(self) -> list[Task]:
        """Failed tasks, earliest first."""
        return sorted(
            (task for task in self.tasks if task.state == "FAILED"), key=lambda task: (task.finished or 0.0, task.order)
        )

    def artifacts(self, title: str) -> list[Output]:
        """All outputs of tasks that are artifacts of a class or a derived class."""
        found: list[Output] = []
        for group in self.groups:
            for task in group.tasks:
                for name, value in task.outputs.items():
                    if self._is(task.component, name, title):
                        found += [Output(group, task, name, stored) for _, stored in artifacts_in(value)]
                    else:
                        same = (stored for _, stored in artifacts_in(value) if stored.type == title)
                        found += [Output(group, task, name, stored) for stored in same]
        return found

    def _is(self, component: str, output: str, title: str) -> bool:
        found = self.pipeline.components.get(component) if self.pipeline is not None else None
        port = next((port for port in found.outputs if port.name == output), None) if found is not None else None
        type_ = artifact_of(port.type) if port is not None else None
        return type_ is not None and (type_.title == title or title in type_.bases)


def read_content(source: RunSource, run: Run) -> Content:
    """Read a run. If its pipeline cannot be read, the report says so and shows the rest."""
    pipeline, problem = None, ""
    try:
        pipeline = source.pipeline(run)
    except PipelineError as error:
        problem = error.diagnostics[0].message
    return Content(source, run, sorted(source.tasks(run), key=lambda task: task.order), pipeline, problem)


def anchor(task: Task) -> str:
    return f"t{task.order}"


def began(task: Task) -> float | None:
    """Start of a task on the timeline; for a task without a process, the time when its outputs were reused."""
    return task.finished if task.started is None and task.reused else task.started


def took(task: Task) -> float:
    """Duration of a finished task in seconds."""
    return 0.0 if task.started is None or task.finished is None else task.finished - task.started


def last_attempt(task: Task) -> Attempt | None:
    return max(task.attempts, key=lambda attempt: attempt.number, default=None)
