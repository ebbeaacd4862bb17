"""Last lines of a log as plain text, as a terminal would show them, without its control sequences."""

from __future__ import annotations

import re

from typedpipe.runs.model import Run
from typedpipe.runs.source import RunSource, read_log

WINDOW = 1 << 15
"""Number of bytes read from the end of a log."""
LONGEST = 2000
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colors, moves
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\x9c|$)"  # titles, links, private strings
    r"|\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-~]",
    re.M,
)


def tail(source: RunSource, run: Run, task: str, attempt: int, lines: int) -> tuple[str, bool]:
    """The last lines, and whether there were more before them. A missing log is empty."""
    try:
        start = max(0, source.log_size(run, task, attempt) - WINDOW)
        data = read_log(source, run, task, attempt, (start, WINDOW))
    except OSError:
        return "", False
    whole = plain(data.decode("utf-8", "replace")).rstrip("\n").split("\n")
    if start and len(whole) > 1:
        del whole[0]  # a part of a line
    return "\n".join(cut(line) for line in whole[-lines:]), bool(start) or len(whole) > lines


def plain(text: str) -> str:
    r"""Remove escape sequences; of an overwritten line, keep the last text.

    >>> plain("\x1b[31mred\x1b[0m\n 10%\r 90%\r\n\x1b]0;title\x07end")
    'red\n 90%\nend'
    """
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))


def cut(text: str, longest: int = LONGEST) -> str:
    """Truncate a very long text.

    >>> cut("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"
