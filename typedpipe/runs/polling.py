"""Events of a run, derived from its tasks and logs, for sources without events of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from typedpipe.runs import events
from typedpipe.runs.model import Attempt, Run, RunEnd, Task, TaskState
from typedpipe.runs.source import Cursor, RunSource, log_key

INTERVAL = 0.2
"""Seconds between two polls of a run in progress."""


def watch(
    source: RunSource, run: Run, after: Cursor | None = None, wait: Callable[[], None] = lambda: time.sleep(INTERVAL)
) -> Iterator[events.Event]:
    """Poll a run until it has ended, and yield new events; for a finished run, all its events.

    Args:
        source: The run's source.
        run: The run.
        after: The events already seen.
        wait: Waits until the next poll.
    """
    cursor = Cursor.of(after.data()) if after is not None else Cursor()
    while True:
        now = source.run(run.name)  # before its tasks: when it has ended, they have
        for event in _news(source, now, source.tasks(now), cursor):
            cursor.take(event)
            yield event
        if now.state != "RUNNING":
            break
        wait()
    if now.state == "INTERRUPTED":
        for task in source.tasks(now):
            if task.state == "RUNNING" and cursor.finished.get(task.name) != "CANCELED":
                yield _finished(now, task, "CANCELED", "its engine exited")
    state: RunEnd = "FAILED" if now.state == "INTERRUPTED" else now.state
    message = now.message or ("interrupted: its engine exited" if now.state == "INTERRUPTED" else "")
    yield events.RunFinished(now.name, state, message, now.finished or time.time())


def _news(source: RunSource, run: Run, tasks: Sequence[Task], cursor: Cursor) -> Iterator[events.Event]:
    """Events that the cursor has not seen, in chronological order."""
    if not cursor.begun:
        yield events.RunStarted(run.name, run.pipeline, run.created)
    found: list[events.Event] = [event for task in tasks for event in _of_task(source, run, task, cursor)]
    found += (events.RunStarted(run.name, run.pipeline, time) for time in _resumes(tasks, cursor.session))
    # The start of a session comes before the attempt that it is known from.
    yield from sorted(found, key=lambda event: (event.time, not isinstance(event, events.RunStarted)))


def _resumes(tasks: Sequence[Task], seen: int) -> list[float]:
    """The start of the first attempt after each resume of the run, without the resumes that the cursor has seen."""
    starts: dict[int, float] = {}
    for task in tasks:
        for attempt in task.attempts:
            if attempt.session:
                starts[attempt.session] = min(attempt.started, starts.get(attempt.session, attempt.started))
    return [time for _, time in sorted(starts.items())][seen:]


def _of_task(source: RunSource, run: Run, task: Task, cursor: Cursor) -> Iterator[events.Event]:
    seen = cursor.attempts.get(task.name, 0)
    for attempt, following in zip_longest(task.attempts, task.attempts[1:]):
        if attempt.number > seen:
            yield events.TaskStarted(task.name, task.component, attempt.number, attempt.started, task.item)
        yield from _log(source, run, task.name, attempt, cursor)
        if following is None:
            continue
        end = attempt.finished or attempt.started
        if following.session == attempt.session:
            if attempt.number > cursor.retried.get(task.name, 0):
                yield events.TaskRetried(task.name, attempt.number, attempt.message, 0.0, end)
        elif attempt.number > seen or (attempt.number == seen and task.name not in cursor.finished):
            state = "CANCELED" if attempt.state == "RUNNING" else attempt.state
            yield events.TaskFinished(
                task.name,
                task.component,
                state,
                attempt.number,
                attempt.exit_code,
                attempt.message,
                end,
                item=task.item,
            )
    if task.state != "RUNNING" and cursor.finished.get(task.name) != task.state:
        yield _finished(run, task, task.state, task.message)


def _finished(run: Run, task: Task, state: TaskState, message: str) -> events.TaskFinished:
    return events.TaskFinished(
        task.name,
        task.component,
        state,
        len(task.attempts),
        task.exit_code,
        message,
        task.finished or run.finished or (task.attempts[-1].started if task.attempts else run.created),
        task.reused,
        task.item,
    )


def _log(source: RunSource, run: Run, task: str, attempt: Attempt, cursor: Cursor) -> Iterator[events.Event]:
    offset = cursor.logs.get(log_key(task, attempt.number), 0)
    if attempt.state != "RUNNING" and offset and attempt.number < cursor.attempts.get(task, 0):
        return
    try:
        for data in source.log(run, task, attempt.number, offset):
            yield events.LogChunk(task, attempt.number, offset, data, attempt.finished or time.time())
            offset += len(data)
    except FileNotFoundError:
        return  # it has no output yet
