"""Resuming of a run that failed, was canceled or was killed: a plan of the results to reuse and the tasks to run.

:func:`plan_resume` only reads, so that the plan can be shown first. :meth:`Resume.begin` is for the engine that holds
the run directory: it adopts results of finished processes, and resets the records of tasks that run again, so that a
second kill in the middle never leaves an old result next to a new input.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from typedpipe.diagnostics.words import nearest
from typedpipe.ir import nodes as ir
from typedpipe.ir.scopes import scopes_of
from typedpipe.local.options import RunOptions
from typedpipe.local.rerun.changes import Changes, changes
from typedpipe.local.rerun.reuse import Outputs, ReusePlan
from typedpipe.local.rerun.surroundings import UNKNOWN, Surroundings
from typedpipe.local.runners.attempt import Attempt, TaskRefused, folder_of
from typedpipe.local.store.cache_table import artifacts_of, kept_digests
from typedpipe.local.store.index import tasks
from typedpipe.local.store.locks import Engine, read_engine
from typedpipe.local.store.model import StoredRun, attempt_folder
from typedpipe.local.store.publication import publish
from typedpipe.local.store.record import read_run
from typedpipe.local.store.root import held
from typedpipe.runs.model import Attempt as AttemptRecord, Task, Value
from typedpipe.runs.paths import TaskPath
from typedpipe.runs.problems import problem

if TYPE_CHECKING:
    from typedpipe.local.store.index import RunFolder, RunIndex
    from typedpipe.local.store.root import Root

RESULT = "result.json"
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Resume:
    """A plan: the reused results of a run, and the tasks that run."""

    run: StoredRun
    engine: Engine | None
    """The engine that had the run last. If another one has had it since, the plan is out of date."""
    pipeline: ir.Pipeline
    arguments: Mapping[str, str]
    """Original arguments: wire text by name."""
    done: Mapping[str, Outputs]
    """Outputs of reused tasks, by path."""
    again: Sequence[str]
    """Tasks that run, as far as known: bodies of loops and branches that were not started are one entry."""
    taken_in: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """Tasks whose process finished before this was recorded, each with the directory of its attempt."""
    lost: Sequence[str] = ()
    """Tasks that succeeded, but whose artifacts are missing or have changed."""
    differing: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """What is different from when tasks succeeded, such as an edited package: the description, and those tasks. With new
    code they run again, otherwise they are reused.
    """
    removed: Sequence[str] = ()
    """Tasks of the run that the new code does not have."""
    new_code: bool = False
    components: Mapping[str, str] = field(default_factory=dict[str, str])
    """The components of :attr:`taken_in`, by key."""
    stopped: Sequence[tuple[str, AttemptRecord]] = ()
    """Attempts that were running when the engine exited."""
    set_back: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tasks whose result is no longer valid, each with its component."""
    forget: Sequence[str] = ()
    """Keys of results that are to be recomputed: the cache no longer returns them."""

    def words(self) -> list[str]:
        """The plan, for the user: one line each."""
        found = [_reused(len(self.done), len(self.again)) + (f": {_listed(self.again)}" if self.again else "")]
        if self.taken_in:
            found.append(f"finished before the run stopped: {_listed(list(self.taken_in))}")
        if self.lost:
            found.append(f"runs again, because artifacts were removed or modified: {_listed(self.lost)}")
        what = "runs again" if self.new_code else "changed since the reused tasks ran"
        found += [f"{what}: {text} ({_listed(names)})" for text, names in self.differing.items()]
        if self.differing and not self.new_code:
            found.append(
                f"to run these tasks again, use `typedpipe resume {self.run.name} --code new FILE`, or `--from TASK`"
            )
        if self.removed:
            found.append(f"removed in the new code: {_listed(self.removed)}")
        return found

    def begin(self, root: Root, place: RunFolder) -> dict[str, Outputs]:
        """Make the run's records match the plan; return the reused outputs, with the current paths of their artifacts.

        Raises:
            PipelineError: the store cannot be written.
        """
        done = dict(self.done)
        now = time.time()
        for name, attempt in self.stopped:
            end = _touched(attempt_folder(attempt) / "log") or attempt.started
            place.index.attempt_ended(name, attempt.number, "CANCELED", None, "its engine exited", end)
        for name, component in self.set_back.items():
            place.index.finished(name, component, "OMITTED", message="will run again", finished=now)
        place.index.set_back()
        for name, folder in self.taken_in.items():
            done[name] = publish(root.objects, folder, done[name], {})
            self._record(place.index, name, folder, done[name])
        place.index.commit()
        root.cache.forget(self.forget)
        root.cache.commit()
        if self.new_code:
            from typedpipe.ir import wire

            wire.save(self.pipeline, self.run.pipeline_file)
        return done

    def _record(self, index: RunIndex, name: str, folder: Path, outputs: Outputs) -> None:
        """Record a task whose process finished before its engine could record it."""
        component, number = self.components[name], int(folder.name)
        started, finished = _touched(folder / "job.json"), _touched(folder / RESULT)
        index.attempt_started(name, component, number, folder, started)
        index.attempt_ended(name, number, "SUCCEEDED", 0, "", finished)
        index.finished(
            name,
            component,
            "SUCCEEDED",
            attempts=number,
            exit_code=0,
            started=started,
            finished=finished,
            outputs=outputs,
        )


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def plan_resume(
    root: Root,
    run: StoredRun,
    options: RunOptions | None = None,
    *,
    from_task: str = "",
    code: ir.Pipeline | None = None,
    progress: Callable[[str], None] | None = None,
) -> Resume:
    """Plan which results of a run can be reused. Nothing is written to the store.

    Args:
        root: The store that contains the run.
        run: A run that is not in progress.
        options: Options of the run when it continues: its runner and its environment variables.
        from_task: The path of a task, group or item (``train``, ``for-1[2]``, ``for-1[2]/train``) that runs again with
            its downstream tasks; a name without a path matches everywhere.
        code: The current pipeline, closed and checked; None runs the stored one.
        progress: Called for slow steps, such as the creation of a virtual environment.

    Raises:
        PipelineError: TP606, TP640 to TP642: it cannot be resumed this way.
    """
    from typedpipe.ir import wire

    engine = read_engine(str(run.folder))  # before the state: see Root.reopen
    run = read_run(run.folder)
    _check_state(run, from_task, code)
    pinned = wire.load(run.pipeline_file)
    pipeline = pinned if code is None else code
    changed = Changes() if code is None else changes(pinned, code)
    now = Surroundings(pipeline, options or RunOptions(), run.settings.get("environment") or (), progress)
    found = _Found(root, run, {task.name: task for task in tasks(run)}, pipeline, now, code is not None)
    matches = partial(_matches, from_task)
    reuse = ReusePlan(pipeline, found.begun(), found.result, matches, changed)
    reuse.compute()
    if from_task:
        _check_from(from_task, pipeline, found.begun())
    if reuse.unclear:
        raise _unclear(run, reuse.unclear[0][1])
    set_back = {name: found.component(name) for name in found.begun() if name not in reuse.done}
    return Resume(
        run,
        engine,
        pipeline,
        run.arguments if code is None else _arguments(run, pinned, code),
        reuse.done,
        tuple(dict.fromkeys(reuse.again)),
        {name: folder for name, folder in found.taken_in.items() if name in reuse.done},
        tuple(found.lost),
        found.differing,
        tuple(name for _, name in changed.removed),
        code is not None,
        {name: component for name, component in found.components.items() if name in reuse.done},
        tuple(found.stopped()),
        {name: component for name, component in set_back.items() if component is not None},
        tuple(found.keys(set_back)) if from_task else (),
    )


