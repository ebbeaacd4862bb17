"""Runs, their tasks and attempts as plain frozen data, the same wherever they ran; and the appearance of states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.record import Record, record

TaskState: TypeAlias = Literal["RUNNING", "SUCCEEDED", "FAILED", "OMITTED", "CANCELED"]
SeenState: TypeAlias = Literal["WAITING"] | TaskState
"""The state of a task in a run in progress: it may not have started yet."""
RunEnd: TypeAlias = Literal["SUCCEEDED", "FAILED", "CANCELED"]
RunState: TypeAlias = Literal["RUNNING", "INTERRUPTED"] | RunEnd
"""INTERRUPTED: the engine exited without reporting the end of the run."""
Reused: TypeAlias = Literal["", "cache", "resumed"]
"""No process ran: the outputs are from an earlier run with the same key, or from this run before it was resumed."""


# -------------------------------------------------------------------------------------------------- records


@dataclass(frozen=True, slots=True)
class ArtifactRef:
    """An artifact, by its descriptor: the JSON object that is passed between tasks.

    ``path`` is the file or directory in the run's source; None if it has none.
    """

    path: str | None
    descriptor: dict[str, Any] = field(hash=False)

    @property
    def type(self) -> str:
        """The schema title: ``system.Model``."""
        return str(self.descriptor.get("type", ""))

    @property
    def uri(self) -> str:
        return str(self.descriptor.get("uri") or self.path or "")

    @property
    def place(self) -> str:
        """The path if there is one, otherwise the URI."""
        return self.path or self.uri

    @property
    def digest(self) -> str:
        """``sha256:…`` of the content; "" for an artifact by reference only."""
        return str(self.descriptor.get("digest") or "")

    @property
    def size(self) -> int | None:
        """Size in bytes, if known."""
        found = self.descriptor.get("size")
        return found if isinstance(found, int) else None

    @property
    def metadata(self) -> Mapping[str, Any]:
        found = self.descriptor.get("metadata")
        return found if isinstance(found, Mapping) else {}

    @property
    def folders(self) -> Sequence[str]:
        """Empty subdirectories of a directory artifact, which its files do not show."""
        found = self.descriptor.get("dirs")
        return [str(each) for each in found] if isinstance(found, list) else []


Value: TypeAlias = "str | ArtifactRef | tuple[Value, ...] | None"
"""Wire text of a parameter, an artifact, a list of artifacts, or None for a missing artifact."""


def artifacts_in(value: Value) -> Iterator[tuple[str, ArtifactRef]]:
    """Artifacts in a value, each with its position: "" for the value itself, ``[2]`` in a list.

    >>> [place for place, _ in artifacts_in((ArtifactRef("/a", {}), None, ArtifactRef("/b", {})))]
    ['[0]', '[2]']
    """
    if isinstance(value, ArtifactRef):
        yield "", value
    elif isinstance(value, tuple):
        for at, item in enumerate(value):
            for below, found in artifacts_in(item):
                yield f"[{at}]{below}", found


def value_data(value: Value) -> Any:
    """A value as JSON data: wire text unchanged, an artifact as its path and descriptor, a list as a list.

    >>> value_data("3"), value_data(None)
    ('3', None)
    """
    if isinstance(value, ArtifactRef):
        return {"path": value.path, "companion": value.descriptor}
    if isinstance(value, tuple):
        return [value_data(item) for item in value]
    return value


@record
class Attempt(Record):
    """One attempt of a task; times are Unix seconds.

    ``key`` is its name in the run's source: a local directory, a pod in a cluster. ``log`` is the location of its
    output, for people.
    """

    number: int
    state: TaskState
    key: str
    log: str
    started: float
    finished: float | None = None
    exit_code: int | None = None
    message: str = ""
    session: int = 0
    """How often the run had been resumed before this attempt. An attempt in a later session is no retry."""


def retries(attempts: Sequence[Attempt]) -> int:
    """Number of retries among the attempts of a task: the first attempt, and the first after a resume, are none."""
    return len(attempts) - len({attempt.session for attempt in attempts})


@record
class Task(Record):
    """One task of a run, by its path in the run; ``order`` is the order of first appearance."""

    name: str
    component: str
    """Key of the component in ``pipeline.components``; "importer", or "" for a group that failed itself."""
    state: TaskState
    order: int
    attempts: Sequence[Attempt] = ()
    message: str = ""
    exit_code: int | None = None
    started: float | None = None
    finished: float | None = None
    reused: Reused = ""
    source_run: str = ""
    """The run that produced the outputs, if they were reused."""
    item: str = ""
    """Items of the loops around it, as short text: ``0.01``, or ``0.01, 3`` in two loops; "" elsewhere."""
    inputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    outputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    key: str = ""
    """The cache key; "" if the task was not cacheable."""
    key_parts: Mapping[str, Any] = field(default_factory=dict[str, Any])


@record
class Run(Record):
    """One run; ``arguments`` are wire text by name, ``facts`` are further facts about its environment.

    ``key`` is its name in the run's source: a local directory, a workflow in a cluster.
    """

    name: str
    pipeline: str
    key: str
    state: RunState
    created: float
    finished: float | None = None
    message: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    outputs: Mapping[str, Value] = field(default_factory=dict[str, Value])
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Set by the user, to find and select runs."""
    note: str = ""
    """Written by the user, to remember what the run is about."""
    paused: float = 0.0
    """Seconds before it was resumed, in which no engine ran it."""


