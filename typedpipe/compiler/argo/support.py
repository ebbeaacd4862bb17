"""Argo's table of features, and the options of the backend."""

from __future__ import annotations

import re
from dataclasses import dataclass

from typedpipe.compiler.argo.cron import fault as cron_fault
from typedpipe.compiler.backend import No, Option, Options, Support
from typedpipe.diagnostics.model import Diagnostics, Span
from typedpipe.ir import nodes as ir
from typedpipe.ir.options import OPERANDS
from typedpipe.types.json_text import json_data

KINDS = ("Workflow", "WorkflowTemplate", "CronWorkflow")
TARGETS = ("3.6", "3.7", "4.0", "4.1")
LONGEST_NAMES = {"CronWorkflow": 52}
"""Maximum length of the name of an object, where it is not 63: Argo appends a time to that of a CronWorkflow."""
DEADLINE_SECONDS = 604_800
"""Default limit of a whole run: it bounds a task that never gets a node or an image."""


def _constant(value: object) -> object:
    return json_data(value.text) if isinstance(value, ir.Const) else None


def _fractional(retry: ir.Retry) -> bool:
    return retry.factor != int(retry.factor)


def _capped(retry: ir.Retry) -> bool:
    return retry.backoff_seconds * retry.factor ** max(retry.limit - 1, 0) > retry.max_seconds


def _no_resource(value: ir.Operand) -> bool:
    kind = _constant(value)
    return not (isinstance(kind, str) and "/" in kind)


def _nul(env: ir.Args) -> bool:
    return any("\0" in str(_constant(value)) for _, value in env)


_CONTAINER = No(
    "a nested pipeline has no container",
    "set it on the tasks of the nested pipeline",
    "an image, resources or environment variables",
)
SUPPORT = Support(
    {
        "call.retry": No(
            "all of its tasks would run again, including those that succeeded",
            "set the retry on the tasks of the nested pipeline",
            "retries",
        ),
        "call.timeout_seconds": No(
            "Argo has no timeout for a part of a workflow",
            "set the timeout on the tasks of the nested pipeline",
            "a timeout",
        ),
        "call.caching": No(
            "Argo caches only single tasks", "set caching on the tasks of the nested pipeline", "caching", bool
        ),
        "call.extensions": No(
            "a nested pipeline has no pod of its own",
            "set it on the tasks of the nested pipeline",
            "pod settings",
        ),
        **dict.fromkeys([f"call.{name}" for name in (*OPERANDS, "env")], _CONTAINER),
        "task.retry.factor": No(
            "Argo supports only whole numbers as the backoff factor",
            "use a whole number, such as `backoff_factor=2`",
            "a fractional backoff factor",
            _fractional,
        ),
        "task.accelerator_type": No(
            "Argo requests accelerators from Kubernetes by resource name",
            'use a resource name, such as "nvidia.com/gpu"',
            "this accelerator type",
            _no_resource,
        ),
        "task.env": No(
            "an environment variable cannot hold a NUL character",
            "pass the text as an argument",
            "this environment variable",
            _nul,
        ),
        "input.artifact": No(
            "the arguments of a workflow are text", "pass the URI as a `str`, and use `dsl.importer` in the pipeline"
        ),
    }
)
_SUPPORT_3_6 = Support(
    {
        **SUPPORT.answers,
        "task.retry.cap": No(
            "a maximum backoff needs Argo 3.7",
            "compile with `--argo-target 3.7`, or set fewer retries",
            "a maximum backoff",
            _capped,
        ),
        "task.display_name": No(
            "display names need Argo 3.7",
            "compile with `--argo-target 3.7` if no older version is to run the file",
            "a display name",
            omitted=True,
        ),
    }
)
_IN_A_SCHEDULE = {"input.required": No("a scheduled run receives no arguments", "give the parameter a default")}