def _check_state(run: StoredRun, from_task: str, code: ir.Pipeline | None) -> None:
    if run.state == "RUNNING":
        raise held(run.name, str(run.folder))
    if run.state == "SUCCEEDED" and not from_task and code is None:
        raise problem(
            "TP640",
            f"the run `{run.name}` succeeded, so there is nothing to resume",
            help="to run a task and its downstream tasks again, pass `--from TASK`; to run changed tasks, pass `--code new FILE`",
        )


def _matches(wanted: str, path: str) -> bool:
    return bool(wanted) and (path == wanted or path.endswith(f"/{wanted}"))


def _check_from(wanted: str, pipeline: ir.Pipeline, begun: Sequence[str]) -> None:
    names = [name for graph in (pipeline.graph, *pipeline.pipelines.values()) for name in scopes_of(graph).nodes]
    places = dict.fromkeys(names)
    for path in begun:
        places.update(dict.fromkeys(map(str, TaskPath.parse(path).prefixes())))
    if any(_matches(wanted, place) for place in places):
        return
    near = nearest(wanted, places)
    known = ", ".join(f"`{name}`" for name in names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    raise problem(
        "TP641",
        f"the run has no task `{wanted}`",
        help=f"did you mean `--from {near}`?" if near else f"its tasks: {known}",
    )


def _unclear(run: StoredRun, path: str) -> Exception:
    name = TaskPath.parse(path).name
    return problem(
        "TP642",
        f"`{path}` has different items or conditions in the new code, so its results cannot be matched",
        help=f"to run all of it again, use `typedpipe resume {run.name} --code new … --from {name}`; "
        "a new run reuses unchanged tasks from the cache",
    )


def _arguments(run: StoredRun, pinned: ir.Pipeline, code: ir.Pipeline) -> dict[str, str]:
    """Original values, including the defaults of the time, for the current parameters."""
    had = {port.name: port.default.text for port in pinned.graph.inputs if port.default is not None} | dict(
        run.arguments
    )
    found = {port.name: had[port.name] for port in code.graph.inputs if port.name in had}
    for port in code.graph.inputs:
        if port.name not in found and port.required:
            raise problem(
                "TP643",
                f"the new code has a parameter `{port.name}` without a default, but the run has no value for it",
                help=f"provide a default for `{port.name}`, or start a new run",
            )
    return found


@dataclass(slots=True)
class _Found:
    """Known tasks of a run: from its index and from its directory."""

    root: Root
    run: StoredRun
    records: dict[str, Task]
    pipeline: ir.Pipeline
    now: Surroundings
    new_code: bool
    taken_in: dict[str, Path] = field(default_factory=dict[str, Path])
    differing: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    components: dict[str, str] = field(default_factory=dict[str, str])
    lost: list[str] = field(default_factory=list[str])
    _begun: list[str] = field(default_factory=list[str])

    def begun(self) -> list[str]:
        """Paths of all tasks that were started, including those not yet in the index."""
        if not self._begun:
            names = dict.fromkeys(self.records)
            top = str(self.run.folder / "tasks")
            for folder, folders, files in os.walk(top):
                if RESULT in files:
                    names[os.path.relpath(os.path.dirname(folder), top).replace(os.sep, "/")] = None
                if "job.json" in files:
                    folders.clear()
            self._begun = list(names)
        return self._begun

    def component(self, path: str) -> str | None:
        """Component of a task whose result the next resume would accept as valid; None if there is no result."""
        record = self.records.get(path)
        if record is None:
            return ""
        return record.component if record.state in ("SUCCEEDED", "RUNNING") and record.component != "importer" else None

    def stopped(self) -> Iterator[tuple[str, AttemptRecord]]:
        """Attempts that were running when the engine exited."""
        for name, record in self.records.items():
            for attempt in record.attempts:
                if attempt.state == "RUNNING":
                    yield name, attempt

    def keys(self, names: Iterable[str]) -> Iterator[str]:
        """Cache keys of recorded tasks."""
        for name in names:
            record = self.records.get(name)
            if record is not None and record.key:
                yield record.key

    def result(self, path: str, node: ir.Task) -> Outputs | None:
        """Outputs of a task that can be reused."""
        outputs = self._outputs(path, node)
        if outputs is None:
            return None
        found = self.now.differences(node, None if path in self.taken_in else self.records.get(path))
        if not self.new_code:
            found = [text for text in found if text != UNKNOWN]  # nothing says that they differ
        for text in found:
            self.differing.setdefault(text, []).append(path)
        return None if found and self.new_code else outputs

    def _outputs(self, path: str, node: ir.Task) -> Outputs | None:
        """Outputs of a task that has succeeded, if its artifacts are unchanged."""
        record = self.records.get(path)
        if record is None or record.state == "RUNNING":
            return self._left(path, node, record)
        if record.state != "SUCCEEDED":
            return None
        wanted = {port.name for port in self.pipeline.components[node.component].outputs}
        if not wanted.issubset(record.outputs):
            return None
        if not all(map(self._is_there, record.outputs.values())):
            self.lost.append(path)
            return None
        return record.outputs

    def _is_there(self, value: Value) -> bool:
        objects = self.root.objects
        kept = set(kept_digests({"": value}, objects))
        elsewhere = (
            item.path for item in artifacts_of(value) if item.path is not None and not objects.holds(item.path)
        )
        return all(map(objects.intact, kept)) and all(map(os.path.lexists, elsewhere))

    def _left(self, path: str, node: ir.Task, record: Task | None) -> Outputs | None:
        """Outputs of a process that succeeded when no engine was there to record it."""
        folder = self._last_attempt(path, record)
        if folder is None or not (folder / RESULT).exists():
            return None
        try:
            outputs = Attempt(str(folder), self.pipeline.components[node.component], {}, {}).outputs()
        except (TaskRefused, ValueError, OSError):
            return None
        if not all(self._is_whole(value) for value in outputs.values()):
            return None
        self.taken_in[path] = folder
        self.components[path] = node.component
        return outputs

    def _last_attempt(self, path: str, record: Task | None) -> Path | None:
        if record is not None and record.attempts:
            return attempt_folder(record.attempts[-1])
        place = Path(folder_of(self.run.folder / "tasks", path))
        try:
            numbers = [int(name) for name in os.listdir(place) if name.isdecimal()]
        except OSError:
            return None
        return place / str(max(numbers)) if numbers else None

    def _is_whole(self, value: Value) -> bool:
        """Whether an artifact that was not recorded yet matches its descriptor: it may have changed since."""
        from typedpipe.runtime.task import describe

        for item in artifacts_of(value):
            digest = str(item.descriptor.get("digest") or "")
            if item.path is None or not digest:
                continue
            try:
                if os.path.lexists(item.path):
                    if describe(item.path)[0] != digest:
                        return False
                elif not self.root.objects.intact(digest):
                    return False
            except (OSError, ValueError):
                return False
        return True


def _reused(done: int, again: int) -> str:
    """The counts of a plan.

    >>> _reused(12, 1)
    '12 tasks are reused, 1 task runs'
    """
    reused = "1 task is" if done == 1 else f"{done} tasks are"
    return f"{reused} reused, {again} {'task runs' if again == 1 else 'tasks run'}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
