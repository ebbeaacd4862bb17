"""The marks on the picture of a run: what its tasks are, by the boxes that stand for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from typedpipe.pictures.boxes import Box
from typedpipe.pictures.states import State, together
from typedpipe.runs.model import Mark, mark
from typedpipe.runs.paths import node_path
from typedpipe.runs.view import TaskView


@dataclass(frozen=True, slots=True)
class Marks:
    """What is known of a run. A task in a loop stands for all its items, so paths here have no ``[2]``."""

    tasks: Mapping[str, list[TaskView]]
    loops: Mapping[str, tuple[int, int]]
    now: float
    ended: bool

    def of(self, boxes: list[Box]) -> dict[int, State]:
        """The state of each box, by the box's id."""
        found: dict[int, State] = {}
        for box in boxes:
            self._mark(box, "", found)
        return found

    def _mark(self, box: Box, prefix: str, found: dict[int, State]) -> Mark:
        path = prefix + box.name
        own = self.tasks.get(path, [])
        state = self._group(box, path, prefix, found) if box.children else self._leaf(own)
        if box.kind == "importer" and not own:
            state = State("succeeded" if self.ended else "waiting")
        found[id(box)] = state
        return state.mark

    def _group(self, box: Box, path: str, prefix: str, found: dict[int, State]) -> State:
        """An arm has its branch's path, and the last task of an exit handler stands beside the handler."""
        marks: list[Mark] = [mark(task.state) for task in self.tasks.get(path, [])]
        for child in box.children:
            beside = box.kind == "arm" or (box.kind == "exit" and child.kind != "arm")
            marks.append(self._mark(child, prefix if beside else f"{path}/", found))
        done, items = self.loops.get(path, (0, 0))
        return State(together(marks), f"{done}/{items}" if path in self.loops else "")

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
        again = f", try {task.attempts}" if task.attempts > 1 else ""
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
