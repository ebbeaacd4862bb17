"""Atomic writing of files, and comparison with them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

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


def is_folder(path: str) -> bool:
    """Whether files are to be written into this directory, rather than one to this path."""
    return path.endswith(("/", os.sep)) or os.path.isdir(path)


def write_outputs(files: Mapping[str, str | bytes], *, create: bool) -> None:
    """Write several files; ``create`` their directories."""
    for path, data in files.items():
        if create:
            folder = os.path.dirname(path)
            try:
                os.makedirs(folder or ".", exist_ok=True)
            except OSError as error:
                raise click.UsageError(f"cannot create {folder}: {error.strerror or error}") from None
        write_output(path, data)


def compare_outputs(files: Mapping[str, str | bytes]) -> None:
    """End the command with exit code 1, and a diff on stderr, unless each file holds exactly its content."""
    outdated = [path for path, data in files.items() if not _is_current(path, data)]
    if outdated:
        exits.leave(exits.FAILED)


def _is_current(path: str, data: str | bytes) -> bool:
    raw = data.encode("utf-8") if isinstance(data, str) else data
    try:
        with open(path, "rb") as stream:
            there = stream.read()
    except FileNotFoundError:
        click.echo(f"{path} does not exist", err=True)
        return False
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror or error}") from None
    if there == raw:
        return True
    click.echo(f"{path} is out of date", err=True)
    if isinstance(data, str):
        from difflib import unified_diff

        old = there.decode("utf-8", "replace").splitlines()
        click.echo("\n".join(unified_diff(old, data.splitlines(), path, "compiled now", lineterm="")), err=True)
    return False
