"""Options that control how a pipeline is run locally."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from typedpipe.runs.engine import Options

Runner: TypeAlias = Literal["process", "inprocess", "venv", "docker", "podman"]


@dataclass(frozen=True, slots=True)
class RunOptions(Options):
    """The options of a run, as accepted by ``typedpipe run`` and ``pipeline.run``.

    >>> RunOptions(jobs=2).cache is None
    True
    """

    folder: Path | None = None
    """Directory of the store. Default: ``TYPEDPIPE_HOME``, or ``.typedpipe`` in the working directory."""
    runner: Runner | None = None
    """Isolation of tasks; None: processes of this Python, with a virtual environment or container where needed."""
    grace: float = 5.0
    """Seconds between asking a task to end and killing it."""
    debug: bool = False
    """Run in process, one task at a time; a debugger opens where an exception is raised."""

    @property
    def chosen_runner(self) -> Runner | None:
        """The runner, which ``debug`` determines."""
        return "inprocess" if self.debug else self.runner

    @property
    def slots(self) -> int:
        """Maximum number of concurrent tasks, as a number."""
        from typedpipe.local.scheduling.limits import default_jobs

        if self.debug:
            return 1
        return max(1, self.jobs) if self.jobs is not None else default_jobs()
