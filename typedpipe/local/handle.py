"""``Run``, the handle that ``pipeline.run(...)`` returns, usable during and after the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeAlias, TypeVar

from typedpipe.ir import nodes as ir
from typedpipe.local.background import Background
from typedpipe.local.outputs import RunOutputs, artifacts_in
from typedpipe.local.result import RunFailed, RunResult
from typedpipe.local.store.regular import regular
from typedpipe.runs.model import RunEnd, SeenState
from typedpipe.runs.paths import nearest_path
from typedpipe.runs.view import RunView, TaskView
from typedpipe.types.artifacts import Artifact

R_co = TypeVar("R_co", covariant=True)
HandleState: TypeAlias = Literal["RUNNING"] | RunEnd


class Run(Generic[R_co]):
    """A local run of a pipeline, created by ``pipeline.run(...)``. It runs in the background.

    As a context manager, it waits for the run at the end of the block, and cancels it if the block raises.

    >>> from typedpipe import dsl
    >>> @dsl.component
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> @dsl.pipeline
    ... def main(n: int) -> int:
    ...     return double(n=n).output
    >>> run = main.run(n=4)
    >>> run.outputs
    8
    >>> run.state, run.tasks["double"].state, run.tasks["double"].outputs
    ('SUCCEEDED', 'SUCCEEDED', {'Output': 8})
    """

    def __init__(
        self,
        pipeline: ir.Pipeline,
        work: Background,
        view: RunView,
        outputs: Callable[[Mapping[str, object]], R_co],
        raise_on_error: bool,
    ) -> None:
        self._pipeline = pipeline
        self._work = work
        self._view = view
        self._outputs = outputs
        self._raise_on_error = raise_on_error

    # ---------------------------------------------------------------------------------------- what it is

    @property
    def name(self) -> str:
        """Name of the run: ``typedpipe runs show NAME`` shows it."""
        return self._work.name

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""
        return self._pipeline.name

    @property
    def folder(self) -> Path:
        """The run directory."""
        return self._work.folder

    @property
    def state(self) -> HandleState:
        """The current state; does not wait."""
        return self._work.state

    # ----------------------------------------------------------------------------------------- its end

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the end of the run and return the handle. Ctrl-C cancels the run, a second one kills it.

        Args:
            timeout: Maximum time to wait, in seconds.

        Raises:
            TimeoutError: It has not ended yet, and continues.
            RunFailed: It did not succeed (unless it was started with ``raise_on_error=False``).
        """
        if not self._work.wait(timeout):
            raise TimeoutError(f"run {self.name} did not end within {timeout:g} s; it continues")
        if self._raise_on_error and not self._work.result.succeeded:
            raise RunFailed(self._work.result)
        return self

    def cancel(self) -> None:
        """Cancel the run: tasks are stopped and exit handlers run; the second call kills everything. Does not wait."""
        self._work.cancel()

    @property
    def result(self) -> RunResult:
        """State, message, outputs and tasks of the run; waits for its end, and does not raise if it failed."""
        self._work.wait()
        return self._work.result

    @property
    def outputs(self) -> R_co:
        """Outputs of the pipeline; waits for the end.

        Raises:
            RunFailed: It did not succeed.
        """
        result = self.result
        if not result.succeeded:
            raise RunFailed(result)
        return self._outputs(result.outputs)

    # ------------------------------------------------------------------------------------- what is in it

    @property
    def tasks(self) -> Mapping[str, RunTask]:
        """Tasks by their path in the run: ``train``, ``for-1[2]/train``; those created so far, without waiting."""
        taken = RunOutputs(self._pipeline, self.folder)
        return Tasks(self._pipeline, self.name, self._view.tasks(), taken)

    def logs(self, task: str | None = None) -> str:
        """Output of a task's last attempt so far; without ``task``, of all tasks, each line prefixed with a name."""
        if task is not None:
            return self.tasks[task].log
        lines = [f"{name}: {line}" for name, each in self.tasks.items() for line in each.log.splitlines()]
        return "".join(f"{line}\n" for line in lines)

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """Artifacts that tasks have produced so far, as ``task.output``; those of lists as ``task.output[0]``.

        It is shown as a table: name, type, location and metadata.
        """
        found: dict[str, Artifact] = {}
        for name, task in self.tasks.items():
            for output, value in task.outputs.items():
                found.update(artifacts_in(f"{name}.{output}", value))
        from typedpipe.local.artifact_display import Artifacts

        return Artifacts(found)

    # -------------------------------------------------------------------------------------------- Python's

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.wait()
            return
        self.cancel()
        self._work.wait()

    def __repr__(self) -> str:
        counts: dict[str, int] = {}
        for task in self._view.tasks().values():
            counts[task.state] = counts.get(task.state, 0) + 1
        said = ", ".join(f"{number} {state.lower()}" for state, number in counts.items())
        return f"<run {self.name}: {self.state.lower()}" + (f"; tasks: {said}" if said else "") + ">"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """The graph with the state of each task, for notebooks."""
        from typedpipe.local.notebook import run_bundle

        return run_bundle(self._view, self._arguments())

    def _ipython_display_(self) -> None:
        from typedpipe.local.notebook import show_run

        if not show_run(self._view, self._arguments()):
            print(self)

    def _arguments(self) -> Mapping[str, str]:
        """The recorded arguments, as wire text; none if the record cannot be read, which the engine reports."""
        from typedpipe.diagnostics.errors import PipelineError
        from typedpipe.local.store.record import read_record

        try:
            found: Mapping[str, str] = read_record(self.folder)["arguments"]
        except PipelineError:
            return {}
        return found


