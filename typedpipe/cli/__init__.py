"""The command line. Only what ``--help`` needs is imported here; each command is loaded when it is called."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its exit code."""
    from typedpipe.cli.app import run_app

    raise SystemExit(run_app(arguments))


def compile_main(arguments: Sequence[str] | None = None) -> None:
    """``python -m typedpipe.compile``: the same as ``typedpipe compile``."""
    import sys

    main(["compile", *(sys.argv[1:] if arguments is None else arguments)])
