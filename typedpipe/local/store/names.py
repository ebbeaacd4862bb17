"""Valid names of runs."""

from __future__ import annotations

import re
from pathlib import Path

from typedpipe.runs.problems import problem
from typedpipe.runs.source import LAST

_NAME = re.compile(r"\w[\w.@+=-]{0,99}")
"""Names of runs are directories, are typed as RUN/TASK, and are printed to be pasted into a shell."""


def check_name(name: str, folder: Path) -> None:
    """Reject an invalid name of a new run.

    Raises:
        PipelineError: TP611.
    """
    if not _NAME.fullmatch(name) or name == LAST:
        help_ = "a name has at most 100 letters, digits and `_.@+=-`, starts with a letter, a digit or `_`, and is not `last`"
        raise problem("TP611", f"{name!r} is not a valid name for a run", help=help_)
    if folder.exists():
        raise problem(
            "TP611",
            f"a run named `{name}` already exists in `{folder.parent.parent}`",
            help=f"choose another name, or remove the run with `typedpipe runs rm {name}`",
        )
