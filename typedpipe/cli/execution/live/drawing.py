"""Lines of the tree as rich text: mark, name, time and remarks, in columns."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from typedpipe.cli.execution.live.choosing_rows import Shown, choose
from typedpipe.cli.execution.live.tree import Live, Look, Row
from typedpipe.cli.execution.live.view import LiveView
from typedpipe.cli.log_text import last_line, seconds
from typedpipe.diagnostics.cells import shown
from typedpipe.ir import nodes as ir
from typedpipe.runs.model import LOOKS, REUSED_TOLD, Mark

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
STYLES: dict[Look, str] = {
    "waiting": "dim",
    "running": "bold cyan",
    "done": "green",
    "cached": "green",
    "resumed": "green",
    "failed": "bold red",
    "omitted": "yellow",
    "canceled": "yellow",
    "skipped": "dim",
}
_MARKS: dict[Look, Mark] = {
    "waiting": "waiting",
    "running": "running",
    "done": "succeeded",
    "cached": "reused",
    "resumed": "reused",
    "failed": "failed",
    "omitted": "omitted",
    "canceled": "canceled",
    "skipped": "omitted",
}
_ENDS: tuple[Look, ...] = ("failed", "omitted", "canceled")
WORDS: dict[Look, str] = {
    "done": LOOKS["succeeded"].told,
    "cached": REUSED_TOLD["cache"],
    "resumed": REUSED_TOLD["resumed"],
    **{look: LOOKS[_MARKS[look]].told for look in _ENDS},
}
"""Counts of tasks, in this order."""
BAR = 12
SECONDS = 8


@dataclass(frozen=True, slots=True)
class Marks:
    """Characters of the tree."""

    looks: dict[Look, str]
    guides: tuple[str, str, str, str]
    spinner: str
    bar: tuple[str, str]


PRETTY = Marks(
    {look: LOOKS[mark].sign for look, mark in _MARKS.items()},
    ("├─ ", "└─ ", "│  ", "   "),
    SPINNER,
    ("━", "─"),
)
PLAIN = Marks(
    {look: LOOKS[mark].plain for look, mark in _MARKS.items()},
    ("|- ", "`- ", "|  ", "   "),
    "|/-\\",
    ("#", "-"),
)


def draw(run: LiveView, console: Console, now: float) -> Text:
    """Draw the tree and its heading, no larger than the terminal."""
    width, height = console.size
    marks = PRETTY if console.encoding.lower().startswith("utf") else PLAIN
    lines = choose(run, max(1, height - 3))
    pen = _Pen(run, marks, max(20, width - 1), now)
    names = [(line, pen.name(line)) for line in lines]
    column = min(max([12, *(cell_len(name) for _, name in names)]), max(12, width // 2))
    text = pen.heading()
    for line, name in names:
        text.append("\n")
        pen.line(text, line, name, column)
    return text


def counts_text(ends: dict[str, int]) -> str:
    """Number of tasks per outcome, in words.

    >>> counts_text({"done": 3, "failed": 1})
    '3 done, 1 failed'
    """
    return ", ".join(f"{ends[look]:,} {word}" for look, word in WORDS.items() if ends.get(look))


@dataclass(slots=True)
class _Pen:
    run: LiveView
    marks: Marks
    width: int
    now: float

    def heading(self) -> Text:
        run = self.run
        took = seconds((run.finished or self.now) - run.started) if run.started is not None else ""
        states = counts_text(run.ends)
        if run.live:
            states = f"{len(run.live):,} running" + (f", {states}" if states else "")
        text = Text(no_wrap=True, overflow="crop", end="")
        right = "  ".join(part for part in (states, f"stopping: {shown(run.stopping)}" if run.stopping else "") if part)
        text.append(self._fit(shown(run.title), self.width // 2), "bold")
        text.append(self._fit(f"  {took}  {right}", self.width - text.cell_len), "yellow" if run.stopping else "dim")
        return text

    def name(self, line: Shown) -> str:
        """Guides, mark and name of a line, unstyled."""
        guides = self._guides(line.guides)
        if line.row is None:
            return f"{guides}… {line.left_out}"
        if line.live is not None:
            return f"{guides}{self._mark('running')} {line.live.item}"
        return f"{guides}{self._mark(line.row.look(self.run.ended))} {shown(line.row.name)}{_kind(line.row)}"

    def line(self, text: Text, line: Shown, name: str, column: int) -> None:
        guides = len(self._guides(line.guides))
        if line.row is None:
            text.append(self._fit(name, self.width), "dim")
            return
        look: Look = "running" if line.live is not None else line.row.look(self.run.ended)
        fitted = set_cell_size(self._fit(name, column), column)
        text.append(fitted[:guides], "dim")
        text.append(fitted[guides : guides + 1], STYLES[look])
        text.append(fitted[guides + 1 :], "dim" if look in {"waiting", "skipped"} else "")
        detail, style = self._live(line.live) if line.live is not None else self._detail(line.row, look)
        took = self._took(line.row, line.live, look)
        if took or detail:
            text.append(f" {took:>{SECONDS}}", "dim")
            text.append(self._fit(f"  {detail}", self.width - column - SECONDS - 1), style)

    def _fit(self, text: str, width: int) -> str:
        if cell_len(text) <= width:
            return text
        return set_cell_size(text, max(0, width - 1)).rstrip() + "…" if width > 0 else ""

    def _guides(self, guides: tuple[bool, ...]) -> str:
        tee, end, bar, gap = self.marks.guides
        inner = "".join(bar if more else gap for more in guides[:-1])
        return inner + (tee if guides[-1] else end)

    def _mark(self, look: Look) -> str:
        if look == "running":
            return self.marks.spinner[int(self.now * 10) % len(self.marks.spinner)]
        return self.marks.looks[look]

    def _took(self, row: Row, live: Live | None, look: Look) -> str:
        if live is not None:
            return seconds(self.now - live.started)
        if row.started is None or look in {"cached", "resumed", "omitted", "skipped", "waiting"}:
            return ""
        end = row.finished or (self.run.finished if self.run.ended else None) or self.now
        return "" if row.many and not row.live else seconds(end - row.started)

    def _live(self, live: Live) -> tuple[str, str]:
        if live.again > self.now:
            return f"attempt {live.attempt} failed; retrying in {seconds(live.again - self.now)}", "yellow"
        attempt = f"attempt {live.attempt}  " if live.attempt > 1 else ""
        return attempt + last_line(live.tail), "dim"

    def _detail(self, row: Row, look: Look) -> tuple[str, str]:
        if isinstance(row.node, ir.Loop) and row.items:
            return self._loop(row), "red" if row.failed else "cyan"
        if row.many and not row.group:
            return self._many(row)
        if row.runs:
            return self._live(next(iter(row.runs.values())))
        if look in {"failed", "omitted", "canceled"} and row.message:
            tries = f"after {row.attempts} attempts: " if row.attempts > 1 else ""
            return tries + shown(row.message.partition("\n")[0]), "red" if look == "failed" else "yellow"
        if look in {"cached", "resumed"}:
            return WORDS[look] + (f" ({shown(row.message)})" if row.message else ""), "dim"
        return (f"{row.attempts} attempts", "dim") if row.attempts > 1 else ("", "")

    def _many(self, row: Row) -> tuple[str, str]:
        states = counts_text(row.ends)
        if row.runs:
            states = f"{len(row.runs):,} running" + (f", {states}" if states else "")
        style = "red" if row.ends.get("failed") else "dim"
        return f"{states}  {last_line(next(reversed(row.runs.values())).tail)}" if row.runs else states, style

    def _loop(self, row: Row) -> str:
        full, empty = self.marks.bar
        cells = BAR * row.items_done // row.items
        parts = [f"{row.items_done:,}/{row.items:,} {full * cells}{empty * (BAR - cells)}"]
        if row.failed:
            parts.append(f"{row.failed:,} failed")
        if 0 < row.items_done < row.items and row.live and row.started is not None:
            left = (self.now - row.started) / row.items_done * (row.items - row.items_done)
            parts.append(f"{seconds(left)} left")
        return "  ".join(parts)


def _kind(row: Row) -> str:
    match row.node:
        case ir.Loop():
            return " (each)"
        case ir.Call():
            called = row.node.pipeline.partition("#")[0]  # a key: the suffix distinguishes equal names
            return f" = {shown(called)}" if called != row.name else ""
        case _:
            return " (exit task)" if row.parent is not None and row.parent.exit is row else ""
