"""Valid names of runs."""

from __future__ import annotations

import re
from pathlib import Path

from typedpipe.runs.problems import problem
from typedpipe.runs.source import LAST

LONGEST = 100
VALID_NAME = (
    f"at most {LONGEST} letters, digits and `_.@+=-`, starts with a letter, a digit or `_`, and is not `{LAST}`"
)
"""The rule for names, to follow "a name has"."""
_NAME = re.compile(rf"\w[\w.@+=-]{{0,{LONGEST - 1}}}")


def is_name(name: str) -> bool:
    """Whether a run can have this name: it is a directory, is typed as RUN/TASK, and is pasted into shells.

    >>> is_name("nightly-7"), is_name("a b"), is_name("last")
    (True, False, False)
    """
    return _NAME.fullmatch(name) is not None and name != LAST


def check_name(name: str, folder: Path) -> None:
    """Reject an invalid name of a new run.

    Raises:
        PipelineError: TP611.
    """
    if not is_name(name):
        raise problem("TP611", f"{name!r} is not a valid name for a run", help=f"a name has {VALID_NAME}")
    if folder.exists():
        raise problem(
            "TP611",
            f"a run named `{name}` already exists in `{folder.parent.parent}`",
            help=f"choose another name, or remove the run with `typedpipe runs rm {name}`",
        )
