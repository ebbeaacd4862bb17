"""The state of a run, folded from its events: the run, its tasks and its loops."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from typedpipe.ir import nodes as ir
from typedpipe.runs import events
from typedpipe.runs.model import RunEnd, SeenState


@dataclass(slots=True)
class TaskView:
    """One task in its current state. ``component`` is its key in the pipeline, or the kind of a group or importer."""

    name: str
    component: str
    state: SeenState = "WAITING"
    attempts: int = 0
    exit_code: int | None = None
    message: str = ""
    started: float | None = None
    finished: float | None = None
    reused: str = ""
    item: str = ""


class RunView:
    """Receives events in the engine's thread, and is read from any other.

    One event costs the same however large the run is. A display that needs more extends it: its methods for events call
    these first, so that events are interpreted in a single place.

    >>> view = RunView(ir.Pipeline("p", ir.Graph(nodes=(ir.Task("train", "c"),))))
    >>> view(events.TaskStarted("train", "c", 1, 5.0))
    >>> view.state, view.tasks()["train"].state
    ('RUNNING', 'RUNNING')
    """

    def __init__(self, pipeline: ir.Pipeline) -> None:
        self.pipeline = pipeline
        self.run = ""
        self.state: Literal["RUNNING"] | RunEnd = "RUNNING"
        self.message = ""
        self.started: float | None = None
        self.finished: float | None = None
        self.stopping = ""
        """Why the run is being ended early."""
        self._lock = threading.Lock()
        self._tasks = {
            node.name: TaskView(node.name, node.component) for node in pipeline.graph.nodes if isinstance(node, ir.Task)
        }
        self._loops: dict[str, tuple[int, int]] = {}
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._do: dict[type, Callable[[Any], None]] = {
            events.RunStarted: self._run_started,
            events.TaskStarted: self._task_started,
            events.TaskRetried: self._retried,
            events.TaskFinished: self._task_finished,
            events.LoopStarted: self._loop_started,
            events.LoopItemFinished: self._item_finished,
            events.CancelStarted: self._cancel_started,
            events.RunFinished: self._run_finished,
        }

    def __call__(self, event: events.Event) -> None:
        """Apply an event; one of an unknown kind changes nothing."""
        do = self._do.get(type(event))
        if do is None:
            return
        with self._lock:
            do(event)
        for listener in self._listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each event, in the engine's thread."""
        self._listeners = (*self._listeners, listener)

    @property
    def ended(self) -> bool:
        return self.finished is not None

    def tasks(self) -> dict[str, TaskView]:
        """Tasks so far; those of the pipeline itself first."""
        with self._lock:
            return dict(self._tasks)

    def loops(self) -> dict[str, tuple[int, int]]:
        """Number of finished bodies of each loop, and their total number."""
        with self._lock:
            return dict(self._loops)

    # ------------------------------------------------------------------------------------ the meaning of events

    def _run_started(self, event: events.RunStarted) -> None:
        self.run, self.started = event.run, event.time
        self.state, self.message, self.finished, self.stopping = "RUNNING", "", None, ""

    def _run_finished(self, event: events.RunFinished) -> None:
        self.run, self.state, self.message, self.finished = event.run, event.state, event.message, event.time

    def _cancel_started(self, event: events.CancelStarted) -> None:
        self.stopping = event.reason

    def _task_started(self, event: events.TaskStarted) -> None:
        task = self._task(event.task, event.component)
        task.component, task.attempts, task.state = event.component, event.attempt, "RUNNING"
        task.started = task.started or event.time
        task.finished, task.exit_code, task.reused = None, None, ""
        task.item = event.item

    def _retried(self, event: events.TaskRetried) -> None:
        self._task(event.task, "").message = event.message

    def _task_finished(self, event: events.TaskFinished) -> None:
        task = self._task(event.task, event.component)
        task.component, task.state, task.attempts = event.component, event.state, event.attempts
        task.exit_code, task.message, task.reused = event.exit_code, event.message, event.reused
        task.finished, task.item = event.time, event.item

    def _loop_started(self, event: events.LoopStarted) -> None:
        self._loops[event.loop] = (0, event.items)

    def _item_finished(self, event: events.LoopItemFinished) -> None:
        self._loops[event.loop] = (event.done, event.items)

    def _task(self, name: str, component: str) -> TaskView:
        known = self._tasks.get(name)
        if known is None:
            known = self._tasks[name] = TaskView(name, component)
        return known
