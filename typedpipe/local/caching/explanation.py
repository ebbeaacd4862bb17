"""Explanation of cache hits and misses: which part of a task's key differs from an earlier run.

A change of an input is traced to the task that produced it, and so on up to the change that the user made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import unified_diff
from typing import TYPE_CHECKING, Any, cast

from typedpipe.ir import nodes as ir
from typedpipe.local.caching.fingerprint import Fingerprints
from typedpipe.local.caching.key_changes import (
    Change,
    difference,
    environment_changes,
    interface_changes,
    place_changes,
    reordered,
    set_key,
    shown_value,
)
from typedpipe.local.caching.normal_form import lines_of
from typedpipe.local.caching.origins import Origin, origins
from typedpipe.local.caching.untracked import untracked
from typedpipe.local.scheduling.frame import Body, TaskRun
from typedpipe.local.store.index import tasks
from typedpipe.local.store.model import StoredRun
from typedpipe.runs.model import Task
from typedpipe.runs.paths import node_at

if TYPE_CHECKING:
    from typedpipe.local.store.root import Root

DIFF_LINES = 16


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanation of a task's cache result."""

    run: str
    task: str
    verdict: str
    """``hit``, ``resumed``, ``changed``, ``same``, ``first`` or ``never``."""
    text: str
    against: str = ""
    """The run it is compared with."""
    changes: Sequence[Change] = ()
    not_tracked: Sequence[str] = ()

    def lines(self) -> list[str]:
        """Lines for the terminal."""
        found = [self.text]
        for change in self.changes:
            found += _lines(change, "  ")
        if self.not_tracked:
            found.append("not tracked:")
            found += [f"  - {line}" for line in self.not_tracked]
        return found

    def data(self) -> dict[str, Any]:
        """The explanation as JSON data."""
        return {
            "run": self.run,
            "task": self.task,
            "verdict": self.verdict,
            "text": self.text,
            "against": self.against,
            "changes": [_data(change) for change in self.changes],
            "not_tracked": list(self.not_tracked),
        }


def _lines(change: Change, indent: str) -> Iterator[str]:
    yield indent + change.text
    yield from (f"{indent}    {line}" for line in change.diff)
    for cause in () if change.inline else change.because:
        yield from _lines(cause, indent + "  ")


def _data(change: Change) -> dict[str, Any]:
    found: dict[str, Any] = {"part": change.part, "text": change.text}
    if change.diff:
        found["diff"] = list(change.diff)
    if change.because:
        found["because"] = [_data(cause) for cause in change.because]
    return found


@dataclass(slots=True)
class Record:
    """The parts of a run that an explanation needs: its pipeline and its tasks."""

    run: StoredRun
    _pipeline: ir.Pipeline | None = None
    _tasks: dict[str, Task] = field(default_factory=dict[str, Task])

    @property
    def pipeline(self) -> ir.Pipeline:
        from typedpipe.ir import wire

        if self._pipeline is None:
            self._pipeline = wire.load(self.run.pipeline_file)
        return self._pipeline

    def task(self, name: str) -> Task | None:
        if not self._tasks:
            self._tasks = {task.name: task for task in tasks(self.run)}
        return self._tasks.get(name)

    def parts(self, task: Task) -> Mapping[str, Any]:
        """Parts of the task's key; those that the run did not record, because the task has no key, are recomputed."""
        if task.key:
            return task.key_parts
        run = self.task_run(task)
        found = None if run is None else Fingerprints(self.pipeline).parts(run)
        return task.key_parts if found is None else {**found.data, **task.key_parts}

    def task_run(self, task: Task) -> TaskRun | None:
        """The task with its recorded inputs, for computing keys."""
        node = node_at(self.pipeline, task.name)
        if not isinstance(node, ir.Task) or (not task.inputs and self.pipeline.components[node.component].inputs):
            return None
        nowhere = cast("Body", None)  # keys do not depend on a task's position
        return TaskRun(task.name, node, dict(task.inputs), {}, {}, False, nowhere)