OPTIONS = (
    Option("kind", "Workflow", KINDS, "kind of the Kubernetes object"),
    Option("target", TARGETS[0], TARGETS, "oldest version of Argo Workflows to support"),
    Option("name", None, (), "name of the object. Default: the name of the pipeline"),
    Option("namespace", None, (), "namespace of the object"),
    Option("service_account", None, (), "service account that tasks run as"),
    Option("schedule", None, (), "schedule of a CronWorkflow, such as `0 3 * * *`"),
    Option("timezone", None, (), "time zone of the schedule, such as `Europe/Paris`"),
    Option("deadline", DEADLINE_SECONDS, (), "time limit of a whole run", "SECONDS"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The parsed options."""

    kind: str = "Workflow"
    target: str = TARGETS[0]
    name: str = ""
    namespace: str = ""
    service_account: str = ""
    schedule: str = ""
    timezone: str = ""
    deadline: int = DEADLINE_SECONDS


def settings(options: Options, report: Diagnostics, span: Span) -> Settings:
    """Parse the options; invalid ones are reported.

    >>> settings({"kind": "WorkflowTemplate"}, Diagnostics(), Span("p.py")).kind
    'WorkflowTemplate'
    """
    known = {option.name: option for option in OPTIONS}
    values: dict[str, str] = {}
    for name, value in options.items():
        option = known.get(name)
        if option is None:
            hint = f"the options are: {', '.join(known)}"
            report.error("TP403", f"Argo has no option `{name}`", span, help=hint)
        elif value is not None and option.choices and str(value) not in option.choices:
            report.error(
                "TP403", f"`{name}` cannot be `{value}`", span, help=f"choose one of {', '.join(option.choices)}"
            )
        elif value is not None:
            values[name] = str(value).strip()
    deadline = values.pop("deadline", str(DEADLINE_SECONDS))
    if not re.fullmatch(r"0*[1-9]\d{0,9}", deadline, re.ASCII):
        report.error("TP403", f"`deadline` cannot be `{deadline}`", span, help="use a number of seconds of at least 1")
        deadline = str(DEADLINE_SECONDS)
    out = Settings(**values, deadline=int(deadline))
    _check_names(out, report, span)
    _check_schedule(out, report, span)
    return out


_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def _check_names(chosen: Settings, report: Diagnostics, span: Span) -> None:
    """Report names that Kubernetes or Argo rejects."""
    name_length = LONGEST_NAMES.get(chosen.kind, 63)
    rows = (("name", _NAME, name_length), ("namespace", _LABEL, 63), ("service_account", _NAME, 253))
    for option, pattern, length in rows:
        text = str(getattr(chosen, option))
        if not text:
            continue
        dots = ", digits, `-` and `.`" if pattern is _NAME else ", digits and `-`"
        if not pattern.fullmatch(text):
            help_ = f"use lower-case letters{dots}, with a letter or digit at both ends, such as `{nearest_name(text)}`"
            report.error("TP403", f"`{option}` cannot be `{text}`", span, help=help_)
        elif len(text) > length:
            message = f"`{option}` cannot be `{text}`: it has {len(text)} characters"
            report.error("TP403", message, span, help=f"use at most {length} characters")


def nearest_name(text: str) -> str:
    """A valid name that resembles a text.

    >>> nearest_name("Bad Name!"), nearest_name("...")
    ('bad-name', 'train')
    """
    parts = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(parts)[:52].strip("-") or "train"


def _check_schedule(chosen: Settings, report: Diagnostics, span: Span) -> None:
    if chosen.kind != "CronWorkflow" and (chosen.schedule or chosen.timezone):
        report.error(
            "TP403", f"a {chosen.kind} cannot have a schedule", span, help="compile with `--kind CronWorkflow`"
        )
    elif chosen.kind == "CronWorkflow" and not chosen.schedule:
        report.error(
            "TP403", "a CronWorkflow needs a schedule", span, help='pass a schedule, such as `--schedule "0 3 * * *"`'
        )
    if chosen.schedule and (why := cron_fault(chosen.schedule)):
        help_ = 'use minute, hour, day, month and weekday, such as `--schedule "0 3 * * *"`, or `@daily` or `@every 6h`'
        report.error("TP403", f"`schedule` cannot be `{chosen.schedule}`: {why}", span, help=help_)
    if chosen.timezone and not _is_timezone(chosen.timezone):
        help_ = "use a name of the IANA database, such as `--timezone Europe/Paris`"
        report.error("TP403", f"there is no time zone `{chosen.timezone}`", span, help=help_)


def _is_timezone(name: str) -> bool:
    from zoneinfo import available_timezones

    known = available_timezones()  # empty on a machine without the database
    return name in known if known else re.fullmatch(r"[A-Za-z0-9_+/-]+", name) is not None


def table(chosen: Settings) -> Support:
    """The table for the requested version and kind of object.

    >>> "task.display_name" in table(Settings()).answers, "task.display_name" in table(Settings(target="3.7")).answers
    (True, False)
    """
    found = _SUPPORT_3_6 if chosen.target == "3.6" else SUPPORT
    return Support({**found.answers, **_IN_A_SCHEDULE}) if chosen.kind == "CronWorkflow" else found
