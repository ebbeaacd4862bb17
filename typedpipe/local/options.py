"""How a pipeline is run here: not what."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

Runner: TypeAlias = Literal["process", "inprocess", "venv", "docker", "podman"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of a run, as ``typedpipe run`` and ``pipeline.run`` take them.

    >>> RunOptions(jobs=2).cache is None
    True
    """

    jobs: int | None = None
    """At most so many tasks at once; None: enough that waiting costs nothing, and cpu is what tasks ask for."""
    folder: Path | None = None
    """Where runs are kept; None: ``TYPEDPIPE_HOME``, else ``.typedpipe`` in the working directory."""
    name: str = ""
    """The run's name; made of the time and the pipeline's name when empty."""
    runner: Runner | None = None
    """How tasks are isolated; None: processes of this Python, with an environment or a container where one is needed."""
    timeout: float | None = None
    """Seconds for the whole run; then tasks are stopped, exit handlers run, and the run has failed."""
    grace: float = 5.0
    """Seconds between asking a task to end and killing it."""
    cache: bool | None = None
    """False: nothing is taken from earlier runs. True: also tasks without outputs are. None: as the DSL says, and
    tasks that have outputs."""
    fail_fast: bool = False
    """Stop at the first failure that nothing ignores; otherwise what does not depend on it goes on, as on Argo."""
    debug: bool = False
    """In process, one task at a time, with a debugger where an exception comes up."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables for every task; what a task sets itself wins."""

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
