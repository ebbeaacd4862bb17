"""Failpoints at which a test kills this process: the effect of a power cut or a kill -9 at the worst moment.

``TYPEDPIPE_FAILPOINT=NAME`` kills the process with SIGKILL when it reaches the failpoint; ``NAME:3`` the third time.

* ``object-owned``: an artifact is the store's, but not yet at its final path
* ``object-copied``: an artifact from another file system is copied, but not yet at its final path
* ``object-placed``: an artifact is at its final path, and its original may still exist
* ``rows-written``: the rows of a turn are written, but not yet committed
* ``rows-committed``: these rows are committed
* ``run-made``: a new run's directory is complete, but not yet at its final path
* ``attempt-ended``: (engine) a task's process has ended, but nothing is recorded
* ``outputs-published``: (engine) its artifacts are objects, but its row is not written
"""

from __future__ import annotations

import os
import signal

_WANTED, _, _TIMES = os.environ.get("TYPEDPIPE_FAILPOINT", "").partition(":")
_left = [int(_TIMES) if _TIMES.isdecimal() else 1]


def reach(name: str) -> None:
    """Kill this process if the environment says so; otherwise do nothing."""
    if name == _WANTED:
        _left[0] -= 1
        if not _left[0]:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
