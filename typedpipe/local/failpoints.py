"""Places at which a test lets this process die: what a power cut or a kill -9 does at the worst moment.

``TYPEDPIPE_FAILPOINT=NAME`` kills the process by SIGKILL when it reaches the place; ``NAME:3`` at the third time.

========================  ======================================================================
``object-frozen``         an artifact is read-only, and not yet at its place
``object-copied``         an artifact from another file system is copied, and not yet at its place
``object-placed``         an artifact is at its place, and its original may still be there
``rows-written``          the rows of a turn are written, and not yet committed
``rows-committed``        they are committed
``run-made``              a new run's folder is complete, and not yet at its place
``attempt-ended``         (engine) a task's process has ended, and nothing is recorded of that
``outputs-published``     (engine) its artifacts are objects, and its row is not written
========================  ======================================================================
"""

from __future__ import annotations

import os
import signal

_WANTED, _, _TIMES = os.environ.get("TYPEDPIPE_FAILPOINT", "").partition(":")
_left = [int(_TIMES) if _TIMES.isdecimal() else 1]


def reach(name: str) -> None:
    """Die here when the environment says so; nothing otherwise."""
    if name == _WANTED:
        _left[0] -= 1
        if not _left[0]:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
