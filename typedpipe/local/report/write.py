"""Reports as files."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from typedpipe.local.report.content import read_content
from typedpipe.local.report.page import page
from typedpipe.local.store.model import StoredRun, StoredTask


def render_report(run: StoredRun, tasks: Sequence[StoredTask]) -> str:
    """The report of a run: one HTML page that loads nothing.

    Args:
        run: The run; it may still be going on.
        tasks: Its tasks, in any order.
    """
    return page(read_content(run, tasks))


def write_report(run: StoredRun, tasks: Sequence[StoredTask], path: Path) -> None:
    """Write the report of a run; the file is replaced as a whole.

    Raises:
        OSError: it cannot be written.
    """
    text = render_report(run, tasks)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
