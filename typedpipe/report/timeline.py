"""Timeline of waiting and running tasks: one row each, loops folded; bars in percent of the width, for any screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from typedpipe.report.axis import Axis, axis
from typedpipe.report.content import Content, Group, anchor, began, took
from typedpipe.report.markup import Markup, joined, tag
from typedpipe.report.states import SIGNS, WORDS, look, worst
from typedpipe.report.words import counted, duration, tick
from typedpipe.runs.model import Task

FOLDED = 4
"""The tasks of a node are folded into one row if there are more than this."""
_LANES = 12
_HIGH = 22.0


def timeline(content: Content) -> Markup | None:
    """The chart, with the critical path in words."""
    groups = [group for group in content.groups if any(began(task) is not None for task in group.tasks)]
    if not groups:
        return None
    chart = _Chart(content, time_axis(content), frozenset(content.critical))
    rows = [chart.group(group) for group in groups]
    return joined(_critical(content), tag("div", chart.grid(), chart.head(), rows, class_="gantt"), _legend(content))


@dataclass(frozen=True, slots=True)
class _Chart:
    content: Content
    axis: Axis
    critical: frozenset[str]

    def grid(self) -> Markup:
        lines = [
            tag("line", x1=_percent(x), x2=_percent(x), y1="0", y2="100%", class_="grid") for _, x in self.axis.ticks()
        ]
        cuts = [
            tag("line", x1=_percent(x), x2=_percent(x), y1="0", y2="100%", class_="cut") for x, _ in self.axis.cuts()
        ]
        return tag("div", tag("span"), tag("svg", lines, cuts), tag("span"), class_="gridlines row", aria_hidden="true")

    def head(self) -> Markup:
        marks = [
            tag(
                "text",
                tick(seconds),
                x=_percent(x),
                y="14",
                class_="tick" if x < 1 else "tick mid",
            )
            for seconds, x in self.axis.ticks()
            if x < 98
        ]
        marks += [
            tag(
                "text",
                "⋯",
                tag("title", f"idle for {duration(gone)}"),
                x=_percent(x),
                y="14",
                class_="tick mid",
            )
            for x, gone in self.axis.cuts()
        ]
        return tag("div", tag("span"), tag("svg", marks, height="22"), tag("span"), class_="row head")

    def group(self, group: Group) -> Markup:
        if len(group.tasks) <= FOLDED:
            return joined([self.task(task) for task in group.tasks])
        times = [(start, self.end(task)) for task in group.tasks if (start := began(task)) is not None]
        whole = duration(max(end for _, end in times) - min(start for start, _ in times))
        critical = any(task.name in self.critical for task in group.tasks)
        label = tag(
            "span",
            tag("span", SIGNS.get(worst(group.tasks), ""), class_=f"sign s-{worst(group.tasks)}"),
            group.path,
            tag("b", f" \N{MULTIPLICATION SIGN}{len(group.tasks):,}", class_="times"),
            class_=f"label{' critical' if critical else ''}",
            title=group.path,
        )
        summary = tag("summary", label, self._lanes(group.tasks), tag("span", whole, class_="took"), class_="row")
        return tag("details", summary, [self.task(task) for task in group.tasks], class_="fold")

    def task(self, task: Task) -> Markup:
        critical = " critical" if task.name in self.critical else ""
        label = tag(
            "a",
            tag("span", SIGNS.get(look(task), ""), class_=f"sign s-{look(task)}"),
            task.name,
            class_=f"label{critical}",
            href=f"#{anchor(task)}",
            title=task.name,
        )
        ran = duration(self.end(task) - task.started) if task.started is not None and not task.reused else ""
        return tag("div", label, self._bars(task, critical), tag("span", ran, class_="took"), class_="row")

    def end(self, task: Task) -> float:
        return task.finished if task.finished is not None else max(self.content.ended, task.started or 0.0)

    def _bars(self, task: Task, critical: str) -> Markup:
        if task.reused:
            return tag("svg", self._reused(task), height=_HIGH)
        parts: list[Markup] = []
        if task.started is not None:
            ready = self.content.ready.get(task.name)
            if ready is not None and ready.time < task.started:
                parts.append(
                    self._bar(ready.time, task.started, "waiting", f"queued for {duration(task.started - ready.time)}")
                )
            parts += self._attempts(task, critical)
        return tag("svg", parts, height=_HIGH)

    def _reused(self, task: Task) -> list[Markup]:
        start = began(task) or 0.0
        said = f"{task.name}: reused from {task.source_run or 'an earlier run'}"
        x = self.axis.at(start)
        text = tag("text", "↻", tag("title", said), x=_percent(x), y="16", class_="again" + (" end" if x > 97 else ""))
        return [text]

    def _attempts(self, task: Task, critical: str) -> list[Markup]:
        parts: list[Markup] = []
        attempts = sorted(task.attempts, key=lambda attempt: attempt.number)
        before: float | None = None
        for attempt in attempts:
            end = attempt.finished if attempt.finished is not None else self.end(task)
            if before is not None and before < attempt.started:
                said = f"waited {duration(attempt.started - before)} before attempt {attempt.number}"
                parts.append(self._bar(before, attempt.started, "backoff", said))
            tries = f", attempt {attempt.number}" if len(attempts) > 1 else ""
            said = f"{task.name}{tries}: {attempt.state.lower()} after {duration(end - attempt.started)}"
            parts.append(self._bar(attempt.started, end, f"bar s-{attempt.state.lower()}{critical}", said))
            before = end
        if not attempts and task.started is not None:
            said = f"{task.name}: {look(task)} after {duration(self.end(task) - task.started)}"
            parts.append(self._bar(task.started, self.end(task), f"bar s-{look(task)}{critical}", said))
        return parts

    def _bar(self, start: float, end: float, style: str, said: str) -> Markup:
        left, right = self.axis.at(start), self.axis.at(end)
        thin = style in ("waiting", "backoff")
        place = {"y": "9" if thin else "4", "height": "4" if thin else "14", "rx": "2" if thin else "3"}
        return tag("rect", tag("title", said), x=_percent(left), width=_percent(right - left), class_=style, **place)

    def _lanes(self, tasks: Sequence[Task]) -> Markup:
        """All tasks of a loop in one row: each in the first free lane."""
        free: list[float] = []
        placed: list[tuple[int, Task]] = []
        for task in sorted(tasks, key=lambda task: began(task) or 0.0):
            start = began(task)
            if start is None:
                continue
            lane = next((number for number, until in enumerate(free) if until <= start), len(free))
            if lane == len(free):
                free.append(0.0)
            free[lane] = self.end(task)
            placed.append((lane % _LANES, task))
        count = min(max(len(free), 1), _LANES)
        each = max(4.0, min(8.0, (_HIGH - 4) / count))
        high = max(_HIGH, each * count + 6)
        top = (high - each * count) / 2
        bars = [
            tag(
                "rect",
                x=_percent(self.axis.at(began(task) or 0.0)),
                width=_percent(self.axis.at(self.end(task)) - self.axis.at(began(task) or 0.0)),
                y=top + lane * each,
                height=each - 1,
                class_=f"bar thin s-{look(task)}{' critical' if task.name in self.critical else ''}",
            )
            for lane, task in placed
        ]
        return tag("svg", bars, height=high)


def time_axis(content: Content) -> Axis:
    """Time axis of all running tasks."""
    busy = [
        (start, content.ended if task.finished is None else task.finished)
        for task in content.tasks
        if (start := began(task)) is not None
    ]
    return axis(content.begun, content.ended, busy)


def _percent(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"


def _critical(content: Content) -> Markup | None:
    """The critical path, which determined the duration of the run."""
    tasks = {task.name: task for task in content.tasks}
    path = [tasks[name] for name in content.critical]
    if not path:
        return None
    ran = sum(took(task) for task in path)
    steps: list[Markup] = []
    shown = path if len(path) <= 12 else [*path[:6], *path[-6:]]
    for number, task in enumerate(shown):
        if len(path) > len(shown) and number == 6:
            steps.append(tag("li", f"{len(path) - len(shown):,} more", class_="quiet"))
        said = "reused" if task.reused else duration(took(task))
        steps.append(tag("li", tag("a", task.name, href=f"#{anchor(task)}"), " ", tag("span", said, class_="quiet")))
    whole = duration(content.took)
    said = f"Critical path: {counted(len(path), 'task')} in sequence, running for {duration(ran)} of {whole}."
    return tag("div", tag("p", said), tag("ol", steps, class_="path"), class_="lead")


def _legend(content: Content) -> Markup:
    states = {look(task) for task in content.tasks if began(task) is not None}
    states |= {attempt.state.lower() for task in content.tasks for attempt in task.attempts}
    order = [state for state in SIGNS if state in states]
    items = [tag("li", tag("i", class_=f"key s-{state}"), WORDS.get(state, state)) for state in order]
    items.append(tag("li", tag("i", class_="key waiting"), "queued"))
    if any(len(task.attempts) > 1 for task in content.tasks):
        items.append(tag("li", tag("i", class_="key backoff"), "waiting for a retry"))
    if content.critical:
        items.append(tag("li", tag("i", class_="key off"), "lighter: not on the critical path"))
    return tag("ul", items, class_="legend")
