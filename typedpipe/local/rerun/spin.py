"""Spinning: one task of a stored run, run again on its recorded inputs in its own directory; the run is unaltered."""

from __future__ import annotations

import json
import os
import selectors
import signal
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.diagnostics.words import nearest
from typedpipe.ir import nodes as ir
from typedpipe.local.failure import exit_code
from typedpipe.local.options import RunOptions
from typedpipe.local.rerun.environment import own_variables, require_values, variables_of
from typedpipe.local.runners import Placement, launcher_for, placements
from typedpipe.local.runners.attempt import Attempt, Specs, TaskRefused
from typedpipe.local.runners.launcher import KILL, Exited, Launch, Launcher
from typedpipe.local.runners.logs import Tail
from typedpipe.local.scheduling.scheduler import fallback
from typedpipe.local.store.cache_table import kept_digests
from typedpipe.local.store.index import task as stored_task
from typedpipe.local.store.locks import Held, Lock, take_lock
from typedpipe.local.store.model import StoredRun, attempt_folder
from typedpipe.runs.forms import NotOfType, from_text
from typedpipe.runs.locations import at_location, from_location
from typedpipe.runs.model import Task, Value
from typedpipe.runs.paths import node_at
from typedpipe.runs.problems import os_problem, problem
from typedpipe.types.model import is_artifact

if TYPE_CHECKING:
    from typedpipe.local.store.root import Root

FOLDER = "spins"
TURN_SECONDS = 0.1
TERMINATION_LOG = "TYPEDPIPE_TERMINATION_LOG"


@dataclass(frozen=True, slots=True)
class Spin:
    """A task that is ready to run again: nothing has started."""

    run: StoredRun
    task: Task
    pipeline: ir.Pipeline
    """A pipeline of the task alone."""
    values: Mapping[str, Value]
    env: Mapping[str, str]
    settings: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def node(self) -> ir.Task:
        node = self.pipeline.graph.nodes[0]
        assert isinstance(node, ir.Task)
        return node

    @property
    def component(self) -> ir.Component:
        return self.pipeline.components[self.node.component]


@dataclass(frozen=True, slots=True)
class SpinResult:
    """Result of a spin. ``outputs`` are set if it succeeded; artifacts stay in the directory."""

    folder: Path
    state: Literal["SUCCEEDED", "FAILED", "CANCELED"]
    exit_code: int | None
    message: str
    seconds: float
    outputs: Mapping[str, Value] = field(default_factory=dict[str, Value])

    @property
    def log(self) -> Path:
        return self.folder / "log"


def prepare_spin(
    root: Root,
    run: StoredRun,
    name: str,
    code: ir.Pipeline | None = None,
    given: Collection[str] = (),
    environment: Collection[str] = (),
) -> Spin:
    """Find the task, its recorded inputs, and its code.

    Args:
        root: The store that contains the run.
        run: The run.
        name: The task's path in the run.
        code: The current pipeline, closed and checked, as the source of the task's code; None uses the stored one.
        given: Inputs that will be set and therefore need no recorded value.
        environment: Environment variables that will be set for the task.

    Raises:
        PipelineError: TP607, the run has no such task; TP644 to TP647, it cannot be run again.
    """
    from typedpipe.ir import wire

    task = stored_task(run, name)
    pipeline = wire.load(run.pipeline_file) if code is None else code
    node = node_at(pipeline, name)
    if not isinstance(node, ir.Task):
        said = "the new code has no task" if code is not None else "there is no component at"
        raise problem(
            "TP645",
            f"{said} `{name}`",
            help="pass the path of a task that runs a component, such as `for-1[2]/train`",
        )
    if not task.inputs and not task.attempts and not task.reused:
        raise problem(
            "TP646",
            f"`{name}` of run `{run.name}` did not run, so its inputs are not recorded",
            help=f"to run it and its upstream tasks, use `typedpipe resume {run.name}`",
        )
    component = pipeline.components[node.component]
    ports = [port for port in component.inputs if port.name not in given]
    values = {port.name: _given(task, port) for port in ports}
    _check_artifacts(root, run, name, values)
    alone = ir.Pipeline(
        pipeline.name, ir.Graph(nodes=(node,)), {node.component: component}, closed=True, span=pipeline.span
    )
    names = variables_of(task, run.settings.get("environment") or ())
    own, settings = _surroundings(task, names)
    require_values(set(names) - set(own), environment)
    return Spin(run, task, alone, values, own, settings)


