"""Settings of an engine, besides the pipeline, and its clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from typedpipe.local.runners.launcher import Launcher, launcher
from typedpipe.local.scheduling.resources import Machine
from typedpipe.runs import events

TAIL_SECONDS = 0.1
"""Interval at which growing logs are read, in seconds."""
COMMIT_SECONDS = 0.02
"""So long rows are grouped while there is something to do; before the engine waits they are committed anyway."""
ELSEWHERE_SECONDS = 0.25
"""Interval at which the engine looks for what other processes do: a result that a task here would compute, too, and a
request to cancel the run."""
TURN = 64
"""Number of tasks to start before the engine polls: in-process tasks have ended by then."""
BLOCKED = 16
"""Number of tasks without free resources to put aside before the remaining ones wait for the next task to end."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings that control how a pipeline runs."""

    jobs: int
    timeout: float | None = None
    grace: float = 5.0
    """Seconds between asking a task to end and killing it."""
    fail_fast: bool = False
    on_event: Callable[[events.Event], None] | None = None
    launch: Callable[[], Launcher] = launcher
    machine: Callable[[], Machine] = Machine
    in_memory: Collection[str] = ()
    """Components, by key, whose tasks run in this process: they receive their job, and return texts."""
    logs: bool = True
    """Whether ``on_event`` is also called with the output of tasks."""

    @property
    def follows_logs(self) -> bool:
        """Whether the engine reads logs while they are written."""
        return self.logs and self.on_event is not None


class Clock:
    """Unix time that never goes back: the wall clock at the start, plus the elapsed monotonic time."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def __call__(self) -> float:
        return self._ahead + time.monotonic()
