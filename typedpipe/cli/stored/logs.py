"""``typedpipe logs``: print the output of tasks, of a running or a finished run."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from typedpipe.cli import exits
from typedpipe.cli.stored.access import with_source
from typedpipe.diagnostics.cells import shown

if TYPE_CHECKING:
    from typedpipe.runs.model import Attempt, Run, Task
    from typedpipe.runs.source import RunSource

_POLL = 0.2
_BLOCK = 1 << 16


@click.command(
    "logs",
    help=(
        "Print the logs of tasks: their stdout and stderr.\n\n"
        "RUN/TASK selects a task, or all tasks of a group. RUN selects all tasks, with each line prefixed with its task name. "
        "Logs are written to files and pipes unchanged; on a terminal, control characters are displayed "
        "instead of interpreted."
    ),
)
@click.argument("name", metavar="[RUN[/TASK]]", default="last")
@click.option(
    "-f", "--follow", is_flag=True, help="Print new output until the run, or the selected task or group, ends."
)
@click.option(
    "--attempt", type=click.IntRange(min=1), metavar="N", help="Print this attempt. Default: the last attempt."
)
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Print only the last N lines of each task.")
@with_source
def command(source: RunSource, name: str, follow: bool, attempt: int | None, tail: int | None) -> None:
    from typedpipe.runs.paths import split_name

    run_name, task_name = split_name(name)
    run = source.run(run_name)
    chosen = _chosen(source, run, task_name)
    several = len(chosen) != 1 or chosen[0].name != task_name
    printer = _Printer(several)
    if follow:
        _Following(source, run, task_name, attempt, tail, printer).follow()
        return
    for task in chosen:
        found = _attempt(run, task, attempt, named=not several)
        if found is not None:
            _print_log(source, run, printer, (task.name, found), tail)
    if not chosen:
        click.echo(f"no task of {shown(run.name)} has started", err=True)


def _chosen(source: RunSource, run: Run, name: str) -> list[Task]:
    """The task with this name, or all tasks of the group with this name; all tasks if there is no name."""
    from typedpipe.runs.source import choose_task

    listed = source.tasks(run)
    found = [item for item in listed if not name or item.name == name or item.name.startswith((f"{name}/", f"{name}["))]
    exact = [item for item in found if item.name == name]
    return exact if exact and len(found) == 1 else found or [choose_task(run.name, name, listed)] if name else found


def _attempt(run: Run, task: Task, number: int | None, *, named: bool) -> Attempt | None:
    """The requested attempt. If the task was named and there is none, the reason is reported."""
    from typedpipe.runs.problems import problem

    found = [item for item in task.attempts if number is None or item.number == number]
    if found:
        return found[-1]
    if not named:
        return None
    if task.attempts:
        numbers = ", ".join(str(item.number) for item in task.attempts)
        raise problem(
            "TP607", f"the task `{task.name}` has no attempt {number}", help=f"use one of: --attempt {numbers}"
        )
    if task.reused and task.source_run and task.source_run != run.name:
        source = shown(task.source_run)
        click.echo(
            f"{shown(task.name)} was reused from {source}; for its log, use `typedpipe logs {source}`",
            err=True,
        )
    else:
        why = f": {task.message}" if task.message else ""
        click.echo(f"{shown(task.name)} did not run{shown(why)}", err=True)
    return None


def _print_log(source: RunSource, run: Run, printer: _Printer, which: tuple[str, Attempt], tail: int | None) -> None:
    task, attempt = which
    try:
        for block in source.log(run, task, attempt.number, _begin(source, run, task, attempt.number, tail)):
            printer.write(task, block)
    except FileNotFoundError:
        click.echo(f"the log of {shown(task)} was removed: {shown(attempt.log)}", err=True)
    printer.end(task)


def _begin(source: RunSource, run: Run, task: str, attempt: int, tail: int | None) -> int:
    from typedpipe.runs.source import log_tail

    return 0 if tail is None else log_tail(source, run, task, attempt, tail)


@dataclass(slots=True)
class _Printer:
    """Writes bytes to stdout; prefixed with the task's name if there are several, and sanitized on a terminal."""

    several: bool
    _held: dict[str, bytes] = field(default_factory=dict[str, bytes])

    def write(self, task: str, data: bytes) -> None:
        if not self.several and not sys.stdout.isatty():
            self._out(data)
            return
        whole, newline, rest = (self._held.pop(task, b"") + data).rpartition(b"\n")
        if newline:
            self._lines(task, whole.split(b"\n"))
        if len(rest) > _BLOCK:
            self._lines(task, [rest])
            rest = b""
        if rest:
            self._held[task] = rest

    def end(self, task: str) -> None:
        rest = self._held.pop(task, b"")
        if rest:
            self._lines(task, [rest])

    def _lines(self, task: str, lines: list[bytes]) -> None:
        lead = f"{shown(task)} | ".encode("utf-8", "backslashreplace") if self.several else b""
        terminal = sys.stdout.isatty()
        self._out(b"".join([lead + (harmless(line) if terminal else line) + b"\n" for line in lines]))

    @staticmethod
    def _out(data: bytes) -> None:
        sys.stdout.flush()
        stream = getattr(sys.stdout, "buffer", None)
        if stream is None:
            sys.stdout.write(data.decode("utf-8", "replace"))
        else:
            stream.write(data)
            stream.flush()


