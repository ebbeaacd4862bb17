"""``typedpipe compile``: a pipeline to Argo Workflows YAML, or to saved IR."""

from __future__ import annotations

from typing import Any

import click

from typedpipe.cli import exits
from typedpipe.cli.report import format_option, stop, stop_on_errors
from typedpipe.cli.writing import compare_output, write_output
from typedpipe.diagnostics.model import Diagnostics, PipelineError
from typedpipe.ir.nodes import Pipeline


@click.command("compile")
@click.argument("target")
@click.option("-o", "--output", default="-", metavar="FILE", help="Where to write it; - is stdout, and the default.")
@click.option("--to", type=click.Choice(["argo", "ir"]), default="argo", show_default=True, help="What to compile to.")
@click.option(
    "--kind",
    type=click.Choice(["Workflow", "WorkflowTemplate", "CronWorkflow"]),
    help="The Argo object; Workflow if not given.",
)
@click.option(
    "--argo-target", "argo_target", metavar="VERSION", help="The oldest Argo that must take it: 3.6, 3.7, 4.0, 4.1."
)
@click.option(
    "--name", metavar="NAME", help="The object's name; a Workflow's is generated from the pipeline's if not given."
)
@click.option("--namespace", metavar="NAME", help="The object's namespace; none if not given.")
@click.option("--service-account", metavar="NAME", help="The service account of the pods.")
@click.option("--schedule", metavar="CRON", help="When a CronWorkflow runs, such as '0 3 * * *'.")
@click.option("--timezone", metavar="NAME", help="The time zone of the schedule, such as Europe/Berlin.")
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="A default of the pipeline's, changed. May be repeated.",
)
@click.option("--check", is_flag=True, help="Write nothing: exit with 1, and a diff, unless FILE holds exactly this.")
@format_option
def command(
    target: str, output: str, to: str, params: tuple[str, ...], check: bool, form: str, **settings: Any
) -> None:
    """Compile the pipeline of TARGET (FILE, FILE:NAME or MODULE:NAME).

    The file is written whole or, when the pipeline has a mistake, not at all. Diagnostics go to stderr.
    """
    from typedpipe.cli.choosing import load_pipeline

    if check and output == "-":
        raise click.UsageError("--check compares with a file: name it with -o FILE")
    traced = _with_params(load_pipeline(target, form), params, form)
    data = _ir(traced, form) if to == "ir" else _compiled(traced, to, settings, form)
    if check:
        compare_output(output, data)
    else:
        write_output(output, data)


def _with_params(traced: Pipeline, params: tuple[str, ...], form: str) -> Pipeline:
    if not params:
        return traced
    from typedpipe.cli.arguments import bind, with_defaults

    pairs: list[tuple[str, str]] = []
    for text in params:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--param {text}: type --param NAME=VALUE")
        pairs.append((name, value))
    report = Diagnostics()
    bound = bind(traced, pairs, report, complete=False)
    stop_on_errors(report, form, exits.USAGE)
    return with_defaults(traced, bound)


def _compiled(traced: Pipeline, backend: str, settings: dict[str, Any], form: str) -> str:
    from typedpipe.compiler import driver

    options = {key: value for key, value in settings.items() if value is not None}
    if "argo_target" in options:
        options["target"] = options.pop("argo_target")
    report = Diagnostics()
    try:
        files = driver.compile(traced, backend, options, report)
    except PipelineError as error:
        stop(error, form)
        raise
    stop_on_errors(report, form)  # there may be warnings
    return "---\n".join(files.values())


def _ir(traced: Pipeline, form: str) -> bytes:
    from typedpipe.compiler import driver
    from typedpipe.ir import wire

    try:
        return wire.encode(driver.check(traced))
    except PipelineError as error:
        stop(error, form)
        raise
