"""``typedpipe compile``: compile a pipeline to the files of a backend, or to saved IR."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from typedpipe.cli import exits
from typedpipe.cli.diagnostics import format_option, stop, stop_on_errors
from typedpipe.cli.writing import compare_outputs, is_folder, write_outputs
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir

_BACKENDS_OWN = "backend_"
_NOT_AGAIN = ("target", "output", "to", "param", "check", "format", "print_after")
"""Names of the command's own options; a backend's option with such a name is ``--<backend>-<name>``."""


class _Compile(click.Command):
    """Adds the options of the backend in ``--to`` to the command's own."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        name = _chosen(args)
        self.params = [*_FIXED, *(_options(name) if name != "ir" else ())]
        return super().make_context(info_name, args, parent, **extra)


def _chosen(args: Sequence[str]) -> str:
    for at, text in enumerate(args):
        if text == "--to" and at + 1 < len(args):
            return args[at + 1]
        if text.startswith("--to="):
            return text.removeprefix("--to=")
    return "argo"


def _options(name: str) -> list[click.Option]:
    from typedpipe.compiler.registry import backend

    try:
        options = backend(name).options
    except PipelineError as error:
        stop(error)
        raise
    found: list[click.Option] = []
    for option in options:
        flag = f"{name}-{option.name}" if option.name in _NOT_AGAIN else option.name
        default = f". Default: {option.default}" if option.default is not None else ""
        found.append(
            click.Option(
                [f"--{flag.replace('_', '-')}", _BACKENDS_OWN + option.name],
                type=click.Choice(option.choices) if option.choices else str,
                metavar="|".join(option.choices) or option.metavar,
                help=f"{option.help[:1].upper()}{option.help[1:]}{default}.",
            )
        )
    return found


def _compile(
    targets: tuple[str, ...],
    output: str,
    to: str,
    params: tuple[str, ...],
    check: bool,
    print_after: str,
    form: str,
    **settings: Any,
) -> None:
    from typedpipe.cli.choosing import load_pipelines

    if check and output == "-":
        raise click.UsageError("`--check` requires `-o FILE`")
    in_folder = is_folder(output)
    if len(targets) > 1 and not in_folder:
        raise click.UsageError("several pipelines are written to a directory: use `-o DIR/`")
    traced = [_with_params(each, params, form) for each in load_pipelines(targets, form, every=in_folder)]
    printer = _printer(print_after) if print_after else None
    options = {
        name.removeprefix(_BACKENDS_OWN): value
        for name, value in settings.items()
        if name.startswith(_BACKENDS_OWN) and value is not None
    }
    report = Diagnostics()
    files = [_files(each, to, options, report, printer) for each in traced]
    stop_on_errors(report, form)  # there may be warnings
    placed = _placed(files, output, to, in_folder)
    if check:
        compare_outputs(placed)
    else:
        write_outputs(placed, create=output not in placed)


def _files(
    traced: ir.Pipeline,
    to: str,
    options: Mapping[str, Any],
    report: Diagnostics,
    printer: Callable[[str, ir.Pipeline], None] | None,
) -> dict[str, str | bytes]:
    """The files of a pipeline; none if there are errors, which are in the report."""
    from typedpipe.compiler import driver

    try:
        if to != "ir":
            return dict(driver.compile(traced, to, options, report, printer))
        from typedpipe.ir import wire
        from typedpipe.ir.taskspec import port_key

        return {f"{port_key(traced.name)}.tpir": wire.encode(driver.check(traced, report, printer))}
    except PipelineError as error:
        for item in error.diagnostics:  # those of a pass are in the report already
            report.add(item)
        return {}


def _placed(
    compiled: Sequence[Mapping[str, str | bytes]], output: str, to: str, in_folder: bool
) -> dict[str, str | bytes]:
    """The content of each path. The only file of a pipeline is written to ``output``, several into that directory."""
    if not in_folder and len(compiled[0]) == 1:
        return {output: next(iter(compiled[0].values()))}
    if output == "-":
        message = f"the backend `{to}` creates {len(compiled[0])} files: write them to a directory with `-o DIR/`"
        raise click.UsageError(message)
    placed: dict[str, str | bytes] = {}
    for files in compiled:
        for name, data in files.items():
            path = os.path.join(output, name)
            if path in placed:
                raise click.UsageError(f"two pipelines create {path}: give one of them another name, or another `-o`")
            placed[path] = data
    return placed


def _printer(wanted: str) -> Callable[[str, ir.Pipeline], None]:
    from typedpipe.compiler import driver
    from typedpipe.ir.text import dump

    if wanted not in driver.PASSES:
        raise click.UsageError(f"unknown pass {wanted!r}; the passes are {', '.join(driver.PASSES)}")

    def show(name: str, pipeline: ir.Pipeline) -> None:
        if name == wanted:
            click.echo(f"# after {name}\n{dump(pipeline)}", err=True)

    return show


def _with_params(traced: ir.Pipeline, params: tuple[str, ...], form: str) -> ir.Pipeline:
    if not params:
        return traced
    from typedpipe.compiler.api import with_defaults
    from typedpipe.runs.arguments import bind
    from typedpipe.types.model import NULL, is_artifact

    texts: dict[str, str] = {}
    for text in params:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"invalid value `{text}` for `--param`; use `--param NAME=VALUE`")
        texts[name] = value
    report = Diagnostics()
    bound = bind(traced, texts, report, "text", complete=False)
    stop_on_errors(report, form, exits.USAGE)
    types = {port.name: port.type for port in traced.graph.inputs}
    for name in bound:
        if is_artifact(types[name]):
            raise click.UsageError(f"the artifact `{name}` cannot have a default; pass it to `typedpipe run`")
    return with_defaults(
        traced, {name: ir.Const(text, NULL if text == "null" else types[name]) for name, text in bound.items()}
    )


def _own() -> list[click.Parameter]:
    return [
        click.Argument(["targets"], nargs=-1, required=True),
        click.Option(
            ["-o", "--output"],
            default="-",
            metavar="FILE|DIR/",
            help="Write to FILE, or one file for each pipeline into DIR/. Default: -, stdout.",
        ),
        click.Option(
            ["--to"],
            default="argo",
            metavar="BACKEND",
            show_default=True,
            help="Backend to compile for; ir saves the IR.",
        ),
        click.Option(
            ["--param", "params"],
            multiple=True,
            metavar="NAME=VALUE",
            help="Change the default value of a pipeline parameter. May be repeated.",
        ),
        click.Option(
            ["--check"],
            is_flag=True,
            help="Write nothing. If FILE is out of date, print a diff and exit with 1.",
        ),
        click.Option(["--print-after"], default="", metavar="PASS", help="Print the IR to stderr after this pass."),
    ]


command = _Compile(
    "compile",
    callback=_compile,
    params=_own(),
    help=(
        "Compile the pipelines of TARGETS (FILE, FILE:NAME or MODULE:NAME).\n\n"
        "If a pipeline has errors, no file is written. Diagnostics go to stderr."
    ),
)
format_option(command)
_FIXED = tuple(command.params)
