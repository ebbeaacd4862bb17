"""``typedpipe explain-cache``: explain why a task was cached or not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from typedpipe.cli.stored.access import find_task, format_option, with_root
from typedpipe.diagnostics.cells import shown

if TYPE_CHECKING:
    from typedpipe.local.store.root import Root


@click.command(
    "explain-cache",
    help=(
        "Report why the task RUN/TASK was cached, or which part of its cache key changed since the last run "
        "in which it ran. The change is traced back to the task that caused it.\n\n"
        "The list at the end shows what is not part of the cache key. If the task depends on any of it, "
        "disable caching for the task with `set_caching_options(False)`."
    ),
)
@click.argument("name", metavar="RUN/TASK")
@click.option(
    "--against", metavar="RUN", help="Compare with this run. Default: the last earlier run in which the task ran."
)
@format_option
@with_root
def command(root: Root, name: str, against: str | None, form: str) -> None:
    from typedpipe.local.caching.explanation import explain

    run, task = find_task(root, name)
    found = explain(root, run, task, root.run(against) if against is not None else None)
    if form == "json":
        click.echo(json.dumps(found.data(), indent=2))
        return
    for line in found.lines():
        click.echo(shown(line))
