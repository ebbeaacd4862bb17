"""The tasks of a pipeline that say which components run, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from typedpipe.ir import nodes as ir
from typedpipe.ir.scopes import bodies


def first_calls(pipeline: ir.Pipeline) -> Iterator[ir.Task]:
    """One task for each component that is used, in the order of the text."""
    seen: set[str] = set()
    for task in tasks_of([pipeline.graph, *pipeline.pipelines.values()]):
        if task.component not in seen:
            seen.add(task.component)
            yield task


def tasks_of(graphs: Iterable[ir.Graph]) -> Iterator[ir.Task]:
    """All tasks in graphs and the bodies in them, without recursion."""
    pending = list(reversed(list(graphs)))
    while pending:
        graph = pending.pop()
        for node in graph.nodes:
            if isinstance(node, ir.Task):
                yield node
            elif isinstance(node, ir.ExitHandler) and isinstance(node.exit, ir.Task):
                yield node.exit
            if isinstance(node, ir.Branch | ir.Loop | ir.ExitHandler):
                pending.extend(reversed(bodies(node)))


def uses(pipeline: ir.Pipeline) -> dict[str, int]:
    """How many tasks of each component a run has, as far as the text says: what is in a loop counts twice.

    >>> from typedpipe.ir.nodes import Task
    >>> uses(ir.Pipeline("p", ir.Graph(nodes=(Task("a", "c"), Task("b", "c")))))
    {'c': 2}
    """
    found: dict[str, int] = {}
    pending = [(graph, 1) for graph in (pipeline.graph, *pipeline.pipelines.values())]
    while pending:
        graph, times = pending.pop()
        for node in graph.nodes:
            if isinstance(node, ir.Task):
                found[node.component] = found.get(node.component, 0) + times
            elif isinstance(node, ir.ExitHandler) and isinstance(node.exit, ir.Task):
                found[node.exit.component] = found.get(node.exit.component, 0) + times
            if isinstance(node, ir.Branch | ir.Loop | ir.ExitHandler):
                pending.extend((body, 2 if isinstance(node, ir.Loop) else times) for body in bodies(node))
    return found
