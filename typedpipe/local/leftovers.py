"""What an engine left that was killed together with the process that starts its tasks.

While a run goes on, its folder has a file ``running``. One that is there though no engine has the run tells of a kill;
what carries that engine's mark is then killed. The next run and ``typedpipe resume`` look for it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from typedpipe.local.store.locks import is_running, read_engine
from typedpipe.local.store.root import Root

MARK = "running"


def mark(folder: Path) -> None:
    """The run in this folder goes on."""
    with suppress(OSError):
        (folder / MARK).touch()


def unmark(folder: Path) -> None:
    """It is over, and has left nothing."""
    with suppress(OSError):
        (folder / MARK).unlink()


def clean_up(root: Root) -> int:
    """Kill what is left of runs whose engine is gone; how many processes and containers that were."""
    killed = 0
    for name in root.names():
        folder = os.path.join(root.path, "runs", name)
        if os.path.exists(os.path.join(folder, MARK)) and not is_running(folder):
            engine = read_engine(folder)
            if engine is not None and engine.here:
                from typedpipe.local.runners import reap

                killed += reap(engine.nonce)
            unmark(Path(folder))
    return killed
