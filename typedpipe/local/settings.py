"""What an engine is given besides the pipeline, and the time that it keeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from typedpipe.local.runners.launcher import Launcher, launcher
from typedpipe.local.scheduling.resources import Machine
from typedpipe.runs import events

TAIL_SECONDS = 0.1
"""How often logs are read while they are written."""
COMMIT_SECONDS = 0.02
"""So long rows are grouped while there is something to do; before the engine waits they are committed anyway."""
ELSEWHERE_SECONDS = 0.25
"""How often to look whether another engine has computed what a task here would compute, too."""
TURN = 64
"""So many tasks start before the engine looks up: those of this process have ended by then."""
BLOCKED = 16
"""So many tasks that the machine has no room for are set aside before the rest waits for the next end."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run: not what."""

    jobs: int
    timeout: float | None = None
    grace: float = 5.0
    """Seconds between asking a task to end and killing it."""
    fail_fast: bool = False
    on_event: Callable[[events.Event], None] | None = None
    launch: Callable[[], Launcher] = launcher
    machine: Callable[[], Machine] = Machine
    in_memory: Collection[str] = ()
    """The components, by key, whose tasks run in this process: they are handed their job, and hand back texts."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables for every task; what a task sets itself wins."""
    logs: bool = True
    """Whether ``on_event`` is also called with what tasks print."""

    @property
    def follows_logs(self) -> bool:
        """Whether the engine reads logs while they are written."""
        return self.logs and self.on_event is not None


class Clock:
    """Unix time that never goes back: the wall's at the start, and what has really passed since."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def __call__(self) -> float:
        return self._ahead + time.monotonic()
