"""The report of a run as one HTML page: its parts in order, and its content security policy."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from typedpipe.report.content import Content, read_content
from typedpipe.report.documents import digest, documents
from typedpipe.report.graph import graph
from typedpipe.report.markup import Markup, tag
from typedpipe.report.metrics import drawings, metrics
from typedpipe.report.overview import configuration, failures, header, values
from typedpipe.report.tasks import tasks
from typedpipe.report.timeline import timeline
from typedpipe.report.words import counted
from typedpipe.runs.model import Run
from typedpipe.runs.problems import os_problem
from typedpipe.runs.source import RunSource


def render_report(source: RunSource, run: Run) -> str:
    """Render the report of a run: one HTML page that loads nothing from elsewhere.

    Args:
        source: The run's source.
        run: The run; it may still be running.

    Raises:
        PipelineError: TP604, the record of its tasks is corrupted.
    """
    return page(read_content(source, run))


def write_report(source: RunSource, run: Run, path: Path) -> Path:
    """Write the report of a run and return its path; an existing file is replaced atomically.

    Raises:
        PipelineError: TP604, the record of its tasks is corrupted; TP601, the file cannot be written.
    """
    target = Path(os.path.abspath(path))
    raw = render_report(source, run).encode("utf-8")
    scratch = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
    try:
        scratch.write_bytes(raw)
        scratch.replace(target)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise os_problem(target, error) from None
    return target


def page(content: Content) -> str:
    """Render the whole report as HTML."""
    style, script = _file("report.css"), _file("report.js")
    read = documents(content)
    sections = [
        _section("errors", "Failures", failures(content)),
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
    # Hashes identify the single style sheet and the scripts; a frame inherits the policy, and its page has its own
    # styles.
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
        return tag("p", f"The pipeline of the run cannot be read: {content.problem}", class_="quiet")
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
    """A file of this package, unchanged."""
    return Markup(files("typedpipe.report").joinpath(name).read_text("utf-8"))