def _given(task: Task, port: ir.InputPort) -> Value:
    if port.name in task.inputs:
        return task.inputs[port.name]
    if port.required:
        raise problem(
            "TP647",
            f"`{task.name}` has a new input `{port.name}`, but the run has no value for it",
            help=f"pass `--set {port.name}=…`, or provide a default",
        )
    return fallback(port)


def _check_artifacts(root: Root, run: StoredRun, name: str, values: Mapping[str, Value]) -> None:
    for key, value in values.items():
        for digest in kept_digests({key: value}, root.objects):
            if not root.objects.intact(digest):
                raise problem(
                    "TP646",
                    f"the input `{key}` of `{name}` was removed or modified",
                    help=f"to run the task that created it again, use `typedpipe resume {run.name} --from TASK`",
                )


def _surroundings(task: Task, of_run: Collection[str]) -> tuple[dict[str, str], dict[str, object]]:
    """Environment variables and settings of the last attempt; for a cached task, those in its key.

    The values of variables of the run are missing: its key has digests of them.
    """
    try:
        data: Any = json.loads((attempt_folder(task.attempts[-1]) / "job.json").read_text(encoding="utf-8"))
        env = {str(k): str(v) for k, v in data["env"].items() if k != TERMINATION_LOG}
        return env, {**data.get("settings", {}), "image": data["image"]} if data.get("image") else {}
    except (IndexError, OSError, ValueError, KeyError, AttributeError):
        return own_variables(task.key_parts.get("environment", {}), of_run), {}


def set_input(spin: Spin, name: str, text: str) -> Value:
    """Set an input from text: a parameter by its type, an artifact by the path of a file or directory.

    Args:
        spin: The task.
        name: The input.
        text: The text.

    Raises:
        PipelineError: TP648.
    """
    ports = {port.name: port for port in spin.component.inputs}
    port = ports.get(name)
    if port is None:
        near = nearest(name, ports)
        known = ", ".join(f"`{key}`" for key in ports) or "none"
        raise problem(
            "TP648",
            f"`{spin.task.name}` has no input `{name}`",
            help=f"did you mean `--set {near}=…`?" if near else f"its inputs: {known}",
        )
    try:
        return at_location(from_location(text, port)) if is_artifact(port.type) else from_text(text, port.type)
    except NotOfType as error:
        from typedpipe.runs.arguments import example
        from typedpipe.types.display import enum_members, show

        form = example(port.type, f"--set {name}=")
        raise problem(
            "TP648",
            f"`--set {name}={text}` does not match `{show(port.type)}`: {error}",
            help="; ".join(filter(None, (form, enum_members(port.type)))),
        ) from None


def run_spin(
    spin: Spin,
    values: Mapping[str, Value],
    options: RunOptions,
    on_log: Callable[[bytes], None] | None = None,
) -> SpinResult:
    """Run the task and wait for its end. Ctrl-C stops it, a second one kills it.

    Args:
        spin: From :func:`prepare_spin`.
        values: Inputs that are set to other values.
        options: Runner, timeout, environment variables and ``debug``.
        on_log: Receives the task's output as it arrives.

    Raises:
        PipelineError: the component cannot run locally, or the directory cannot be written.
    """
    report = Diagnostics()
    places = placements(spin.pipeline, options.chosen_runner, report)
    if report.has_errors:
        raise PipelineError(report)
    guard = _keep_artifacts(spin.run)
    try:
        return _run_placed(spin, values, options, on_log, places)
    finally:
        guard.release()


