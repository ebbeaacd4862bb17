"""``typedpipe runs diff``: two runs side by side, first what a person asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from typedpipe.cli import exits
from typedpipe.cli.stored.access import format_option, print_json, table, took, with_source
from typedpipe.cli.stored.listing import short
from typedpipe.runs.paths import with_item
from typedpipe.types.json_text import json_text, value_text

if TYPE_CHECKING:
    from typedpipe.runs.compare import Comparison, Difference
    from typedpipe.runs.source import RunSource

SECTIONS = {
    "run": ("pipeline", "state"),
    "parameters": ("argument",),
    "code": ("code",),
    "tasks": ("task",),
    "metrics": ("metric",),
    "outputs": ("output",),
}
"""Titles, and the kinds of differences below each."""
DETAILS = {"outputs of tasks": ("task output",), "cache keys": ("key",)}
LONG = 60


@click.command(
    "diff",
    help=(
        "Print the differences between runs A and B: parameters, code, tasks, metrics and outputs. "
        "The exit code is 1 if anything except times differs."
    ),
)
@click.argument("a")
@click.argument("b")
@click.option("--details", is_flag=True, help="Also print the outputs of tasks, the parts of cache keys, and times.")
@format_option
@with_source
def command(source: RunSource, a: str, b: str, details: bool, form: str) -> None:
    from typedpipe.runs.compare import compare

    found = compare(source, source.run(a), source.run(b))
    if form == "json":
        data = [_data(item) for item in (*found.differences, *found.details, *found.durations)]
        print_json({"a": found.old.name, "b": found.new.name, "differences": data})
    else:
        _print(found, details=details)
    if not found.same:
        exits.leave(exits.FAILED)


def _data(item: Difference) -> dict[str, Any]:
    """A difference as JSON data; one word for outputs of runs and tasks, and one for their states."""
    both = item.what == "task" and item.old is not None and item.new is not None
    what = "state" if both else item.what.removeprefix("task ")
    found = {"what": what, "name": item.name, "a": item.old, "b": item.new}
    return {**found, "item": item.item} if item.item else found


def _print(found: Comparison, *, details: bool) -> None:
    rows = _rows(found.differences, SECTIONS)
    if details:
        rows += _rows(found.details, DETAILS)
        times = [[with_item(item.name, item.item), _time(item.old), _time(item.new)] for item in found.durations]
        rows += [["durations", "", ""], *(["  " + name, *cells] for name, *cells in times)] if times else []
    if rows:
        click.echo(table(["", found.old.name, found.new.name], rows), nl=False)
    if found.same:
        same = found.old.name == found.new.name
        click.echo(
            f"A and B are the same run, {found.old.name}" if same else "the runs differ only in their times", err=True
        )
    elif found.details and not details:
        number = len(found.details)
        also = "also " if rows else ""
        what = "differs" if number == 1 else "differ"
        click.echo(
            f"{number} output{'' if number == 1 else 's'} and cache key parts of tasks {also}{what}: `--details`",
            err=True,
        )


def _rows(differences: Sequence[Difference], sections: Mapping[str, tuple[str, ...]]) -> list[list[str]]:
    rows: list[list[str]] = []
    for title, kinds in sections.items():
        chosen = [item for item in differences if item.what in kinds]
        if chosen:
            rows.append([title, "", ""])
            rows += [
                [f"  {with_item(item.name or item.what, item.item)}", _cell(item.old), _cell(item.new) + _change(item)]
                for item in chosen
            ]
    return rows


def _cell(value: Any) -> str:
    text = (
        value_text(value) if isinstance(value, str) else "—" if value is None else json_text(value, ensure_ascii=False)
    )
    digest = re.fullmatch(r"sha256:([0-9a-f]{12})[0-9a-f]{52}", text)
    return digest[1] if digest else short(text, LONG)


def _change(item: Difference) -> str:
    """The change of a number."""
    numbers = [
        value for value in (item.old, item.new) if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return f"  ({numbers[1] - numbers[0]:+.6g})" if item.what == "metric" and len(numbers) == 2 else ""


def _time(seconds: float | None) -> str:
    return took(0.0, seconds) or "—"
