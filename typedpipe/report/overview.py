"""Top of a report: the run's name, result, errors, arguments and outputs."""

from __future__ import annotations

from shlex import quote

from typedpipe.report.content import Content, anchor
from typedpipe.report.markup import Markup, joined, tag
from typedpipe.report.states import SIGNS, WORDS, pill, summary
from typedpipe.report.tasks import log
from typedpipe.report.values import parameter, table, value
from typedpipe.report.words import counted, duration, machine_time, moment
from typedpipe.runs.model import Task, retries

FAILURES = 5
"""Maximum number of failed tasks shown with their logs."""
LINES = 40


def header(content: Content) -> Markup:
    """Name, state, times and counts."""
    run = content.run
    took = duration(content.took)
    going = " so far" if run.state == "RUNNING" else ""
    when = tag("time", moment(run.created), datetime=machine_time(run.created))
    description = content.pipeline.description if content.pipeline is not None else ""
    return tag(
        "header",
        tag("div", tag("h1", run.pipeline), pill(run.state.lower()), class_="title-line"),
        tag("p", description, class_="description") if description else None,
        tag("p", tag("code", run.name), " · started ", when, class_="quiet"),
        tag("div", _tiles(content, took + going), class_="tiles"),
    )


def _tiles(content: Content, took: str) -> list[Markup]:
    counts = dict(summary(content.tasks))
    ran = [task for task in content.tasks if task.attempts]
    again = sum(retries(task.attempts) for task in ran)
    compute = sum((task.finished or content.ended) - task.started for task in ran if task.started is not None)
    tiles = [_tile(took, "duration"), _tile(f"{len(content.tasks):,}", "task" if len(content.tasks) == 1 else "tasks")]
    tiles += [
        _tile(f"{counts[state]:,}", WORDS.get(state, state), state)
        for state in ("failed", "running", "reused", "canceled", "omitted")
        if counts.get(state)
    ]
    if again:
        tiles.append(_tile(f"{again:,}", "retry" if again == 1 else "retries"))
    if compute:
        tiles.append(_tile(duration(compute), "total task time"))
    return tiles


def _tile(figure: str, what: str, state: str = "") -> Markup:
    sign = tag("span", SIGNS[state], class_=f"sign s-{state}") if state else None
    return tag("div", tag("b", figure), tag("span", sign, what), class_="tile")


def failures(content: Content) -> Markup | None:
    """Reasons why the run did not succeed: its message, and the failed tasks in the order of their ends."""
    failed = content.failed
    told = content.run.message
    if not failed and not (told and content.run.state != "SUCCEEDED"):
        return None
    if failed and any(told == f"{task.name}: {task.message}" for task in failed):
        told = ""
    cards = [_failure(content, task) for task in failed[:FAILURES]]
    rest = [tag("li", tag("a", task.name, href=f"#{anchor(task)}"), " ", task.message) for task in failed[FAILURES:200]]
    more = (
        tag("div", tag("p", f"{counted(len(failed) - FAILURES, 'more task')} failed:"), tag("ul", rest))
        if rest
        else None
    )
    return joined(tag("p", told, class_="message") if told else None, cards, more)


def _failure(content: Content, task: Task) -> Markup:
    tries = f"after {counted(len(task.attempts), 'attempt')}" if len(task.attempts) > 1 else ""
    code = "" if task.exit_code is None else f"exit code {task.exit_code}"
    said = ", ".join(part for part in (tries, code) if part)
    head = tag("h3", tag("a", task.name, href=f"#{anchor(task)}"), tag("span", said, class_="quiet") if said else None)
    return tag(
        "div",
        head,
        tag("p", task.message, class_="message"),
        log(content, task, LINES),
        _next(content, task),
        class_="failure",
    )


def _next(content: Content, task: Task) -> Markup | None:
    """The command that shows more, if a process ran."""
    if not task.attempts:
        return None
    place = quote(f"{content.run.name}/{task.name}")
    commands = (f"typedpipe logs {place}", f"typedpipe spin {place} --debug")
    words = ("print the complete log", "debug the task on the same inputs")
    return tag(
        "dl",
        [(tag("dt", tag("code", each)), tag("dd", word)) for each, word in zip(commands, words, strict=True)],
        class_="next",
    )


def values(content: Content) -> Markup | None:
    """Outputs and arguments, side by side."""
    outputs = table(content.run.outputs)
    arguments = _arguments(content)
    if outputs is None and arguments is None:
        return None
    sides = [
        tag("div", tag("h3", title), tag("div", rows, class_="scroll"))
        for title, rows in (("Outputs", outputs), ("Inputs", arguments))
        if rows is not None
    ]
    return tag("div", sides, class_="sides")


def _arguments(content: Content) -> Markup | None:
    """Arguments of the pipeline, with the defaults of the others."""
    rows = [
        tag(
            "tr",
            tag("th", name, scope="row"),
            tag("td", value(text)),
            tag("td", "default" if default else "", class_="quiet"),
        )
        for name, text, default in content.arguments
    ]
    return tag("table", tag("tbody", rows), class_="pairs") if rows else None


def configuration(content: Content) -> Markup:
    """Configuration and environment of the run."""
    run = content.run
    pairs: list[tuple[str, Markup]] = [
        ("run", tag("code", run.name)),
        ("folder", tag("code", run.key)),
        ("started", joined(moment(run.created))),
    ]
    if run.finished is not None:
        pairs.append(("finished", joined(moment(run.finished))))
    pairs += [(key, tag("span", text)) for key, text in content.facts.items()]
    pairs += [(key, parameter(item)) for key, item in run.settings.items() if item not in (None, "", {}, [])]
    rows = [tag("tr", tag("th", name, scope="row"), tag("td", item)) for name, item in pairs]
    return tag("table", tag("tbody", rows), class_="pairs")
