"""Paths of tasks in a run: ``train``, ``for-1[2]/train``, ``call/if-1/train``.

Events, rows and directories contain a path as text, so the functions here accept text. A body of a loop adds the number
of its item to the loop's name; :func:`node_path` removes the numbers, which yields the node that all items share.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import regions_in

_ITEM = re.compile(r"\[(0|[1-9][0-9]{0,17})\](?=/|\Z)")
_PLAIN = re.compile(r"[^\w.\-\[\]]", re.ASCII)
_PLAIN_PATH = re.compile(r"[^\w.\-\[\]/]", re.ASCII)


class Step(NamedTuple):
    """One part of a path: a node, and for a body of a loop the number of its item."""

    node: str
    item: int | None = None

    def __str__(self) -> str:
        return self.node if self.item is None else f"{self.node}[{self.item}]"


@dataclass(frozen=True, slots=True)
class TaskPath:
    """A path as its parts; ``str()`` returns the text.

    >>> path = TaskPath.parse("for-1[2]/train")
    >>> path.name, path.items, path.node_path, str(path.parent), str(path)
    ('train', (2,), 'for-1/train', 'for-1[2]', 'for-1[2]/train')
    """

    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> TaskPath:
        """Split a path into its parts. Any text is valid."""
        return cls(tuple(map(_step, text.split("/"))))

    @property
    def name(self) -> str:
        """The last part, as text."""
        return str(self.steps[-1])

    @property
    def items(self) -> tuple[int, ...]:
        """Item numbers of the loops, outermost first."""
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
    """Remove the item numbers from a path.

    >>> node_path("for-1[2]/for-2[10]/train")
    'for-1/for-2/train'
    """
    return _ITEM.sub("", path) if "[" in path else path


def nearest_path(name: str, paths: Collection[str]) -> str:
    """The path that was probably meant, or "": one that the name leads to without its loop or group, or a similar one.

    >>> nearest_path("fit", ["load", "for[0]/fit", "for[1]/fit"]), nearest_path("laod", ["load", "for[0]/fit"])
    ('for[0]/fit', 'load')
    """
    from typedpipe.diagnostics.words import nearest

    below = (path for path in paths if f"/{node_path(path)}".endswith(f"/{name}"))
    return next(below, "") or nearest(name, paths)


def item_numbers(path: str) -> list[int]:
    """Item numbers in a path, outermost first.

    >>> item_numbers("for-1[2]/for-2[10]/train")
    [2, 10]
    """
    return list(map(int, _ITEM.findall(path))) if "[" in path else []


def item_text(path: str) -> str:
    """Item numbers in a path, as text.

    >>> item_text("for-1[2]/for-2[10]/train"), item_text("train")
    ('[2][10]', '')
    """
    return "".join(f"[{number}]" for number in _ITEM.findall(path)) if "[" in path else ""


def with_item(path: str, item: str) -> str:
    """A path with the items of the loops around, for people.

    >>> with_item("for[2]/train", "0.01"), with_item("train", "")
    ('for[2]/train (0.01)', 'train')
    """
    return f"{path} ({item})" if item else path


def last_part(path: str) -> str:
    """The name of the node itself, without the groups around it.

    >>> last_part("for-1[2]/train"), last_part("train")
    ('train', 'train')
    """
    return path.rpartition("/")[2]


def group_path(path: str) -> str:
    """The path of the group around; "" at the top.

    >>> group_path("for-1[2]/train"), group_path("train")
    ('for-1[2]', '')
    """
    return path.rpartition("/")[0]


def item_path(path: str, loop: str) -> str:
    """The start of a path that tells which item of a loop it is for; the loop's path has no items.

    >>> item_path("for-1[2]/for-2[10]/train", "for-1"), item_path("for-1[2]/for-2[10]/train", "for-1/for-2")
    ('for-1[2]', 'for-1[2]/for-2[10]')
    """
    return "/".join(path.split("/")[: loop.count("/") + 1])


def file_path(path: str) -> str:
    """A path for files of the task: each part made a plain file name.

    >>> file_path("for-1[2]/train"), file_path("for-1[2]/größe")
    ('for-1[2]/train', 'for-1[2]/gr--e-d353a267')
    """
    if len(path) < 80 and not _PLAIN_PATH.search(path):  # nearly all: without a list of parts
        return path
    parts = path.split("/")
    return "/".join([part if len(part) < 80 and not _PLAIN.search(part) else _short(part) for part in parts])


def _short(part: str) -> str:
    return f"{_PLAIN.sub('-', part)[:60]}-{sha256(part.encode()).hexdigest()[:8]}"


def split_name(name: str) -> tuple[str, str]:
    """The run and the task of RUN/TASK; a task's own name may contain further slashes.

    >>> split_name("last/for-1[2]/train")
    ('last', 'for-1[2]/train')
    """
    run, _, task = name.partition("/")
    return run, task.rstrip("/")


def node_at(pipeline: ir.Pipeline, path: str) -> ir.Node | None:
    """The node of a task's path in a run.

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
