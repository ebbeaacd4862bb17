"""Tracebacks in logs of tasks."""

from __future__ import annotations

import os
import re

from typedpipe.local.store.regular import regular

READ = 1 << 16
"""Number of bytes at the end of a log in which a traceback is looked for."""
_START = re.compile(r"^(Traceback|  \+ Exception Group Traceback) \(most recent call last\):$", re.MULTILINE)
_CHAINED = ("During handling of the above exception, another exception occurred:",
            "The above exception was the direct cause of the following exception:")  # fmt: skip


def traceback_in(log: str | os.PathLike[str] | None) -> str:
    """The traceback at the end of a log, with the exceptions that led to it; "" if there is none."""
    if log is None:
        return ""
    try:
        with open(log, "rb", opener=regular) as file:
            file.seek(max(0, os.path.getsize(log) - READ))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    starts = [match.start() for match in _START.finditer(text)]
    while len(starts) > 1 and text[: starts[-1]].rstrip().endswith(_CHAINED):
        starts.pop()
    return text[starts[-1] :].rstrip() if starts else ""
