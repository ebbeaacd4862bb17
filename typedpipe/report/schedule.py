"""Schedule of a run: the possible start of each task, the task it waited for, and the critical path."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from typedpipe.ir import nodes as ir
from typedpipe.ir.plan import plan
from typedpipe.runs.model import Task
from typedpipe.runs.paths import TaskPath

_SLACK = 0.001
"""Clock tolerance between two events of one turn of the engine."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The time at which all dependencies were done; ``after`` is the last task to end before it, or ""."""

    time: float
    after: str = ""


def readiness(pipeline: ir.Pipeline, tasks: Sequence[Task], begun: float) -> dict[str, Ready]:
    """The possible start time of each task that is part of the pipeline.

    >>> readiness(ir.Pipeline("p", ir.Graph()), [], 0.0)
    {}
    """
    walk = _Walk(pipeline, tasks)
    walk.graph(pipeline.graph, "", Ready(begun))
    return walk.found


def critical_path(tasks: Sequence[Task], ready: Mapping[str, Ready]) -> list[str]:
    """The tasks of the critical path in order, each waiting for the one before it, up to the task that ended last.

    >>> critical_path([], {})
    []
    """
    by_name = {task.name: task for task in tasks}
    ended = [task for task in tasks if task.finished is not None and (task.started is not None or task.reused)]
    last = max(ended, key=lambda task: task.finished or 0.0, default=None)
    path: list[str] = []
    while last is not None and last.name not in path:
        path.append(last.name)
        last = by_name.get(ready[last.name].after) if last.name in ready else None
    return path[::-1]


class _Walk:
    def __init__(self, pipeline: ir.Pipeline, tasks: Sequence[Task]) -> None:
        self._pipeline = pipeline
        self._tasks = {task.name: task for task in tasks}
        self._items: dict[str, set[int]] = {}
        self._begun: dict[str, float] = {}
        for task in tasks:
            for body in TaskPath.parse(task.name).prefixes() if "[" in task.name else ():
                above, (node, item) = body.parent, body.steps[-1]
                if item is None:
                    continue
                self._items.setdefault(node if above is None else f"{above}/{node}", set()).add(item)
                if task.started is not None:
                    self._begun[f"{body}/"] = min(task.started, self._begun.get(f"{body}/", task.started))
        self.found: dict[str, Ready] = {}

    def graph(self, graph: ir.Graph, prefix: str, ready: Ready) -> Ready:
        """Compute the readiness of a graph's nodes; return the end of the last one."""
        needs = plan(graph).needs
        ends: list[Ready | None] = [None] * len(graph.nodes)
        waiting = list(range(len(graph.nodes)))
        while waiting:  # once, if nodes come after their dependencies
            rest: list[int] = []
            for index in waiting:
                above = [ends[need] for need in needs[index]]
                known = [end for end in above if end is not None]
                if len(known) < len(above):
                    rest.append(index)
                else:
                    start = max([*known, ready], key=lambda end: end.time)
                    ends[index] = self._node(graph.nodes[index], prefix, start)
            waiting = rest if len(rest) < len(waiting) else []
        return _latest(ready, [end for end in ends if end is not None])

    def _node(self, node: ir.Node, prefix: str, ready: Ready) -> Ready:
        name = prefix + node.name
        match node:
            case ir.Call():
                return self.graph(self._pipeline.pipelines[node.pipeline], f"{name}/", ready)
            case ir.Loop():
                return self._loop(node, name, ready)
            case _ if node.is_group:
                ended = _latest(ready, [self.graph(region.body, f"{name}/", ready) for region in node.regions()])
                ends = [self._node(last, prefix, ended) for last in node.exits()]
                return _latest(ended, ends)
            case _:
                return self._task(name, ready)

    def _task(self, name: str, ready: Ready) -> Ready:
        task = self._tasks.get(name)
        if task is None:
            return ready
        self.found[name] = ready
        return ready if task.finished is None else Ready(max(ready.time, task.finished), name)

    def _loop(self, node: ir.Loop, name: str, ready: Ready) -> Ready:
        """Loop bodies; if parallelism is limited, the others wait for those that ended before they began."""
        ends: list[tuple[float, str]] = []
        for position in sorted(self._items.get(name, ())):
            prefix = f"{name}[{position}]/"
            start = ready
            if node.parallelism and position >= node.parallelism:
                before = bisect_right(ends, (self._begun.get(prefix, 0.0) + _SLACK, "\U0010ffff"))
                if before:
                    start = max(ready, Ready(*ends[before - 1]), key=lambda end: end.time)
            end = self.graph(node.body, prefix, start)
            insort(ends, (end.time, end.after))
        return _latest(ready, [Ready(*end) for end in ends])


def _latest(ready: Ready, ends: Sequence[Ready]) -> Ready:
    return max([*ends, ready], key=lambda end: end.time)
