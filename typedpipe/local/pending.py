"""Tasks in progress: ready tasks, tasks that wait for a time, and the resources that each uses."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from typedpipe.local.runners.attempt import Attempt
from typedpipe.local.runners.logs import Tail
from typedpipe.local.scheduling.frame import TaskRun
from typedpipe.local.scheduling.resources import NOTHING, Need


@dataclass(slots=True, eq=False)
class Tracked:
    """A task offered by the scheduler, through all its attempts."""

    run: TaskRun
    order: int
    need: Need = NOTHING
    attempts: int = 0
    earlier: int = 0
    """Attempts that this run made before it was resumed: numbers continue after them."""
    started: float | None = None
    attempt: Attempt | None = None
    tail: Tail | None = None
    stopped: str = ""
    """Reason why its process was asked to end: "timeout" or "cancel"."""
    key: str = ""
    """The cache key that other tasks wait for it to fill."""
    claimed: bool = False
    """Other engines wait for it, too."""

    @property
    def number(self) -> int:
        """Number of the current attempt, in the run directory."""
        return self.earlier + self.attempts


@dataclass(slots=True)
class Pending:
    """Waiting tasks: ready ones by order, timers by time."""

    ready: list[tuple[bool, int, Tracked]] = field(default_factory=list[tuple[bool, int, Tracked]])
    timers: list[tuple[float, int, Callable[[], None]]] = field(
        default_factory=list[tuple[float, int, Callable[[], None]]]
    )
    count: itertools.count[int] = field(default_factory=itertools.count)
    parked: dict[Tracked, Callable[[Tracked], None]] = field(
        default_factory=dict["Tracked", "Callable[[Tracked], None]"]
    )
    """Tasks that wait for a time (of their retry) and the action to take then."""

    def push(self, task: Tracked) -> None:
        heapq.heappush(self.ready, (not task.run.protected, task.order, task))

    def park(self, task: Tracked, seconds: float | None, then: Callable[[Tracked], None]) -> None:
        """Keep a task for this time (None: until it is unparked), unless :meth:`drop` removes it first."""
        self.parked[task] = then
        if seconds is not None:
            self.after(seconds, lambda: self._wake(task))

    def unpark(self, task: Tracked) -> bool:
        """Take back a waiting task; return False if it no longer waits."""
        return self.parked.pop(task, None) is not None

    def _wake(self, task: Tracked) -> None:
        then = self.parked.pop(task, None)
        if then is not None:
            then(task)

    def drop(self) -> list[Tracked]:
        """Remove all waiting tasks and return them in order."""
        found = [entry[2] for entry in sorted(self.ready, key=lambda entry: entry[:2])] + list(self.parked)
        self.ready = []
        self.parked.clear()
        return found

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self.timers, (time.monotonic() + seconds, next(self.count), action))

    def due(self) -> list[Callable[[], None]]:
        now = time.monotonic()
        found: list[Callable[[], None]] = []
        while self.timers and self.timers[0][0] <= now:
            found.append(heapq.heappop(self.timers)[2])
        return found

    def wait(self) -> float | None:
        """Seconds to the next timer."""
        return max(0.0, self.timers[0][0] - time.monotonic()) if self.timers else None
