"""``typedpipe report``: write a run as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from typedpipe.cli import exits
from typedpipe.cli.diagnostics import stop_on_errors
from typedpipe.cli.stored import access
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics

if TYPE_CHECKING:
    from typedpipe.runs.model import Run


@click.command(
    "report",
    help=(
        "Write a report of RUN as one self-contained HTML file: graph, timeline, metrics, tasks and logs.\n\n"
        "RUN is the name of a run, a unique prefix of it, or `last`. Default: the newest run."
    ),
)
@click.argument("run", required=False)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write to FILE; - is stdout. Default: report.html in the run directory.",
)
@click.option("--open", "show", is_flag=True, help="Open the report in the browser.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Directory of the store. Default: TYPEDPIPE_HOME, or .typedpipe.",
)
def command(run: str | None, output: str | None, show: bool, folder: str | None) -> None:
    from typedpipe.report.html import render_report, write_report

    if show and output == "-":
        raise click.UsageError("`--open` requires a file; remove `-o -`")
    try:
        with access.open_source(Path(folder) if folder else None) as source:
            found = source.run(run)
            if output == "-":
                from typedpipe.cli.writing import write_output

                write_output("-", render_report(source, found))
                return
            path = write_report(source, found, Path(output) if output else _place(found))
    except PipelineError as error:
        report = Diagnostics()
        for item in error.diagnostics:
            report.add(item)
        stop_on_errors(report, code=exits.USAGE)
        raise
    click.echo(_near(path))
    if show:
        _show(path)


def _place(run: Run) -> Path:
    """Path of the report: in the run directory; in the working directory for a run without one on this machine."""
    from typedpipe.local.store.model import StoredRun

    return run.folder / "report.html" if isinstance(run, StoredRun) else Path(f"{run.name}.html")


def _near(path: Path) -> str:
    """The path as it would be typed in the working directory."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _show(path: Path) -> None:
    import webbrowser

    if not webbrowser.open(path.as_uri()):
        click.echo(f"no browser could be started; open {path.as_uri()}", err=True)
