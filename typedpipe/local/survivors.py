"""Processes that outlived those who started them, found by the mark that all processes of a run inherit."""

from __future__ import annotations

import os
import time

NONCE = "TYPEDPIPE_NONCE"
"""The variable of the mark: ``<nonce of the run>.<number>``, a number for each process that starts tasks."""
ROUNDS = 100


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
