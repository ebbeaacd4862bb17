"""Reasons for failed attempts, in one line for the user."""

from __future__ import annotations

import math
import signal

from typedpipe.ir.options import Retry
from typedpipe.local.pending import Tracked
from typedpipe.local.runners.launcher import Exited

CONTRACT_BROKEN = 2
"""Exit code of a task whose inputs or outputs do not match its interface."""


def exit_code(exited: Exited) -> int | None:
    """The exit code as a shell reports it: 128 plus the signal number for a killed task."""
    return exited.code if exited.code is None or exited.code >= 0 else 128 - exited.code


def delay(retry: Retry, attempts: int) -> float:
    """Seconds to wait before the attempt that follows this many.

    >>> delay(Retry(3, 1.0, 2.0, 60.0), 3), delay(Retry(2000, 1.0, 2.0, 60.0), 2000), delay(Retry(2000), 2000)
    (4.0, 60.0, 0.0)
    """
    try:
        wait = retry.backoff_seconds * retry.factor ** (attempts - 1)
    except OverflowError:
        wait = math.inf if retry.backoff_seconds else 0.0
    return min(wait, retry.max_seconds)


def recurs(code: int | None, message: str) -> bool:
    """Whether a failed task would fail again, so that it is not retried: its inputs or outputs do not match its interface.

    The code alone does not tell: a user's program may end with 2, too.
    """
    return code == CONTRACT_BROKEN and message.startswith("error[")


def reason(task: Tracked, exited: Exited) -> str:
    """The reason why an ended attempt failed."""
    if task.stopped == "timeout":
        return f"timed out after {task.run.node.options.timeout_seconds:g} s"
    if exited.message:
        return exited.message
    attempt = task.attempt
    said = attempt.message() if attempt is not None else ""
    code = exited.code or 0
    if said and code >= 0:
        return said + (attempt.referenced() if attempt is not None and code == 1 else "")
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
