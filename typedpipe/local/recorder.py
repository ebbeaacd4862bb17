"""Run journal and cache lookups.

The engine reports each start and end to it, in its own thread. Rows are grouped: :meth:`RunRecorder.commit` ends a
group. The order for a task is: artifacts published, row SUCCEEDED, cache row; so if the engine is killed in between, at
most the reuse of a result is lost, and a result is never wrong.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from typedpipe.installed.distributions import edited
from typedpipe.local.caching.fingerprint import Fingerprints, KeyParts, enabled
from typedpipe.local.caching.imports import state_of
from typedpipe.local.failpoints import reach
from typedpipe.local.pending import Tracked
from typedpipe.local.result import TaskResult
from typedpipe.local.runners.attempt import folder_of
from typedpipe.local.scheduling.frame import NodeResult, TaskRun
from typedpipe.local.store.cache_table import artifacts_of, kept_digests
from typedpipe.local.store.publication import publish
from typedpipe.runs.model import Reused, RunEnd, Task, TaskState, Value

if TYPE_CHECKING:
    from typedpipe.local.caching.reads import Gap
    from typedpipe.local.store.index import RunFolder
    from typedpipe.local.store.root import Root


@dataclass(frozen=True, slots=True)
class Found:
    """Outputs that need no process."""

    outputs: Mapping[str, Value]
    reused: Reused
    source_run: str
    record: Task | None = None
    """The task before this run was resumed."""
    note: str = ""
    """Dependencies that could not be checked."""


@dataclass(frozen=True, slots=True)
class Wait:
    """An equal task is running: in this engine (which reports its end), or in another one."""

    here: bool


@dataclass(slots=True)
class Reuse:
    """Results that can be reused instead of running a task."""

    fingerprints: Fingerprints
    default: bool | None = None
    """Default for tasks without a setting in the pipeline; None: those that have outputs. False: no results of earlier
    runs are reused.
    """
    done: Mapping[str, Mapping[str, Value]] = field(default_factory=dict[str, "Mapping[str, Value]"])
    """Outputs of this run's tasks that succeeded before it was resumed, by the task's path."""
    records: Mapping[str, Task] = field(default_factory=dict[str, Task])
    """These tasks as recorded."""
    unclaimed: Collection[str] = ()
    """Components, by key, whose running tasks are not announced to other engines."""
    resumed: bool = False
    """The run directory has attempts of an earlier engine."""


class RunRecorder:
    """The store as used by one engine."""

    def __init__(self, root: Root, place: RunFolder, reuse: Reuse) -> None:
        self._root = root
        self._place = place
        self._index = place.index
        self._run = place.path.name
        self._reuse = reuse
        self._in_use: Counter[str] = Counter()
        """Artifacts that running tasks have as inputs."""
        self._states: dict[str, dict[str, list[tuple[str, str]]]] = {}
        """Imported files and directories that running tasks have, by task and input: paths, and states at the start."""
        self._parts: dict[str, KeyParts] = {}
        self._computing: dict[str, list[Tracked]] = {}
        self._gaps: dict[str, Sequence[Gap]] = {}
        """Untracked dependencies of components, by key."""

    # ---------------------------------------------------------------------------------------------- reuse

    def look_up(self, task: Tracked) -> Found | Wait | None:
        """Find a result to reuse for the task; None if it has to run, and others then wait for its key."""
        name = task.run.name
        done = self._reuse.done.get(name)
        if done is not None:
            return Found(done, "resumed", self._run, self._reuse.records.get(name))
        parts = self._parts_of(task.run)
        if parts is None:
            return None
        waiting = self._computing.get(parts.key)
        if waiting is not None:
            waiting.append(task)
            return Wait(here=True)
        hit = self._root.cache.find(parts.key)
        if hit is not None:
            return Found(hit.outputs, "cache", hit.source_run, note=self._not_tracked(task.run, parts))
        # A task in this process is over sooner than a claim is written.
        task.claimed = task.run.node.component not in self._reuse.unclaimed
        if task.claimed and not self._root.cache.claim(parts.key, self._run):
            return Wait(here=False)
        task.key = parts.key
        self._computing[parts.key] = []
        return None

    def _not_tracked(self, run: TaskRun, parts: KeyParts) -> str:
        """Dependencies of a hit besides its key, for the line that reports it."""
        from typedpipe.local.caching.untracked import component_gaps, hit_note, input_gaps

        prints = self._reuse.fingerprints
        if "cache_key" in parts.data:
            return ""  # the user chose the key
        component = run.node.component
        if component not in self._gaps:
            self._gaps[component] = component_gaps(prints.pipeline.components[component], parts.data)
        gaps = [*self._gaps[component], *input_gaps(run.values)]
        return hit_note(gaps, parts.data.get("environment", ())) if gaps else ""

    def _parts_of(self, run: TaskRun) -> KeyParts | None:
        prints = self._reuse.fingerprints
        if not enabled(run.node, prints.pipeline.components[run.node.component], self._reuse.default):
            return None
        known = self._parts.get(run.name)
        if known is None:
            found = prints.parts(run)
            if found is None:
                return None
            known = self._parts[run.name] = found
        return known

    # -------------------------------------------------------------------------------------- starts and ends

    def started(self, task: Tracked, time: float) -> None:
        """Record that an attempt is about to start."""
        run = task.run
        self._use_inputs(run)
        if run.node.component in self._reuse.unclaimed:
            return  # it is over before anybody could see that it runs: its end row is sufficient
        self._index.attempt_started(
            run.name, run.node.component, task.number, task.attempt.root if task.attempt else "", time
        )
        if task.attempts == 1:
            self._index.inputs(run.name, run.values)
            self._index.item(run.name, run.item)

    def ended(self, task: Tracked, state: TaskState, code: int | None, message: str, time: float) -> None:
        """Record the end of an attempt."""
        run = task.run
        self._in_use.subtract(set[str]().union(*self._artifacts(run).values()))
        if run.node.component in self._reuse.unclaimed:
            attempt = task.attempt
            if attempt is not None:
                begun = task.started or time
                self._index.attempted(run.name, task.number, attempt.root, begun, (state, code, message, time))
            return
        self._index.attempt_ended(task.run.name, task.number, state, code, message, time)

    def publish(self, folder: str, outputs: Mapping[str, Value], stamps: Mapping[str, str]) -> dict[str, Value]:
        """See :func:`typedpipe.local.store.publication.publish`."""
        published = publish(self._root.objects, folder, outputs, stamps)
        reach("outputs-published")
        return published

    def changed_inputs(self, run: TaskRun) -> list[str]:
        """Inputs of a task whose content was changed. Of a stored one, also what was written next to it counts, and the new
        content is quarantined; imported files stay as they are.
        """
        given = self._artifacts(run)
        if not given:
            return []
        objects = self._root.objects
        every = set[str]().union(*given.values())
        changed = set(objects.changed(every))
        for digest in changed:
            objects.quarantine(digest)
        changed.update(digest for digest in every if objects.clear_beside(digest))
        imported = self._states.get(run.name, {})
        return [
            name
            for name, found in given.items()
            if changed.intersection(found) or any(state_of(path) != state for path, state in imported.get(name, ()))
        ]

    def _use_inputs(self, run: TaskRun) -> None:
        """Before a task starts, remove what a killed task left next to its inputs, and look at what is imported."""
        given = self._artifacts(run)
        if not given:
            return
        for digest in set[str]().union(*given.values()):
            if not self._in_use[digest]:
                self._root.objects.clear_beside(digest)
            self._in_use[digest] += 1
        states = {name: found for name in given if (found := self._imported(run.values[name]))}
        if states:
            self._states[run.name] = states

    def _imported(self, value: Value) -> list[tuple[str, str]]:
        """Paths of the imported files and directories in a value, and their states."""
        items = [] if value is None or isinstance(value, str) else artifacts_of(value)
        paths = [item.path for item in items if item.path is not None and self._reuse.fingerprints.imported(item)]
        return [(path, state) for path in paths if (state := state_of(path))]

    def _artifacts(self, run: TaskRun) -> dict[str, set[str]]:
        return {
            name: set(kept_digests({name: value}, self._root.objects))
            for name, value in run.values.items()
            if value is not None and not isinstance(value, str)
        }

    def finished(
        self, task: Tracked, result: TaskResult, outputs: Mapping[str, Value], found: Found | None
    ) -> list[Tracked]:
        """Finish the task; return the tasks that waited for its key, to be offered again."""
        run = task.run
        if found is not None and found.record is not None:
            self._index.resumed(run.name, run.node.component, self._run)
            return []
        parts = self._parts.pop(run.name, None)
        states = self._states.pop(run.name, None)
        unsaid = not task.attempts or run.node.component in self._reuse.unclaimed
        self._index.finished(
            run.name,
            run.node.component,
            result.state,
            attempts=task.number,
            exit_code=result.exit_code,
            message=result.message,
            started=result.started,
            finished=result.finished,
            outputs=outputs,
            reused=found.reused if found else "",
            source_run=found.source_run if found else "",
            key=parts.key if parts else "",
            key_parts=parts.data
            if parts
            else self._reuse.fingerprints.surroundings(run) | ({"imports": states} if states else {}),
            inputs=run.values if unsaid else None,
        )
        if unsaid:
            self._index.item(run.name, run.item)
        if not task.key:
            return []
        if result.state == "SUCCEEDED" and self._still(run, task.key):
            self._root.cache.put(task.key, outputs, self._run, run.name, run.node.component)
        if task.claimed:
            self._root.cache.release(task.key, self._run)
        return self._computing.pop(task.key, [])

    def _still(self, run: TaskRun, key: str) -> bool:
        """Whether a task that ran has the key that it was given: a package or an imported file may have changed."""
        prints = self._reuse.fingerprints
        contents = prints.facts.get(run.node.component, {}).get("contents")
        if contents and edited(contents):
            return False
        if not any(
            not item.digest
            for value in run.values.values()
            if not isinstance(value, str)
            for item in artifacts_of(value)
        ):
            return True
        parts = prints.parts(run)
        return parts is not None and parts.key == key

    def group_ended(self, name: str, component: str, result: NodeResult, time: float) -> None:
        """Record the end of a node without a process: an importer, or a group that failed itself."""
        self._index.finished(
            name,
            component,
            result.state,
            attempts=0,
            exit_code=None,
            message=result.message,
            started=None,
            finished=time,
            outputs=result.outputs,
            reused="",
            source_run="",
            key="",
            key_parts={},
        )

    def run_finished(self, state: RunEnd, message: str, outputs: Mapping[str, Value], time: float) -> None:
        """Record the end of the run."""
        self._index.run_finished(state, message, outputs, time)
        self.commit()

    def commit(self) -> None:
        """End the group of rows."""
        self._index.commit()
        self._root.cache.commit()

    def attempts_of(self, name: str) -> int:
        """The highest attempt number already present in a task's directory."""
        if not self._reuse.resumed:
            return 0
        folder = folder_of(self._place.path / "tasks", name)
        try:
            return max((int(name) for name in os.listdir(folder) if name.isdecimal()), default=0)
        except OSError:
            return 0

    def close(self) -> None:
        """Close the run directory and the store."""
        try:
            self._place.close()
        finally:
            self._root.close()
