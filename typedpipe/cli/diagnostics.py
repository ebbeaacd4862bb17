"""Output of diagnostics: format, stream, color, exit code."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TextIO

import click

from typedpipe.cli import exits
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import NOWHERE, Diagnostic, Diagnostics, Label
from typedpipe.runtime.task import one_line

FORMATS = ("text", "json", "github", "sarif")

format_option = click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="Format of diagnostics.",
)


def colors(stream: TextIO) -> bool:
    """Whether to color a stream: it is a terminal, and ``NO_COLOR`` or ``TERM=dumb`` do not prevent it."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


TYPED_WRONG = frozenset({"TP603", "TP607", "TP610", "TP611", "TP641", "TP648"})
"""Codes of errors in a name or value on the command line, not in the pipeline or the store."""


def write_diagnostics(report: Diagnostics, form: str, stream: TextIO) -> None:
    """Print all diagnostics, by file and line."""
    items = sorted(report, key=_order)
    if form == "text":
        from typedpipe.diagnostics.text import render_all

        text = render_all(items, color=colors(stream))
    else:
        from typedpipe.diagnostics import machine

        text = {"json": machine.render_json, "github": machine.render_github, "sarif": machine.render_sarif}[form](
            items
        )
    stream.write(text)
    stream.flush()


def _order(diagnostic: Diagnostic) -> tuple[str, int, int]:
    span = diagnostic.primary.span
    return span.file, span.line, span.column


def stop_on_errors(report: Diagnostics, form: str = "text", code: int = exits.MISTAKES) -> None:
    """Print the diagnostics to stderr, and end the command if one of them is an error."""
    if report.items:
        write_diagnostics(report, form, sys.stderr)
    if report.has_errors:
        exits.leave(code)


def stop(error: PipelineError, form: str = "text", otherwise: int = exits.MISTAKES) -> None:
    """The same for raised diagnostics; ``otherwise`` is the exit code unless it is a usage error."""
    report = Diagnostics()
    for item in error.diagnostics:
        report.add(item)
    stop_on_errors(report, form, exits.USAGE if error.diagnostics[0].code in TYPED_WRONG else otherwise)


def report_ours(error: BaseException) -> int:
    """Report an exception that is not the user's, with a traceback only if requested; return the exit code.

    It is an internal error of typedpipe, unless a file of the user shadows a standard-library module.
    """
    from typedpipe.cli.exits import wants_traceback
    from typedpipe.cli.shadowing import hidden_in_traceback
    from typedpipe.diagnostics.text import render

    hidden = hidden_in_traceback(error)
    if wants_traceback():
        traceback.print_exception(error, file=sys.stderr)
    if hidden is not None:
        sys.stderr.write(render(hidden, color=colors(sys.stderr)))
        return exits.MISTAKES
    frames = traceback.extract_tb(error.__traceback__)
    where = f"raised at {frames[-1].filename}:{frames[-1].lineno}, in {frames[-1].name}" if frames else ""
    text = one_line(error)
    diagnostic = Diagnostic(
        "TP901",
        f"internal error: {text}",
        Label(NOWHERE),
        notes=(where,) if where else (),
        help="this is a bug in typedpipe: please report it with the output of the same command with `--traceback`",
    )
    sys.stderr.write(render(diagnostic, color=colors(sys.stderr)))
    return exits.OURS
