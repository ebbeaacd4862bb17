"""The states of a run on the picture of its pipeline: each task's own, and what a group's tasks come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from typedpipe.runs.model import Mark

_ORDER: tuple[Mark, ...] = ("failed", "running", "canceled", "waiting", "succeeded", "reused", "omitted")
"""What a group is, when its tasks differ: the first of these that is among them."""


@dataclass(frozen=True, slots=True)
class State:
    """How a box is marked, and a word on it: ``12/40``, ``3.2 s``."""

    mark: Mark
    note: str = ""


def together(marks: Iterable[Mark]) -> Mark:
    """What several tasks come to.

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