def _run_placed(
    spin: Spin,
    values: Mapping[str, Value],
    options: RunOptions,
    on_log: Callable[[bytes], None] | None,
    places: Mapping[str, Placement],
) -> SpinResult:
    folder = _new_folder(spin.run)
    attempt = Attempt(f"{folder}/task", spin.component, {**spin.values, **values}, dict(spin.env), dict(spin.settings))
    started = time.monotonic()
    launcher = launcher_for(
        places,
        nonce=os.urandom(8).hex(),
        environment=options.environment,
        objects=spin.run.root / "objects",
        debug=options.debug,
    )
    try:
        spec = Specs(folder / "specs").path(spin.node.component, spin.component)
        attempt.write(spec)
        launch = Launch("0", attempt.job, attempt.log, spec, spin.node.component, bool(spin.env))
        limit = None if options.debug else options.timeout or spin.node.options.timeout_seconds
        exited, stopped = _Watch(launcher, Tail(attempt.log), on_log, limit, options.grace).run(launch)
        attempt.discard_inputs()
        return _result(attempt, exited, stopped, time.monotonic() - started)
    except (TaskRefused, TypeError, ValueError) as error:
        return SpinResult(folder, "FAILED", 2, str(error), time.monotonic() - started)
    except OSError as error:
        raise os_problem(folder, error) from None
    finally:
        launcher.close()


def _keep_artifacts(run: StoredRun) -> Lock:
    """Hold a run's lock: while the task may read artifacts, `runs gc` does not collect them."""
    try:
        return take_lock(str(run.root / "lock"), shared=True)
    except Held:
        error = OSError(0, "garbage collection is in progress (`typedpipe runs gc`); try again")
        raise os_problem(run.folder, error) from None
    except OSError as error:
        raise os_problem(run.folder, error) from None


def _new_folder(run: StoredRun) -> Path:
    place = run.folder / FOLDER
    number = 1
    while True:
        try:
            os.makedirs(place / str(number) / "specs")
            return place / str(number)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise os_problem(place, error) from None


def _result(attempt: Attempt, exited: Exited, stopped: str, seconds: float) -> SpinResult:
    code = exit_code(exited)
    if code == 0 and not stopped:
        try:
            return SpinResult(attempt.folder, "SUCCEEDED", 0, "", seconds, attempt.outputs())
        except TaskRefused as error:
            return SpinResult(attempt.folder, "FAILED", 2, str(error), seconds)
    if stopped == "cancel":
        return SpinResult(attempt.folder, "CANCELED", code, "interrupted", seconds)
    said = exited.message or attempt.message()
    message = f"timed out after {seconds:.0f} s" if stopped else said or f"exit code {code}"
    return SpinResult(attempt.folder, "FAILED", code, message, seconds)


@dataclass(slots=True)
class _Watch:
    """Follows the single process."""

    launcher: Launcher
    tail: Tail
    on_log: Callable[[bytes], None] | None
    limit: float | None
    grace: float
    stopped: str = ""
    _kill_at: float | None = None

    def run(self, launch: Launch) -> tuple[Exited, str]:
        end = None if self.limit is None else time.monotonic() + self.limit
        found: list[Exited] = []
        interrupts = 0
        with selectors.DefaultSelector() as selector:
            try:
                ended = self.launcher.start(launch)
                found = [ended] if ended is not None else []
            except KeyboardInterrupt:
                interrupts = 1
            selector.register(self.launcher.fileno(), selectors.EVENT_READ)
            while not found:
                try:
                    found = list(self.launcher.reports()) if selector.select(TURN_SECONDS) else []
                    self._read()
                    if end is not None and time.monotonic() > end:
                        self._stop("timeout")
                    if self._kill_at is not None and time.monotonic() > self._kill_at:
                        self.launcher.signal("0", KILL)
                except KeyboardInterrupt:
                    interrupts += 1
                if interrupts:
                    self._stop("cancel")
                    if interrupts > 1:
                        self.launcher.signal("0", KILL)
        self._read(0)
        self.tail.close()
        return found[0], self.stopped

    def _stop(self, why: str) -> None:
        if not self.stopped:
            self.stopped = why
            self.launcher.signal("0", signal.SIGTERM)
            self._kill_at = time.monotonic() + self.grace

    def _read(self, limit: int | None = None) -> None:
        for _, data in self.tail.read() if limit is None else self.tail.read(limit):
            if self.on_log is not None:
                self.on_log(data)
