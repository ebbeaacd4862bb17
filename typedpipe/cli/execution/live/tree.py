"""The pipeline as a tree of rows, updated by events.

A row represents a node of the IR, not each of its executions: tasks in a loop are counted. So memory depends on the
size of the pipeline and the number of running tasks, and an event costs the same whatever ran before it. Rows of called
pipelines are created on first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import regions_in
from typedpipe.ir.plan import GraphPlan, plan
from typedpipe.runs.paths import group_path

Look: TypeAlias = Literal["waiting", "running", "done", "cached", "resumed", "failed", "omitted", "canceled", "skipped"]
ENDS: dict[str, Look] = {"SUCCEEDED": "done", "FAILED": "failed", "OMITTED": "omitted", "CANCELED": "canceled"}
REUSED: dict[str, Look] = {"cache": "cached", "resumed": "resumed"}


@dataclass(slots=True, eq=False)
class Live:
    """A task that runs, or waits for a retry."""

    row: Row
    name: str
    item: str
    """Item of its loops: ``[3] 0.01``, ``[3][0] 0.01, a``, or "" outside of loops."""
    started: float
    attempt: int = 1
    again: float = 0.0
    """Start time of the next attempt, while it waits for a retry."""
    tail: bytes = b""
    """The end of its output."""


@dataclass(slots=True, eq=False)
class Row:
    """A node of the pipeline as one line of the display."""

    node: ir.Node
    path: str
    parent: Row | None
    graph: ir.Graph
    """The graph that contains the node at ``index``; ``scope`` holds the rows of that graph."""
    index: int
    scope: list[Row]
    arm: int = 0
    many: bool = False
    """It is in a loop, so it may run several times."""
    exit: Row | None = None
    children: list[Row] | None = None
    end: Look | None = None
    touched: bool = False
    over: bool = False
    live: int = 0
    failed: int = 0
    stopped: int = 0
    """Numbers of tasks in it: running, failed, and canceled or skipped."""
    running_children: int = 0
    ended_children: int = 0
    ends: dict[str, int] = field(default_factory=dict[str, int])
    """In a loop: number of tasks per outcome."""
    runs: dict[str, Live] = field(default_factory=dict[str, Live])
    items: int = 0
    items_done: int = 0
    started: float | None = None
    finished: float | None = None
    attempts: int = 0
    message: str = ""

    @property
    def name(self) -> str:
        return self.node.name

    def above(self) -> Iterator[Row]:
        """This row and those around it, innermost first."""
        row: Row | None = self
        while row is not None:
            yield row
            row = row.parent

    def look(self, ended: bool) -> Look:
        """Appearance of its state; ``ended``: the whole run has ended."""
        if self.end is not None and not self.live:
            return self.end
        if self.live:
            return "running"
        if self.over or (ended and self.touched):
            return "failed" if self.failed else "canceled" if self.stopped else "done"
        if self.touched:
            return "running" if self.group else ("failed" if self.failed else "done")
        return "skipped" if ended else "waiting"

    @property
    def group(self) -> bool:
        return self.node.is_group or isinstance(self.node, ir.Call)


class Tree:
    """All rows of a pipeline, by path without item numbers."""

    def __init__(self, pipeline: ir.Pipeline) -> None:
        self._pipeline = pipeline
        self._plans: dict[int, GraphPlan] = {}
        self._rows: dict[str, Row] = {}
        self.running_top = self.ended_top = 0
        """Numbers of running and of finished rows at the top level."""
        self.top = self._rows_of(pipeline.graph, "", None, many=False)

    def find(self, path: str) -> Row | None:
        """The row of a path; None if the pipeline has no such node."""
        known = self._rows.get(path)
        if known is not None:
            return known
        group = group_path(path)
        above = self.find(group) if group else None
        if above is None or above.children is not None:
            return None
        self.children(above)
        return self._rows.get(path)

    def children(self, row: Row) -> list[Row]:
        """Rows in a group: of its body, of all its arms, of the pipeline that it calls; then its exit task."""
        if row.children is None:
            found = [
                child
                for arm, region in enumerate(regions_in(row.node, self._pipeline.pipelines))
                for child in self._rows_of(
                    region.body, row.path + "/", row, many=row.many or region.role == "item", arm=arm
                )
            ]
            row.children = found if row.exit is None else [*found, row.exit]
        return row.children

    def needs(self, row: Row) -> Iterator[Row]:
        """Upstream rows of a row, in the same graph."""
        known = self._plans.get(id(row.graph))
        if known is None:
            known = self._plans[id(row.graph)] = plan(row.graph)
        if row.index >= 0:
            yield from (row.scope[index] for index in known.needs[row.index])

    def _rows_of(self, graph: ir.Graph, prefix: str, parent: Row | None, *, many: bool, arm: int = 0) -> list[Row]:
        rows: list[Row] = []
        for index, node in enumerate(graph.nodes):
            row = Row(node, prefix + node.name, parent, graph, index, rows, arm, many)
            for last in node.exits():
                row.exit = Row(last, prefix + last.name, row, graph, -1, rows, 0, many)
                self._rows[row.exit.path] = row.exit
            self._rows[row.path] = row
            rows.append(row)
        return rows


def expected(row: Row) -> int:
    """Number of a group's rows that run: those of the arm that was taken, or all."""
    rows = row.children or []
    if not any(region.role == "arm" for region in row.node.regions()):
        return len(rows)
    taken = next((child.arm for child in rows if child.touched), None)
    return sum(child.arm == taken for child in rows)
