"""Exit codes, and the exception that ends a command with one."""

from __future__ import annotations

import os
from typing import NoReturn

OK = 0
FAILED = 1
"""The run failed, or ``--check`` and ``ir diff`` found a difference."""
USAGE = 2
MISTAKES = 3
"""The pipeline, or the file, has errors: diagnostics were printed."""
OURS = 70
"""Internal error of typedpipe (TP901)."""
TIMED_OUT = 124
"""The run exceeded `--timeout`; the same code as timeout(1)."""
INTERRUPTED = 130


class Exit(Exception):
    """Ends a command; all messages have been printed."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def leave(code: int) -> NoReturn:
    """End the command with this exit code."""
    raise Exit(code)


def wants_traceback() -> bool:
    """Whether to show Python's own traceback in addition to a diagnostic."""
    return bool(os.environ.get("TYPEDPIPE_TRACEBACK"))
