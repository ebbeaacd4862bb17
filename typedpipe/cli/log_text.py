"""Output of tasks and names of users, made safe for one line of a terminal."""

from __future__ import annotations

import re

from typedpipe.diagnostics.cells import shown

LONGEST = 4000
"""A line on the screen is truncated to this number of bytes; the log has it in full."""
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])"
)


def line_text(line: bytes) -> str:
    r"""A line of a log as the screen shows it: the text after its last ``\r``, without colors and control characters.

    >>> line_text(b"10%\r\x1b[31m20%\x1b[0m\x07\r")
    '20%␇'
    """
    last = line.rstrip(b"\r").rpartition(b"\r")[2]
    cut = last[:LONGEST].decode("utf-8", "replace")
    return shown(_ESCAPES.sub("", cut).expandtabs(4)) + ("…" if len(last) > LONGEST else "")


def last_line(tail: bytes) -> str:
    """The last line that is not empty."""
    for line in reversed(tail.rstrip().splitlines()):
        if text := line_text(line).strip():
            return text
    return ""


def seconds(time: float) -> str:
    """A human-readable duration.

    >>> seconds(0.04), seconds(75), seconds(3725)
    ('0.0 s', '1:15', '1:02:05')
    """
    if time < 60:
        return f"{max(0.0, time):.1f} s"
    minutes, rest = divmod(int(time), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
