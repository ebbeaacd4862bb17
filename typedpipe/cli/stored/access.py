"""Shared parts of the commands for stored runs: the store, names like RUN/TASK, tables, errors that end a command."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from typedpipe.cli import exits
from typedpipe.cli.diagnostics import stop
from typedpipe.diagnostics.cells import shown, width
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.types.json_text import json_text, valid_json

if TYPE_CHECKING:
    from typedpipe.local.store.model import StoredRun
    from typedpipe.local.store.root import Root
    from typedpipe.runs.model import Task
    from typedpipe.runs.source import RunSource

folder_option = click.option(
    "--folder",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Directory of the store. Default: TYPEDPIPE_HOME, or .typedpipe.",
)
format_option = click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Format of the output.",
)


@contextlib.contextmanager
def open_source(folder: Path | None) -> Generator[RunSource]:
    """The runs that the commands read: those in a local store."""
    from typedpipe.local.store.root import open_root
    from typedpipe.local.store.source import LocalRuns

    root = open_root(folder)
    try:
        yield LocalRuns(root)
    finally:
        root.close()


def with_source(function: Callable[..., None]) -> Callable[..., None]:
    """Pass the source of runs to a command; an error is printed and ends the command."""

    @functools.wraps(function)
    def command(*args: Any, folder: str | None, **kwargs: Any) -> None:
        try:
            with open_source(Path(folder) if folder else None) as source:
                function(source, *args, **kwargs)
        except PipelineError as error:
            stop(error, otherwise=exits.FAILED)

    return folder_option(command)


def with_root(function: Callable[..., None]) -> Callable[..., None]:
    """Pass the opened store to a command for local runs only; errors as in :func:`with_source`."""

    @functools.wraps(function)
    def command(*args: Any, folder: str | None, **kwargs: Any) -> None:
        from typedpipe.local.store.root import open_root

        try:
            root = open_root(Path(folder) if folder else None)
            try:
                function(root, *args, **kwargs)
            finally:
                root.close()
        except PipelineError as error:
            stop(error, otherwise=exits.FAILED)

    return folder_option(command)


def find_task(root: Root, name: str) -> tuple[StoredRun, Task]:
    """The task of RUN/TASK."""
    from typedpipe.local.store.index import task
    from typedpipe.runs.paths import split_name

    run_name, task_name = split_name(name)
    run = root.run(run_name)
    return run, task(run, task_name)


def print_json(data: object) -> None:
    """Print data as JSON that every parser reads: a metric that is NaN is the text ``nan``."""
    click.echo(json_text(valid_json(data), indent=2))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Rows in columns, of text that users may have chosen; the last column has no fixed width."""
    lines = [list(map(shown, row)) for row in (head, *rows)]
    last = len(head) - 1
    for at, column in enumerate(zip(*lines, strict=True)):
        widths = list(map(width, column))
        widest = max(widths)
        for line, cell, own in zip(lines, column, widths, strict=True):
            if at in right:
                line[at] = " " * (widest - own) + cell
            elif at != last:
                line[at] = cell + " " * (widest - own)
    return "".join("  ".join(line).rstrip() + "\n" for line in lines)


def took(started: float | None, finished: float | None) -> str:
    """A duration, or an empty string if unknown."""
    from typedpipe.report.words import duration

    return "" if started is None or finished is None else duration(finished - started)
