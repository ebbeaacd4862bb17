"""``typedpipe lint``: report everything that can be checked in a file without running it."""

from __future__ import annotations

import sys

import click

from typedpipe.cli import exits
from typedpipe.cli.choosing import check_names, choose
from typedpipe.cli.diagnostics import format_option, write_diagnostics
from typedpipe.cli.loading import load
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics


@click.command(
    "lint", help="Check all pipelines in TARGETS (FILE, FILE:NAME or MODULE:NAME). Diagnostics go to stdout."
)
@click.argument("targets", nargs=-1, required=True)
@click.option(
    "--to",
    type=click.Choice(["argo", "none"]),
    default="argo",
    show_default=True,
    help="Also report what this backend does not support.",
)
@click.option(
    "--argo-target", metavar="VERSION", help="Oldest version of Argo Workflows to support. Default: as for `compile`."
)
@format_option
def command(targets: tuple[str, ...], to: str, argo_target: str | None, form: str) -> None:
    report = Diagnostics()
    count = 0
    for target in targets:
        count += check_target(
            target, report, "" if to == "none" else to, {"target": argo_target} if argo_target else {}
        )
    if report.items or form != "text":
        write_diagnostics(report, form, sys.stdout)
    errors = sum(item.severity == "error" for item in report)
    said = f"{errors} error{'s' * (errors != 1)}" if errors else "no errors"
    click.echo(f"{count} pipeline{'s' * (count != 1)}, {said}", err=True)
    if report.has_errors:
        exits.leave(exits.MISTAKES)


def check_target(text: str, report: Diagnostics, backend: str, options: dict[str, str]) -> int:
    """Report all diagnostics of a target's pipelines; return the number of pipelines."""
    from typedpipe.compiler import driver

    loaded = load(text, report)
    if loaded is None:
        return 0
    handles = loaded.pipelines
    if loaded.target.name or not handles:
        chosen = choose(loaded, report)
        handles = [chosen] if chosen is not None else []
    else:
        check_names(loaded, report)
    used = {
        name for handle in handles for name in handle.uses
    }  # these are checked as part of others, which may find more
    for handle in handles:
        if handle.traced is None:
            continue
        if handle.ir is None:
            driver.report_errors(handle.traced, report)
            continue
        try:
            closed = driver.check(handle.ir, report)
            if backend and handle.name not in used:
                driver.compile(closed, backend, options, report)
        except PipelineError as error:  # most of it is in the report already
            for item in error.diagnostics:
                report.add(item)
    return len(handles)