@record
class BrokenRun(Record):
    """A run that its source cannot read; ``problem`` is the reason, with a suggested fix; ``created`` is inexact."""

    name: str
    key: str
    created: float
    problem: PipelineError


# --------------------------------------------------------------------------------------- appearance of states

Mark: TypeAlias = Literal["waiting", "running", "succeeded", "reused", "failed", "canceled", "interrupted", "omitted"]
"""A state as displayed: one word for reused results, whether cached or resumed."""


@record
class Look(Record):
    """Appearance of a state: not everybody can distinguish states by color alone."""

    word: str
    """Short, next to a sign or a count, in a report."""
    told: str
    """In a sentence about a task, and beside a count in a terminal."""
    sign: str
    """In the live tree; ``plain`` for terminals with ASCII only."""
    plain: str
    page_sign: str
    """On pages; ``text_sign`` in a notebook's plain text."""
    text_sign: str
    ansi: str
    """SGR code of a terminal."""
    edge: str
    """Colors of a box in a drawing: its border, and its fill on a light and on a dark page."""
    light: str
    dark: str


LOOKS: Mapping[Mark, Look] = MappingProxyType(
    {
        "waiting": Look("waiting", "waits", "·", ".", "•", "○", "2", "#8c959f", "#f6f8fa", "#161b22"),
        "running": Look("running", "runs", "▸", ">", "▸", "▶", "36", "#0969da", "#ddf4ff", "#0c2d6b"),
        "succeeded": Look("succeeded", "done", "✓", "+", "✓", "✓", "32", "#1a7f37", "#dafbe1", "#0f3d1e"),
        "reused": Look("reused", "reused", "≡", "=", "↻", "✓", "32", "#1a7f37", "#eefcf1", "#0f2a18"),
        "failed": Look("failed", "failed", "✗", "x", "✕", "✗", "31", "#cf222e", "#ffebe9", "#5d1016"),
        "canceled": Look("canceled", "canceled", "○", "-", "■", "■", "33", "#9a6700", "#fff8c5", "#3b2a06"),
        "interrupted": Look("interrupted", "interrupted", "○", "-", "■", "■", "33", "#9a6700", "#fff8c5", "#3b2a06"),
        "omitted": Look("skipped", "skipped", "○", "-", "○", "·", "33", "#8c959f", "#ffffff", "#0d1117"),
    }
)
REUSED_TOLD: Mapping[Reused, str] = MappingProxyType({"cache": "cached", "resumed": "reused"})

_MARKS: Mapping[str, Mark] = MappingProxyType(
    {
        "WAITING": "waiting",
        "RUNNING": "running",
        "SUCCEEDED": "succeeded",
        "FAILED": "failed",
        "OMITTED": "omitted",
        "CANCELED": "canceled",
        "INTERRUPTED": "interrupted",
    }
)


def mark(state: SeenState | RunState, reused: str = "") -> Mark:
    """The mark of a state; a task that succeeded without a process is ``reused``.

    >>> mark("SUCCEEDED"), mark("SUCCEEDED", "cache")
    ('succeeded', 'reused')
    """
    return "reused" if reused and state == "SUCCEEDED" else _MARKS[state]


def took(task: Task | Attempt) -> float | None:
    """Seconds from start to end, if both are known."""
    return None if task.started is None or task.finished is None else task.finished - task.started
