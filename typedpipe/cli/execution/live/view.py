"""Rows of the display, updated by events."""

from __future__ import annotations

from collections import deque

from typedpipe.cli.execution.live.tree import ENDS, REUSED, Live, Row, Tree, expected
from typedpipe.diagnostics.cells import shown
from typedpipe.ir import nodes as ir
from typedpipe.runs import events
from typedpipe.runs.paths import item_text, node_path
from typedpipe.runs.view import RunView

TAIL = 512
"""Number of bytes of a task's last output kept for its row."""
KEPT = 64
"""Number of failed and of recently ended rows remembered for when not all fit."""


class LiveView(RunView):
    """The state of a run for the display: the view of the run, with a row for each node and its running tasks.

    Tasks and loops that have ended are counted in their rows and then discarded, however many there were.
    """

    def __init__(self, pipeline: ir.Pipeline) -> None:
        super().__init__(pipeline)
        self.tree = Tree(pipeline)
        self.title = pipeline.name
        self.live: dict[str, Live] = {}
        self.ends: dict[str, int] = {}
        self.failed: dict[Row, None] = {}
        self.recent: deque[Row] = deque(maxlen=KEPT)
        self._do[events.LogChunk] = self._logged

    def _row(self, name: str) -> Row | None:
        return self.tree.find(node_path(name))

    # -------------------------------------------------------------------------------------------- the tasks

    def _task_started(self, event: events.TaskStarted) -> None:
        super()._task_started(event)
        live = self.live.get(event.task)
        if live is not None:
            live.attempt, live.again = event.attempt, 0.0
            return
        row = self._row(event.task)
        if row is None:
            return
        live = Live(row, event.task, f"{item_text(event.task)} {shown(event.item)}".strip(), event.time, event.attempt)
        self.live[event.task] = row.runs[event.task] = live
        self._begin(row, event.time)
        self._count(row, 1)

    def _count(self, row: Row, change: int) -> None:
        """Change the number of running tasks in a row and those around it."""
        for above in row.above():
            running = above.live > 0
            above.live += change
            differs = (above.live > 0) - running
            if above.parent is None:
                self.tree.running_top += differs
            else:
                above.parent.running_children += differs

    def _logged(self, event: events.LogChunk) -> None:
        live = self.live.get(event.task)
        if live is not None:
            live.tail = (live.tail + event.data[-TAIL:])[-TAIL:]

    def _retried(self, event: events.TaskRetried) -> None:
        super()._retried(event)
        live = self.live.get(event.task)
        if live is not None:
            live.again = event.time + event.wait

    def _task_finished(self, event: events.TaskFinished) -> None:
        super()._task_finished(event)
        self._tasks.pop(event.task, None)
        row = self._row(event.task)
        if row is None:
            return
        look = REUSED.get(event.reused) or ENDS.get(event.state, "done")
        live = self.live.pop(event.task, None)
        if live is not None:
            row.runs.pop(event.task, None)
            self._count(row, -1)
        elif event.state != "OMITTED":
            self._begin(row, event.time)
        if not row.group or event.state == "FAILED":
            self.ends[look] = self.ends.get(look, 0) + 1
        row.attempts, row.message = event.attempts, event.message
        if look == "failed":
            self._failed(row)
        elif look in {"omitted", "canceled"}:
            for above in row.above():
                above.stopped += 1
        if row.many:
            row.ends[look] = row.ends.get(look, 0) + 1
        else:
            row.end = look
            self._over(row, event.time)
        self.recent.append(row)

    def _failed(self, row: Row) -> None:
        for above in row.above():
            above.failed += 1
        if len(self.failed) < KEPT:
            self.failed[row] = None

    def _begin(self, row: Row, time: float) -> None:
        """Mark a row and those around it as started, which ends their waiting."""
        for above in row.above():
            if above.touched:
                return
            above.touched = True
            above.started = time
            if above.many:
                continue
            for need in self.tree.needs(above):
                if not need.over:
                    need.end = need.end or (None if need.touched else "skipped")
                    self._over(need, time)

    def _over(self, row: Row, time: float) -> None:
        """Mark a row outside of loops as finished; this may also finish the group around it."""
        step: Row | None = row
        while step is not None and not step.over:
            step.over = True
            step.finished = time
            above = step.parent
            if above is None:
                self.tree.ended_top += 1
                return
            above.ended_children += 1
            step = None if above.ended_children < expected(above) else above

    # -------------------------------------------------------------------------------------------- the loops

    def _loop_started(self, event: events.LoopStarted) -> None:
        super()._loop_started(event)
        row = self._row(event.loop)
        if row is None or not isinstance(row.node, ir.Loop):
            return
        self._begin(row, event.time)
        row.items += event.items
        if not event.items and not row.many:
            self._over(row, event.time)

    def _item_finished(self, event: events.LoopItemFinished) -> None:
        done, _ = self._loops.get(event.loop, (0, 0))
        super()._item_finished(event)
        row = self._row(event.loop)
        if row is None:
            return
        row.items_done += event.done - done
        if event.done >= event.items:
            self._loops.pop(event.loop, None)
            if not row.many:
                self._over(row, event.time)
