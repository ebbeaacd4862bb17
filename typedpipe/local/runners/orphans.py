"""Orphans: processes and containers that outlived the engine which started them.

All processes of a run inherit its mark in their environment. During a run, its directory also has a file ``running``;
one that is left although no engine has the run indicates a kill. The next run and ``typedpipe resume`` look for it, and
kill all processes with that engine's mark.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from typedpipe.local.store.locks import is_running, read_engine
from typedpipe.local.store.root import Root

NONCE = "TYPEDPIPE_NONCE"
"""The variable of the mark: ``<nonce of the run>.<number>``, with a number for each process that starts tasks."""
ROUNDS = 100
TRACKER_SECONDS = 5.0
TRACKER = "resource_tracker import main"
"""Part of the command of Python's resource trackers, and of those of joblib."""
RUNNING = "running"


def kill_marked(mark: str) -> int:
    """Kill the processes with the mark, or a mark below it, until there are none; return their number.

    A process that forks during the search is found in the next round. ``psutil`` compares the start time before it
    kills, so that a process that has reused an id is left alone. Python's resource trackers, which remove the shared
    memory that killed processes leave, get time to end by themselves.
    """
    import psutil

    killed: set[int] = set()
    trackers_end = time.monotonic() + TRACKER_SECONDS
    for _ in range(ROUNDS):
        found = [process for process in psutil.process_iter() if _carries(process, mark)]
        if not found:
            break
        spared = [process for process in found if _tracks(process)] if time.monotonic() < trackers_end else []
        for process in found:
            killed.add(process.pid)
            try:
                if process not in spared:
                    process.kill()
            except psutil.Error:
                continue  # it has exited, or belongs to another user
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


def _tracks(process: object) -> bool:
    import psutil

    assert isinstance(process, psutil.Process)
    try:
        command = " ".join(process.cmdline())  # empty for an instant while a process is being started
    except psutil.Error:
        return False
    return not command or TRACKER in command


def reap(nonce: str) -> int:
    """Kill the orphaned processes and remove the orphaned containers of a dead engine; return their number.

    Args:
        nonce: The engine's nonce, as passed to :func:`launcher_for`. Nothing else is touched.
    """
    from typedpipe.local.runners.client import remove_labelled
    from typedpipe.local.runners.command import LABEL

    return kill_marked(nonce) + remove_labelled(f"{LABEL}={nonce}") if nonce else 0


def mark(folder: Path) -> None:
    """Mark the run in this directory as running."""
    with suppress(OSError):
        (folder / RUNNING).touch()


def unmark(folder: Path) -> None:
    """Remove the mark of a run that has ended without orphans."""
    with suppress(OSError):
        (folder / RUNNING).unlink()


def clean_up(root: Root) -> int:
    """Kill the orphans of runs whose engine has exited; return the number of processes and containers."""
    killed = 0
    for name in root.names():
        folder = os.path.join(root.path, "runs", name)
        if os.path.exists(os.path.join(folder, RUNNING)) and not is_running(folder):
            engine = read_engine(folder)
            if engine is not None and engine.here:
                killed += reap(engine.nonce)
            unmark(Path(folder))
    return killed
