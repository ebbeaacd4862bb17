"""``typedpipe spin``: run one task of a run again, on its recorded inputs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from typedpipe.cli import exits
from typedpipe.cli.execution.options import engine_keywords, engine_options
from typedpipe.cli.execution.resume import code_option, new_code
from typedpipe.cli.log_text import seconds
from typedpipe.cli.stored.access import with_root
from typedpipe.diagnostics.cells import shown
from typedpipe.types.json_text import json_text, valid_json

if TYPE_CHECKING:
    from typedpipe.local.rerun.spin import Spin, SpinResult
    from typedpipe.local.store.root import Root

_OPTIONS = {"runner", "debug", "timeout", "env"}


def _spin(root: Root, name: str, sets: tuple[str, ...], code: tuple[str, str] | None, form: str, **values: Any) -> None:
    from typedpipe.local.options import RunOptions
    from typedpipe.local.rerun.spin import prepare_spin, run_spin, set_input
    from typedpipe.runs.paths import split_name

    run_name, task_name = split_name(name)
    if not task_name:
        raise click.UsageError(f"`{name}` does not name a task; use RUN/TASK, such as `last/train`")
    pairs = [_pair(text) for text in sets]
    new = new_code(code)
    keywords = engine_keywords(values)
    variables = keywords.get("environment") or {}
    spin = prepare_spin(root, root.run(run_name), task_name, new, [key for key, _ in pairs], variables)
    changed = {key: set_input(spin, key, text) for key, text in pairs}
    result = run_spin(spin, changed, RunOptions(**keywords), _write_log)
    if form == "json":
        click.echo(json_text(_data(spin, result)))
    else:
        for key, value in _outputs(spin, result).items():
            click.echo(f"{key}: {shown(value if isinstance(value, str) else json_text(value, ensure_ascii=False))}")
    _say_end(spin, result)
    if result.state == "CANCELED":
        exits.leave(exits.INTERRUPTED)
    if result.state != "SUCCEEDED":
        exits.leave(exits.FAILED)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"invalid value `{text}` for `--set`; use `--set INPUT=VALUE`")
    return name, value


def _write_log(data: bytes) -> None:
    stream = getattr(sys.stderr, "buffer", None)
    if stream is None:
        sys.stderr.write(data.decode("utf-8", "replace"))
    else:
        sys.stderr.flush()
        stream.write(data)
    sys.stderr.flush()


def _outputs(spin: Spin, result: SpinResult) -> dict[str, Any]:
    from typedpipe.local.values import load
    from typedpipe.runs.model import ArtifactRef

    def plain(value: object) -> Any:
        if isinstance(value, ArtifactRef):
            return {
                "type": value.descriptor.get("type"),
                "path": value.uri,
                "metadata": value.descriptor.get("metadata"),
            }
        if isinstance(value, tuple):
            return [plain(item) for item in value]
        return None if value is None else load(str(value))

    return {
        port.name: plain(result.outputs[port.name]) for port in spin.component.outputs if port.name in result.outputs
    }


def _data(spin: Spin, result: SpinResult) -> dict[str, Any]:
    return {
        "run": spin.run.name,
        "task": spin.task.name,
        "state": result.state,
        "message": result.message,
        "exit_code": result.exit_code,
        "seconds": round(result.seconds, 6),
        "folder": str(result.folder),
        "outputs": valid_json(_outputs(spin, result)),
    }


def _say_end(spin: Spin, result: SpinResult) -> None:
    said = f": {result.message}" if result.message else ""
    click.echo(
        shown(f"{spin.run.name}/{spin.task.name} {result.state.lower()} in {seconds(result.seconds)}{said}"),
        err=True,
    )
    click.echo(shown(f"in {result.folder}; the run is not changed"), err=True)


def _engine_options() -> list[click.Option]:
    """The engine's options that apply to a single task, with help texts that say so."""
    found = [option for option in engine_options() if option.name in _OPTIONS]
    for option in found:
        option.help = _HELP.get(option.name or "", option.help)
    return found


_HELP = {
    "debug": "Run the task in this process; a debugger opens where an exception is raised.",
    "timeout": "Stop the task after this time (exit code 124).",
    "env": "Set an environment variable for the task. May be repeated.",
}

command = click.command(
    "spin",
    help=(
        "Run one task of RUN again on its recorded inputs, in a separate directory. The run is not changed.\n\n"
        "With `--debug`, the task runs in this process; a debugger opens where an exception is raised, or at `breakpoint()`."
    ),
)(with_root(_spin))
command.params[:0] = [
    click.Argument(["name"], metavar="RUN/TASK"),
    click.Option(
        ["--set", "sets"],
        multiple=True,
        metavar="INPUT=VALUE",
        help="Change an input. Write the value as for `run`; for an artifact, pass the path of a file or directory.",
    ),
    code_option(),
    *_engine_options(),
    click.Option(
        ["-o", "--output", "form"],
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="Format of the outputs.",
    ),
]
