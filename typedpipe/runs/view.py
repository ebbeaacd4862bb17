"""What is known of a run while it goes on: its tasks as the engine's events tell of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from typedpipe.ir import nodes as ir
from typedpipe.runs import events
from typedpipe.runs.model import SeenState


@dataclass(slots=True)
class TaskView:
    """One task, up to now. ``component`` is its key in the pipeline, or a group's or importer's word."""

    name: str
    component: str
    state: SeenState = "WAITING"
    attempts: int = 0
    exit_code: int | None = None
    message: str = ""
    started: float | None = None
    finished: float | None = None
    reused: str = ""


class RunView:
    """Takes events in the engine's thread, and is read from any other."""

    def __init__(self, pipeline: ir.Pipeline) -> None:
        self._lock = threading.Lock()
        self._tasks = {
            node.name: TaskView(node.name, node.component) for node in pipeline.graph.nodes if isinstance(node, ir.Task)
        }
        self._loops: dict[str, tuple[int, int]] = {}
        self._listeners: list[Callable[[], None]] = []

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.LogChunk):
            return
        with self._lock:
            self._take(event)
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def _take(self, event: events.Event) -> None:
        match event:
            case events.TaskStarted():
                seen = self._seen(event.task, event.component)
                seen.component, seen.attempts, seen.state = event.component, event.attempt, "RUNNING"
                seen.started = seen.started or event.time
            case events.TaskRetried():
                self._seen(event.task, "").message = event.message
            case events.TaskFinished():
                seen = self._seen(event.task, event.component)
                seen.component, seen.state, seen.attempts = event.component, event.state, event.attempts
                seen.exit_code, seen.message, seen.reused = event.exit_code, event.message, event.reused
                seen.finished = event.time
            case events.LoopStarted():
                self._loops[event.loop] = (0, event.items)
            case events.LoopItemFinished():
                self._loops[event.loop] = (event.done, event.items)
            case _:
                pass

    def _seen(self, name: str, component: str) -> TaskView:
        return self._tasks.setdefault(name, TaskView(name, component))

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each event, in the engine's thread."""
        with self._lock:
            self._listeners.append(listener)

    def tasks(self) -> dict[str, TaskView]:
        """The tasks up to now; those of the pipeline itself first."""
        with self._lock:
            return dict(self._tasks)

    def loops(self) -> dict[str, tuple[int, int]]:
        """How many bodies of each loop have ended, and how many there are."""
        with self._lock:
            return dict(self._loops)
