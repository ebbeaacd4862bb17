"""``typedpipe runs``: list, show, compare and remove stored runs."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import click

from typedpipe.cli import exits
from typedpipe.cli.stored.access import format_option, table, took, with_root, with_source
from typedpipe.diagnostics.cells import shown
from typedpipe.types.json_text import json_data, json_text

if TYPE_CHECKING:
    from typedpipe.local.store.root import Root
    from typedpipe.runs.compare import Comparison, Difference
    from typedpipe.runs.model import Run, Task
    from typedpipe.runs.source import AnyRun, ListedState, RunSource

STATES = ("RUNNING", "SUCCEEDED", "FAILED", "CANCELED", "INTERRUPTED", "BROKEN")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LONG = 60


@click.group(
    "runs",
    help=(
        "List, show, compare, remove and repair runs.\n\n"
        "A RUN is the name of a run, a unique prefix of it, or `last` for the newest run."
    ),
)
def command() -> None:
    pass


# ------------------------------------------------------------------------------------------------------ ls


@command.command("ls", help="List runs, newest first.")
@format_option
@click.option("--pipeline", metavar="NAME", help="List only runs of this pipeline.")
@click.option("--state", type=click.Choice(STATES, case_sensitive=False), help="List only runs in this state.")
@click.option("-n", "limit", type=click.IntRange(min=1), metavar="N", help="List only the newest N runs.")
@with_source
def ls(source: RunSource, form: str, pipeline: str | None, state: str | None, limit: int | None) -> None:
    from typedpipe.runs.source import Query

    wanted = cast("ListedState | None", state and state.upper())
    found = source.runs(Query(pipeline, wanted, limit)).items
    if form == "json":
        click.echo(json_text([_run_data(run) for run in found], indent=2))
    elif not found:
        click.echo(f"no {'matching ' if pipeline or state else ''}runs in {shown(source.place)}", err=True)
    else:
        rows = [[run.name, _pipeline(run), _state(run), _moment(run.created), _run_took(run)] for run in found]
        click.echo(table(["RUN", "PIPELINE", "STATE", "CREATED", "DURATION"], rows), nl=False)
    broken = [run for run in found if _state(run) == "BROKEN"]
    if broken and form != "json":
        click.echo(f"to see why a run is broken, use `typedpipe runs show {shown(broken[0].name)}`", err=True)


def _pipeline(run: AnyRun) -> str:
    return str(getattr(run, "pipeline", ""))


def _state(run: AnyRun) -> str:
    return str(getattr(run, "state", "BROKEN"))


def _run_took(run: AnyRun) -> str:
    finished = time.time() if _state(run) == "RUNNING" else getattr(run, "finished", None)
    return took(run.created, finished)


def _moment(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))


def _run_data(run: AnyRun) -> dict[str, Any]:
    from typedpipe.local.store.problems import first_message
    from typedpipe.runs.model import BrokenRun

    data: dict[str, Any] = {"run": run.name, "state": _state(run), "created": run.created, "folder": run.key}
    if isinstance(run, BrokenRun):
        return data | {"code": run.problem.diagnostics[0].code, "message": first_message(run.problem)}
    more = {"pipeline": run.pipeline, "finished": run.finished, "message": run.message}
    return data | more | {"arguments": {name: _json(text) for name, text in run.arguments.items()}}


def _json(text: str) -> Any:
    """Wire text as JSON data; falls back to the text if it was edited and is no longer JSON."""
    try:
        return json_data(text)
    except ValueError:
        return text


# ---------------------------------------------------------------------------------------------------- show


@command.command("show", help="Print the arguments, tasks and outputs of RUN.")
@click.argument("run", default="last")
@format_option
@with_source
def show(source: RunSource, run: str, form: str) -> None:
    found = source.run(run)
    listed = source.tasks(found)
    if form == "json":
        data = _run_data(found) | {"settings": found.settings, "outputs": _values(found.outputs)}
        click.echo(json_text(data | {"tasks": [_task_data(task) for task in listed]}, indent=2))
        return
    _print_head(found)
    if listed:
        rows = [[t.name, t.item, _task_state(found, t), took(t.started, t.finished), _note(t)] for t in listed]
        heads = ["TASK", "ITEM", "STATE", "DURATION", ""]
        if not any(task.item for task in listed):
            heads.remove("ITEM")
            rows = [[name, *rest] for name, _, *rest in rows]
        click.echo("\n" + table(heads, rows), nl=False)
    if found.outputs:
        click.echo("\n" + table(["OUTPUT", ""], [[name, _readable(v)] for name, v in found.outputs.items()]), nl=False)


def _print_head(run: Run) -> None:
    state = run.state + (f": {run.message}" if run.message else "")
    if run.state == "INTERRUPTED":
        state += f" (its engine exited; to continue the run, use `typedpipe resume {run.name}`)"
    rows = [["run", run.name], ["pipeline", run.pipeline], ["state", state], ["created", _moment(run.created)]]
    rows += [["duration", _run_took(run)], ["directory", run.key]]
    rows += [[f"--{name}", _short(text)] for name, text in run.arguments.items()]
    click.echo(table(["", ""], [row for row in rows if row[1]]).partition("\n")[2], nl=False)


def _task_state(run: Run, task: Task) -> str:
    return "INTERRUPTED" if task.state == "RUNNING" and run.state != "RUNNING" else task.state


def _note(task: Task) -> str:
    parts: list[str] = []
    if task.reused:
        parts.append(f"{'cached' if task.reused == 'cache' else 'reused'}: {task.source_run}".rstrip(": "))
    if len(task.attempts) > 1:
        parts.append(f"{len(task.attempts)} attempts")
    if task.message:
        parts.append(task.message)
    return "; ".join(parts)


def _task_data(task: Task) -> dict[str, Any]:
    fields = (
        "name",
        "item",
        "component",
        "state",
        "message",
        "exit_code",
        "started",
        "finished",
        "reused",
        "source_run",
        "key",
    )
    data: dict[str, Any] = {name: getattr(task, name) for name in fields}
    data["inputs"], data["outputs"] = _values(task.inputs), _values(task.outputs)
    data["attempts"] = [
        {"number": a.number, "state": a.state, "exit_code": a.exit_code, "message": a.message, "folder": a.key}
        | {"started": a.started, "finished": a.finished}
        for a in task.attempts
    ]
    return data


def _values(values: Any) -> dict[str, Any]:
    from typedpipe.runs.model import value_data

    return {name: _json(value) if isinstance(value, str) else value_data(value) for name, value in values.items()}


def _readable(value: Any) -> str:
    from typedpipe.runs.model import artifacts_in

    if isinstance(value, str):
        return _short(value)
    found = [f"{item.type} {item.uri}".strip() for _, item in artifacts_in(value)]
    return ", ".join(found) or "none"


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


# ---------------------------------------------------------------------------------------------------- diff


@command.command(
    "diff", help="Print the differences between runs A and B. The exit code is 1 if anything except times differs."
)
@click.argument("a")
@click.argument("b")
@format_option
@with_source
def diff(source: RunSource, a: str, b: str, form: str) -> None:
    from typedpipe.runs.compare import compare

    found = compare(source, source.run(a), source.run(b))
    if form == "json":
        data = [_difference_data(item) for item in (*found.differences, *found.durations)]
        click.echo(json_text({"a": found.old.name, "b": found.new.name, "differences": data}, indent=2))
    else:
        _print_diff(found)
    if not found.same:
        exits.leave(exits.FAILED)


def _difference_data(item: Difference) -> dict[str, Any]:
    return {"what": item.what, "name": item.name, "a": item.old, "b": item.new}


def _print_diff(found: Comparison) -> None:
    rows = [[item.what, item.name, _cell(item.old), _cell(item.new)] for item in found.differences]
    if rows:
        click.echo(table(["WHAT", "NAME", found.old.name, found.new.name], rows), nl=False)
    else:
        click.echo("the runs differ only in their times", err=True)
    times = [[item.name, _time(item.old), _time(item.new)] for item in found.durations]
    if times:
        lead = "\n" if rows else ""
        click.echo(lead + table(["DURATION", found.old.name, found.new.name], times), nl=False)


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else "—" if value is None else json_text(value, ensure_ascii=False)
    digest = re.fullmatch(r"sha256:([0-9a-f]{12})[0-9a-f]{52}", text)
    return digest[1] if digest else _short(text)


def _time(seconds: float | None) -> str:
    return took(0.0, seconds) or "—"


# -------------------------------------------------------------------------------------------------- removal


@command.command("rm", help="Remove the records, logs and working files of runs. Artifacts are kept until `runs gc`.")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@with_root
def rm(root: Root, runs: Sequence[str], yes: bool) -> None:
    from typedpipe.runs.model import BrokenRun

    names = list(dict.fromkeys(root.resolve(run) for run in runs))
    if not yes:
        _confirm(f"remove {', '.join(shown(name) for name in names)}?")
    known = {run.name: run for run in root.runs()}
    for name in names:
        run = known[name]
        root.remove(run)
        click.echo(f"removed {shown(name)}" + (" (it was broken)" if isinstance(run, BrokenRun) else ""), err=True)


def _confirm(question: str) -> None:
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:  # the end of stdin, or Ctrl-C
        if sys.stdin.isatty():
            raise
        raise click.UsageError("stdin is not a terminal; pass `--yes`") from None
    if not agreed:
        raise click.Abort


def _age(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is not a valid duration; use a value such as 90s, 45m, 12h, 30d or 2w")
    return float(found[1]) * _UNITS[found[2]]


@command.command(
    "gc",
    help=(
        "Remove unreferenced artifacts, cache entries and orphaned files.\n\n"
        "Runs are removed only with --keep or --older-than; with both, only runs that match both are removed. A cache entry is kept as long as "
        "a run that created or used its result exists. Artifacts are not removed while a run is in progress."
    ),
)
@click.option("--keep", type=click.IntRange(min=0), metavar="N", help="Keep the newest N runs.")
@click.option("--older-than", callback=_age, metavar="AGE", help="Remove only runs older than this: 45m, 12h, 30d, 2w.")
@click.option(
    "--environments",
    callback=_age,
    metavar="AGE",
    help="Also remove virtual environments that no run of any project has used for this time: 30d.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and remove nothing.")
@with_root
def gc(root: Root, keep: int | None, older_than: float | None, environments: float | None, dry_run: bool) -> None:
    from typedpipe.local.store.garbage import collect
    from typedpipe.report.words import size

    before = None if older_than is None else time.time() - older_than
    found = collect(root, keep=keep, older_than=before, dry_run=dry_run)
    for name in found.runs:
        click.echo(name)
    counts = (
        f"{_count(len(found.runs), 'run')}, {_count(found.objects, 'artifact')}, "
        f"{_count(found.results, 'cache entry')}, {_count(found.scratch, 'orphaned file')}: {size(found.size)}"
    )
    click.echo(f"{'would remove' if dry_run else 'removed'} {counts}", err=True)
    if found.kept:
        click.echo(f"artifacts were not removed: {shown(found.kept)}", err=True)
    if environments is not None:
        from typedpipe.local.runners.environments import collect_environments

        gone = collect_environments(environments, dry_run=dry_run)
        for place in gone:
            click.echo(str(place))
        click.echo(f"{'would remove' if dry_run else 'removed'} {_count(len(gone), 'virtual environment')}", err=True)


_PLURALS = {"cache entry": "cache entries"}


def _count(number: int, what: str) -> str:
    return f"{number} {what if number == 1 else _PLURALS.get(what, f'{what}s')}"


@command.command(
    "repair", help="Rebuild the index of RUN from the files of its tasks. The corrupted index is kept next to it."
)
@click.argument("run")
@with_root
def repair(root: Root, run: str) -> None:
    from typedpipe.diagnostics.errors import PipelineError
    from typedpipe.local.store.index import tasks
    from typedpipe.local.store.model import StoredRun

    name = root.resolve(run)
    found = next(item for item in root.runs() if item.name == name)
    if isinstance(found, StoredRun):
        with contextlib.suppress(PipelineError):
            tasks(found)
            click.echo(f"{shown(name)}: the index is intact; nothing was changed", err=True)
            return
    done = root.repair(name)
    click.echo(f"{shown(name)}: {_count(done, 'task')} recovered", err=True)
