"""How a pipeline is run here: not what."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from typedpipe.runs.engine import Options

Runner: TypeAlias = Literal["process", "inprocess", "venv", "docker", "podman"]


@dataclass(frozen=True, slots=True)
class RunOptions(Options):
    """The options of a run, as ``typedpipe run`` and ``pipeline.run`` take them.

    >>> RunOptions(jobs=2).cache is None
    True
    """

    folder: Path | None = None
    """Where runs are kept; None: ``TYPEDPIPE_HOME``, else ``.typedpipe`` in the working directory."""
    runner: Runner | None = None
    """How tasks are isolated; None: processes of this Python, with an environment or a container where one is needed."""
    grace: float = 5.0
    """Seconds between asking a task to end and killing it."""
    debug: bool = False
    """In process, one task at a time, with a debugger where an exception comes up."""

    @property
    def chosen_runner(self) -> Runner | None:
        """The runner, which ``debug`` sets."""
        return "inprocess" if self.debug else self.runner

    @property
    def slots(self) -> int:
        """At most so many tasks at once, as a number."""
        if self.debug:
            return 1
        return max(1, self.jobs if self.jobs is not None else max(8, 2 * (os.cpu_count() or 1)))
