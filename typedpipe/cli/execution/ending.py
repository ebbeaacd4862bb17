"""Summary of a finished run: its failures with the next commands, its metrics, its paths."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from typedpipe.cli.diagnostics import colors
from typedpipe.cli.log_text import line_text, seconds
from typedpipe.diagnostics.cells import shown, width
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir import nodes as ir
from typedpipe.local.result import RunResult, TaskResult
from typedpipe.local.tracebacks import traceback_in
from typedpipe.runs.model import LOOKS, REUSED_TOLD, ArtifactRef, TaskState, Value, mark
from typedpipe.runs.paths import item_numbers, node_path, with_item
from typedpipe.types.json_text import json_text
from typedpipe.types.model import artifact_of

FAILURES = 3
"""Maximum number of failures shown in full."""
NAMED = 10
COMPARED = 500
"""Number of failed tasks whose tracebacks are compared; of the others, only the messages."""
LINES = 12
"""Number of last lines of a log; more of a traceback."""
TRACEBACK = 40
READ = 1 << 15
ROWS = 30
WIDE = 200
"""Columns if there is no terminal."""
COLUMN = 28
METRICS = "system.Metrics"
_STOPPED: tuple[TaskState, ...] = ("FAILED", "OMITTED", "CANCELED")
_COUNTED = (*REUSED_TOLD.items(), *((state, LOOKS[mark(state)].told) for state in _STOPPED))
"""Counts of tasks to print besides the finished ones, in this order."""
MEASURES = 8
"""Maximum number of columns in the table of metrics."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line, and its style on a terminal: an ANSI code."""

    text: str
    style: str = ""


def write_ending(pipeline: ir.Pipeline, result: RunResult, stream: TextIO) -> None:
    """Print the result of the run."""
    color = colors(stream)
    columns = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else WIDE
    stream.writelines(
        (f"\x1b[{line.style}m{line.text}\x1b[0m" if color and line.style else line.text) + "\n"
        for line in ending(pipeline, result, columns)
    )
    stream.flush()


def ending(pipeline: ir.Pipeline, result: RunResult, columns: int) -> Iterator[Line]:
    """The summary at the end of a run."""
    failed = sorted((task for task in result.tasks.values() if task.state == "FAILED"), key=_when)
    alike: dict[tuple[str, str], list[TaskResult]] = {}
    for number, task in enumerate(failed):  # equal failures are shown once
        trace = traceback_in(task.log) if number < COMPARED else ""
        alike.setdefault(("", trace) if trace else (node_path(task.name), task.message), []).append(task)
    groups = list(alike.values())
    yield Line("")
    for first, *others in groups[:FAILURES]:
        yield from _failure(first)
        if others:
            yield Line(f"  also failed: {_names(others)}", "31")
        yield Line("")
    if len(groups) > FAILURES:
        yield Line(f"other failed tasks: {_names([task for group in groups[FAILURES:] for task in group])}", "31")
        yield Line("")
    yield from _metrics(pipeline, result, columns)
    yield Line(_summary(result), LOOKS[mark(result.state)].ansi)
    if result.state != "SUCCEEDED":
        yield from _next(pipeline, result, failed, columns)


def _names(tasks: list[TaskResult]) -> str:
    names = ", ".join(shown(task.name) for task in tasks[:NAMED])
    return names + (f" and {len(tasks) - NAMED:,} more" if len(tasks) > NAMED else "")


def _when(task: TaskResult) -> float:
    return task.finished or 0.0


# --------------------------------------------------------------------------------------------------- failures


def _failure(task: TaskResult) -> Iterator[Line]:
    facts = [f"exit code {task.exit_code}"] if task.exit_code is not None else []
    if task.attempts > 1:
        facts.append(f"{task.attempts} attempts")
    if task.started is not None and task.finished is not None:
        facts.append(f"after {seconds(task.finished - task.started)}")
    yield Line(f"{shown(with_item(task.name, task.item))} failed" + (f" ({', '.join(facts)})" if facts else ""), "1;31")
    last = log_end(task)
    message = [shown(line) for line in task.message.splitlines()]
    for line in last:
        yield Line(f"  | {line}", "")
    if message and not any(_says(line, message[0]) for line in last):
        yield from (Line(f"  {line}", "31") for line in message)
    if task.log is not None and os.path.exists(task.log):
        yield Line(f"  log: {shown(_near(str(task.log)))}", "2")


