"""The conformance pipelines: one file per construct, with its expected results, and their local runs.

A file of ``pipelines/`` has a pipeline ``main`` and ``EXPECTED``:

* ``state``: ``"SUCCEEDED"`` or ``"FAILED"``;
* ``outputs``: what the pipeline gives, as JSON data; an artifact as its type and metadata;
* ``seen``: for each component named, the sorted values of the one output of all its tasks that succeeded;
* ``attempts``: for each component named, how often its one task was tried, or ``"more than one"``;
* ``message``: a part of the run's message; ``messages``: for each component named, parts of its task's message.

``ON_ARGO`` has arguments for a cluster. A failed task's message is the one line that the runtime writes.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typedpipe.compiler import driver
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir.nodes import Pipeline
from typedpipe.ir.taskspec import port_key
from typedpipe.local import RunResult, run
from typedpipe.local.result import TaskResult
from typedpipe.runtime.task import decode
from typedpipe.types.artifacts import Artifact
from typedpipe.types.data import to_data
from typedpipe.types.model import Type, is_artifact

HERE = Path(__file__).parent / "pipelines"
NAMES = sorted(path.stem for path in HERE.glob("*.py"))
TARGET = os.environ.get("CONFORMANCE_TARGET", "3.6")
"""The ``--argo-target`` of what runs on a cluster: at most the version of its controller."""


@dataclass(frozen=True)
class Case:
    """One construct."""

    name: str
    traced: Pipeline
    expected: Mapping[str, Any]
    on_argo: Mapping[str, Any]


@dataclass(frozen=True)
class TaskEnd:
    """One task of a run, as both engines know it."""

    component: str
    succeeded: bool
    attempts: int
    message: str = ""
    output: object = None


@dataclass(frozen=True)
class Outcome:
    """A finished run, as both engines know it."""

    state: str
    message: str
    outputs: Mapping[str, object]
    tasks: Sequence[TaskEnd]
    seconds: float = 0.0
    hint: str = field(default="", compare=False)

    @property
    def pods(self) -> int:
        return sum(task.attempts for task in self.tasks)


def load(name: str) -> Case:
    """Import the file of a construct."""
    path = HERE / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"conformance_pipelines_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return Case(name, module.main.ir, module.EXPECTED, getattr(module, "ON_ARGO", {}))


def run_here(case: Case, folder: Path) -> tuple[Pipeline, RunResult, Outcome]:
    """Check and run a pipeline on this machine."""
    pipeline = driver.check(case.traced, Diagnostics())
    result = run(pipeline, {}, folder=folder, timeout=60, cache=False)  # on Argo each task runs, too
    types = {output.name: output.type for output in pipeline.graph.outputs}
    outputs = {name: as_data(value, types[name]) for name, value in result.outputs.items()}
    tasks = [_end(pipeline, task) for task in result.tasks.values() if task.attempts]
    outcome = Outcome(
        result.state, result.message, outputs, tasks, result.finished - result.started, f"the run is in {result.folder}"
    )
    return pipeline, result, outcome


def _end(pipeline: Pipeline, task: TaskResult) -> TaskEnd:
    succeeded = task.state == "SUCCEEDED"
    value: object = None
    component = next(item for item in pipeline.components.values() if item.name == task.component)
    if succeeded and task.folder is not None and [port.name for port in component.outputs] == ["Output"]:
        (port,) = component.outputs
        if not is_artifact(port.type):
            file = task.folder / "out" / "p" / port_key("Output")
            value = wire_data(file.read_text("utf-8"), port.type)
    return TaskEnd(task.component, succeeded, task.attempts, task.message, value)


def as_data(value: object, type_: Type) -> object:
    """A value of :attr:`RunResult.outputs` as plain data, as ``EXPECTED`` says it."""
    if isinstance(value, Artifact):
        return {"type": value.schema_title, "metadata": value.metadata}
    if isinstance(value, list) and "artifact" in json.dumps(to_data(type_)):
        return [as_data(item, type_) for item in value]
    isoformat = getattr(value, "isoformat", None)
    if isoformat is not None:
        return isoformat().replace("+00:00", "Z")
    return value


def wire_data(text: str, type_: Type) -> object:
    """Wire text as plain data: as JSON has it, put together where the text says how."""
    value: object = json.loads(text)
    return decode(text, to_data(type_)) if "$tp" in json.dumps(value) else value


def differences(expected: Mapping[str, Any], found: Outcome) -> list[str]:
    """Differences between a run and the expectations of its file, in words."""
    wrong: list[str] = []
    if found.state != expected["state"]:
        wrong.append(f"state {found.state}, not {expected['state']}: {found.message}")
    for name, want in dict(expected.get("outputs", {})).items() if found.state == "SUCCEEDED" else ():
        got = found.outputs.get(name, "(absent)")
        if json.dumps(got) != json.dumps(want):
            wrong.append(f"output {name}:\n      found  {got!r}\n      wanted {want!r}")
    for component, want in dict(expected.get("seen", {})).items():
        got = sorted(
            (task.output for task in found.tasks if task.component == component and task.succeeded), key=_order
        )
        if got != want:
            wrong.append(f"outputs of {component}: {got!r}, not {want!r}")
    for component, want in dict(expected.get("attempts", {})).items():
        got = [task.attempts for task in found.tasks if task.component == component]
        if (want == "more than one" and got <= [1]) or (want != "more than one" and got != [want]):
            wrong.append(f"attempts of {component}: {got}, not {want}")
    return wrong + _wrong_messages(expected, found)


def _order(value: object) -> tuple[str, Any]:
    return (type(value).__name__, value)


def _wrong_messages(expected: Mapping[str, Any], found: Outcome) -> list[str]:
    wrong: list[str] = []
    if expected.get("message", "") not in found.message:
        wrong.append(f"message {found.message!r} has no {expected['message']!r}")
    for component, parts in dict(expected.get("messages", {})).items():
        message = " / ".join(task.message for task in found.tasks if task.component == component)
        wrong += [f"message of {component}: {message!r} has no {part!r}" for part in parts if part not in message]
    return wrong
