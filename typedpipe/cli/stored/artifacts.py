"""``typedpipe artifacts``: the files and folders that tasks made."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from typedpipe.cli.stored.access import format_option, split_name, table, with_root
from typedpipe.diagnostics.cells import shown

if TYPE_CHECKING:
    from typedpipe.local.store.root import Root
    from typedpipe.local.values import Stored, Value

_NAME = "RUN/TASK[.OUTPUT]"


@click.group(
    "artifacts",
    help=(
        "List, print and copy the files and folders that tasks made.\n\n"
        "An artifact is named RUN/TASK.OUTPUT, RUN/TASK when the task has one, RUN/TASK.OUTPUT[2] in a list of them. "
        "RUN is a run's name, the beginning of it, or `last`."
    ),
)
def command() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Found:
    """An artifact of a run; ``name`` is TASK.OUTPUT."""

    name: str
    output: str
    item: Stored

    @property
    def type(self) -> str:
        return str(self.item.descriptor.get("type", ""))

    @property
    def digest(self) -> str:
        return str(self.item.descriptor.get("digest") or "")


def listed(root: Root, run: str) -> list[Found]:
    """All artifacts of a run, in the order of their tasks."""
    from typedpipe.local.store.index import tasks

    return [
        Found(f"{task.name}.{name}{at}", name, item)
        for task in tasks(root.run(run))
        for name, value in task.outputs.items()
        for at, item in _items(value)
    ]


def _items(value: Value) -> Iterator[tuple[str, Stored]]:
    from typedpipe.local.values import Stored

    if isinstance(value, Stored):
        yield "", value
    elif isinstance(value, tuple):
        for at, item in enumerate(value):
            for below, stored in _items(item):
                yield f"[{at}]{below}", stored


def find(root: Root, name: str) -> Found:
    """The one artifact that RUN/TASK[.OUTPUT] names."""
    from typedpipe.diagnostics.words import nearest
    from typedpipe.local.store.index import task
    from typedpipe.local.store.problems import problem

    run, wanted = split_name(name)
    whole = root.resolve(run)
    known = listed(root, whole)
    found = [item for item in known if item.name == wanted] or [
        item for item in known if re.fullmatch(rf"{re.escape(wanted)}(\.[^./]+|\[\d+\])+", item.name)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"`{item.name}`" for item in found[:4]) + (" and more" if len(found) > 4 else "")
        raise problem("TP607", f"`{wanted}` has {len(found)} artifacts: {names}", help="name one of them")
    if "." not in wanted:
        task(root.run(whole), wanted)  # says when there is no such task
    near = nearest(wanted, [item.name for item in known])
    help_ = f"did you mean `{whole}/{near}`?" if near else f"`typedpipe artifacts ls {whole}` lists what there is"
    raise problem("TP607", f"the run `{whole}` has no artifact `{wanted}`", help=help_)


def place_of(root: Root, found: Found) -> str:
    """Where the artifact lies on this machine, with the content that it had."""
    from typedpipe.local.store.problems import problem

    path = found.item.path
    if path is None:
        raise problem(
            "TP609",
            f"`{found.name}` is by reference only: {found.item.uri}",
            help="its content is not kept here; fetch it from there",
        )
    if root.objects.holds(path) and found.digest:
        if not root.objects.intact(found.digest):
            state = "was changed" if os.path.exists(path) else "is gone"
            raise problem(
                "TP609",
                f"the content of `{found.name}` {state}: `{path}`",
                help="run the pipeline again: its task runs once more, as its result is not taken from the cache",
            )
    elif not os.path.exists(path):
        raise problem("TP609", f"the content of `{found.name}` is gone: `{path}`", help="run the pipeline again")
    return path


@command.command("ls", help="List the artifacts of RUN.")
@click.argument("run", default="last")
@format_option
@with_root
def ls(root: Root, run: str, form: str) -> None:
    from typedpipe.local.report.words import size

    found = listed(root, run)
    if form == "json":
        data = [
            {"name": item.name, "type": item.type, "size": item.item.descriptor.get("size"), "digest": item.digest}
            | {"path": item.item.path, "uri": item.item.uri, "metadata": item.item.descriptor.get("metadata", {})}
            for item in found
        ]
        click.echo(json.dumps(data, indent=2))
    elif found:
        rows = [
            [item.name, item.type, size(float(item.item.descriptor.get("size") or 0)), _digest(item), item.item.uri]
            for item in found
        ]
        click.echo(table(["ARTIFACT", "TYPE", "SIZE", "DIGEST", "PLACE"], rows, right=[2]), nl=False)
    else:
        click.echo(f"no task of {shown(root.resolve(run))} made an artifact", err=True)


def _digest(found: Found) -> str:
    return found.digest.removeprefix("sha256:")[:12]


@command.command("cat", help="Print the content of an artifact that is a file, byte for byte.")
@click.argument("name", metavar=_NAME)
@with_root
def cat(root: Root, name: str) -> None:
    path = place_of(root, find(root, name))
    if os.path.isdir(path):
        entries = ", ".join(sorted(entry for entry in os.listdir(path) if not entry.startswith("."))[:8])
        raise click.UsageError(
            f"{name} is a folder ({shown(entries) or 'empty'}): type `typedpipe artifacts get {name} DEST`"
        )
    sys.stdout.flush()
    with open(path, "rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
    sys.stdout.buffer.flush()


@command.command(
    "get", help="Copy an artifact to DEST: into it when it is a folder. Nothing is overwritten without -f."
)
@click.argument("name", metavar=_NAME)
@click.argument("dest")
@click.option("-f", "--force", is_flag=True, help="Replace what is there.")
@with_root
def get(root: Root, name: str, dest: str, force: bool) -> None:
    from typedpipe.local.store.problems import os_problem, problem

    found = find(root, name)
    source = place_of(root, found)
    inside = os.path.isdir(dest) or dest.endswith(os.sep)
    target = os.path.abspath(os.path.join(dest, found.output) if inside else dest)
    if os.path.lexists(target) and not force:
        raise problem("TP610", f"`{target}` is there already", help="choose another place, or replace it with -f")
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        copy_whole(source, target)
    except OSError as error:
        raise os_problem(target, error) from None
    click.echo(target)


def copy_whole(source: str, target: str) -> None:
    """Copy a file or folder, writable; it is at its place when it is complete. What was there goes only then."""
    from typedpipe.local.store import tree
    from typedpipe.runtime.task import MARKER

    scratch = f"{target}.{secrets.token_hex(4)}"
    try:
        tree.copy(source, scratch)
        marker = os.path.join(scratch, MARKER)
        if os.path.exists(marker):
            os.unlink(marker)
        if os.path.lexists(target) and (os.path.isdir(target) or os.path.isdir(scratch)):
            tree.remove(target)
        os.replace(scratch, target)
    finally:
        if os.path.lexists(scratch):
            tree.remove(scratch)


@command.command("open", help="Open an artifact in the program that this machine has for it, and print where it is.")
@click.argument("name", metavar=_NAME)
@with_root
def open_(root: Root, name: str) -> None:
    path = place_of(root, find(root, name))
    click.echo(path)
    if click.launch(path):
        click.echo("no program could be started for it", err=True)
