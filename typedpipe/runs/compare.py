"""Comparison of two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal, TypeAlias

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir import nodes as ir
from typedpipe.runs.metrics import flat, metrics_of
from typedpipe.runs.model import ArtifactRef, Run, Task, Value, value_data
from typedpipe.runs.source import RunSource
from typedpipe.types.json_text import json_text

ABSENT = None
What: TypeAlias = Literal[
    "pipeline", "state", "argument", "code", "task", "metric", "output", "duration", "task output", "key"
]


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; ``None`` on the side where it is missing."""

    what: What
    name: str
    old: Any
    new: Any
    item: str = ""
    """Items of the loops around the task, as short text: of both runs if they differ, since tasks are matched by path."""


@dataclass(slots=True)
class Comparison:
    """Comparison of two runs; ``same`` if only times differ."""

    old: Run
    new: Run
    differences: list[Difference] = field(default_factory=list[Difference])
    """The differences that people ask for first: parameters, code, tasks, metrics, outputs."""
    details: list[Difference] = field(default_factory=list[Difference])
    """Outputs and parts of the cache keys of the tasks that both runs have."""
    durations: list[Difference] = field(default_factory=list[Difference])

    @property
    def same(self) -> bool:
        return not self.differences and not self.details


def compare(source: RunSource, old: Run, new: Run) -> Comparison:
    """Compare the parameters, code, tasks, metrics and outputs of two runs.

    Raises:
        PipelineError: TP604, the index of one is corrupted.
    """
    found = Comparison(old, new)
    add = found.differences.append
    if old.pipeline != new.pipeline:
        add(Difference("pipeline", "", old.pipeline, new.pipeline))
    if old.state != new.state:
        add(Difference("state", "", old.state, new.state))
    for name, before, after in _pairs(old.arguments, new.arguments):
        add(Difference("argument", name, before, after))
    with suppress(PipelineError):  # the code of a run may be lost, and the rest is worth comparing
        found.differences += _code(source.pipeline(old), source.pipeline(new))
    mine = {task.name: task for task in source.tasks(old)}
    others = {task.name: task for task in source.tasks(new)}
    names = [*mine, *(name for name in others if name not in mine)]
    for name in names:
        _task(found, name, mine.get(name), others.get(name))
    for name in names:
        sides = [[side[name]] if name in side else [] for side in (mine, others)]
        item = _item(mine.get(name), others.get(name))
        for metric, before, after in _pairs(*map(metrics_of, sides)):
            add(Difference("metric", metric, before, after, item))
    for name, before, after in _pairs(_plain(old.outputs), _plain(new.outputs)):
        add(Difference("output", name, before, after))
    return found


def _code(old: ir.Pipeline, new: ir.Pipeline) -> Iterator[Difference]:
    """Components that differ. The sides are the numbers of lines that only one of them has."""
    for key in [*old.components, *(key for key in new.components if key not in old.components)]:
        before, after = old.components.get(key), new.components.get(key)
        name = (after or before or ir.Component(key, (), (), ir.ContainerImpl(), "")).name
        if before is None or after is None:
            yield Difference("code", name, before and "defined", after and "defined")
            continue
        was, now = _lines(before), _lines(after)
        if was != now:
            blocks = SequenceMatcher(None, was, now, autojunk=False).get_matching_blocks()
            same = sum(block.size for block in blocks)
            yield Difference("code", name, _count(len(was) - same), _count(len(now) - same))
        for what, one, other in (
            ("image", before.image, after.image),
            ("packages", _packages(before), _packages(after)),
        ):
            if one != other:
                yield Difference("code", f"{name}: {what}", one, other)


def _lines(component: ir.Component) -> list[str]:
    impl = component.impl
    if isinstance(impl, ir.PythonImpl):
        return [line for chunk in impl.chunks for line in chunk.text.splitlines()]
    return [str(part) for part in (*impl.command, *impl.args)]


def _count(lines: int) -> str:
    return f"{lines} line{'' if lines == 1 else 's'}"


def _packages(component: ir.Component) -> str:
    return ", ".join(component.impl.packages) if isinstance(component.impl, ir.PythonImpl) else ""


def _task(found: Comparison, name: str, old: Task | None, new: Task | None) -> None:
    item = _item(old, new)
    if old is None or new is None:
        found.differences.append(Difference("task", name, old and old.state, new and new.state, item))
        return
    if old.state != new.state:
        found.differences.append(Difference("task", name, old.state, new.state, item))
    for output, before, after in _pairs(_plain(old.outputs), _plain(new.outputs)):
        found.details.append(Difference("task output", f"{name}.{output}", before, after, item))
    for part, before, after in _pairs(flat(old.key_parts), flat(new.key_parts)):
        found.details.append(Difference("key", f"{name}: {part}", before, after, item))
    times = [_seconds(old), _seconds(new)]
    if times != [None, None]:
        found.durations.append(Difference("duration", name, times[0], times[1], item))


def _item(old: Task | None, new: Task | None) -> str:
    """The items of a task in two runs.

    >>> _item(Task("for[0]/t", "t", "SUCCEEDED", 0, item="small"), Task("for[0]/t", "t", "SUCCEEDED", 0, item="large"))
    'small → large'
    """
    return " → ".join(dict.fromkeys(task.item for task in (old, new) if task is not None and task.item))


def _seconds(task: Task) -> float | None:
    return None if task.started is None or task.finished is None else task.finished - task.started


def _pairs(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in [*old, *(name for name in new if name not in old)]:
        before, after = old.get(name, ABSENT), new.get(name, ABSENT)
        # NaN differs from itself, and its text does not
        if before != after and json_text(before, sort_keys=True) != json_text(after, sort_keys=True):
            yield name, before, after


def _plain(values: Mapping[str, Value]) -> dict[str, Any]:
    """Values in comparable form: wire text, and digests of artifacts."""
    return {name: _told(value) for name, value in values.items()}


def _told(value: Value) -> Any:
    if isinstance(value, ArtifactRef):
        return value.descriptor.get("digest") or value.uri
    if isinstance(value, tuple):
        return [_told(item) for item in value]
    return value_data(value)
