"""``typedpipe report``: a run as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from typedpipe.cli import exits
from typedpipe.cli.diagnostics import stop_on_errors
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics


@click.command(
    "report",
    help=(
        "Write the report of RUN as one HTML file that needs nothing else: graph, timeline, metrics, tasks, logs.\n\n"
        "RUN is the beginning of a run's name; the newest run if it is left out."
    ),
)
@click.argument("run", required=False)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write it; - is stdout. report.html in the run's folder if not given.",
)
@click.option("--open", "show", is_flag=True, help="Show it in the browser.")
@click.option(
    "--folder", type=click.Path(file_okay=False), metavar="DIR", help="Where runs are kept; .typedpipe if not given."
)
def command(run: str | None, output: str | None, show: bool, folder: str | None) -> None:
    from typedpipe.local.report.write import render_report, write_report
    from typedpipe.local.store.root import open_root

    if show and output == "-":
        raise click.UsageError("--open needs a file: leave out -o -")
    try:
        root = open_root(Path(folder) if folder else None)
        try:
            stored = root.run(run)
        finally:
            root.close()
        if output == "-":
            from typedpipe.cli.writing import write_output

            write_output("-", render_report(stored))
            return
        path = write_report(stored, Path(output) if output else None)
    except PipelineError as error:
        report = Diagnostics()
        for item in error.diagnostics:
            report.add(item)
        stop_on_errors(report, code=exits.USAGE)
        raise
    click.echo(_near(path))
    if show:
        _show(path)


def _near(path: Path) -> str:
    """The path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _show(path: Path) -> None:
    import webbrowser

    if not webbrowser.open(path.as_uri()):
        click.echo(f"no browser could be started: open {path.as_uri()}", err=True)
