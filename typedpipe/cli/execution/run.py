"""``typedpipe run``: run a pipeline locally, with options generated from its signature."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from typedpipe.cli import exits
from typedpipe.cli.diagnostics import stop, stop_on_errors
from typedpipe.cli.execution.options import Shows, display_options, engine_keywords, engine_options, merged
from typedpipe.cli.phases import Phases
from typedpipe.diagnostics.cells import shown
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir

if TYPE_CHECKING:
    from typedpipe.local.run import RunKeywords

OWN = [
    *engine_options(),
    click.Option(
        ["--run-name"], metavar="NAME", help="Name of the run. Default: generated from the time and the pipeline."
    ),
    *display_options(),
    click.Option(["--param"], multiple=True, metavar="NAME=VALUE", help="Set a pipeline parameter. May be repeated."),
    click.Option(
        ["--params-file"],
        type=click.Path(dir_okay=False, allow_dash=True),
        multiple=True,
        metavar="FILE",
        help="Read parameters from a YAML or JSON file, or from stdin if FILE is `-`. May be repeated; later files take "
        "precedence over earlier ones, and options over all of them.",
    ),
    click.Option(
        ["--tag"],
        multiple=True,
        metavar="NAME[=VALUE]",
        help="Tag the run, to find it with `runs ls --tag`. May be repeated.",
    ),
    click.Option(["--note"], metavar="TEXT", help="Add a note to the run."),
]
"""The options of the command itself, before or after TARGET. They take precedence over parameters of the same name."""


def _run(target: str, rest: Sequence[str], **settings: Any) -> None:
    with Phases(quiet="quiet" in (settings["display"], *_displays(rest))) as phases:
        phases.say(f"loading {target}")
        from typedpipe.cli.choosing import load_pipeline

        traced = load_pipeline(target)
        given = _parse(target, rest, traced)
        own = merged(settings, {key: given[key] for key in settings})
        texts = [pair for port in traced.graph.inputs if (pair := _given(port, given)) is not None]
        texts += [_pair(text) for text in own["param"]]
        keywords = engine_keywords(own)
        phases.begin(f"checking {traced.name}")
        checked = _checked(traced)
        bound = _bound(checked, dict(texts), own["params_file"])
        phases.begin(f"starting {traced.name}")
        _start(checked, bound, keywords, Shows.of(own), phases)


def _parse(target: str, rest: Sequence[str], traced: ir.Pipeline) -> dict[str, Any]:
    """Parse the words after TARGET: the pipeline's parameters and the command's own options."""
    inner = click.Command(
        "run",
        params=[*_options(traced), *OWN],
        help=traced.description or f"Run {traced.name} locally.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
        epilog="The first options are the parameters of the pipeline. Write lists, dicts and structs as JSON.",
    )
    with inner.make_context(f"typedpipe run {target}", list(rest)) as ctx:
        return ctx.params


def _displays(rest: Sequence[str]) -> list[str]:
    """Values of ``--display`` after TARGET, before the options there are parsed."""
    after = [value for option, value in pairwise(rest) if option == "--display"]
    return after + [text.partition("=")[2] for text in rest if text.startswith("--display=")]


def _start(pipeline: ir.Pipeline, bound: dict[str, str], keywords: RunKeywords, shows: Shows, phases: Phases) -> None:
    from typedpipe.cli.execution.watching import watch
    from typedpipe.local.local_engine import LocalEngine
    from typedpipe.local.options import RunOptions
    from typedpipe.local.store.root import root_path

    options = RunOptions(**keywords)
    try:
        place = root_path(options.folder) / "runs"
    except PipelineError as error:
        stop(error)
        raise
    watch(
        pipeline,
        shows,
        phases,
        place,
        lambda on_event: LocalEngine().submit(pipeline, bound, options, on_event, foreground=True).result,
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"invalid value `{text}` for `--param`; use `--param NAME=VALUE`")
    return name, value


def _checked(traced: ir.Pipeline) -> ir.Pipeline:
    """The checked pipeline; ends the command if it has errors."""
    from typedpipe.compiler import driver

    try:
        return driver.check(traced)
    except PipelineError as error:
        stop(error)
        raise


def _bound(pipeline: ir.Pipeline, texts: Mapping[str, str], files: Sequence[str]) -> dict[str, str]:
    """Arguments as wire text; ends the command if one is invalid."""
    from typedpipe.runs.arguments import bind

    report = Diagnostics()
    known: Mapping[str, str] = {}
    for file in files:
        from typedpipe.runs.parameter_file import read_parameters

        name, stream = "stdin" if file == "-" else file, sys.stdin.buffer if file == "-" else None
        try:
            data = read_parameters(name, stream)
            known = bind(pipeline, data, report, "json", complete=False, known=known, file=name)
        except PipelineError as error:
            stop(error, otherwise=exits.USAGE)
            raise
        stop_on_errors(report, code=exits.USAGE)
    bound = bind(pipeline, texts, report, "text", known=known)
    stop_on_errors(report, code=exits.USAGE)
    return bound


# --------------------------------------------------------------------------------------- options of a signature


def _options(pipeline: ir.Pipeline) -> list[click.Parameter]:
    taken = {name for option in OWN for name in (*option.opts, *option.secondary_opts)} | {"--help", "-h"}
    options = [_option(port) for port in pipeline.graph.inputs]
    return [option for option in options if taken.isdisjoint((*option.opts, *option.secondary_opts))]


def _key(port: ir.InputPort) -> str:
    return f"parameter_{port.name}"


def _option(port: ir.InputPort) -> click.Option:
    from typedpipe.runs.forms import choices
    from typedpipe.types.display import show
    from typedpipe.types.model import BOOL, without_none

    dashed = port.name.replace("_", "-")
    said = [shown(port.description)] if port.description else []
    if port.default is not None or port.required:
        said.append("[required]" if port.required else f"[default: {shown(_default(port))}]")
    help_ = "  ".join(said)
    if without_none(port.type) == BOOL:
        return click.Option([f"--{dashed}/--no-{dashed}", _key(port)], default=None, help=help_)
    names = [f"--{dashed}"] + ([f"--{port.name}"] if dashed != port.name else [])
    metavar = "|".join(choices(port.type)) or shown(show(port.type))
    return click.Option([*names, _key(port)], metavar=metavar, help=help_)


def _default(port: ir.InputPort) -> str:
    from typedpipe.types.json_text import value_text

    text = value_text(port.default.text) if port.default is not None else ""
    return text if len(text) <= 60 else f"{text[:59]}…"


def _given(port: ir.InputPort, values: dict[str, Any]) -> tuple[str, str] | None:
    value = values.get(_key(port))
    if value is None:
        return None
    return port.name, str(value).lower() if isinstance(value, bool) else str(value)


command = click.Command(
    "run",
    callback=_run,
    params=[
        click.Argument(["target"]),
        click.Argument(["rest"], nargs=-1, type=click.UNPROCESSED, metavar="[PARAMETERS]..."),
        *OWN,
    ],
    help=(
        "Run the pipeline TARGET (FILE, FILE:NAME or MODULE:NAME) locally.\n\n"
        "The parameters of the pipeline are options, such as `typedpipe run train.py --epochs 3`. `typedpipe run train.py --help` lists them. "
        "The outputs of the pipeline go to stdout. The output of tasks goes to stderr, prefixed with the task name."
    ),
    context_settings={"allow_interspersed_args": False},
)
