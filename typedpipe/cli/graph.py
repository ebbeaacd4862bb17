"""``typedpipe graph``: print a pipeline as a tree, as mermaid, or as SVG."""

from __future__ import annotations

import os

import click

from typedpipe.cli.choosing import load_pipeline
from typedpipe.cli.diagnostics import stop
from typedpipe.cli.writing import write_output
from typedpipe.diagnostics.errors import PipelineError


@click.command("graph", help="Print the pipeline TARGET (FILE, FILE:NAME or MODULE:NAME) as a tree, or draw it.")
@click.argument("target")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "svg"]),
    default=None,
    help="Format of the output. Default: by the suffix of FILE, otherwise text.",
)
@click.option("-o", "--output", default="-", metavar="FILE", help="Write to FILE; - is stdout.")
def command(target: str, form: str | None, output: str) -> None:
    from typedpipe.compiler import driver

    form = form or _form(output)
    traced = load_pipeline(target)
    try:
        pipeline = driver.check(traced)
    except PipelineError as error:
        stop(error)
        raise
    from typedpipe.pictures.boxes import picture

    drawn = picture(pipeline)
    if form == "svg":
        from typedpipe.pictures.svg import draw_svg

        text = draw_svg(drawn)
    elif form == "mermaid":
        from typedpipe.pictures.mermaid import draw_mermaid

        text = draw_mermaid(drawn)
    else:
        from typedpipe.pictures.tree import draw_tree

        text = draw_tree(drawn)
    write_output(output, text)


_FORMS = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".txt": "text", "": "text"}


def _form(output: str) -> str:
    """The format that the name of a file asks for; any name is accepted with ``--format``."""
    suffix = os.path.splitext(output)[1].lower()
    if suffix not in _FORMS:
        raise click.UsageError(
            f"`typedpipe graph` does not write `{suffix}` files: use .svg, .mmd (Mermaid) or .txt, or set `--format`"
        )
    return _FORMS[suffix]