def harmless(line: bytes) -> bytes:
    r"""A line for a terminal: the last state of a progress bar, and no control characters.

    >>> harmless(b"10%\r20%\r\x1b[2Jdone\r")
    b'\xe2\x90\x9b[2Jdone'
    """
    last = line.rstrip(b"\r").rpartition(b"\r")[2]
    text = last.decode("utf-8", "replace").expandtabs(8)
    return shown(text).encode("utf-8", "backslashreplace")


@dataclass(slots=True)
class _Following:
    """Follows the logs of a run until it ends, or until the named tasks have ended."""

    source: RunSource
    run: Run
    name: str
    attempt: int | None
    tail: int | None
    printer: _Printer
    _read: dict[tuple[str, int], int] = field(default_factory=dict["tuple[str, int]", int])
    """Number of bytes printed of each log."""
    _over: set[tuple[str, int]] = field(default_factory=set["tuple[str, int]"])

    def follow(self) -> None:
        while True:
            running = self.source.run(self.run.name).state == "RUNNING"
            chosen = list(self._tasks())
            for task in chosen:
                self._more(task)
            named = bool(self.name) and bool(chosen) and all(task.state != "RUNNING" for task in chosen)
            if not running or (named and len(chosen) == 1 and chosen[0].name == self.name):
                break
            time.sleep(_POLL)
        state = self.source.run(self.run.name)
        if state.state not in ("RUNNING", "SUCCEEDED"):
            why = f": {state.message}" if state.message else ""
            click.echo(f"{shown(state.name)}: {state.state.lower()}{shown(why)}", err=True)
            exits.leave(exits.FAILED)

    def _tasks(self) -> Iterator[Task]:
        group = (f"{self.name}/", f"{self.name}[")
        for task in self.source.tasks(self.run):
            if not self.name or task.name == self.name or task.name.startswith(group):
                yield task

    def _more(self, task: Task) -> None:
        for attempt in task.attempts:
            key = (task.name, attempt.number)
            if key in self._over or (self.attempt is not None and attempt.number != self.attempt):
                continue
            self._print(key)
            if attempt.state != "RUNNING":
                self._over.add(key)
                self.printer.end(task.name)

    def _print(self, key: tuple[str, int]) -> None:
        """Print new content since the last call; the first call prints the requested number of last lines."""
        try:
            at = self._read.get(key)
            if at is None:
                at = _begin(self.source, self.run, *key, self.tail)
            for block in self.source.log(self.run, *key, at):
                self.printer.write(key[0], block)
                at += len(block)
            self._read[key] = at
        except FileNotFoundError:
            pass  # it has no output yet
