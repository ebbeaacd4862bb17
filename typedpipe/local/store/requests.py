"""Requests to the engine of a run, from other processes: files in the run's directory that the engine consumes.

A signal would not do: shells start background jobs, and ``nohup`` its commands, with Ctrl-C ignored.
"""

from __future__ import annotations

import os
from typing import Literal, TypeAlias

Request: TypeAlias = Literal["cancel", "kill"]


def request(folder: str, what: Request) -> None:
    """Leave a request for the engine that has the run.

    Raises:
        OSError: the run's directory cannot be written.
    """
    with open(_path(folder, what), "wb"):
        pass


def take_request(folder: str) -> Request | None:
    """Consume the strongest request; None if there is none. One that is consumed is not seen by anybody else."""
    return "kill" if withdraw(folder, "kill") else "cancel" if withdraw(folder, "cancel") else None


def requested(folder: str, what: Request) -> bool:
    """Whether the engine has not consumed this request yet."""
    return os.path.exists(_path(folder, what))


def withdraw(folder: str, what: Request) -> bool:
    """Remove a request; return whether it was still there, that is, whether the engine has not consumed it."""
    try:
        os.unlink(_path(folder, what))
    except OSError:
        return False
    return True


def _path(folder: str, what: Request) -> str:
    return os.path.join(folder, f"{what}.request")
