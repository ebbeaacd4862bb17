"""Comparison of two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from typedpipe.runs.model import ArtifactRef, Run, Task, Value, artifacts_in, value_data
from typedpipe.runs.source import RunSource

ABSENT = None
_METRICS = "Metrics"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; ``None`` on the side where it is missing."""

    what: str
    """argument, pipeline, state, task, duration, output, metric or key."""
    name: str
    old: Any
    new: Any


@dataclass(slots=True)
class Comparison:
    """Comparison of two runs; ``same`` if only times differ."""

    old: Run
    new: Run
    differences: list[Difference] = field(default_factory=list[Difference])
    durations: list[Difference] = field(default_factory=list[Difference])

    @property
    def same(self) -> bool:
        return not self.differences


def compare(source: RunSource, old: Run, new: Run) -> Comparison:
    """Compare the arguments, tasks and outputs of two runs.

    Raises:
        PipelineError: TP604, the index of one is corrupted.
    """
    found = Comparison(old, new)
    add = found.differences.append
    for what, before, after in (("pipeline", old.pipeline, new.pipeline), ("state", old.state, new.state)):
        if before != after:
            add(Difference(what, "", before, after))
    for name, before, after in _pairs(old.arguments, new.arguments):
        add(Difference("argument", name, before, after))
    mine = {task.name: task for task in source.tasks(old)}
    others = {task.name: task for task in source.tasks(new)}
    for name in [*mine, *(name for name in others if name not in mine)]:
        _task(found, name, mine.get(name), others.get(name))
    for name, before, after in _pairs(_plain(old.outputs), _plain(new.outputs)):
        add(Difference("output", name, before, after))
    return found


def _task(found: Comparison, name: str, old: Task | None, new: Task | None) -> None:
    add = found.differences.append
    if old is None or new is None:
        add(Difference("task", name, old and old.state, new and new.state))
        return
    if old.state != new.state:
        add(Difference("state", name, old.state, new.state))
    for part, before, after in _pairs(_flat(old.key_parts), _flat(new.key_parts)):
        add(Difference("key", f"{name}: {part}", before, after))
    for output, before, after in _pairs(_plain(old.outputs), _plain(new.outputs)):
        add(Difference("output", f"{name}.{output}", before, after))
    for metric, before, after in _pairs(_metrics(old.outputs), _metrics(new.outputs)):
        add(Difference("metric", f"{name}.{metric}", before, after))
    times = [_seconds(old), _seconds(new)]
    if times != [None, None]:
        found.durations.append(Difference("duration", name, *times))


def _seconds(task: Task) -> float | None:
    return None if task.started is None or task.finished is None else task.finished - task.started


def _pairs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name, ABSENT) != new.get(name, ABSENT):
            yield name, old.get(name, ABSENT), new.get(name, ABSENT)


def _plain(values: Mapping[str, Value]) -> dict[str, Any]:
    """Values in comparable form: wire text, and digests of artifacts."""
    return {name: _told(value) for name, value in values.items()}


def _told(value: Value) -> Any:
    if isinstance(value, ArtifactRef):
        return value.descriptor.get("digest") or value.uri
    if isinstance(value, tuple):
        return [_told(item) for item in value]
    return value_data(value)


def _metrics(values: Mapping[str, Value]) -> dict[str, Any]:
    return {
        f"{name}.{key}": number
        for name, value in values.items()
        if not isinstance(value, str)
        for _, item in artifacts_in(value)
        if str(item.descriptor.get("type", "")).endswith(_METRICS)
        for key, number in _flat(item.descriptor.get("metadata") or {}).items()
    }


def _flat(data: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Flatten nested JSON objects to one, by their paths.

    >>> _flat({"a": {"b": 1}, "c": 2})
    {'a.b': 1, 'c': 2}
    """
    found: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = value
    return found
