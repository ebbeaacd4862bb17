"""Details of every task: inputs and outputs, attempts, and the last lines of its log."""

from __future__ import annotations

from typedpipe.ir import nodes as ir
from typedpipe.report.content import Content, Group, anchor, last_attempt
from typedpipe.report.logs import tail
from typedpipe.report.markup import Markup, tag
from typedpipe.report.states import look, pill, summary, worst
from typedpipe.report.values import table
from typedpipe.report.words import duration, moment
from typedpipe.runs.model import Task
from typedpipe.runs.paths import TaskPath, with_item

LINES, FEWER, MANY = 16, 5, 200
"""Number of lines of a log; of each log if there are many tasks."""


def tasks(content: Content) -> Markup | None:
    """All tasks, by node."""
    if not content.tasks:
        return None
    lines = LINES if len(content.tasks) <= MANY else FEWER
    return tag("div", [_group(content, group, lines) for group in content.groups], class_="tasks")


def _group(content: Content, group: Group, lines: int) -> Markup:
    if len(group.tasks) == 1:
        return _task(content, group.tasks[0], lines)
    counts = tag("span", [pill(state, f"{count:,}") for state, count in summary(group.tasks)], class_="counts")
    head = tag(
        "summary",
        pill(worst(group.tasks)),
        tag(
            "span", group.path, tag("b", f" \N{MULTIPLICATION SIGN}{len(group.tasks):,}", class_="times"), class_="name"
        ),
        tag("span", _component_name(content, group.tasks[0]), class_="quiet component"),
        counts,
    )
    inside = tag("div", [_task(content, task, lines) for task in group.tasks], class_="inside")
    return tag("details", head, inside, id=group.anchor, class_="group")


def _task(content: Content, task: Task, lines: int) -> Markup:
    took = ""
    if task.started is not None and not task.reused:
        took = duration((task.finished if task.finished is not None else content.ended) - task.started)
    tries = f"{len(task.attempts)} attempts" if len(task.attempts) > 1 else ""
    head = tag(
        "summary",
        pill(look(task)),
        tag("span", with_item(task.name, task.item), class_="name"),
        tag("span", _component_name(content, task), class_="quiet component"),
        tag("span", tries, class_="quiet") if tries else None,
        tag("span", took, class_="took"),
    )
    return tag(
        "details", head, tag("div", _body(content, task, lines), class_="inside"), id=anchor(task), class_="task"
    )


def _component(content: Content, task: Task) -> ir.Component | None:
    return content.pipeline.components.get(task.component) if content.pipeline is not None else None


def _component_name(content: Content, task: Task) -> str:
    found = _component(content, task)
    name = found.name if found is not None else task.component
    plain = TaskPath.parse(task.name).name
    return "" if name.replace("_", "-") == plain else name


def _body(content: Content, task: Task, lines: int) -> list[Markup | None]:
    found = _component(content, task)
    return [
        tag("p", task.message, class_="message") if task.message else None,
        tag("p", found.description, class_="quiet") if found is not None and found.description else None,
        tag("div", _side("Inputs", table(task.inputs)), _side("Outputs", table(task.outputs)), class_="sides"),
        _attempts(task),
        _facts(content, task, found),
        log(content, task, lines),
    ]


def _side(title: str, rows: Markup | None) -> Markup | None:
    return tag("div", tag("h4", title), tag("div", rows, class_="scroll")) if rows is not None else None


def _attempts(task: Task) -> Markup | None:
    if len(task.attempts) < 2:
        return None
    head = tag(
        "tr",
        [tag("th", text, scope="col") for text in ("attempt", "state", "started", "duration", "exit code", "message")],
    )
    body = [
        tag(
            "tr",
            tag("td", str(attempt.number)),
            tag("td", pill(attempt.state.lower())),
            tag("td", moment(attempt.started)),
            tag("td", duration(attempt.finished - attempt.started) if attempt.finished is not None else ""),
            tag("td", "" if attempt.exit_code is None else str(attempt.exit_code)),
            tag("td", attempt.message),
        )
        for attempt in task.attempts
    ]
    return tag("div", tag("table", tag("thead", head), tag("tbody", body)), class_="scroll")


def _facts(content: Content, task: Task, component: ir.Component | None) -> Markup | None:
    facts: list[tuple[str, str]] = []
    if task.started is not None:
        facts.append(("started", moment(task.started)))
        ready = content.ready.get(task.name)
        if ready is not None and task.started - ready.time > 0.1:
            facts.append(("waited", duration(task.started - ready.time) + " in the queue"))
    if task.source_run:
        facts.append(("reused from", task.source_run))
    if task.exit_code:
        facts.append(("exit code", str(task.exit_code)))
    if component is not None and component.span.line:
        facts.append(("declared at", f"{component.span.file}:{component.span.line}"))
    if task.key:
        facts.append(("cache key", task.key[:16]))
    if not facts:
        return None
    return tag("dl", [tag("div", tag("dt", name), tag("dd", text)) for name, text in facts], class_="facts")


def log(content: Content, task: Task, lines: int) -> Markup | None:
    """End of the log of a task's last attempt."""
    last = last_attempt(task)
    if last is None:
        return None
    text, more = tail(content.source, content.run, task.name, last.number, lines)
    if not text:
        return None
    title = tag("div", f"{'end of ' if more else ''}log", tag("code", last.log, class_="place"), class_="log-head")
    return tag("div", title, tag("pre", text, class_="log"), class_="log-box")
