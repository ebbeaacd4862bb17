"""What a run says while it goes on: the tasks' own lines with their names, and what became of each."""

from __future__ import annotations

from typing import TextIO

from typedpipe.cli.report import colors
from typedpipe.diagnostics.cells import shown
from typedpipe.local import RunResult
from typedpipe.local.events import (
    CancelStarted,
    Event,
    LogChunk,
    RunStarted,
    TaskFinished,
    TaskRetried,
    TaskStarted,
)

_STYLES = {"SUCCEEDED": "32", "FAILED": "31", "OMITTED": "33", "CANCELED": "33"}


class Progress:
    """Prints events, one line each. What tasks print is passed on byte for byte, line by line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._raw = getattr(stream, "buffer", None)
        self._color = colors(stream)
        self._partial: dict[str, bytes] = {}
        self._started: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case LogChunk():
                self._log(event)
            case TaskStarted():
                self._started.setdefault(event.task, event.time)
            case TaskRetried():
                self._flush(event.task)
                self._say(
                    f"{event.task}: attempt {event.attempt} failed ({event.message}); again in {event.wait:g} s", "33"
                )
            case TaskFinished():
                self._flush(event.task)
                self._finished(event)
            case RunStarted():
                self._say(f"run {event.run} in {event.folder}", "")
            case CancelStarted():
                self._say(f"stopping: {event.reason}" + (" (now)" if event.killing else ""), "33")
            case _:
                pass

    def _finished(self, event: TaskFinished) -> None:
        took = event.time - self._started.get(event.task, event.time)
        words = {
            "SUCCEEDED": f"done in {took:.1f} s",
            "FAILED": "failed",
            "OMITTED": "did not run",
            "CANCELED": "stopped",
        }
        why = f": {event.message}" if event.message and event.state != "SUCCEEDED" else ""
        self._say(f"{event.task}: {words.get(event.state, event.state)}{why}", _STYLES.get(event.state, ""))

    def _say(self, text: str, style: str) -> None:
        text = shown(text)
        self._stream.write((f"\x1b[{style}m{text}\x1b[0m" if self._color and style else text) + "\n")
        self._stream.flush()

    def _log(self, event: LogChunk) -> None:
        *lines, rest = (self._partial.pop(event.task, b"") + event.data).split(b"\n")
        if rest:
            self._partial[event.task] = rest
        if lines:
            self._write(event.task, lines)

    def _flush(self, task: str) -> None:
        rest = self._partial.pop(task, b"")
        if rest:
            self._write(task, [rest])

    def _write(self, task: str, lines: list[bytes]) -> None:
        lead = shown(task)
        prefix = (f"\x1b[36m{lead} |\x1b[0m " if self._color else f"{lead} | ").encode("utf-8", "backslashreplace")
        data = b"".join(prefix + line + b"\n" for line in lines)
        self._stream.flush()
        if self._raw is None:
            self._stream.write(data.decode("utf-8", "backslashreplace"))
        else:
            self._raw.write(data)
            self._raw.flush()

    def close(self, result: RunResult) -> None:
        """Say how the run ended, and where to look when it failed."""
        for name in list(self._partial):
            self._flush(name)
        took = result.finished - result.started
        done = sum(task.state == "SUCCEEDED" for task in result.tasks.values())
        self._say(
            f"run {result.run}: {result.state.lower()} in {took:.1f} s, {done} of {len(result.tasks)} tasks done"
            + (f": {result.message}" if result.message else ""),
            _STYLES.get(result.state, ""),
        )
        for task in result.tasks.values():
            if task.state == "FAILED" and task.log is not None:
                self._say(f"  the log of {task.name}: {task.log}", "")
