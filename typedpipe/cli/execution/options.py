"""Options shared by the commands that run tasks: `run`, `resume` and `spin`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from typedpipe.cli.tags import parse_tag

if TYPE_CHECKING:
    from typedpipe.local.run import RunKeywords

RUNNERS = ("process", "inprocess", "venv", "docker", "podman")
DISPLAYS = ("auto", "live", "plain", "quiet")


def engine_options() -> list[click.Option]:
    """Options of the engine. Unset options are None, so that commands can merge them."""
    return [
        click.Option(
            ["--runner"],
            type=click.Choice(RUNNERS),
            help="Isolation of tasks. Default: a process for each task, or a virtual environment or container if the task requires one.",
        ),
        click.Option(
            ["-j", "--jobs"],
            type=click.IntRange(min=1),
            metavar="N",
            help="Run at most N tasks at the same time. Default: one per CPU, if memory suffices.",
        ),
        click.Option(
            ["--cache/--no-cache"],
            default=None,
            help="--cache: also cache tasks without outputs. --no-cache: do not reuse results of earlier runs.",
        ),
        click.Option(
            ["--fail-fast"],
            is_flag=True,
            default=None,
            help="Stop the run at the first failure that is not ignored. Default: independent tasks continue.",
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            default=None,
            help="Run tasks one at a time in this process; a debugger opens where an exception is raised.",
        ),
        click.Option(
            ["--timeout"],
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            help="Stop the run after this time (exit code 124).",
        ),
        click.Option(
            ["--env"],
            multiple=True,
            metavar="NAME=VALUE",
            help="Set an environment variable for all tasks. May be repeated.",
        ),
        folder_option(),
    ]


def folder_option() -> click.Option:
    """Directory of the store."""
    return click.Option(
        ["--folder"],
        type=click.Path(file_okay=False),
        metavar="DIR",
        help="Directory of the store. Default: TYPEDPIPE_HOME, or .typedpipe.",
    )


def display_options() -> list[click.Option]:
    """Options of the display of a run."""
    return [
        click.Option(
            ["--display"],
            type=click.Choice(DISPLAYS),
            help="Draw a tree (live), print lines (plain), or print only the result (quiet). Default: live on a terminal.",
        ),
        click.Option(
            ["--events"],
            type=click.Path(dir_okay=False),
            metavar="FILE",
            help="Write events to FILE, one JSON object per line.",
        ),
        click.Option(
            ["-o", "--output"],
            type=click.Choice(["text", "json"]),
            help="Print the outputs as text, or the events and the result as JSON lines.",
        ),
    ]


def merged(outer: Mapping[str, Any], inner: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the options before and after a target; later ones take precedence, and repeatable ones are combined.

    >>> merged({"jobs": 1, "env": ("A=1",)}, {"jobs": None, "env": ("B=2",)})
    {'jobs': 1, 'env': ('A=1', 'B=2')}
    """
    found = dict(outer)
    for key, value in inner.items():
        if isinstance(value, tuple):
            found[key] = (*found.get(key, ()), *value)
        elif value is not None or key not in found:
            found[key] = value
    return found


def engine_keywords(values: Mapping[str, Any]) -> RunKeywords:
    """Values of :func:`engine_options` as keywords of ``typedpipe.local.run``; unset options are omitted.

    Raises:
        click.UsageError: they are incompatible.

    >>> engine_keywords({"jobs": 2, "cache": None, "env": ("A=1",)})
    {'jobs': 2, 'environment': {'A': '1'}}
    """
    found = {
        key: values[key] for key in ("runner", "jobs", "timeout", "cache", "fail_fast", "debug") if _given(values, key)
    }
    if found.get("debug") and found.get("runner", "inprocess") != "inprocess":
        raise click.UsageError(f"`--debug` runs tasks in this process; remove `--runner {found['runner']}`")
    if values.get("folder"):
        found["folder"] = Path(values["folder"])
    if values.get("run_name"):
        found["name"] = values["run_name"]
    if values.get("env"):
        found["environment"] = dict(_variable(text) for text in values["env"])
    if values.get("tag"):
        found["tags"] = dict(map(parse_tag, values["tag"]))
    if values.get("note"):
        found["note"] = values["note"]
    return cast("RunKeywords", found)


def _given(values: Mapping[str, Any], key: str) -> bool:
    return values.get(key) is not None


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or "\0" in text:
        raise click.UsageError(f"invalid value `{text}` for `--env`; use `--env NAME=VALUE`")
    return name, value


@dataclass(frozen=True, slots=True)
class Shows:
    """Display settings of a run."""

    display: str = "auto"
    events: str = ""
    form: str = "text"
    in_process: bool = False
    """Tasks share this terminal: a debugger may open, and a tree would be in its way."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Shows:
        """Create it from the values of :func:`display_options` and :func:`engine_options`."""
        here = bool(values.get("debug")) or values.get("runner") == "inprocess"
        return cls(values.get("display") or "auto", values.get("events") or "", values.get("output") or "text", here)
