"""``typedpipe resume``: resume a run that failed, was canceled or was killed, reusing its successful tasks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from typedpipe.cli.execution.options import Shows, display_options, engine_keywords, engine_options
from typedpipe.cli.phases import Phases
from typedpipe.cli.stored.access import with_root
from typedpipe.diagnostics.cells import shown

if TYPE_CHECKING:
    from typedpipe.ir import nodes as ir
    from typedpipe.local.options import RunOptions
    from typedpipe.local.store.model import StoredRun
    from typedpipe.local.store.root import Root

KEPT = ("runner", "jobs", "timeout", "cache", "fail_fast")
"""Settings that a resumed run keeps, unless they are set again."""


def _resume(root: Root, run: str | None, from_task: str | None, code: tuple[str, str] | None, **values: Any) -> None:
    from typedpipe.cli.execution.watching import watch
    from typedpipe.local.local_engine import LocalEngine
    from typedpipe.local.rerun.resume import plan_resume

    shows = Shows.of(values)
    phases = Phases(quiet=shows.display == "quiet")
    new = new_code(code)
    stored = root.run(run)
    options = _options(stored, dict(engine_keywords({**values, "folder": str(root.path)})))
    say = None if shows.display == "quiet" else lambda text: click.echo(shown(text), err=True)
    plan = plan_resume(root, stored, options, from_task=from_task or "", code=new, progress=say)
    if shows.display != "quiet":
        for line in (f"run {stored.name} ({stored.state.lower()})", *plan.words()):
            click.echo(shown(line), err=True)
    sys.stderr.flush()
    watch(
        plan.pipeline,
        shows,
        phases,
        stored.folder.parent,
        lambda on_event: LocalEngine().resume(root, plan, options, on_event).result,
    )


def new_code(code: tuple[str, str] | None) -> ir.Pipeline | None:
    """The checked pipeline of ``--code new FILE[:NAME]``."""
    if code is None:
        return None
    which, target = code
    if which != "new":
        raise click.UsageError(f"invalid value `{which} {target}` for `--code`; use `--code new FILE[:NAME]`")
    from typedpipe.cli.choosing import load_pipeline
    from typedpipe.compiler import driver

    return driver.check(load_pipeline(target))


def _options(run: StoredRun, given: dict[str, Any]) -> RunOptions:
    """Merge the original settings of the run with the new ones."""
    from typedpipe.local.options import RunOptions
    from typedpipe.local.rerun.environment import require_values

    require_values(run.settings.get("environment") or (), given.get("environment") or ())
    kept = {key: run.settings[key] for key in KEPT if run.settings.get(key) is not None and key not in given}
    if given.get("debug"):
        kept.pop("runner", None)
    return RunOptions(**{**kept, **given})


def code_option() -> click.Option:
    """The option that selects the code to run: the stored code, or the current one."""
    return click.Option(
        ["--code"],
        type=(str, str),
        metavar="new FILE[:NAME]",
        help="Use the current code in FILE. Default: the code of the run.",
    )


command = click.command(
    "resume",
    help=(
        "Continue RUN, by default the newest run. Tasks that succeeded are reused; the others run in the same run directory.\n\n"
        "The original code and arguments are used, even if the file has changed. With `--code new FILE`, the current code is "
        "used with the original arguments: unchanged tasks are reused; changed tasks and their downstream tasks run."
    ),
)(with_root(_resume))
command.params[:0] = [
    click.Argument(["run"], required=False),
    click.Option(
        ["--from", "from_task"],
        metavar="TASK",
        help="Run this task and its downstream tasks again: `train`, `for[2]`.",
    ),
    code_option(),
    *(option for option in engine_options() if option.name != "folder"),
    *display_options(),
]
