"""``typedpipe compile``: compile a pipeline to the files of a backend, or to saved IR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from typedpipe.cli import exits
from typedpipe.cli.diagnostics import format_option, stop, stop_on_errors
from typedpipe.cli.writing import compare_output, write_output
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
        default = f"; default: {option.default}" if option.default is not None else ""
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
    target: str,
    output: str,
    to: str,
    params: tuple[str, ...],
    check: bool,
    print_after: str,
    form: str,
    **settings: Any,
) -> None:
    from typedpipe.cli.choosing import load_pipeline

    if check and output == "-":
        raise click.UsageError("`--check` requires `-o FILE`")
    traced = _with_params(load_pipeline(target, form), params, form)
    printer = _printer(print_after) if print_after else None
    options = {
        name.removeprefix(_BACKENDS_OWN): value
        for name, value in settings.items()
        if name.startswith(_BACKENDS_OWN) and value is not None
    }
    data = _ir(traced, form, printer) if to == "ir" else _compiled(traced, to, options, form, printer)
    if check:
        compare_output(output, data)
    else:
        write_output(output, data)


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
    from typedpipe.types.model import NULL

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
    return with_defaults(
        traced, {name: ir.Const(text, NULL if text == "null" else types[name]) for name, text in bound.items()}
    )


def _compiled(
    traced: ir.Pipeline,
    backend: str,
    options: dict[str, Any],
    form: str,
    printer: Callable[[str, ir.Pipeline], None] | None,
) -> str:
    from typedpipe.compiler import driver

    report = Diagnostics()
    try:
        files = driver.compile(traced, backend, options, report, printer)
    except PipelineError as error:
        stop(error, form)
        raise
    stop_on_errors(report, form)  # there may be warnings
    return "---\n".join(files.values())


def _ir(traced: ir.Pipeline, form: str, printer: Callable[[str, ir.Pipeline], None] | None) -> bytes:
    from typedpipe.compiler import driver
    from typedpipe.ir import wire

    try:
        return wire.encode(driver.check(traced, print_after=printer))
    except PipelineError as error:
        stop(error, form)
        raise


def _own() -> list[click.Parameter]:
    return [
        click.Argument(["target"]),
        click.Option(["-o", "--output"], default="-", metavar="FILE", help="Write to FILE. Default: -, stdout."),
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
        "Compile the pipeline of TARGET (FILE, FILE:NAME or MODULE:NAME).\n\n"
        "If the pipeline has errors, the file is not written. Diagnostics go to stderr."
    ),
)
format_option(command)
_FIXED = tuple(command.params)
