"""Argo's table of features, and the options of the backend."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from typedpipe.compiler.backend import No, Option, Options, Support
from typedpipe.diagnostics.model import Diagnostics, Span
from typedpipe.ir import nodes as ir
from typedpipe.ir.options import OPERANDS

KINDS = ("Workflow", "WorkflowTemplate", "CronWorkflow")
TARGETS = ("3.6", "3.7", "4.0", "4.1")
DEADLINE_SECONDS = 604_800
"""How long a whole run may take when nothing else is said: the bound on a task that never gets a node or an image."""
_CRON = r"\s*(@(yearly|annually|monthly|weekly|daily|midnight|hourly|every\s+\S+)|\S+(\s+\S+){4})\s*"


def _constant(value: object) -> object:
    return json.loads(value.text) if isinstance(value, ir.Const) else None


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
    "a nested pipeline has no container of its own", "set it on the tasks in it", "an image, resources or environment"
)
SUPPORT = Support(
    {
        "call.retry": No(
            "Argo would run all of a nested pipeline again", "set the retry on the tasks in it", "the retry"
        ),
        "call.timeout_seconds": No(
            "Argo has no time limit for a part of a workflow", "set the timeout on the tasks in it", "the timeout"
        ),
        "call.caching": No("Argo remembers single tasks", "set caching on the tasks in it", "the caching", bool),
        "call.extensions": No(
            "a nested pipeline has no pod of its own", "set it on the tasks in it", "a setting of the pod"
        ),
        **dict.fromkeys([f"call.{name}" for name in (*OPERANDS, "env")], _CONTAINER),
        "task.retry.factor": No(
            "Argo's backoff grows by whole factors",
            "use a whole number, such as `factor=2`",
            "the retry",
            _fractional,
        ),
        "task.accelerator_type": No(
            "Argo asks Kubernetes for a resource by its name",
            'use a resource name, such as "nvidia.com/gpu"',
            "the accelerator",
            _no_resource,
        ),
        "task.env": No(
            "an environment variable cannot hold a NUL character",
            "pass the text as an argument",
            "the environment",
            _nul,
        ),
        "input.artifact": No(
            "an argument of a workflow is text", "take the URI as a `str`, and use `importer` in the pipeline"
        ),
    }
)
_IN_3_6 = {
    "task.retry.cap": No(
        "a longest wait between tries needs Argo 3.7",
        "compile with `--argo-target 3.7`",
        "the longest wait",
        _capped,
    ),
    "task.display_name": No("names to show need Argo 3.7", "compile with `--argo-target 3.7`", "the display name"),
}
_IN_A_SCHEDULE = {"input.required": No("nobody gives arguments to a scheduled run", "give the parameter a default")}

OPTIONS = (
    Option("kind", "Workflow", KINDS, "the Kubernetes object to write"),
    Option("target", "3.7", TARGETS, "the oldest Argo Workflows that must run it"),
    Option("name", None, (), "the object's name (default: the pipeline's)"),
    Option("namespace", None, (), "the object's namespace"),
    Option("service_account", None, (), "the service account that tasks run as"),
    Option("schedule", None, (), "when a CronWorkflow runs, such as `0 3 * * *`"),
    Option("timezone", None, (), "the time zone of the schedule, such as `Europe/Paris`"),
    Option("deadline", DEADLINE_SECONDS, (), "seconds that a whole run may take"),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The options, read."""

    kind: str = "Workflow"
    target: str = "3.7"
    name: str = ""
    namespace: str = ""
    service_account: str = ""
    schedule: str = ""
    timezone: str = ""
    deadline: int = DEADLINE_SECONDS


def settings(options: Options, report: Diagnostics, span: Span) -> Settings:
    """Read the options; what does not fit is reported.

    >>> settings({"kind": "WorkflowTemplate"}, Diagnostics(), Span("p.py")).kind
    'WorkflowTemplate'
    """
    known = {option.name: option for option in OPTIONS}
    values: dict[str, str] = {}
    for name, value in options.items():
        option = known.get(name)
        if option is None:
            hint = f"options of Argo: {', '.join(known)}"
            report.error("TP403", f"Argo has no option `{name}`", span, help=hint)
        elif value is not None and option.choices and str(value) not in option.choices:
            report.error("TP403", f"`{name}` cannot be `{value}`", span, help=f"one of {', '.join(option.choices)}")
        elif value is not None:
            values[name] = str(value)
    deadline = values.pop("deadline", str(DEADLINE_SECONDS))
    if not deadline.isdecimal() or int(deadline) < 1:
        report.error("TP403", f"`deadline` cannot be `{deadline}`", span, help="a number of seconds, 1 or more")
        deadline = str(DEADLINE_SECONDS)
    out = Settings(**values, deadline=int(deadline))
    if out.kind == "CronWorkflow" and not out.schedule:
        report.error("TP403", "a CronWorkflow needs a schedule", span, help='for example `--schedule "0 3 * * *"`')
    if out.schedule and not re.fullmatch(_CRON, out.schedule):
        help_ = 'minute, hour, day, month and weekday, such as `--schedule "0 3 * * *"`, or `@daily`, `@every 6h`'
        report.error("TP403", f"`schedule` cannot be `{out.schedule}`", span, help=help_)
    if out.kind != "CronWorkflow" and (out.schedule or out.timezone):
        report.error("TP403", f"a {out.kind} has no schedule", span, help="compile with `--kind CronWorkflow`")
    return out


def table(chosen: Settings) -> Support:
    """The table for the version and the kind of object that are asked for.

    >>> "task.display_name" in table(Settings(target="3.6")).answers, "task.display_name" in SUPPORT.answers
    (True, False)
    """
    more = _IN_3_6 if chosen.target == "3.6" else {}
    if chosen.kind == "CronWorkflow":
        more = more | _IN_A_SCHEDULE
    return Support({**SUPPORT.answers, **more}) if more else SUPPORT
