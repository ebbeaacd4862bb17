"""A terminal in memory, which shows what a person would see of the live display."""

from __future__ import annotations

import io
from pathlib import Path

import pyte
from rich.console import Console

from typedpipe.cli.execution.live.screen import Screen
from typedpipe.compiler import driver
from typedpipe.ir.nodes import Pipeline
from typedpipe.runs import events
from typedpipe.runs.model import RunEnd, TaskState


class Terminal(io.StringIO):
    """Interprets what is written to it."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        super().__init__()
        self.screen = pyte.HistoryScreen(columns, lines, history=10_000)
        self._stream = pyte.Stream(self.screen)
        self.written = 0

    def write(self, text: str) -> int:
        self.written += len(text)
        self._stream.feed(text.replace("\n", "\r\n"))
        return len(text)

    def narrow(self, columns: int) -> None:
        """Make it narrower, as most terminals do: lines that do not fit any more are broken."""
        lines = self.visible.rstrip("\n").split("\n")
        self.screen = pyte.HistoryScreen(columns, self.screen.lines, history=10_000)
        self._stream = pyte.Stream(self.screen)
        self._stream.feed("\r\n".join(lines))

    def isatty(self) -> bool:
        return True

    @property
    def text(self) -> str:
        """The lines of the screen, and those that went out at its top."""
        columns = self.screen.columns
        above = ["".join(line[x].data for x in range(columns)) for line in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self.screen.display]).rstrip() + "\n"

    @property
    def visible(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip() + "\n"


class Still(Screen):
    """A display whose frames are drawn by the test alone."""

    def _draw(self) -> None:
        pass


class Run:
    """Tells a display a story; the clock starts at 100."""

    def __init__(self, pipeline: Pipeline, columns: int = 80, lines: int = 24, display: type[Screen] = Still) -> None:
        self.terminal = Terminal(columns, lines)
        self.console = Console(
            file=self.terminal,
            force_terminal=True,
            width=columns,
            height=lines,
            highlight=False,
            markup=False,
            emoji=False,
            color_system="standard",
            legacy_windows=False,
        )
        self.display = display(pipeline, Path("/runs"), self.terminal, self.console)
        self.now = 100.0
        self.tell(events.RunStarted("r1", pipeline.name, self.now))

    def tell(self, event: events.Event) -> None:
        self.display(event)

    def starts(self, *tasks: str, attempt: int = 1) -> None:
        for task in tasks:
            self.tell(events.TaskStarted(task, task, attempt, self.now))

    def says(self, task: str, data: bytes) -> None:
        self.tell(events.LogChunk(task, 1, 0, data, self.now))

    def ends(self, task: str, state: TaskState = "SUCCEEDED", message: str = "", reused: str = "") -> None:
        code = {"SUCCEEDED": 0, "FAILED": 1}.get(state)
        self.tell(events.TaskFinished(task, task, state, 1, code, message, self.now, reused))  # type: ignore[arg-type]  # of three texts

    def loop(self, name: str, items: int, done: int = 0) -> None:
        at = self.now
        self.tell(events.LoopItemFinished(name, done, items, at) if done else events.LoopStarted(name, items, at))

    def later(self, seconds: float) -> str:
        """A frame after some time; what is on the screen then."""
        self.now += seconds
        self.display.frame(self.now)
        return self.terminal.visible

    def over(self, state: RunEnd = "SUCCEEDED") -> str:
        self.tell(events.RunFinished("r1", state, "", self.now))
        self.display.close()
        return self.terminal.text


def closed(pipeline: object) -> Pipeline:
    """A pipeline of a test as the engine gets it."""
    traced: Pipeline = pipeline.ir  # type: ignore[attr-defined]  # a pipeline has it
    return driver.check(traced)
