"""``typedpipe runs``: list, show, compare and remove stored runs."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from typedpipe.cli.stored.access import format_option, print_json, table, took, with_root, with_source
from typedpipe.cli.stored.difference import command as diff_command
from typedpipe.cli.stored.listing import (
    command as ls_command,
    json_of,
    moment,
    run_data,
    run_took,
    short,
    tags_text,
)
from typedpipe.cli.tags import parse_tag
from typedpipe.diagnostics.cells import shown
from typedpipe.types.json_text import value_text

if TYPE_CHECKING:
    from typedpipe.local.store.root import Root
    from typedpipe.runs.model import Run, Task
    from typedpipe.runs.source import RunSource

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
LONG = 60


@click.group(
    "runs",
    help=(
        "List, show, compare, remove and repair runs.\n\n"
        "A RUN is the name of a run, a unique prefix of it, or `last` for the newest run."
    ),
)
def command() -> None:
    pass


command.add_command(ls_command)
command.add_command(diff_command)


# ---------------------------------------------------------------------------------------------------- show


@command.command("show", help="Print the arguments, tasks and outputs of RUN.")
@click.argument("run", default="last")
@format_option
@with_source
def show(source: RunSource, run: str, form: str) -> None:
    found = source.run(run)
    listed = source.tasks(found)
    if form == "json":
        data = run_data(found) | {"settings": found.settings, "outputs": _values(found.outputs)}
        print_json(data | {"tasks": [_task_data(task) for task in listed]})
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
    rows = [["run", run.name], ["pipeline", run.pipeline], ["state", state], ["created", moment(run.created)]]
    rows += [["duration", run_took(run)], ["directory", run.key]]
    rows += [["tags", tags_text(run.tags)], ["note", run.note.replace("\n", " ")]]
    rows += [[f"--{name}", short(value_text(text), LONG)] for name, text in run.arguments.items()]
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

    return {name: json_of(value) if isinstance(value, str) else value_data(value) for name, value in values.items()}


def _readable(value: Any) -> str:
    from typedpipe.runs.model import artifacts_in

    if isinstance(value, str):
        return short(value_text(value), LONG)
    found = [f"{item.type} {item.uri}".strip() for _, item in artifacts_in(value)]
    return ", ".join(found) or "none"


# --------------------------------------------------------------------------------------------- tags and notes


@command.command(
    "tag",
    help=(
        "Set tags of RUN, such as `data=2026-01` or `best`. Tags do not change what runs; "
        "`runs ls --tag` selects runs by them."
    ),
)
@click.argument("run")
@click.argument("tags", nargs=-1, metavar="[NAME[=VALUE]]...")
@click.option("--remove", multiple=True, metavar="NAME", help="Remove this tag. May be repeated.")
@with_root
def tag(root: Root, run: str, tags: Sequence[str], remove: Sequence[str]) -> None:
    from typedpipe.local.store.model import Labels

    if not tags and not remove:
        raise click.UsageError("name a tag to set, such as `data=2026-01`, or use `--remove`")
    found = root.label(root.run(run), Labels(dict(map(parse_tag, tags))), remove)
    click.echo(shown(tags_text(found.tags)) or "no tags", err=True)


@command.command("note", help="Set the note of RUN, which `runs ls` and `runs show` print. An empty TEXT removes it.")
@click.argument("run")
@click.argument("text")
@with_root
def note(root: Root, run: str, text: str) -> None:
    from typedpipe.local.store.model import Labels

    root.label(root.run(run), Labels(note=text.strip() and text), keep_note=False)


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
