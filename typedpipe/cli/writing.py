"""Atomic writing of files."""

from __future__ import annotations

import sys

import click

from typedpipe.cli import exits
from typedpipe.files import write_whole


def write_output(path: str, data: str | bytes) -> None:
    """Write to a file, or to stdout for ``-``. A file is replaced atomically."""
    raw = data.encode("utf-8") if isinstance(data, str) else data
    if path == "-":
        stream = getattr(sys.stdout, "buffer", None)
        if stream is None:
            sys.stdout.write(raw.decode("utf-8", "replace"))
            return
        sys.stdout.flush()
        stream.write(raw)
        stream.flush()
        return
    try:
        write_whole(path, raw)
    except OSError as error:
        raise click.UsageError(f"cannot write {path}: {error.strerror or error}") from None


def compare_output(path: str, data: str | bytes) -> None:
    """End the command with exit code 1, and a diff on stderr, unless the file holds exactly this content."""
    raw = data.encode("utf-8") if isinstance(data, str) else data
    try:
        with open(path, "rb") as stream:
            there = stream.read()
    except FileNotFoundError:
        click.echo(f"{path} does not exist", err=True)
        exits.leave(exits.FAILED)
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror or error}") from None
    if there == raw:
        return
    click.echo(f"{path} is out of date", err=True)
    if isinstance(data, str):
        from difflib import unified_diff

        old = there.decode("utf-8", "replace").splitlines()
        click.echo("\n".join(unified_diff(old, data.splitlines(), path, "compiled now", lineterm="")), err=True)
    exits.leave(exits.FAILED)
