"""Plain output of a run: the tasks' own lines with their names, and the result of each."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from typedpipe.cli.diagnostics import colors
from typedpipe.cli.log_text import line_text
from typedpipe.diagnostics.cells import shown
from typedpipe.runs.events import (
    CancelStarted,
    Event,
    LogChunk,
    RunNoted,
    RunStarted,
    TaskFinished,
    TaskRetried,
    TaskStarted,
)
from typedpipe.runs.model import LOOKS, REUSED_TOLD, mark
from typedpipe.runs.paths import with_item

HELD = 1 << 16
"""Maximum number of bytes kept of an unterminated line before it is passed on in parts."""


class Progress:
    """Prints events, one line each. Output of tasks is passed on line by line: to a terminal as harmless text,
    otherwise byte for byte.

    A very long line is passed on in parts as it arrives; if another task writes in between, it continues after the
    task's name on a new line. The task's log has it in one piece.
    """

    def __init__(self, stream: TextIO, place: Path) -> None:
        self._stream = stream
        self._place = place
        self._raw = getattr(stream, "buffer", None)
        self._color = colors(stream)
        self._terminal = stream.isatty()
        self._partial: dict[str, bytearray] = {}
        self._open = ""
        """The task whose unfinished line stands on the last line of the stream."""
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
                    f"{event.task}: attempt {event.attempt} failed ({event.message}); retrying in {event.wait:g} s",
                    "33",
                )
            case TaskFinished():
                self._flush(event.task)
                self._finished(event)
            case RunNoted():
                for line in (event.text or f"{event.message} …").rstrip("\n").split("\n"):
                    self._say(line, "33" if line.startswith("warning") else "")
            case RunStarted():
                self._say(f"run {event.run} in {self._place / event.run}", "")
            case CancelStarted():
                self._say(f"stopping: {event.reason}" + (" (now)" if event.killing else ""), "33")
            case _:
                pass

    def _finished(self, event: TaskFinished) -> None:
        took = event.time - self._started.pop(event.task, event.time)
        look = LOOKS[mark(event.state)]
        done = REUSED_TOLD.get(event.reused) or f"{look.told} in {took:.1f} s"
        told = done if event.state == "SUCCEEDED" else look.told
        why = f": {event.message}" if event.message and event.state != "SUCCEEDED" else ""
        if event.message and event.reused:
            why = f" ({event.message})"
        self._say(f"{with_item(event.task, event.item)}: {told}{why}", look.ansi)

    def _say(self, text: str, style: str) -> None:
        text = shown(text)
        self._end_line()
        self._stream.write((f"\x1b[{style}m{text}\x1b[0m" if self._color and style else text) + "\n")
        self._stream.flush()

    def _log(self, event: LogChunk) -> None:
        held = self._partial.setdefault(event.task, bytearray())
        end = event.data.rfind(b"\n") + 1
        if end:
            self._pass_on(event.task, bytes(held) + event.data[:end] if held else event.data[:end])
            held.clear()
        held += event.data[end:]
        if len(held) > HELD:
            self._pass_on(event.task, bytes(held))
            held.clear()

    def _flush(self, task: str) -> None:
        rest = self._partial.pop(task, b"")
        if rest:
            self._pass_on(task, bytes(rest))
        if self._open == task:
            self._end_line()

    def _pass_on(self, task: str, data: bytes) -> None:
        """Write complete lines after the task's name; the last one may be unterminated."""
        goes_on = self._open == task
        if not goes_on:
            self._end_line()
        lead = shown(task)
        prefix = (f"\x1b[36m{lead} |\x1b[0m " if self._color else f"{lead} | ").encode("utf-8", "backslashreplace")
        unfinished = not data.endswith(b"\n")
        if self._terminal:
            data = "\n".join(map(line_text, data.split(b"\n"))).encode("utf-8", "replace")
        # One pass in C: a log of a GiB has ten million lines.
        whole = prefix + (data if unfinished else data[:-1]).replace(b"\n", b"\n" + prefix)
        if not unfinished:
            whole += b"\n"
        self._write(whole.removeprefix(prefix) if goes_on else whole)
        self._open = task if unfinished else ""

    def _end_line(self) -> None:
        if self._open:
            self._open = ""
            self._write(b"\n")

    def _write(self, data: bytes) -> None:
        self._stream.flush()
        if self._raw is None:
            self._stream.write(data.decode("utf-8", "backslashreplace"))
        else:
            self._raw.write(data)
            self._raw.flush()

    def close(self) -> None:
        """Write unterminated lines."""
        for name in list(self._partial):
            self._flush(name)
