"""``typedpipe run``: a pipeline on this machine, with options made of its signature."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import click

from typedpipe.cli import exits
from typedpipe.cli.report import stop, stop_on_errors
from typedpipe.diagnostics.cells import shown
from typedpipe.diagnostics.model import Diagnostics, PipelineError
from typedpipe.ir.nodes import InputPort, Pipeline

OWN = [
    click.Option(["-j", "--jobs"], type=click.IntRange(min=1), metavar="N", help="At most so many tasks at once."),
    click.Option(
        ["--folder"],
        type=click.Path(file_okay=False),
        metavar="DIR",
        help="Where runs are kept; .typedpipe if not given.",
    ),
    click.Option(
        ["--timeout"], type=click.FloatRange(min=0, min_open=True), metavar="SECONDS", help="End the run after so long."
    ),
    click.Option(["--param"], multiple=True, metavar="NAME=VALUE", help="A parameter, however it is called."),
    click.Option(
        ["-o", "--output"],
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="How outputs are printed.",
    ),
]
"""The options of the command itself, before or after TARGET. They win over parameters of the same name."""


def _run(target: str, rest: Sequence[str], **settings: Any) -> None:
    from typedpipe.cli.choosing import load_pipeline

    traced = load_pipeline(target)
    inner = click.Command(
        "run",
        params=[*_options(traced), *OWN],
        help=traced.description or f"Run {traced.name} on this machine.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
        epilog="The first options are the pipeline's parameters. Lists, dicts and structs are typed as JSON.",
    )
    with inner.make_context(f"typedpipe run {target}", list(rest)) as ctx:
        given = ctx.params
    texts = [pair for port in traced.graph.inputs if (pair := _given(port, given)) is not None]
    texts += [_pair(text) for text in (*settings["param"], *given["param"])]
    own = {key: settings[key] for key in ("jobs", "folder", "timeout")}
    own |= {key: given[key] for key in own if given[key] is not None}
    form = given["output"] if "-o" in rest or any(text.startswith("--output") for text in rest) else settings["output"]
    _start(_bound(traced, texts), own, form)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--param {text}: type --param NAME=VALUE")
    return name, value


def _bound(traced: Pipeline, texts: list[tuple[str, str]]) -> Pipeline:
    """The checked pipeline with its arguments in it; ends the command when something does not fit."""
    from typedpipe.cli.arguments import bind, with_defaults
    from typedpipe.compiler import driver

    try:
        checked = driver.check(traced)
    except PipelineError as error:
        stop(error)
        raise
    report = Diagnostics()
    bound = bind(checked, texts, report)
    stop_on_errors(report, code=exits.USAGE)
    return with_defaults(checked, bound)


# --------------------------------------------------------------------------------------- options of a signature


def _options(pipeline: Pipeline) -> list[click.Parameter]:
    taken = {name for option in OWN for name in option.opts} | {"--help", "-h"}
    return [_option(port) for port in pipeline.graph.inputs if f"--{port.name.replace('_', '-')}" not in taken]


def _key(port: InputPort) -> str:
    return f"parameter_{port.name}"


def _option(port: InputPort) -> click.Option:
    from typedpipe.cli.arguments import choices
    from typedpipe.types.display import show
    from typedpipe.types.model import BOOL, without_none

    dashed = port.name.replace("_", "-")
    said = [shown(port.description)] if port.description else []
    said.append(f"[default: {shown(_default(port))}]" if port.default is not None else "[required]")
    help_ = "  ".join(said)
    if without_none(port.type) == BOOL:
        return click.Option([f"--{dashed}/--no-{dashed}", _key(port)], default=None, help=help_)
    names = [f"--{dashed}"] + ([f"--{port.name}"] if dashed != port.name else [])
    metavar = "|".join(choices(port.type)) or shown(show(port.type))
    return click.Option([*names, _key(port)], metavar=metavar, help=help_)


def _default(port: InputPort) -> str:
    text = port.default.text if port.default is not None else ""
    return text if len(text) <= 60 else f"{text[:59]}…"


def _given(port: InputPort, values: dict[str, Any]) -> tuple[str, str] | None:
    value = values.get(_key(port))
    if value is None:
        return None
    return port.name, str(value).lower() if isinstance(value, bool) else str(value)


# ---------------------------------------------------------------------------------------------------- the run


def _start(pipeline: Pipeline, own: dict[str, Any], form: str) -> None:
    from typedpipe import local
    from typedpipe.cli.progress import Progress

    folder = Path(own["folder"]) if own["folder"] else None
    progress = Progress(sys.stderr)
    try:
        result = local.run(pipeline, {}, jobs=own["jobs"], folder=folder, on_event=progress, timeout=own["timeout"])
    except PipelineError as error:
        stop(error)
        raise
    progress.close(result)
    if form == "json":
        data = {
            "run": result.run,
            "state": result.state,
            "folder": str(result.folder),
            "outputs": _data(dict(result.outputs)),
        }
        click.echo(json.dumps(data))
    else:
        for name, value in result.outputs.items():
            click.echo(f"{name}: {_readable(value)}")
    if result.state == "CANCELED":
        exits.leave(exits.INTERRUPTED)
    if not result.succeeded:
        exits.leave(exits.FAILED)


def _readable(value: object) -> str:
    data: Any = _data(value)
    if isinstance(data, str):
        return shown(data)
    if hasattr(value, "__fspath__"):
        return shown(
            f"{data['type']} at {data['path']}" + (f" {json.dumps(data['metadata'])}" if data["metadata"] else "")
        )
    return json.dumps(data, ensure_ascii=False)


def _data(value: Any) -> Any:
    """An output as JSON data: artifacts by their type, path and metadata."""
    if hasattr(value, "__fspath__") and hasattr(value, "metadata"):
        kind = getattr(value, "schema_title", "")
        return {"type": kind, "path": value.__fspath__(), "metadata": value.metadata}
    if isinstance(value, dict):
        return {str(key): _data(item) for key, item in cast("dict[object, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_data(item) for item in cast("list[object]", value)]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


command = click.Command(
    "run",
    callback=_run,
    params=[
        click.Argument(["target"]),
        click.Argument(["rest"], nargs=-1, type=click.UNPROCESSED, metavar="[PARAMETERS]..."),
        *OWN,
    ],
    help=(
        "Run the pipeline of TARGET (FILE, FILE:NAME or MODULE:NAME) on this machine.\n\n"
        "Its parameters are options: `typedpipe run train.py --epochs 3`; `typedpipe run train.py --help` lists them. "
        "Outputs go to stdout, what tasks print goes to stderr with the task's name."
    ),
    context_settings={"allow_interspersed_args": False},
)
