"""What Argo can say: the options of the backend, the table of features, and the check before anything is lowered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from typedpipe.compiler.backend import No, Option, Options, Support
from typedpipe.diagnostics.model import Diagnostics, Span
from typedpipe.ir.nodes import (
    DEFAULT_OPTIONS,
    Branch,
    Call,
    Const,
    ExitHandler,
    Graph,
    InputPort,
    Loop,
    Operand,
    Pipeline,
    Task,
)
from typedpipe.types.model import is_artifact

KINDS = ("Workflow", "WorkflowTemplate", "CronWorkflow")
TARGETS = ("3.6", "3.7", "4.0", "4.1")
DEADLINE_SECONDS = 604_800
"""How long a whole run may take when nothing else is said: the bound on a task that never gets a node or an image."""
_CRON = r"\s*(@(yearly|annually|monthly|weekly|daily|midnight|hourly|every\s+\S+)|\S+(\s+\S+){4})\s*"

SUPPORT = Support(
    {
        "call.retry": No(
            "Argo would retry the whole nested pipeline", "set the retry on the tasks of the nested pipeline"
        ),
        "call.timeout": No(
            "Argo has no timeout for a part of a workflow", "set the timeout on the tasks of the nested pipeline"
        ),
        "call.caching": No("Argo caches only single tasks", "set caching on the tasks of the nested pipeline"),
        "call.resources": No("a nested pipeline has no container", "set it on the tasks of the nested pipeline"),
        "retry.factor": No(
            "Argo supports only whole numbers as the backoff factor", "use a whole number, such as `backoff_factor=2`"
        ),
        "retry.cap": No("a maximum backoff needs Argo 3.7", "compile with `--argo-target 3.7`"),
        "display_name": No("display names need Argo 3.7", "compile with `--argo-target 3.7`"),
        "accelerator.type": No(
            "Argo requests accelerators from Kubernetes by resource name",
            'use a resource name, such as "nvidia.com/gpu"',
        ),
        "env.nul": No("an environment variable cannot hold a NUL character", "pass the text as an argument"),
        "pipeline.artifact": No(
            "the arguments of a workflow are text", "pass the URI as a `str`, and use `dsl.importer` in the pipeline"
        ),
        "cron.required": No("a scheduled run receives no arguments", "give the parameter a default"),
    }
)

OPTIONS = (
    Option("kind", "Workflow", KINDS, "the kind of Kubernetes object to write"),
    Option("target", "3.7", TARGETS, "the oldest version of Argo Workflows to support"),
    Option("name", None, (), "the object's name (default: the pipeline's)"),
    Option("namespace", None, (), "the object's namespace"),
    Option("service_account", None, (), "the service account that tasks run as"),
    Option("schedule", None, (), "the schedule of a CronWorkflow, such as `0 3 * * *`"),
    Option("timezone", None, (), "the time zone of the schedule, such as `Europe/Paris`"),
    Option("deadline", DEADLINE_SECONDS, (), "the timeout of a whole run, in seconds"),
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
            hint = f"the options are: {', '.join(known)}"
            report.error("TP403", f"Argo has no option `{name}`", span, help=hint)
        elif value is not None and option.choices and str(value) not in option.choices:
            report.error(
                "TP403", f"`{name}` cannot be `{value}`", span, help=f"choose one of {', '.join(option.choices)}"
            )
        elif value is not None:
            values[name] = str(value)
    deadline = values.pop("deadline", str(DEADLINE_SECONDS))
    if not deadline.isdecimal() or int(deadline) < 1:
        report.error("TP403", f"`deadline` cannot be `{deadline}`", span, help="use a number of seconds of at least 1")
        deadline = str(DEADLINE_SECONDS)
    out = Settings(**values, deadline=int(deadline))
    if out.kind == "CronWorkflow" and not out.schedule:
        report.error(
            "TP403", "a CronWorkflow needs a schedule", span, help='pass a schedule, such as `--schedule "0 3 * * *"`'
        )
    if out.schedule and not re.fullmatch(_CRON, out.schedule):
        help_ = 'use minute, hour, day, month and weekday, such as `--schedule "0 3 * * *"`, or `@daily` or `@every 6h`'
        report.error("TP403", f"`schedule` cannot be `{out.schedule}`", span, help=help_)
    if out.kind != "CronWorkflow" and (out.schedule or out.timezone):
        report.error("TP403", f"a {out.kind} cannot have a schedule", span, help="compile with `--kind CronWorkflow`")
    return out


def check_target(pipeline: Pipeline, chosen: Settings, report: Diagnostics) -> None:
    """Report all that Argo cannot say, with the user's lines."""
    for port in pipeline.graph.inputs:
        if is_artifact(port.type):
            _refuse(report, "pipeline.artifact", f"the input `{port.name}`", _span(port, pipeline.span))
        elif chosen.kind == "CronWorkflow" and port.default is None:
            _refuse(report, "cron.required", f"the input `{port.name}`", _span(port, pipeline.span))
    graphs = [pipeline.graph, *pipeline.pipelines.values()]
    for graph in graphs:
        for node in graph.nodes:
            if isinstance(node, Task):
                _task(node, chosen, report)
            elif isinstance(node, Call):
                _call(node, report)
            else:
                graphs.extend(_bodies(node))
                if isinstance(node, ExitHandler):
                    last = node.exit
                    _call(last, report) if isinstance(last, Call) else _task(last, chosen, report)


