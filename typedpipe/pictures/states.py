"""The states of a run on the picture of its pipeline: each task's own, and what a group's tasks come to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Mark: TypeAlias = Literal["waiting", "running", "succeeded", "failed", "omitted", "canceled", "reused"]
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


COLOURS: Mapping[Mark, tuple[str, str, str]] = {
    "waiting": ("#8c959f", "#f6f8fa", "#161b22"),
    "running": ("#0969da", "#ddf4ff", "#0c2d6b"),
    "succeeded": ("#1a7f37", "#dafbe1", "#0f3d1e"),
    "reused": ("#1a7f37", "#eefcf1", "#0f2a18"),
    "failed": ("#cf222e", "#ffebe9", "#5d1016"),
    "canceled": ("#9a6700", "#fff8c5", "#3b2a06"),
    "omitted": ("#8c959f", "#ffffff", "#0d1117"),
}
"""Of each mark: the border, the fill on a light page and on a dark one."""
