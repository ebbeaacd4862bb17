"""The tasks of a pipeline that say which components run, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from typedpipe.ir.nodes import Branch, ExitHandler, Graph, Loop, Pipeline, Task
from typedpipe.ir.scopes import bodies


def first_calls(pipeline: Pipeline) -> Iterator[Task]:
    """One task for each component that is used, in the order of the text."""
    seen: set[str] = set()
    for task in tasks_of([pipeline.graph, *pipeline.pipelines.values()]):
        if task.component not in seen:
            seen.add(task.component)
            yield task


def tasks_of(graphs: Iterable[Graph]) -> Iterator[Task]:
    """All tasks in graphs and the bodies in them, without recursion."""
    pending = list(reversed(list(graphs)))
    while pending:
        graph = pending.pop()
        for node in graph.nodes:
            if isinstance(node, Task):
                yield node
            elif isinstance(node, ExitHandler) and isinstance(node.exit, Task):
                yield node.exit
            if isinstance(node, Branch | Loop | ExitHandler):
                pending.extend(reversed(bodies(node)))


def uses(pipeline: Pipeline) -> dict[str, int]:
    """How many tasks of each component a run has, as far as the text says: what is in a loop counts twice.

    >>> from typedpipe.ir.nodes import Task
    >>> uses(Pipeline("p", Graph(nodes=(Task("a", "c"), Task("b", "c")))))
    {'c': 2}
    """
    found: dict[str, int] = {}
    pending = [(graph, 1) for graph in (pipeline.graph, *pipeline.pipelines.values())]
    while pending:
        graph, times = pending.pop()
        for node in graph.nodes:
            if isinstance(node, Task):
                found[node.component] = found.get(node.component, 0) + times
            elif isinstance(node, ExitHandler) and isinstance(node.exit, Task):
                found[node.exit.component] = found.get(node.exit.component, 0) + times
            if isinstance(node, Branch | Loop | ExitHandler):
                pending.extend((body, 2 if isinstance(node, Loop) else times) for body in bodies(node))
    return found
