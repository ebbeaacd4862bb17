"""What a run tells its caller while it goes on: frozen dataclasses, given to ``on_event`` in order.

A task is named by its path in the run: ``train``, ``for-1[2]/train``, ``call/if-1/train``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

TaskState: TypeAlias = Literal["RUNNING", "SUCCEEDED", "FAILED", "OMITTED", "CANCELED"]
RunState: TypeAlias = Literal["SUCCEEDED", "FAILED", "CANCELED"]


@dataclass(frozen=True, slots=True)
class RunStarted:
    run: str
    pipeline: str
    folder: Path
    time: float


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """An attempt starts; the first one is 1."""

    task: str
    component: str
    attempt: int
    time: float


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Bytes that an attempt wrote to stdout or stderr, unaltered and in order; ``offset`` is where they are in its log."""

    task: str
    attempt: int
    offset: int
    data: bytes
    time: float


@dataclass(frozen=True, slots=True)
class TaskRetried:
    """An attempt failed and the next one comes in ``wait`` seconds."""

    task: str
    attempt: int
    message: str
    wait: float
    time: float


@dataclass(frozen=True, slots=True)
class TaskFinished:
    task: str
    component: str
    state: TaskState
    attempts: int
    exit_code: int | None
    message: str
    time: float
    reused: Literal["", "cache", "resumed"] = ""
    """No process ran: the outputs are of an earlier run with the same key, or of this run before it was resumed."""


@dataclass(frozen=True, slots=True)
class LoopStarted:
    """A loop knows its items."""

    loop: str
    items: int
    time: float


@dataclass(frozen=True, slots=True)
class LoopItemFinished:
    """The body of a loop has ended for so many of its items."""

    loop: str
    done: int
    items: int
    time: float


@dataclass(frozen=True, slots=True)
class CancelStarted:
    """The run is being ended early: tasks are stopped, exit handlers still run (``killing``: they do not)."""

    reason: str
    killing: bool
    time: float


@dataclass(frozen=True, slots=True)
class RunFinished:
    run: str
    state: RunState
    message: str
    time: float


Event: TypeAlias = (
    RunStarted | TaskStarted | LogChunk | TaskRetried | TaskFinished | LoopStarted | LoopItemFinished | CancelStarted | RunFinished
)
