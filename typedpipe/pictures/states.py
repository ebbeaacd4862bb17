"""States of a run in the picture of its pipeline: those of tasks, and the combined ones of groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from typedpipe.runs.model import Mark

_ORDER: tuple[Mark, ...] = ("failed", "running", "canceled", "waiting", "succeeded", "reused", "omitted")
"""The state of a group whose tasks differ is the first of these that one of them has."""


@dataclass(frozen=True, slots=True)
class State:
    """The mark of a box, and a short text on it: ``12/40``, ``3.2 s``."""

    mark: Mark
    note: str = ""


def together(marks: Iterable[Mark]) -> Mark:
    """Combine the states of several tasks.

    >>> together(["succeeded", "running"])
    'running'
    """
    found = set(marks)
    if "waiting" in found and found & {"succeeded", "reused"} and "failed" not in found:
        return "running"
    for mark in _ORDER:
        if mark in found:
            return mark
    return "waiting"