def _says(line: str, message: str) -> bool:
    """Whether a line of the log has the message, or the message repeats a line such as `ValueError: no` and adds its place."""
    return bool(message) and (message in line or message.startswith(f"{line} ("))


def log_end(task: TaskResult) -> list[str]:
    """Last lines of a task's log; if it ends with a traceback, from the start of that."""
    if task.log is None:
        return []
    try:
        with open(task.log, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - READ))
            data = file.read(READ)
    except OSError:
        return []
    lines = data.rstrip().split(b"\n")
    if size > READ:
        lines = lines[1:] or [data[-READ // 8 :]]
    start = max((n for n, line in enumerate(lines) if line.startswith(b"Traceback (most recent call")), default=None)
    kept = lines[-LINES:] if start is None else lines[max(0, start - 2) :][-TRACEBACK:]
    left_out = len(lines) - len(kept)
    texts = [
        text if len(text := line_text(line)) <= 400 else text[:399] + "…" for line in kept if line or len(kept) > 1
    ]
    return [f"… {'more' if size > READ else f'{left_out:,} lines'} above", *texts] if left_out or size > READ else texts


def _next(pipeline: ir.Pipeline, result: RunResult, failed: list[TaskResult], columns: int) -> Iterator[Line]:
    run = shlex.quote(result.run)
    task = shlex.quote(f"{result.run}/{failed[0].name}") if failed else run
    again = "".join(f" --env {shlex.quote(name)}=…" for name in _variables(result))
    commands = [
        (f"typedpipe logs {task}", "print the complete log"),
        (f"typedpipe resume {run}{again}", "continue the run with its original code"),
    ]
    if failed and os.path.isfile(pipeline.span.file):
        target = shlex.quote(f"{pipeline.span.file}:{pipeline.name}")
        commands.append((f"typedpipe resume {run} --code new {target}{again}", "continue with the current code"))
    if failed:
        commands.append((f"typedpipe spin {task} --debug{again}", "debug the task on the same inputs"))
    size = max(width(command) for command, _ in commands)
    wide = size + max(len(why) for _, why in commands) + 6 <= columns
    yield Line("next:", "1")
    for command, why in commands:
        yield Line(f"  {shown(command)}" + (f"{' ' * (size - width(command))}  # {why}" if wide else ""))


def _variables(result: RunResult) -> list[str]:
    """Names of the run's environment variables: their values are not stored, so they have to be passed again."""
    from typedpipe.local.store.record import read_run

    try:
        return list(read_run(result.folder).settings.get("environment") or ())
    except PipelineError:
        return []  # unreadable data is reported by the commands that read it


# ---------------------------------------------------------------------------------------------------- summary


def _summary(result: RunResult) -> str:
    states: dict[str, int] = {}
    for task in result.tasks.values():
        key = task.reused or task.state
        states[key] = states.get(key, 0) + 1
    done = sum(task.state == "SUCCEEDED" for task in result.tasks.values())
    parts = [f"{states[key]:,} {word}" for key, word in _COUNTED if states.get(key)]
    detail = f" ({', '.join(parts)})" if parts else ""
    why = f": {shown(result.message)}" if result.message else ""
    took = seconds(result.finished - result.started)
    return (
        f"run {result.run} {result.state.lower()} in {took}, {done:,} of {len(result.tasks):,} tasks done{detail}{why}"
    )


def _near(path: str) -> str:
    """The shortest form of a path relative to the working directory."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative


# ---------------------------------------------------------------------------------------------------- metrics


def _metrics(pipeline: ir.Pipeline, result: RunResult, columns: int) -> Iterator[Line]:
    rows, more = metrics_of(pipeline, result)
    if not rows:
        return
    names = list(dict.fromkeys(name for _, values in rows for name in values))[:MEASURES]
    numbers = [[_number(values.get(name)) for name in names] for _, values in rows]
    table = [distinct([shown(name) for name in names], COLUMN), *numbers]
    sizes = [max(width(row[column]) for row in table) for column in range(len(names))]
    sizes = [max(min(COLUMN, size), width(name)) for size, name in zip(sizes, table[0], strict=True)]
    left = max(COLUMN, columns - sum(size + 2 for size in sizes))
    tasks = ["metrics", *distinct([shown(task) for task, _ in rows], left)]
    size = max(map(width, tasks))
    for number, (task, row) in enumerate(zip(tasks, table, strict=True)):
        cells = [_cell(task, size, left=True), *(_cell(*cell, left=False) for cell in zip(row, sizes, strict=True))]
        yield Line("  ".join(cells).rstrip(), "1" if not number else "")
    if more:
        yield Line(f"… {more:,} more tasks have metrics: typedpipe artifacts ls {shlex.quote(result.run)}", "2")
    yield Line("")


def distinct(names: list[str], size: int) -> list[str]:
    """Names that are not wider than this, if they then still differ: cut in the middle, at the start or at the end.

    >>> distinct(["handler/for[0]/train", "handler/for[1]/train"], 17)
    ['handler/…0]/train', 'handler/…1]/train']
    """
    room = size - 1
    for start in (room // 2, 0, room):
        cut = [
            name if width(name) <= size else f"{_cut(name, start)}…{_cut(name[::-1], room - start)[::-1]}"
            for name in names
        ]
        if len(set(cut)) == len(set(names)):
            return cut
    return names


def metrics_of(pipeline: ir.Pipeline, result: RunResult) -> tuple[list[tuple[str, Mapping[str, object]]], int]:
    """Metadata of the first Metrics artifacts, each with its task's name; the number of further tasks with metrics."""
    ports = {
        key: [port.name for port in component.outputs if (found := artifact_of(port.type)) and found.title == METRICS]
        for key, component in pipeline.components.items()
    }
    tasks = [task for task in result.tasks.values() if task.state == "SUCCEEDED" and ports.get(task.component)]
    first: dict[str, int] = {}
    for place, task in enumerate(tasks):
        first.setdefault(node_path(task.name), place)
    tasks.sort(key=lambda task: (first[node_path(task.name)], item_numbers(task.name)))
    rows: list[tuple[str, Mapping[str, object]]] = []
    for task, outputs in _stored(result, tasks[:ROWS]):
        names = ports[task.component]
        for name in names:
            value = outputs.get(name)
            values = value.descriptor.get("metadata") if isinstance(value, ArtifactRef) else None
            if isinstance(values, dict) and values:
                measured = task.name if len(names) == 1 else f"{task.name}.{name}"
                rows.append((with_item(measured, task.item), values))
    return rows, max(0, len(tasks) - ROWS)


def _stored(result: RunResult, tasks: list[TaskResult]) -> list[tuple[TaskResult, Mapping[str, Value]]]:
    """Outputs of tasks, from the run index: also those of cached tasks."""
    if not tasks:
        return []
    from typedpipe.local.store import index
    from typedpipe.local.store.record import read_run

    try:
        run = read_run(result.folder)
        return [(task, index.task(run, task.name).outputs) for task in tasks]
    except PipelineError:
        return []  # unreadable data is reported by the commands that read it


def _number(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return shown(value if isinstance(value, str) else json_text(value, ensure_ascii=False))


def _cell(text: str, size: int, *, left: bool) -> str:
    if width(text) > size:
        text = f"{_cut(text, size - 1)}…"
    gap = " " * (size - width(text))
    return text + gap if left else gap + text


def _cut(text: str, size: int) -> str:
    """The start of a text that is not wider than this."""
    used = 0
    for number, character in enumerate(text):
        used += width(character)
        if used > size:
            return text[:number]
    return text
