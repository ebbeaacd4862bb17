"""What runs in a task's container. ``source_text`` is the text that travels there."""

from __future__ import annotations

import os
from functools import lru_cache

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "task.py")
"""The file of the runtime, which the local engine runs as ``python PATH JOB.json``."""

_QUOTES = '"""'


@lru_cache(maxsize=1)
def source_text() -> str:
    """The runtime as it travels: ``task.py`` without comments and docstrings, each line at its place.

    >>> source_text().count("{{")
    0
    """
    with open(PATH, encoding="utf-8") as file:
        lines = file.read().split("\n")
    out: list[str] = []
    inside = False
    for line in lines:
        text = line.strip()
        if inside:
            inside = not text.endswith(_QUOTES)
            out.append("")
        elif text.startswith(_QUOTES):
            inside = text.count(_QUOTES) == 1
            out.append(line[: len(line) - len(line.lstrip())] + '""')
        else:
            out.append(_without_comment(line, text))
    return "\n".join(out)


def _without_comment(line: str, text: str) -> str:
    if text.startswith("#"):
        return ""
    code, mark, comment = line.partition("  # ")
    return code if mark and '"' not in comment else line
