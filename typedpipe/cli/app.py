"""The command group, and the handling of exceptions."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from typedpipe.cli import exits

COMMANDS = {
    "compile": "Compile a pipeline to Argo Workflows YAML, or save its IR.",
    "lint": "Check all pipelines in a file.",
    "run": "Run a pipeline locally.",
    "resume": "Continue a run that failed, was canceled or was killed.",
    "spin": "Run one task of a run again on its recorded inputs.",
    "explain-cache": "Report why a task ran or was cached.",
    "graph": "Print a pipeline as a tree, or draw it.",
    "ir": "Print, save, verify and compare the IR of pipelines.",
    "report": "Write an HTML report of a run.",
    "runs": "List, show, compare, remove and repair runs.",
    "logs": "Print the logs of tasks.",
    "artifacts": "List, print, copy and open artifacts.",
    "explain": "Print the error page for a diagnostic code.",
}
_MODULES = {
    "compile": "compiling",
    "ir": "ir_files",
    "lint": "lint",
    "run": "execution.run",
    "resume": "execution.resume",
    "spin": "execution.spin",
    "explain-cache": "stored.explain_cache",
    "graph": "graph",
    "report": "stored.report",
    "runs": "stored.runs",
    "logs": "stored.logs",
    "artifacts": "stored.artifacts",
    "explain": "explain",
}


class Commands(click.Group):
    """Commands by name; their modules are imported when they are called, not for ``--help``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        command: click.Command = import_module(f"typedpipe.cli.{_MODULES[cmd_name]}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, 1)
            ctx.fail(
                f"unknown command {name!r}"
                + (f": did you mean {near[0]!r}?" if near else f"; the commands are {', '.join(COMMANDS)}")
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"typedpipe {version('typedpipe')}")
        ctx.exit()


app = Commands(
    name="typedpipe",
    help=(
        "Check typed machine-learning pipelines, run them locally, and compile them to Argo Workflows.\n\n"
        "Name a pipeline as FILE, FILE:NAME or MODULE:NAME. Results go to stdout, everything else goes to stderr.\n\n"
        "Exit codes: 0 success; 1 the run failed, or data is missing or differs; 2 usage error; 3 the pipeline has errors; "
        "70 internal error; 124 the run exceeded --timeout; 130 interrupted."
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    params=[
        click.Option(
            ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
        ),
        click.Option(
            ["--traceback"],
            is_flag=True,
            expose_value=False,
            help="Also print the Python traceback of errors (accepted anywhere on the line).",
        ),
    ],
)


def run_app(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code. Never raises, and shows no traceback unless requested."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    _open_closed_streams()
    if "--traceback" in args:
        args.remove("--traceback")
        os.environ["TYPEDPIPE_TRACEBACK"] = "1"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        sys.stderr.write("\x1b[?25h")  # show the cursor, in case a killed (-9) live display left it hidden
    try:
        result = app.main(args, prog_name="typedpipe", standalone_mode=False)
        sys.stdout.flush()
    except exits.Exit as end:
        return end.code
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show(file=sys.stderr)
        return exits.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return exits.INTERRUPTED
    except BrokenPipeError:  # `typedpipe … | head` closed stdout: exit silently
        _drop_stdout()
        return exits.FAILED
    except Exception as error:  # an internal error: users' errors are diagnostics by now
        if isinstance(error, OSError) and error.filename is None and error.errno in _FULL:
            _drop_stdout()
            click.echo(f"typedpipe: the output cannot be written: {error.strerror}", err=True)
            return exits.FAILED
        from typedpipe.cli.diagnostics import report_ours

        return report_ours(error)
    return result if isinstance(result, int) else exits.OK


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
"""Errors of a write to stdout; those of typedpipe's own files have a file name."""


def _drop_stdout() -> None:
    """Redirect stdout so that Python's final flush does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_closed_streams() -> None:
    """Open stdin, stdout and stderr if the caller closed them: otherwise the next files would get their numbers."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            if os.open(os.devnull, os.O_RDWR) == number and getattr(sys, name) is None:
                setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115  # for the life of the process
