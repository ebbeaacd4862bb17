"""The report of a run as JSON data, for other renderers.

Keys of the whole: ``run`` (name, result, arguments and outputs), ``problem`` (the reason why there is no pipeline),
``totals``, ``groups`` (tasks by their node), ``tasks``, ``failed``, ``critical_path``, ``timeline``, ``graph``,
``metrics``, ``classification``, ``documents``. Times are Unix seconds, durations seconds. A task is identified by its
path in the run. Values of parameters are JSON; an artifact is its descriptor with its location as ``place``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typedpipe.report.content import Content, began, last_attempt, read_content
from typedpipe.report.documents import read_documents
from typedpipe.report.graph import dressed_boxes
from typedpipe.report.logs import tail
from typedpipe.report.measures import Classification, MetricTable, classifications, metric_tables, numbers
from typedpipe.report.states import look, summary, worst
from typedpipe.report.tasks import FEWER, LINES, MANY
from typedpipe.report.timeline import time_axis
from typedpipe.runs.model import ArtifactRef, Attempt, Run, Task, Value, retries
from typedpipe.runs.source import RunSource
from typedpipe.types.json_text import plain, valid_json


def report_data(source: RunSource, run: Run) -> dict[str, Any]:
    """The contents of a run's page, as JSON data.

    Raises:
        PipelineError: TP604, the record of its tasks is corrupted.
    """
    return content_data(read_content(source, run))


def content_data(content: Content) -> dict[str, Any]:
    """Convert the content of a run to the data of :func:`report_data`."""
    data = {
        "run": _run(content),
        "problem": content.problem,
        "totals": _totals(content),
        "groups": [
            {"path": group.path, "state": worst(group.tasks), "tasks": [task.name for task in group.tasks]}
            for group in content.groups
        ],
        "tasks": [_task(content, task) for task in content.tasks],
        "failed": [task.name for task in content.failed],
        "critical_path": list(content.critical),
        "timeline": _timeline(content),
        "graph": [
            {"path": path, "kind": box.kind, "title": box.title, "text": box.outputs, "sources": list(box.sources)}
            | {"state": found.state, "critical": found.critical}
            for path, box, found in dressed_boxes(content)
        ],
        "metrics": [_metrics(table) for table in metric_tables(content)],
        "classification": [_classification(found) for found in classifications(content)],
        "documents": [
            {"task": found.output.task.name, "output": found.output.name, "type": found.title}
            | {"text": found.text, "why": found.why}
            for found in read_documents(content)
        ],
    }
    plain_data: dict[str, Any] = valid_json(data)
    return plain_data


def _run(content: Content) -> dict[str, Any]:
    run = content.run
    arguments = [{"name": name, "value": plain(text), "default": default} for name, text, default in content.arguments]
    return {
        "name": run.name,
        "pipeline": run.pipeline,
        "description": "" if content.pipeline is None else content.pipeline.description,
        "state": run.state,
        "message": run.message,
        "key": run.key,
        "created": run.created,
        "finished": run.finished,
        "ended": content.ended,
        "arguments": arguments,
        "outputs": _values(run.outputs),
        "settings": dict(run.settings),
        "facts": dict(run.facts),
    }


def _totals(content: Content) -> dict[str, Any]:
    """Number of tasks per state, retries, the duration of the run, and the total running time of tasks."""
    ran = [task for task in content.tasks if task.attempts]
    return {
        "tasks": len(content.tasks),
        "states": dict(summary(content.tasks)),
        "retries": sum(retries(task.attempts) for task in ran),
        "duration": content.took,
        "compute": sum((task.finished or content.ended) - task.started for task in ran if task.started is not None),
    }


def _task(content: Content, task: Task) -> dict[str, Any]:
    """Data of a task. ``state`` is "reused" if no process ran; from ``ready`` on, it only waited for its turn."""
    component = content.pipeline.components.get(task.component) if content.pipeline is not None else None
    ready = content.ready.get(task.name)
    text, more = _log(content, task)
    return {
        "name": task.name,
        "item": task.item,
        "component": component.name if component is not None else task.component,
        "description": "" if component is None else component.description,
        "declared_at": ""
        if component is None or not component.span.line
        else f"{component.span.file}:{component.span.line}",
        "state": look(task),
        "message": task.message,
        "exit_code": task.exit_code,
        "started": task.started,
        "finished": task.finished,
        "ready": None if ready is None else ready.time,
        "waited_for": "" if ready is None else ready.after,
        "critical": task.name in content.critical,
        "source_run": task.source_run,
        "cache_key": task.key,
        "inputs": _values(task.inputs),
        "outputs": _values(task.outputs),
        "attempts": [_attempt(attempt) for attempt in task.attempts],
        "log": {"text": text, "more": more},
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "state": attempt.state.lower(),
        "started": attempt.started,
        "finished": attempt.finished,
        "exit_code": attempt.exit_code,
        "message": attempt.message,
        "log": attempt.log,
    }


def _log(content: Content, task: Task) -> tuple[str, bool]:
    """The last lines of the last attempt, and whether there are more."""
    last = last_attempt(task)
    if last is None:
        return "", False
    return tail(content.source, content.run, task.name, last.number, LINES if len(content.tasks) <= MANY else FEWER)


def _timeline(content: Content) -> dict[str, Any]:
    """Busy stretches of time; the tasks on the timeline, by their start."""
    begun = [(start, task.name) for task in content.tasks if (start := began(task)) is not None]
    return {
        "begun": content.begun,
        "ended": content.ended,
        "stretches": [list(stretch) for stretch in time_axis(content).stretches],
        "tasks": [name for _, name in sorted(begun)],
    }


def _metrics(table: MetricTable) -> dict[str, Any]:
    return {
        "path": table.group.path,
        "output": table.outputs[0].name,
        "parameters": list(table.varying),
        "columns": list(table.columns),
        "rows": [
            {"task": output.task.name, "metrics": dict(numbers(output))}
            | {"parameters": {name: plain(str(output.task.inputs.get(name))) for name in table.varying}}
            for output in table.outputs
        ],
    }


def _classification(found: Classification) -> dict[str, Any]:
    """Data of curves (points: false and true positive rate, threshold) and matrices (rows: true categories)."""
    return {
        "task": found.output.task.name,
        "output": found.output.name,
        "curves": [
            {"slice": curve.name, "area": curve.area, "points": [list(point) for point in curve.points]}
            for curve in found.curves
        ],
        "matrices": [
            {"slice": matrix.name, "categories": list(matrix.categories), "rows": [list(row) for row in matrix.rows]}
            | {"accuracy": matrix.accuracy}
            for matrix in found.matrices
        ],
    }


def _values(values: Mapping[str, Value]) -> dict[str, Any]:
    return {name: _value(value) for name, value in values.items()}


def _value(value: Value) -> Any:
    if isinstance(value, ArtifactRef):
        return {"artifact": value.descriptor, "place": value.place}
    if isinstance(value, tuple):
        return [_value(item) for item in value]
    return None if value is None else plain(value)
