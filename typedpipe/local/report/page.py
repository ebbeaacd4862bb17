"""The page: its parts in order, and what it allows a browser to do."""

from __future__ import annotations

from importlib.resources import files

from typedpipe.local.report.content import Content
from typedpipe.local.report.documents import digest, documents
from typedpipe.local.report.graph import graph
from typedpipe.local.report.markup import Markup, tag
from typedpipe.local.report.metrics import drawings, metrics
from typedpipe.local.report.overview import configuration, failures, header, values
from typedpipe.local.report.tasks import tasks
from typedpipe.local.report.timeline import timeline
from typedpipe.local.report.words import counted


def page(content: Content) -> str:
    """The whole report as HTML."""
    style, script = _file("report.css"), _file("report.js")
    read = documents(content)
    sections = [
        _section("errors", "What went wrong", failures(content)),
        _section("values", "Inputs and outputs", values(content)),
        _section("graph", "Graph", _graph(content)),
        _section("timeline", "Timeline", timeline(content)),
        _section("metrics", "Metrics", metrics(content)),
        _section("classification", "Classification", drawings(content)),
        _section("documents", "Documents", read.markup),
        _section("tasks", "Tasks", tasks(content), _task_tools(content)),
        _section("configuration", "Configuration", configuration(content)),
    ]
    shown = [(target, title, markup) for target, title, markup in sections if markup is not None]
    links = [tag("a", title, href=f"#{target}") for target, title, _ in shown]
    body = tag(
        "body",
        header(content),
        tag("nav", links, aria_label="Sections"),
        tag("main", [markup for _, _, markup in shown]),
        tag("footer", f"typedpipe · report of {content.run.name}"),
        tag("script", script),
    )
    # Hashes name the one style and the scripts; a frame inherits the policy, and its page has styles of its own.
    styles = "'unsafe-inline'" if read.framed else digest(style)
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src {styles}",
            f"script-src {' '.join(sorted({digest(script), *read.scripts}))}",
            "img-src data:",
            "font-src data:",
            "media-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{content.run.pipeline}: {content.run.state.lower()} · {content.run.name}"),
        tag("style", style),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _section(
    target: str, title: str, markup: Markup | None, tools: Markup | None = None
) -> tuple[str, str, Markup | None]:
    if markup is None:
        return target, title, None
    head = tag("div", tag("h2", title), tools, class_="section-head")
    return target, title, tag("section", head, markup, id=target)


def _graph(content: Content) -> Markup | None:
    if content.pipeline is None:
        return tag("p", f"The pipeline that the run pinned cannot be read: {content.problem}", class_="quiet")
    drawn = graph(content)
    return tag("div", drawn, class_="scroll graph-box", tabindex="0") if drawn is not None else None


def _task_tools(content: Content) -> Markup:
    tools = [
        tag(
            "input",
            type="search",
            id="filter",
            placeholder=f"Filter {counted(len(content.tasks), 'task')}",
            aria_label="Filter",
        ),
        tag("button", "Open all", type="button", id="open-all"),
    ]
    return tag("div", tools, class_="tools", hidden=True, id="tools")


def _file(name: str) -> Markup:
    """A file of ours, as it is."""
    return Markup(files("typedpipe.local.report").joinpath(name).read_text("utf-8"))
