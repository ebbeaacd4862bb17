"""Reports as text and as files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from typedpipe.local.report.content import read_content
from typedpipe.local.report.page import page
from typedpipe.local.store.model import StoredRun, StoredTask

NAME = "report.html"
"""The report in a run's own folder."""


def render_report(run: StoredRun, tasks: Sequence[StoredTask] | None = None) -> str:
    """The report of a run: one HTML page that loads nothing from anywhere.

    Args:
        run: The run; it may still be going on.
        tasks: Its tasks, in any order; those that its index has when None.

    Raises:
        PipelineError: TP604, the index of the run is damaged.
    """
    if tasks is None:
        from typedpipe.local.store.index import tasks as stored_tasks

        tasks = stored_tasks(run)
    return page(read_content(run, tasks))


def write_report(run: StoredRun, path: Path | None = None) -> Path:
    """Write the report of a run, and say where; a file that is there is replaced as a whole.

    Args:
        run: The run, as ``open_root(...).run(...)`` gives it.
        path: The file; ``report.html`` in the folder of the run when None.

    Raises:
        PipelineError: TP604, the index of the run is damaged; TP601, the file cannot be written.
    """
    target = Path(os.path.abspath(path or run.folder / NAME))
    raw = render_report(run).encode("utf-8")
    scratch = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
    try:
        scratch.write_bytes(raw)
        scratch.replace(target)
    except OSError as error:
        from typedpipe.local.store.problems import os_problem

        scratch.unlink(missing_ok=True)
        raise os_problem(target, error) from None
    return target