def explain(root: Root, run: StoredRun, task: Task, against: StoredRun | None = None) -> Explanation:
    """Explain the cache result of a task.

    Args:
        root: The store.
        run: The run.
        task: A task of it.
        against: The run to compare with; None is the last earlier one in which the task ran.

    Raises:
        PipelineError: a run cannot be read.
    """
    new = Record(run)
    node = node_at(new.pipeline, task.name)
    if not isinstance(node, ir.Task):
        return Explanation(
            run.name, task.name, "never", f"`{task.name}` does not run a component, so it is never cached"
        )
    component = new.pipeline.components[node.component]
    if not _ran(task):
        text = f"`{task.name}` did not run in this run: {task.message or task.state.lower()}"
        return Explanation(run.name, task.name, "never", text)
    declared = [*(name for name, _ in node.options.env), *task.key_parts.get("environment", {})]
    hidden = untracked(component, task.inputs, declared, task.key_parts)
    old = Record(against) if against is not None else _before(root, run, task.name)
    before = None if old is None else old.task(task.name)
    if old is not None and (before is None or not _ran(before)):
        why = "does not contain it" if before is None else f"did not run it: {before.message or before.state.lower()}"
        text = f"`{task.name}` cannot be compared: run {old.run.name} {why}"
        return Explanation(run.name, task.name, "first", text, old.run.name, (), hidden)
    if task.reused == "cache" and against is None:
        source = "this run" if task.source_run == run.name else f"run {task.source_run}"
        text = f"`{task.name}` was cached: {source} has a result with the same cache key"
        return Explanation(run.name, task.name, "hit", text, task.source_run, (), hidden)
    if task.reused == "resumed" and against is None:
        text = f"`{task.name}` was reused: it succeeded before the run was resumed"
        return Explanation(run.name, task.name, "resumed", text, run.name, (), hidden)
    never = _never(new, task)
    if old is None or before is None:
        text = never or f"`{task.name}` was not cached: it ran in no earlier run of `{run.pipeline}`"
        return Explanation(run.name, task.name, "never" if never else "first", text, "", (), hidden)
    changes = _Comparison(old, new).of(task.name)
    if never:
        never += f"; changes since run {old.run.name}:" if changes else ""
        return Explanation(run.name, task.name, "never", never, old.run.name, changes, hidden)
    if not changes and before.key and task.key and before.key != task.key:
        changes = [Change("format", "this version of typedpipe computes cache keys differently")]
    if changes:
        text = f"`{task.name}` has changed since run {old.run.name}:"
        return Explanation(run.name, task.name, "changed", text, old.run.name, changes, hidden)
    text = f"`{task.name}` has the same cache key as in run {old.run.name}: {_why_run(before, task)}"
    return Explanation(run.name, task.name, "same", text, old.run.name, (), hidden)


def _before(root: Root, run: StoredRun, name: str) -> Record | None:
    """The last earlier run of the same pipeline in which the task ran."""
    found = root.catalog.last_with(name, root.names(), run)
    return None if found is None else Record(found)


def _ran(task: Task) -> bool:
    """Whether the task ran in its run, or would have, if its result had not been reused."""
    return bool(task.attempts or task.reused)


def _never(record: Record, task: Task) -> str:
    """The reason why the task could not be cached under any key; "" if it could."""
    if task.key:
        return ""
    run = record.task_run(task)
    if run is None:
        return f"`{task.name}` has no recorded inputs in this run"
    component = record.pipeline.components[run.node.component]
    if record.run.settings.get("cache") is False:
        return "the cache was disabled for this run (`--no-cache`)"
    if run.node.options.caching is False:
        return f"`{task.name}` is never cached: the pipeline calls `set_caching_options(False)`"
    if not component.outputs and run.node.options.caching is None and record.run.settings.get("cache") is None:
        return (
            f"`{task.name}` is not cached: it has no outputs, so it runs for its side effects; "
            "to cache it anyway, call `set_caching_options(True)`"
        )
    why = Fingerprints(record.pipeline).why_not(run)
    return f"`{task.name}` is never cached: {why}" if why else f"`{task.name}` has no cache key in this run"


def _why_run(before: Task, task: Task) -> str:
    if task.reused:
        return f"its result was reused from run {task.source_run}"
    if before.state != "SUCCEEDED":
        return f"it ended as {before.state} in that run, and only successful results are cached"
    if not before.key:
        return "that run did not cache results"
    return "its result was removed or modified since"