def _span(port: InputPort, otherwise: Span) -> Span:
    return port.span if port.span.file else otherwise


def _bodies(node: object) -> Iterator[Graph]:
    if isinstance(node, Branch):
        yield from (arm.body for arm in node.arms)
    elif isinstance(node, (Loop, ExitHandler)):
        yield node.body


def _refuse(report: Diagnostics, feature: str, what: str, span: Span) -> None:
    answer = SUPPORT.of(feature)
    if isinstance(answer, No):
        report.error("TP401", f"Argo does not support {what}", span, answer.why, help=answer.help)


def _call(node: Call, report: Diagnostics) -> None:
    options = node.options
    if options == DEFAULT_OPTIONS:
        return
    what = f"of the nested pipeline `{node.name}`"
    if options.retry is not None:
        _refuse(report, "call.retry", f"the retry {what}", node.span)
    if options.timeout_seconds is not None:
        _refuse(report, "call.timeout", f"the timeout {what}", node.span)
    if options.caching:
        _refuse(report, "call.caching", f"the caching {what}", node.span)
    fields = ("cpu_request", "cpu_limit", "memory_request", "memory_limit", "accelerator_type", "accelerator_count")
    if any(getattr(options, name) is not None for name in (*fields, "image")) or options.env:
        _refuse(report, "call.resources", f"an image, resources or environment variables {what}", node.span)


def _task(node: Task, chosen: Settings, report: Diagnostics) -> None:
    options = node.options
    if options is DEFAULT_OPTIONS:
        return
    retry = options.retry
    if retry is not None:
        if retry.factor != int(retry.factor):
            _refuse(report, "retry.factor", f"the retry of `{node.name}`", node.span)
        longest = retry.backoff_seconds * retry.factor ** max(retry.limit - 1, 0)
        if longest > retry.max_seconds and chosen.target == "3.6":
            _refuse(report, "retry.cap", f"the maximum backoff of `{node.name}`", node.span)
    if options.display_name and chosen.target == "3.6":
        _refuse(report, "display_name", f"the display name of `{node.name}`", node.span)
    kind = _constant(options.accelerator_type)
    if options.accelerator_type is not None and not (isinstance(kind, str) and "/" in kind):
        _refuse(report, "accelerator.type", f"the accelerator of `{node.name}`", node.span)
    if any("\0" in str(_constant(value)) for _, value in options.env):
        _refuse(report, "env.nul", f"the environment of `{node.name}`", node.span)


def _constant(value: Operand | None) -> object:
    return json.loads(value.text) if isinstance(value, Const) else None
