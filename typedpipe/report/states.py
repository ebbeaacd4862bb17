"""Appearance of states: each has a word and a sign, so that no color needs to be distinguished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from typedpipe.report.markup import Markup, tag
from typedpipe.runs.model import LOOKS, Mark, Task

_MARKS: tuple[Mark, ...] = ("succeeded", "reused", "failed", "running", "canceled", "interrupted", "omitted")
SIGNS: Mapping[str, str] = {mark: LOOKS[mark].page_sign for mark in _MARKS}
WORDS: Mapping[str, str] = {mark: LOOKS[mark].word for mark in _MARKS}
_ORDER = ("failed", "running", "succeeded", "reused", "canceled", "omitted")


def look(task: Task) -> str:
    """CSS class of a task's state: its name, or ``reused`` if no process ran for it."""
    return "reused" if task.reused else task.state.lower()


def pill(state: str, text: str = "") -> Markup:
    """A state with its sign and word."""
    word = text or WORDS.get(state, state)
    return tag(
        "span", tag("span", SIGNS.get(state, "•"), class_="sign", aria_hidden="true"), word, class_=f"pill s-{state}"
    )


def summary(tasks: Iterable[Task]) -> list[tuple[str, int]]:
    """Number of tasks of each appearance, the worst first."""
    counts = Counter(look(task) for task in tasks)
    return [(state, counts[state]) for state in _ORDER if counts[state]]


def worst(tasks: Iterable[Task]) -> str:
    """The appearance that represents several tasks."""
    states = {look(task) for task in tasks}
    for state in ("failed", "running", "canceled", "omitted"):
        if state in states and (state != "omitted" or states == {"omitted"}):
            return state
    return "reused" if states == {"reused"} else "succeeded" if states else "none"
