"""Paths of tasks in a run: ``train``, ``for-1[2]/train``, ``call/if-1/train``.

Events, rows and folders carry a path as text, so the functions here take text. A body of a loop adds the number of its
item to the loop's name; :func:`node_path` leaves the numbers out, which names the node that all the items share.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import regions_in

_ITEM = re.compile(r"\[(0|[1-9][0-9]{0,17})\](?=/|\Z)")


class Step(NamedTuple):
    """One part of a path: a node, and for a body of a loop the number of its item."""

    node: str
    item: int | None = None

    def __str__(self) -> str:
        return self.node if self.item is None else f"{self.node}[{self.item}]"


@dataclass(frozen=True, slots=True)
class TaskPath:
    """A path as its parts; ``str()`` gives the text back.

    >>> path = TaskPath.parse("for-1[2]/train")
    >>> path.name, path.items, path.node_path, str(path.parent), str(path)
    ('train', (2,), 'for-1/train', 'for-1[2]', 'for-1[2]/train')
    """

    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> TaskPath:
        """The parts of a path. Any text has some."""
        return cls(tuple(map(_step, text.split("/"))))

    @property
    def name(self) -> str:
        """The last part, as text."""
        return str(self.steps[-1])

    @property
    def items(self) -> tuple[int, ...]:
        """The numbers of the items of the loops, outermost first."""
        return tuple(step.item for step in self.steps if step.item is not None)

    @property
    def node_path(self) -> str:
        """The path without items."""
        return "/".join(step.node for step in self.steps)

    @property
    def parent(self) -> TaskPath | None:
        """The group around it, or None at the top."""
        return TaskPath(self.steps[:-1]) if len(self.steps) > 1 else None

    def prefixes(self) -> Iterator[TaskPath]:
        """The groups around it, outermost first, and then the path itself."""
        for end in range(1, len(self.steps) + 1):
            yield TaskPath(self.steps[:end])

    def __str__(self) -> str:
        return "/".join(map(str, self.steps))


def _step(text: str) -> Step:
    found = _ITEM.search(text) if text.endswith("]") else None
    return Step(text) if found is None else Step(text[: found.start()], int(found[1]))


def node_path(path: str) -> str:
    """A path without the numbers of items.

    >>> node_path("for-1[2]/for-2[10]/train")
    'for-1/for-2/train'
    """
    return _ITEM.sub("", path) if "[" in path else path


def item_numbers(path: str) -> list[int]:
    """The numbers of the items in a path, outermost first.

    >>> item_numbers("for-1[2]/for-2[10]/train")
    [2, 10]
    """
    return list(map(int, _ITEM.findall(path))) if "[" in path else []


def item_text(path: str) -> str:
    """The numbers of the items in a path as they are written.

    >>> item_text("for-1[2]/for-2[10]/train"), item_text("train")
    ('[2][10]', '')
    """
    return "".join(f"[{number}]" for number in _ITEM.findall(path)) if "[" in path else ""


def node_at(pipeline: ir.Pipeline, path: str) -> ir.Node | None:
    """The node that a task's path in a run leads to.

    >>> from typedpipe.ir.nodes import Graph
    >>> node_at(ir.Pipeline("p", Graph(nodes=(ir.Task("t", "c"),)), closed=True), "t").component
    'c'
    """
    graphs: list[ir.Graph] = [pipeline.graph]
    node: ir.Node | None = None
    for step in TaskPath.parse(path).steps:
        names = (str(step), step.node)
        node = next((found for graph in graphs for found in _nodes(graph) if found.name in names), None)
        if node is None:
            return None
        graphs = [region.body for region in regions_in(node, pipeline.pipelines)]
    return node


def _nodes(graph: ir.Graph) -> Iterator[ir.Node]:
    for node in graph.nodes:
        yield node
        yield from node.exits()