class RunTask:
    """One task of a run, in its current state."""

    def __init__(self, component: str, seen: TaskView, taken: RunOutputs) -> None:
        self.component = component
        """The name of its component."""
        self._seen = seen
        self._taken = taken

    @property
    def name(self) -> str:
        """Path of the task in the run."""
        return self._seen.name

    @property
    def state(self) -> SeenState:
        """WAITING, RUNNING, SUCCEEDED, FAILED, OMITTED or CANCELED."""
        return self._seen.state

    @property
    def attempts(self) -> int:
        """Number of attempts."""
        return self._seen.attempts

    @property
    def exit_code(self) -> int | None:
        return self._seen.exit_code

    @property
    def message(self) -> str:
        """The reason for the failure, in one line."""
        return self._seen.message

    @property
    def reused(self) -> str:
        """``cache`` or ``resumed`` if its outputs were reused and nothing ran; otherwise empty."""
        return self._seen.reused

    @property
    def duration(self) -> float:
        """Seconds from its first start to its end, or to now."""
        if self._seen.started is None:
            return 0.0
        return max(0.0, (self._seen.finished or time.time()) - self._seen.started)

    @property
    def folder(self) -> Path | None:
        """Directory of its last attempt; None if it never started."""
        return self._taken.folder(self._seen)

    @property
    def log(self) -> str:
        """Output of its last attempt so far."""
        folder = self.folder
        if folder is None:
            return ""
        try:
            with open(folder / "log", encoding="utf-8", errors="replace", opener=regular) as file:
                return file.read()
        except OSError:
            return ""

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Outputs by name, as Python values and artifact objects; empty unless it has succeeded."""
        return self._taken.outputs(self._seen)

    def __repr__(self) -> str:
        return f"<task {self.name}: {self.state.lower()}, {self.duration:.1f} s>"


class Tasks(Mapping[str, RunTask]):
    """Tasks of a run by name. The KeyError for an unknown name lists the existing ones."""

    def __init__(self, pipeline: ir.Pipeline, run: str, seen: Mapping[str, TaskView], taken: RunOutputs) -> None:
        self._pipeline = pipeline
        self._run = run
        self._seen = seen
        self._taken = taken

    def __getitem__(self, name: str) -> RunTask:
        seen = self._seen.get(name)
        if seen is None:
            close = nearest_path(name, self._seen)
            known = ", ".join(self._seen) or "none"
            raise KeyError(
                f"no task {name} in run {self._run}"
                + (f"; did you mean {close}?" if close else f"; the tasks are {known}")
            )
        component = self._pipeline.components.get(seen.component)
        return RunTask(component.name if component is not None else seen.component, seen, self._taken)

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def __len__(self) -> int:
        return len(self._seen)

    def __repr__(self) -> str:
        return "\n".join(repr(self[name]) for name in self) or "no tasks"