@dataclass(slots=True)
class _Comparison:
    """Compares tasks of two runs; each task once."""

    old: Record
    new: Record
    _seen: set[str] = field(default_factory=set[str])

    def of(self, name: str) -> list[Change]:
        """Changes of a task."""
        before, after = self.old.task(name), self.new.task(name)
        if before is None or after is None or name in self._seen:
            return []
        self._seen.add(name)
        old, new = self.old.parts(before), self.new.parts(after)
        found = list(set_key(old, new)) or [
            *self._source(before, after, old, new),
            *interface_changes(old, new),
            *self._parameters(before, after, old, new),
            *self._inputs(name, old, new),
            *environment_changes(old.get("environment", {}), new.get("environment", {})),
        ]
        return found + list(place_changes(old, new))

    def _source(self, before: Task, after: Task, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        if old.get("source") == new.get("source") and old.get("entry") == new.get("entry"):
            return
        was, now = self._impl(self.old, before), self._impl(self.new, after)
        if was is None or now is None:
            yield Change("source", f"`{after.name}` runs a different kind of component")
            return
        old_lines, new_lines = lines_of(was.chunks, was.entry), lines_of(now.chunks, now.entry)
        texts = [line.text for line in new_lines]
        diff = list(unified_diff([line.text for line in old_lines], texts, n=1, lineterm=""))[2:]
        known = {line.text for line in old_lines}
        at = next((line for line in new_lines if line.text not in known), None)
        place = f": line {at.number} of {at.file}" if at is not None and at.file else ""
        if len(diff) > DIFF_LINES:
            diff = [*diff[:DIFF_LINES], f"… {len(diff) - DIFF_LINES} more lines"]
        yield Change("source", f"the source of `{_component(self.new, after)}` changed{place}", diff)

    @staticmethod
    def _impl(record: Record, task: Task) -> ir.PythonImpl | None:
        node = node_at(record.pipeline, task.name)
        component = record.pipeline.components.get(node.component) if isinstance(node, ir.Task) else None
        return component.impl if component is not None and isinstance(component.impl, ir.PythonImpl) else None

    def _parameters(
        self, before: Task, after: Task, old: Mapping[str, Any], new: Mapping[str, Any]
    ) -> Iterator[Change]:
        was, now = old.get("parameters", {}), new.get("parameters", {})
        for name in [name for name in now if name in was and was[name] != now[name]]:
            texts = shown_value(before.inputs.get(name, was[name])), shown_value(after.inputs.get(name, now[name]))
            what = "the same entries in a different order" if reordered(was[name], now[name]) else " → ".join(texts)
            yield self._made("parameter", f"parameter `{name}`: {what}", after.name, name)

    def _inputs(self, task: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
        was, now = old.get("inputs", {}), new.get("inputs", {})
        for name in [name for name in now if name in was and was[name] != now[name]]:
            yield self._made("input", f"input `{name}` has {difference(was[name], now[name])}", task, name)

    def _made(self, part: str, text: str, task: str, name: str) -> Change:
        """A change with its origin."""
        said: list[str] = []
        because: list[Change] = []
        for origin in origins(self.new.pipeline, task, name):
            how, causes = self._origin(origin)
            said += [how] if how else []
            because += causes
        cause = because[0] if len(because) == 1 == len(said) else None
        if cause is not None and cause.part == "parameter" and not cause.because:
            whose = cause.text.replace(": ", " changed: ", 1)
            return Change(part, f"{text} ({said[0]}, whose {whose})", (), because, inline=True)
        return Change(part, f"{text} ({' and '.join(said)})" if said else text, (), because)

    def _origin(self, origin: Origin) -> tuple[str, list[Change]]:
        if origin.kind == "argument":
            return f"the argument `{origin.name}` of the run", []
        if origin.kind == "importer":
            return f"imported by `{origin.name}`", []
        if origin.kind != "task":
            return "", []
        causes = self.of(origin.name)
        before, after = self.old.task(origin.name), self.new.task(origin.name)
        if before is None or after is None:
            return f"created by `{origin.name}`", []
        if not causes and before.outputs != after.outputs and after.reused == "":
            return f"created by `{origin.name}`, which ran again with equal inputs but returned a different result", []
        return f"created by `{origin.name}`", causes


def _component(record: Record, task: Task) -> str:
    component = record.pipeline.components.get(task.component)
    return component.name if component is not None else task.component
