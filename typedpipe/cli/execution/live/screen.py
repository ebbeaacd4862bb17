"""The live display: a thread that draws frames at intervals, independent of events."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.text import Text

from typedpipe.cli.execution.live.drawing import draw
from typedpipe.cli.execution.live.sampling import Sample
from typedpipe.cli.execution.live.signals import cursor_kept
from typedpipe.cli.execution.live.view import LiveView
from typedpipe.diagnostics.cells import shown
from typedpipe.ir import nodes as ir
from typedpipe.runs import events

FRAME = 0.11
BUSY = 0.1
"""Maximum fraction of time spent on frames."""
LINES = 100
"""Approximate number of log lines per frame: nobody reads more, and the log has them."""
ROWS = 4
"""Approximate maximum of screen rows for one line of a log."""


class Screen:
    """Follows a run on a terminal. Events cost microseconds; all drawing is done in frames.

    :meth:`close` always restores the terminal.
    """

    def __init__(self, pipeline: ir.Pipeline, place: Path, stream: TextIO, console: Console | None = None) -> None:
        self._place = place
        self.console = console or Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=False)
        self._run = LiveView(pipeline)
        self._sample = Sample()
        self._said: list[Text] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._tree = _Tree()
        self._live = Live(
            self._tree,
            console=self.console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._width = self.console.size.width
        self._drawn: list[str] = []
        self._cursor = cursor_kept(stream)
        self.broken: Exception | None = None
        """Error while drawing; nothing is drawn after it."""

    def __call__(self, event: events.Event) -> None:
        """Apply an event; the next frame shows it."""
        with self._lock:
            self._run(event)
            match event:
                case events.LogChunk():
                    self._sample.add(event.task, event.data)
                case events.TaskFinished():
                    self._sample.finish(event.task)
                case events.RunNoted():
                    self._said += [Text(shown(line)) for line in _lines(event)]
                case events.CancelStarted():
                    self._said.append(
                        Text(f"stopping: {shown(event.reason)}{' (now)' if event.killing else ''}", "yellow")
                    )
                case _:
                    pass
        if isinstance(event, events.RunStarted):
            self._open(event)
        elif self._thread is None:  # nothing is drawn yet
            self._write_said()

    def _open(self, event: events.RunStarted) -> None:
        self.console.print(
            Text(f"run {shown(event.run)} in {shown(str(self._place / event.run))}", "dim"), soft_wrap=True
        )
        self._cursor.__enter__()
        self._live.start()
        self._thread = threading.Thread(target=self._draw, name="typedpipe-display", daemon=True)
        self._thread.start()

    def _write_said(self) -> None:
        said, self._said = self._said, []
        for line in said:
            self.console.print(line, soft_wrap=True)

    def _draw(self) -> None:
        wait = FRAME
        while not self._stop.wait(wait):
            began = time.perf_counter()
            try:
                self.frame(time.time())
            except Exception as error:  # noqa: BLE001 - a display that fails must not end the run
                self.broken = error
                return
            wait = max(FRAME, (time.perf_counter() - began) / BUSY)

    def frame(self, now: float) -> None:
        """Draw one frame: new output above, the tree below."""
        with self._lock:
            lines = self._sample.take(LINES)
            self._sample.forget_silent()
            said, self._said = self._said, []
            tree = draw(self._run, self.console, now)
        self._after_resize()
        self._tree.text = tree
        self._drawn = tree.plain.split("\n")
        above = [_log_line(task, line, ROWS * self._width) for task, line in lines] + said
        if above:
            self.console.print(Group(*above), soft_wrap=True)  # the terminal wraps lines, so they can be copied whole
        else:
            self._live.refresh()

    def _after_resize(self) -> None:
        """Clear the lines that a narrower terminal has wrapped."""
        width, old = self.console.size.width, self._width
        self._width = width
        if width < old and self._drawn:
            height = sum(max(1, -(-cell_len(line) // max(1, width))) for line in self._drawn)
            self._live._live_render._shape = (width, height)  # noqa: SLF001  # rich has no public API for this

    def close(self) -> None:
        """Draw the last frame and restore the terminal."""
        self._stop.set()
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        try:
            if self.broken is None:
                self.frame(time.time())
        finally:
            self._live.stop()
            self._cursor.__exit__(None, None, None)
        if self.broken is not None and not isinstance(self.broken, OSError):
            why = f"{type(self.broken).__name__}: {self.broken}"
            self.console.print(
                Text(f"the display failed; the run is not affected: {shown(why)}; please report this bug", "yellow")
            )


def _lines(note: events.RunNoted) -> list[str]:
    return note.text.rstrip("\n").split("\n") if note.text else [f"{note.message} …"]


class _Tree:
    """Renderable for rich: the current tree, also below log lines."""

    def __init__(self) -> None:
        self.text = Text()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.text


def _log_line(task: str, line: str, longest: int) -> Text:
    cut = line if len(line) <= longest else line[: longest - 1] + "…"
    return Text.assemble((f"{shown(task)} | ", "cyan"), cut)
