"""Component calls of a pipeline: which components run, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from typedpipe.ir import nodes as ir


def first_calls(pipeline: ir.Pipeline) -> Iterator[ir.Task]:
    """One task for each component that is used, in source order."""
    seen: set[str] = set()
    for task in tasks_of([pipeline.graph, *pipeline.pipelines.values()]):
        if task.component not in seen:
            seen.add(task.component)
            yield task


def tasks_of(graphs: Iterable[ir.Graph]) -> Iterator[ir.Task]:
    """All tasks in graphs and the bodies in them."""
    return (call for call in calls_of(graphs) if isinstance(call, ir.Task))


def calls_of(graphs: Iterable[ir.Graph]) -> Iterator[ir.Task | ir.Call]:
    """All tasks and calls of pipelines in graphs and the bodies in them, without recursion."""
    pending = list(reversed(list(graphs)))
    while pending:
        graph = pending.pop()
        for node in graph.nodes:
            if isinstance(node, ir.Task | ir.Call):
                yield node  # most nodes, without regions
                continue
            yield from node.exits()
            pending.extend(region.body for region in reversed(node.regions()))


def uses(pipeline: ir.Pipeline) -> dict[str, int]:
    """Static number of tasks of each component in a run: tasks in a loop count twice.

    >>> from typedpipe.ir.nodes import Task
    >>> uses(ir.Pipeline("p", ir.Graph(nodes=(Task("a", "c"), Task("b", "c")))))
    {'c': 2}
    """
    found: dict[str, int] = {}
    pending = [(graph, 1) for graph in (pipeline.graph, *pipeline.pipelines.values())]
    while pending:
        graph, times = pending.pop()
        for node in graph.nodes:
            for call in (node, *node.exits()):
                if isinstance(call, ir.Task):
                    found[call.component] = found.get(call.component, 0) + times
            pending.extend((region.body, 2 if region.role == "item" else times) for region in node.regions())
    return found
