"""Events of a run: frozen dataclasses, passed to ``on_event`` in order.

A task is identified by its path in the run: ``train``, ``for-1[2]/train``, ``call/if-1/train``.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

from typedpipe.runs.model import RunEnd, TaskState


@dataclass(frozen=True, slots=True)
class RunStarted:
    run: str
    pipeline: str
    time: float


@dataclass(frozen=True, slots=True)
class RunNoted:
    """A note about the run as a whole, emitted before it starts: a preparation step, or a warning.

    ``code`` is a warning's code, and "" for a step; ``text`` is the whole warning, with its location and suggested fix.
    """

    message: str
    code: str
    text: str
    time: float


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """An attempt starts; the first one is number 1."""

    task: str
    component: str
    attempt: int
    time: float
    item: str = ""
    """Items of the loops around it, as short text: ``0.01``, or ``0.01, 3`` in two loops."""


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Bytes that an attempt wrote to stdout or stderr, unaltered, in order; ``offset`` is their position in its log."""

    task: str
    attempt: int
    offset: int
    data: bytes
    time: float


@dataclass(frozen=True, slots=True)
class TaskRetried:
    """An attempt failed, and the next one starts in ``wait`` seconds."""

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
    """No process ran: the outputs are from an earlier run with the same key, or from this run before it was resumed."""
    item: str = ""
    """As in :class:`TaskStarted`."""


@dataclass(frozen=True, slots=True)
class LoopStarted:
    """The items of a loop are known."""

    loop: str
    items: int
    time: float


@dataclass(frozen=True, slots=True)
class LoopItemFinished:
    """The number of finished bodies of a loop has changed."""

    loop: str
    done: int
    items: int
    time: float


@dataclass(frozen=True, slots=True)
class CancelStarted:
    """The run is being canceled: tasks are stopped, exit handlers still run (``killing``: they do not)."""

    reason: str
    killing: bool
    time: float


@dataclass(frozen=True, slots=True)
class RunFinished:
    run: str
    state: RunEnd
    message: str
    time: float


Event: TypeAlias = (
    RunNoted
    | RunStarted
    | TaskStarted
    | LogChunk
    | TaskRetried
    | TaskFinished
    | LoopStarted
    | LoopItemFinished
    | CancelStarted
    | RunFinished
)


# ------------------------------------------------------------------------------------------------- as JSON data

_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        RunNoted,
        RunStarted,
        TaskStarted,
        LogChunk,
        TaskRetried,
        TaskFinished,
        LoopStarted,
        LoopItemFinished,
        CancelStarted,
        RunFinished,
    )
}
_FIELDS = {name: tuple(item.name for item in fields(kind)) for name, kind in _KINDS.items()}


def to_data(event: Event) -> dict[str, Any]:
    """An event as JSON data: ``event`` is its kind, the rest are its fields.

    The bytes of a log are ``text``; if they are not valid UTF-8, ``text`` has U+FFFD for invalid ones, and ``base64``
    has all.

    >>> to_data(LogChunk("train", 1, 0, b"loss 0.1", 5.0))
    {'event': 'LogChunk', 'task': 'train', 'attempt': 1, 'offset': 0, 'text': 'loss 0.1', 'time': 5.0}
    """
    kind = type(event).__name__
    data: dict[str, Any] = {"event": kind}
    for name in _FIELDS[kind]:
        value = getattr(event, name)
        if name == "data":
            data |= _text(value)
        else:
            data[name] = value
    return data


def _text(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"text": data.decode("utf-8", "replace"), "base64": base64.b64encode(data).decode("ascii")}


def from_data(data: Mapping[str, Any]) -> Event:
    """The inverse of :func:`to_data`. Fields of a later version are ignored.

    Raises:
        ValueError: this is not a known event.

    >>> from_data(to_data(LoopStarted("for-1", 40, 5.0)))
    LoopStarted(loop='for-1', items=40, time=5.0)
    """
    kind = str(data.get("event"))
    if kind not in _KINDS:
        raise ValueError(f"unknown event {kind!r}")
    given = {name: data[name] for name in _FIELDS[kind] if name in data}
    if kind == "LogChunk":
        given["data"] = base64.b64decode(data["base64"]) if "base64" in data else str(data.get("text", "")).encode()
    try:
        return _KINDS[kind](**given)
    except TypeError as error:
        raise ValueError(f"incomplete event {kind}: {error}") from None
