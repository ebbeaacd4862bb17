"""Tracebacks of errors that users see: without the frames of typedpipe."""

from __future__ import annotations

import os
import traceback
from types import TracebackType

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def users_traceback(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of typedpipe; unchanged if nothing would be left."""
    kept: list[TracebackType] = []
    step = trace
    while step is not None:
        if not step.tb_frame.f_code.co_filename.startswith(_OURS):
            kept.append(step)
        step = step.tb_next
    found: TracebackType | None = None
    for each in reversed(kept):
        found = TracebackType(found, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return found or trace


def notebook_lines(error: BaseException) -> list[str]:
    """The lines that a notebook shows for an error, for ``_render_traceback_``."""
    trace = users_traceback(error.__traceback__)
    text = "".join(traceback.format_exception(type(error), error.with_traceback(trace), trace, chain=False))
    return text.rstrip("\n").split("\n")
