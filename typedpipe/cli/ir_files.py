"""``typedpipe ir``: show, save, verify and compare IR."""

from __future__ import annotations

import click

from typedpipe.cli import exits
from typedpipe.cli.diagnostics import stop
from typedpipe.cli.writing import write_output
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir

_PYTHON = (".py",)


@click.group(
    "ir",
    help="Print, save, verify and compare the IR of pipelines. A TARGET is FILE.py, FILE.py:NAME, MODULE:NAME or a saved IR file.",
)
def command() -> None:
    pass


def read_pipeline(target: str) -> ir.Pipeline:
    """The closed, checked IR of a saved file, or of a user's pipeline."""
    from typedpipe.compiler import driver

    try:
        saved = _read_saved(target)
        if saved is not None:
            return saved
        from typedpipe.cli.choosing import load_pipeline

        return driver.check(load_pipeline(target))
    except PipelineError as error:
        stop(error)
        raise


def _read_saved(target: str) -> ir.Pipeline | None:
    import os

    from typedpipe.ir import wire

    if not os.path.isfile(target) or target.endswith(_PYTHON):
        return None
    try:
        with open(target, "rb") as stream:
            return wire.read(stream, target)
    except OSError as error:
        raise click.UsageError(f"cannot read {target}: {error.strerror or error}") from None


@command.command("show", help="Print the IR of TARGET as text.")
@click.argument("target")
def show(target: str) -> None:
    from typedpipe.ir.text import dump

    write_output("-", dump(read_pipeline(target)))


@command.command("save", help="Save the IR of TARGET as protobuf.")
@click.argument("target")
@click.option("-o", "--output", required=True, metavar="FILE", help="Write to FILE; - is stdout.")
def save(target: str, output: str) -> None:
    from typedpipe.ir import wire

    write_output(output, wire.encode(read_pipeline(target)))


@command.command("verify", help="Check a saved IR file. The exit code is 3 if it is corrupted or inconsistent.")
@click.argument("target", metavar="FILE")
def verify(target: str) -> None:
    from typedpipe.compiler import driver

    try:
        pipeline = driver.check(read_pipeline(target), Diagnostics())
    except PipelineError as error:
        stop(error)
        raise
    click.echo(f"{target}: {pipeline.name} is valid", err=True)


@command.command("diff", help="Print the differences between the IR of two TARGETS. The exit code is 1 if they differ.")
@click.argument("old")
@click.argument("new")
def diff(old: str, new: str) -> None:
    from typedpipe.ir.diff import diff as compare

    text = "".join(f"{line}\n" for line in compare(read_pipeline(old), read_pipeline(new)))
    write_output("-", text)
    if text:
        exits.leave(exits.FAILED)
