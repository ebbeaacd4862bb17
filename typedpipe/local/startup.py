"""Start of runs from Python programs: check the options, compile the traced pipeline, return a handle."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from typedpipe.compiler import driver
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.diagnostics.words import nearest
from typedpipe.dsl.tracing import fatal
from typedpipe.ir import nodes as ir
from typedpipe.local.handle import Run
from typedpipe.local.local_engine import LocalEngine
from typedpipe.local.options import Runner, RunOptions
from typedpipe.local.replacements import replaced
from typedpipe.local.store.names import VALID_NAME, is_name
from typedpipe.runs.arguments import bind
from typedpipe.runs.parameter_file import read_parameters

R = TypeVar("R")
RUNNERS: tuple[str, ...] = get_args(Runner)


def run_traced(
    traced: ir.Pipeline,
    arguments: Mapping[str, object],
    options: Mapping[str, Any],
    outputs: Callable[[Mapping[str, object]], R],
    environment: Mapping[str, str] | None = None,
) -> Run[R]:
    """Start a run of a traced pipeline. ``outputs`` converts its outputs to the return value of the pipeline's
    function.

    Raises:
        PipelineError: it cannot run; nothing was started.
    """
    settings, raise_on_error = run_options(options)
    file = options.get("params_file")
    from_file = read_parameters(file) if file is not None else {}
    traced, settings = replaced(traced, replace(settings, environment=environment or {}))
    closed = driver.check(traced)
    report = Diagnostics()
    known = bind(closed, from_file, report, "json", complete=False, file=os.fspath(file) if file is not None else "")
    bound = bind(closed, arguments, report, known=known)
    if report.has_errors:
        raise PipelineError(report)
    if "IPython" in sys.modules:
        from typedpipe.local.notebook import register

        register()
    work = LocalEngine().submit(closed, bound, settings)
    return Run(closed, work, work.view, outputs, raise_on_error)


def run_options(given: Mapping[str, Any]) -> tuple[RunOptions, bool]:
    """The options of a run, and whether waiting for a failed one raises.

    Raises:
        PipelineError: an option is invalid.

    >>> run_options({"jobs": 2, "folder": "runs"})[0].folder.name
    'runs'
    """
    options = {name: value for name, value in given.items() if name not in ("raise_on_error", "params_file")}
    for name, value in given.items():
        _check(name, value)
    folder = options.get("folder")
    options["folder"] = None if folder is None else Path(os.fspath(folder))
    return RunOptions(**options), bool(given.get("raise_on_error", True))


def _check(name: str, value: object) -> None:
    wanted, example = _WANTED[name][1:]
    if not _WANTED[name][0](value):
        close = nearest(value, RUNNERS) if name == "runner" and isinstance(value, str) else None
        help_ = f'did you mean `runner="{close}"`?' if close else f"for example `{name}={example}`"
        fatal("TP660", f"the run option `{name}` must be {wanted}, not {value!r}", help=help_)


def _texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(text, str) for pair in cast("Mapping[object, object]", value).items() for text in pair
    )


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_WANTED: dict[str, tuple[Callable[[Any], bool], str, str]] = {
    "runner": (lambda v: v is None or v in RUNNERS, "one of " + ", ".join(RUNNERS), '"process"'),
    "jobs": (lambda v: v is None or (_number(v) and isinstance(v, int) and v >= 1), "an integer of at least 1", "4"),
    "folder": (lambda v: v is None or isinstance(v, str | os.PathLike), "a path", '"runs"'),
    "cache": (lambda v: v is None or isinstance(v, bool), "True, False or None", "False"),
    "fail_fast": (lambda v: isinstance(v, bool), "True or False", "True"),
    "timeout": (lambda v: v is None or (_number(v) and v > 0), "a number of seconds greater than 0", "600"),
    "name": (
        lambda v: isinstance(v, str) and (not v or is_name(v)),
        f"a string that has {VALID_NAME}",
        '"nightly-7"',
    ),
    "tags": (_texts, "a dict of strings", '{"data": "2026-01"}'),
    "note": (lambda v: isinstance(v, str), "a string", '"with more data"'),
    "params_file": (lambda v: v is None or isinstance(v, str | os.PathLike), "a path", '"params.yaml"'),
    "raise_on_error": (lambda v: isinstance(v, bool), "True or False", "False"),
}
