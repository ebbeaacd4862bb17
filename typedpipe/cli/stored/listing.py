"""``typedpipe runs ls``: the table of runs, with parameters, metrics, tags and notes as columns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import click

from typedpipe.cli.stored.access import format_option, print_json, table, took, with_source
from typedpipe.diagnostics.cells import shown
from typedpipe.types.json_text import json_data, json_text, value_text

if TYPE_CHECKING:
    from typedpipe.runs.source import AnyRun, ListedState, RunSource

STATES = ("RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "INTERRUPTED", "BROKEN")
COLUMNS = 12
"""Maximum number of columns of metrics that ``--metrics`` adds."""
LONG = 40


def tag_option(help_: str) -> Callable[..., Any]:
    return click.option("--tag", "tags", multiple=True, metavar="NAME[=VALUE]", help=help_)


@click.command("ls", help="List runs, newest first.")
@format_option
@click.option("--pipeline", metavar="NAME", help="List only runs of this pipeline.")
@click.option("--state", type=click.Choice(STATES, case_sensitive=False), help="List only runs in this state.")
@tag_option("List only runs with this tag. May be repeated; then a run must have all of them.")
@click.option("-n", "limit", type=click.IntRange(min=1), metavar="N", help="List only the newest N runs.")
@click.option("--params", is_flag=True, help="Add a column for each parameter.")
@click.option("--metrics", is_flag=True, help="Add a column for each metric.")
@click.option(
    "-c", "--columns", metavar="NAME,...", help="Add columns for these parameters and metrics, in this order."
)
@with_source
def command(  # noqa: PLR0913  # options
    source: RunSource,
    *,
    form: str,
    pipeline: str | None,
    state: str | None,
    tags: Sequence[str],
    limit: int | None,
    params: bool,
    metrics: bool,
    columns: str | None,
) -> None:
    from typedpipe.runs.source import Query

    wanted = cast("ListedState | None", state and state.upper())
    chosen = {name: value for name, _, value in (text.partition("=") for text in tags)}
    found = source.runs(Query(pipeline, wanted, limit, tags=chosen)).items
    if form == "json":
        print_json([run_data(run) | {"metrics": _metrics(source, run)} for run in found])
        return
    if not found:
        click.echo(f"no {'matching ' if pipeline or state or tags else ''}runs in {shown(source.place)}", err=True)
        return
    names = [name for name in (columns or "").split(",") if name]
    added = _columns(source, found, names, params=params, metrics=metrics)
    head = ["RUN", "PIPELINE", "STATE", "CREATED", "DURATION", *added]
    rows = [
        [run.name, pipeline_of(run), state_of(run), moment(run.created), run_took(run), *cells]
        for run, cells in zip(found, zip(*added.values(), strict=True) if added else [()] * len(found), strict=True)
    ]
    click.echo(table(head, rows), nl=False)
    broken = next((run for run in found if state_of(run) == "BROKEN"), None)
    if broken is not None:
        click.echo(f"to see why a run is broken, use `typedpipe runs show {shown(broken.name)}`", err=True)


def _columns(
    source: RunSource, runs: Sequence[AnyRun], names: Sequence[str], *, params: bool, metrics: bool
) -> dict[str, list[str]]:
    """Further columns: the requested parameters and metrics, and the tags and notes if there are any."""
    from typedpipe.runs.metrics import named

    measured = [_metrics(source, run) for run in runs] if metrics or names else []
    arguments = [getattr(run, "arguments", {}) for run in runs]
    found: dict[str, list[str]] = {}
    for name in names:
        found[name] = [
            short(value_text(given[name])) if name in given else ", ".join(map(_number, named(values, name)))
            for given, values in zip(arguments, measured, strict=True)
        ]
        if not any(found[name]) and not any(name in given for given in arguments):
            known = list(
                dict.fromkeys([*(each for given in arguments for each in given), *_titles_of(measured).values()])
            )
            more = ", …" if len(known) > COLUMNS else ""
            there = f"; there are {', '.join(map(shown, known[:COLUMNS]))}{more}" if known else ""
            click.echo(f"none of these runs has a parameter or metric `{shown(name)}`{there}", err=True)
    if params:
        for name in dict.fromkeys(name for given in arguments for name in given):
            found.setdefault(name, [short(value_text(given.get(name, ""))) for given in arguments])
    if metrics:
        titles = _titles_of(measured)
        for name, title in list(titles.items())[:COLUMNS]:
            found.setdefault(title, [_number(values[name]) if name in values else "" for values in measured])
        if len(titles) > COLUMNS:
            click.echo(f"{len(titles) - COLUMNS} more metrics: choose some with `--columns`", err=True)
    tags = [getattr(run, "tags", {}) for run in runs]
    if any(tags):
        found["TAGS"] = [tags_text(each) for each in tags]
    notes = [getattr(run, "note", "") for run in runs]
    if any(notes):
        found["NOTE"] = [short(note.replace("\n", " ")) for note in notes]
    return found


def _titles_of(measured: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The last part of each metric's name; the whole name if another metric has the same last part."""
    names = list(dict.fromkeys(name for values in measured for name in values))
    last = [name.rpartition(".")[2] for name in names]
    return {name: end if last.count(end) == 1 else name for name, end in zip(names, last, strict=True)}


def _metrics(source: RunSource, run: AnyRun) -> Mapping[str, Any]:
    from typedpipe.diagnostics.errors import PipelineError
    from typedpipe.runs.model import Run

    if not isinstance(run, Run):
        return {}
    try:
        return source.metrics(run)
    except PipelineError:
        return {}  # `runs show` says what is wrong with it


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else short(value if isinstance(value, str) else json_text(value))


def tags_text(tags: Mapping[str, str]) -> str:
    """Tags in one line."""
    return " ".join(f"{name}={value}" if value else name for name, value in tags.items())


def pipeline_of(run: AnyRun) -> str:
    return str(getattr(run, "pipeline", ""))


def state_of(run: AnyRun) -> str:
    return str(getattr(run, "state", "BROKEN"))


def run_took(run: AnyRun) -> str:
    finished = time.time() if state_of(run) == "RUNNING" else getattr(run, "finished", None)
    return took(run.created + getattr(run, "paused", 0.0), finished)


def moment(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))


def run_data(run: AnyRun) -> dict[str, Any]:
    """A run as JSON data."""
    from typedpipe.local.store.problems import first_message
    from typedpipe.runs.model import BrokenRun

    data: dict[str, Any] = {"run": run.name, "state": state_of(run), "created": run.created, "folder": run.key}
    if isinstance(run, BrokenRun):
        return data | {"code": run.problem.diagnostics[0].code, "message": first_message(run.problem)}
    more = {"pipeline": run.pipeline, "finished": run.finished, "message": run.message}
    data |= more | {"arguments": {name: json_of(text) for name, text in run.arguments.items()}}
    return data | {"tags": dict(run.tags), "note": run.note}


def json_of(text: str) -> Any:
    """Wire text as JSON data, with its tags; falls back to the text if it was edited and is no longer JSON."""
    try:
        return json_data(text)
    except ValueError:
        return text


def short(text: str, length: int = LONG) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
