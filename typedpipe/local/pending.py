"""Tasks on their way: what is ready, what waits for its time, and what each takes of the machine."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from typedpipe.local.logs import Tail
from typedpipe.local.scope import TaskRun
from typedpipe.local.task import Attempt


@dataclass(slots=True, eq=False)
class Tracked:
    """A task that the walk handed out, through all its attempts."""

    run: TaskRun
    order: int
    cpu: int
    attempts: int = 0
    started: float | None = None
    attempt: Attempt | None = None
    tail: Tail | None = None
    stopped: str = ""
    """Why its process was told to end: "timeout" or "cancel"."""


@dataclass(slots=True)
class Pending:
    """What waits: ready tasks by order, timers by time."""

    ready: list[tuple[bool, int, Tracked]] = field(default_factory=list[tuple[bool, int, Tracked]])
    timers: list[tuple[float, int, Callable[[], None]]] = field(
        default_factory=list[tuple[float, int, Callable[[], None]]]
    )
    count: itertools.count[int] = field(default_factory=itertools.count)

    def push(self, task: Tracked) -> None:
        heapq.heappush(self.ready, (not task.run.protected, task.order, task))

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


def millicores(quantity: object) -> int:
    """A Kubernetes cpu quantity in thousandths of a core; nothing asked for is nothing taken.

    >>> millicores("500m"), millicores("2"), millicores(None)
    (500, 2000, 0)
    """
    if quantity is None or quantity == "":
        return 0
    text = str(quantity)
    try:
        return int(float(text[:-1])) if text.endswith("m") else int(float(text) * 1000)
    except (ValueError, OverflowError):
        raise ValueError(f"the cpu request {text!r} is no quantity: write `500m` or `2`") from None
