"""``typedpipe artifacts``: list and export the files and directories that tasks produced."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

import click

from typedpipe.cli.stored.access import format_option, print_json, table, with_root, with_source
from typedpipe.diagnostics.cells import shown

if TYPE_CHECKING:
    from typedpipe.local.store.root import Root
    from typedpipe.runs.model import ArtifactRef, Run
    from typedpipe.runs.source import RunSource

_NAME = "RUN/TASK[.OUTPUT]"


@click.group(
    "artifacts",
    help=(
        "List, print, copy and open artifacts, the files and directories that tasks create.\n\n"
        "Name an artifact as RUN/TASK.OUTPUT, as RUN/TASK if the task has one artifact, or as RUN/TASK.OUTPUT[2] in a list. "
        "RUN is the name of a run, a unique prefix of it, or `last` for the newest run."
    ),
)
def command() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Found:
    """An artifact of a run; ``name`` is TASK.OUTPUT."""

    name: str
    output: str
    item: ArtifactRef


def listed(source: RunSource, run: Run) -> list[Found]:
    """All artifacts of a run, in the order of their tasks."""
    from typedpipe.runs.model import artifacts_in

    return [
        Found(f"{task.name}.{name}{at}", name, item)
        for task in source.tasks(run)
        for name, value in task.outputs.items()
        for at, item in artifacts_in(value)
    ]


def find(source: RunSource, name: str) -> Found:
    """The artifact of RUN/TASK[.OUTPUT]."""
    from typedpipe.runs.paths import nearest_path, split_name
    from typedpipe.runs.problems import problem
    from typedpipe.runs.source import choose_task

    run_name, wanted = split_name(name)
    run = source.run(run_name)
    known = listed(source, run)
    found = [item for item in known if item.name == wanted] or [
        item for item in known if re.fullmatch(rf"{re.escape(wanted)}(\.[^./]+|\[\d+\])+", item.name)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"`{item.name}`" for item in found[:4]) + (" and more" if len(found) > 4 else "")
        raise problem("TP607", f"`{wanted}` has {len(found)} artifacts: {names}", help="use the name of one artifact")
    if "." not in wanted:
        choose_task(run.name, wanted, source.tasks(run))  # raises if there is no such task
    near = nearest_path(wanted, [item.name for item in known])
    help_ = (
        f"did you mean `{run.name}/{near}`?"
        if near
        else f"to list the artifacts, use `typedpipe artifacts ls {run.name}`"
    )
    raise problem("TP607", f"the run `{run.name}` has no artifact `{wanted}`", help=help_)


@contextlib.contextmanager
def _named(found: Found) -> Generator[None]:
    """Report lost content with the artifact's name as the user gave it."""
    from typedpipe.runs.problems import ContentLost

    try:
        yield
    except ContentLost as lost:
        raise lost.of(found.name) from None


@command.command("ls", help="List the artifacts of RUN.")
@click.argument("run", default="last")
@format_option
@with_source
def ls(source: RunSource, run: str, form: str) -> None:
    from typedpipe.report.words import size

    chosen = source.run(run)
    found = listed(source, chosen)
    if form == "json":
        data = [
            {
                "name": one.name,
                "type": one.item.type,
                "size": one.item.descriptor.get("size"),
                "digest": one.item.digest,
            }
            | {"path": one.item.path, "uri": one.item.uri, "metadata": one.item.descriptor.get("metadata", {})}
            for one in found
        ]
        print_json(data)
    elif found:
        rows = [[one.name, one.item.type, size(one.item.size or 0), _digest(one), one.item.uri] for one in found]
        click.echo(table(["ARTIFACT", "TYPE", "SIZE", "DIGEST", "LOCATION"], rows, right=[2]), nl=False)
    else:
        click.echo(f"no task of {shown(chosen.name)} created an artifact", err=True)


def _digest(found: Found) -> str:
    return found.item.digest.removeprefix("sha256:")[:12]


@command.command("cat", help="Print the content of an artifact that is a file.")
@click.argument("name", metavar=_NAME)
@with_source
def cat(source: RunSource, name: str) -> None:
    found = find(source, name)
    with _named(found):
        files = source.files(found.item)
        if list(files) != [""]:
            inside = {"".join(PurePosixPath(path).parts[:1]) for path in (*files, *found.item.folders)}
            entries = ", ".join(sorted(entry for entry in inside if not entry.startswith("."))[:8])
            raise click.UsageError(
                f"{name} is a directory ({shown(entries) or 'empty'}); use `typedpipe artifacts get {name} DEST`"
            )
        content = source.open(found.item)
    sys.stdout.flush()
    with content:
        shutil.copyfileobj(content, sys.stdout.buffer, 1 << 20)
    sys.stdout.buffer.flush()


@command.command(
    "get", help="Copy an artifact to DEST, or into DEST if it is a directory. Nothing is overwritten without -f."
)
@click.argument("name", metavar=_NAME)
@click.argument("dest")
@click.option("-f", "--force", is_flag=True, help="Replace an existing destination.")
@with_source
def get(source: RunSource, name: str, dest: str, force: bool) -> None:
    from typedpipe.runs.problems import os_problem, problem

    found = find(source, name)
    with _named(found):
        files = source.files(found.item)
    inside = os.path.isdir(dest) or dest.endswith(os.sep)
    target = os.path.abspath(os.path.join(dest, found.output) if inside else dest)
    if os.path.lexists(target) and not force:
        raise problem("TP610", f"`{target}` already exists", help="choose another path, or pass `-f` to replace it")
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with _named(found):
            copy_whole(source, found.item, list(files), target)
    except OSError as error:
        raise os_problem(target, error) from None
    click.echo(target)


def copy_whole(source: RunSource, artifact: ArtifactRef, files: Sequence[str], target: str) -> None:
    """Copy a file or directory with its modes, writable; only a complete copy appears at its path and replaces existing content."""
    from typedpipe.local.store import tree
    from typedpipe.runs.source import inside

    scratch = f"{target}.{secrets.token_hex(4)}"
    try:
        if files != [""]:
            os.mkdir(scratch)
        for folder in artifact.folders:
            os.makedirs(inside(scratch, folder), exist_ok=True)
        for path in files:
            place = inside(scratch, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with source.open(artifact, path) as content, open(place, "xb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
                _keep_mode(content, place)
        if os.path.lexists(target) and (os.path.isdir(target) or os.path.isdir(scratch)):
            tree.remove(target)
        os.replace(scratch, target)
    finally:
        if os.path.lexists(scratch):
            tree.remove(scratch)


def _keep_mode(content: BinaryIO, place: str) -> None:
    """Give a copy the permissions of its original: a tool stays executable. Content that is not a local file has none."""
    try:
        mode = os.fstat(content.fileno()).st_mode
    except OSError:
        return
    if stat.S_ISREG(mode):
        os.chmod(place, mode & 0o777 | 0o600)


@command.command("open", help="Open an artifact in its default application, and print its path.")
@click.argument("name", metavar=_NAME)
@with_root
def open_(root: Root, name: str) -> None:
    from typedpipe.local.store.source import LocalRuns

    source = LocalRuns(root)
    found = find(source, name)
    with _named(found):
        path = source.path(found.item)
    click.echo(path)
    if click.launch(path):
        click.echo("no application could be started for it", err=True)
