"""Orphans: processes and containers that outlived the engine which started them.

All processes of a run inherit its mark in their environment. While a run goes on, its folder also has a file
``running``; one that is there though no engine has the run tells of a kill. The next run and ``typedpipe resume`` look
for it, and kill what carries that engine's mark.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from typedpipe.local.store.locks import is_running, read_engine
from typedpipe.local.store.root import Root

NONCE = "TYPEDPIPE_NONCE"
"""The variable of the mark: ``<nonce of the run>.<number>``, a number for each process that starts tasks."""
ROUNDS = 100
RUNNING = "running"


def kill_marked(mark: str) -> int:
    """Kill the processes that carry the mark, or a mark below it, until there are none; how many there were.

    A process that forks while it is looked for is found the next time round. ``psutil`` compares the start time before
    it kills, so that a number that has become another process's is left alone.
    """
    import psutil

    killed: set[int] = set()
    for _ in range(ROUNDS):
        found = [process for process in psutil.process_iter() if _carries(process, mark)]
        if not found:
            break
        for process in found:
            killed.add(process.pid)
            try:
                process.kill()
            except psutil.Error:
                continue  # gone, or another user's
        psutil.wait_procs(found, timeout=0.05)
        time.sleep(0.005)
    return len(killed)


def _carries(process: object, mark: str) -> bool:
    import psutil

    assert isinstance(process, psutil.Process)
    if process.pid == os.getpid():
        return False
    try:
        value = process.environ().get(NONCE, "")
        return (value == mark or value.startswith(mark + ".")) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def reap(nonce: str) -> int:
    """Kill the processes and remove the containers that a dead engine left; how many there were.

    Args:
        nonce: The engine's, as it was given to :func:`launcher_for`. Nothing else is touched.
    """
    from typedpipe.local.runners.client import remove_labelled
    from typedpipe.local.runners.command import LABEL

    return kill_marked(nonce) + remove_labelled(f"{LABEL}={nonce}") if nonce else 0


def mark(folder: Path) -> None:
    """The run in this folder goes on."""
    with suppress(OSError):
        (folder / RUNNING).touch()


def unmark(folder: Path) -> None:
    """It is over, and has left nothing."""
    with suppress(OSError):
        (folder / RUNNING).unlink()


def clean_up(root: Root) -> int:
    """Kill what is left of runs whose engine is gone; how many processes and containers that were."""
    killed = 0
    for name in root.names():
        folder = os.path.join(root.path, "runs", name)
        if os.path.exists(os.path.join(folder, RUNNING)) and not is_running(folder):
            engine = read_engine(folder)
            if engine is not None and engine.here:
                killed += reap(engine.nonce)
            unmark(Path(folder))
    return killed
