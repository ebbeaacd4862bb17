"""States of the boxes in the graph of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from typedpipe.pictures.boxes import Box, box_paths
from typedpipe.pictures.states import State, together
from typedpipe.runs.model import Mark, mark
from typedpipe.runs.paths import node_path
from typedpipe.runs.view import TaskView


@dataclass(frozen=True, slots=True)
class Marks:
    """Known states of a run. A task in a loop represents all its items, so paths here have no ``[2]``."""

    tasks: Mapping[str, list[TaskView]]
    loops: Mapping[str, tuple[int, int]]
    now: float
    ended: bool

    def of(self, boxes: list[Box]) -> dict[int, State]:
        """State of each box, by the box's id."""
        found: dict[int, State] = {}
        for path, box in box_paths(boxes):
            own = self.tasks.get(path, []) if box.kind != "arm" else []
            state = self._group(box, path, own, found) if box.children else self._leaf(own)
            if box.kind == "importer" and not own:
                state = State("succeeded" if self.ended else "waiting")
            found[id(box)] = state
        return found

    def _group(self, box: Box, path: str, own: list[TaskView], found: Mapping[int, State]) -> State:
        marks: list[Mark] = [found[id(child)].mark for child in box.children]
        marks.extend(mark(task.state) for task in own)
        if box.kind == "arm" or path not in self.loops:
            return State(together(marks))
        done, items = self.loops[path]
        return State(together(marks), f"{done}/{items}")

    def _leaf(self, tasks: list[TaskView]) -> State:
        if not tasks:
            return State("omitted" if self.ended else "waiting")
        found = together([mark(task.state, task.reused) for task in tasks])
        if len(tasks) > 1:
            over = sum(task.finished is not None for task in tasks)
            return State(found, f"{over}/{len(tasks)}")
        task = tasks[0]
        if task.reused:
            return State(found, task.reused)
        if task.started is None:
            return State(found)
        again = f", attempt {task.attempts}" if task.attempts > 1 else ""
        return State(found, f"{max(0.0, (task.finished or self.now) - task.started):.1f} s{again}")


def marks(seen: Mapping[str, TaskView], loops: Mapping[str, tuple[int, int]], now: float, *, ended: bool) -> Marks:
    """The marks of a run, from its tasks and loops by their paths in the run."""
    tasks: dict[str, list[TaskView]] = {}
    for name, task in seen.items():
        tasks.setdefault(node_path(name), []).append(task)
    counts: dict[str, tuple[int, int]] = {}
    for name, (done, items) in loops.items():
        path = node_path(name)
        before = counts.get(path, (0, 0))
        counts[path] = before[0] + done, before[1] + items
    return Marks(tasks, counts, now, ended)
