"""What Argo can say: the options of the backend, the table of features, and the check before anything is lowered."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from typedpipe.compiler.backend import No, Option, Options, Support
from typedpipe.diagnostics.model import Diagnostics, Span
from typedpipe.ir import nodes as ir
from typedpipe.ir.options import option_operands
from typedpipe.types.model import is_artifact

KINDS = ("Workflow", "WorkflowTemplate", "CronWorkflow")
TARGETS = ("3.6", "3.7", "4.0", "4.1")
DEADLINE_SECONDS = 604_800
"""How long a whole run may take when nothing else is said: the bound on a task that never gets a node or an image."""
_CRON = r"\s*(@(yearly|annually|monthly|weekly|daily|midnight|hourly|every\s+\S+)|\S+(\s+\S+){4})\s*"

SUPPORT = Support(
    {
        "call.retry": No("Argo would run all of a nested pipeline again", "set the retry on the tasks in it"),
        "call.timeout": No("Argo has no time limit for a part of a workflow", "set the timeout on the tasks in it"),
        "call.caching": No("Argo remembers single tasks", "set caching on the tasks in it"),
        "call.resources": No("a nested pipeline has no container of its own", "set it on the tasks in it"),
        "retry.factor": No("Argo's backoff grows by whole factors", "use a whole number, such as `factor=2`"),
        "retry.cap": No("a longest wait between tries needs Argo 3.7", "compile with `--argo-target 3.7`"),
        "display_name": No("names to show need Argo 3.7", "compile with `--argo-target 3.7`"),
        "accelerator.type": No(
            "Argo asks Kubernetes for a resource by its name", 'use a resource name, such as "nvidia.com/gpu"'
        ),
        "env.nul": No("an environment variable cannot hold a NUL character", "pass the text as an argument"),
        "pipeline.artifact": No(
            "an argument of a workflow is text", "take the URI as a `str`, and use `importer` in the pipeline"
        ),
        "cron.required": No("nobody gives arguments to a scheduled run", "give the parameter a default"),
    }
)

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


def check_target(pipeline: ir.Pipeline, chosen: Settings, report: Diagnostics) -> None:
    """Report all that Argo cannot say, with the user's lines."""
    for port in pipeline.graph.inputs:
        if is_artifact(port.type):
            _refuse(report, "pipeline.artifact", f"input `{port.name}`", _span(port, pipeline.span))
        elif chosen.kind == "CronWorkflow" and port.required:
            _refuse(report, "cron.required", f"input `{port.name}`", _span(port, pipeline.span))
    graphs = [pipeline.graph, *pipeline.pipelines.values()]
    for graph in graphs:
        for node in graph.nodes:
            for call in (node, *node.exits()) if node.is_group else (node,):
                if isinstance(call, ir.Task):
                    _task(call, chosen, report)
                elif isinstance(call, ir.Call):
                    _call(call, report)
            if node.is_group:
                graphs.extend([region.body for region in node.regions()])


def _span(port: ir.InputPort, otherwise: Span) -> Span:
    return port.span if port.span.file else otherwise


def _refuse(report: Diagnostics, feature: str, what: str, span: Span) -> None:
    answer = SUPPORT.of(feature)
    if isinstance(answer, No):
        report.error("TP401", f"Argo cannot say this: {what}", span, answer.why, help=answer.help)


def _call(node: ir.Call, report: Diagnostics) -> None:
    options = node.options
    if options == ir.DEFAULT_OPTIONS:
        return
    what = f"of the nested pipeline `{node.name}`"
    if options.retry is not None:
        _refuse(report, "call.retry", f"the retry {what}", node.span)
    if options.timeout_seconds is not None:
        _refuse(report, "call.timeout", f"the timeout {what}", node.span)
    if options.caching:
        _refuse(report, "call.caching", f"the caching {what}", node.span)
    if option_operands(options):
        _refuse(report, "call.resources", f"an image, resources or environment {what}", node.span)


def _task(node: ir.Task, chosen: Settings, report: Diagnostics) -> None:
    options = node.options
    if options is ir.DEFAULT_OPTIONS:
        return
    retry = options.retry
    if retry is not None:
        if retry.factor != int(retry.factor):
            _refuse(report, "retry.factor", f"the retry of `{node.name}`", node.span)
        longest = retry.backoff_seconds * retry.factor ** max(retry.limit - 1, 0)
        if longest > retry.max_seconds and chosen.target == "3.6":
            _refuse(report, "retry.cap", f"the longest wait of `{node.name}`", node.span)
    if options.display_name and chosen.target == "3.6":
        _refuse(report, "display_name", f"the display name of `{node.name}`", node.span)
    kind = _constant(options.accelerator_type)
    if options.accelerator_type is not None and not (isinstance(kind, str) and "/" in kind):
        _refuse(report, "accelerator.type", f"the accelerator of `{node.name}`", node.span)
    if any("\0" in str(_constant(value)) for _, value in options.env):
        _refuse(report, "env.nul", f"the environment of `{node.name}`", node.span)


def _constant(value: ir.Operand | None) -> object:
    return json.loads(value.text) if isinstance(value, ir.Const) else None
