"""The complete file: metadata, arguments, volumes, the runtime (once) and the templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typedpipe.compiler.argo import graph
from typedpipe.compiler.argo.read.arguments import argument, root_inputs
from typedpipe.compiler.argo.scope import ArtifactPrefix, GraphLowering, Lowering
from typedpipe.compiler.argo.split import LIMIT
from typedpipe.compiler.argo.support import Settings
from typedpipe.compiler.argo.templates import Dag, Data, Leaf, Template, Written, flow, literal, scalar, write
from typedpipe.compiler.pod import (
    LIB_MOUNT,
    OUT_MOUNT,
    RUNTIME_ANNOTATION,
    RUNTIME_FIELD,
    RUNTIME_FILE,
    digest,
    runtime_text,
    slug,
)
from typedpipe.diagnostics.model import Diagnostic, Diagnostics, Label
from typedpipe.ir import nodes as ir
from typedpipe.ir.taskspec import port_key
from typedpipe.types.model import is_artifact

SCRIPT_BYTES = 96 * 1024
CONTROLLER_BYTES = 1024 * 1024
"""Default of the controller's `MAX_WORKFLOW_SIZE`: the size of the workflow as JSON, with the status of its nodes."""
WARN_BYTES = 900 * 1024
"""Size of the YAML, which is slightly shorter than the JSON, from which the controller's limit may be exceeded."""
MOST_BYTES = 1536 * 1024
"""Size limit of an etcd request."""
_SMALLER = "use `ParallelFor` for similar tasks, or split the pipeline into several that are compiled separately"
_AS_A_WORKFLOW = (
    "it stores the runtime once for each template: compile with `--kind Workflow` or `CronWorkflow`, or use fewer branches, "
    "loops, nested pipelines and components"
)
_SMALLER_OR_SET = (
    "use `ParallelFor` for similar tasks, split the pipeline into several that are compiled separately, or set a "
    "larger `MAX_WORKFLOW_SIZE` for the controller"
)


def lower(pipeline: ir.Pipeline, chosen: Settings, report: Diagnostics) -> str:
    """YAML of a checked pipeline."""
    lowering = Lowering(pipeline, report, graph.lower)
    scope = GraphLowering(lowering, pipeline.graph, pipeline.name, ArtifactPrefix())
    read = lowering.demand.inputs(pipeline.graph) if lowering.reads_values else ()
    scope.dag.inputs, paths = root_inputs(pipeline.graph, read)
    scope.values.inputs = paths
    graph.run(scope)
    graph.outputs(scope)
    if report.has_errors:
        return ""
    templates: list[Template] = [scope.dag, *lowering.templates.values()]
    for template in templates:
        if isinstance(template, Leaf) and chosen.target == "3.6":
            template.annotations = {}  # they exist since 3.7
        elif isinstance(template, Dag) and template.memoize and chosen.target < "4":
            cache: Any = template.memoize["cache"]
            cache["configMap"]["key"] = (
                "tp"  # required by the types before 4.0, but never read; later types do not have it
            )
    libraries = _libraries(templates, slug(pipeline.name))
    here = [template for template in templates if template.name not in libraries]
    indent = "  " if chosen.kind != "CronWorkflow" else "    "
    text = _file(pipeline, chosen, scope.dag.name, write(here, libraries, indent))
    _check_size(here, text, pipeline, chosen.kind, report)
    return "".join(f"{document}---\n" for document in _documents(templates, libraries, chosen)) + text


def _libraries(templates: list[Template], name: str) -> dict[str, str]:
    """Workflow template of each template that is moved out, if a workflow exceeds Argo's limits.

    The templates created first are moved: a template only uses earlier ones, and a library can refer only to other
    libraries.
    """
    made = templates[1:]
    extra = made[: max(len(templates) - LIMIT, 0)]
    if extra:
        name = f"{name[:40]}-{digest(write(extra, {}))}"
    return {template.name: f"{name}-{i // LIMIT + 1}" for i, template in enumerate(extra)}


def _documents(templates: list[Template], libraries: dict[str, str], chosen: Settings) -> Iterator[str]:
    """Workflow templates, placed before their users. They have their own volumes, since the workflow's do not apply."""
    namespace = f", namespace: {flow(chosen.namespace)}" if chosen.namespace else ""
    for library in dict.fromkeys(libraries.values()):
        inside = [template for template in templates if libraries.get(template.name) == library]
        for template in inside:
            if isinstance(template, Leaf):
                template.volumes = [*VOLUMES]
        yield (
            f"apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {{name: {scalar(library)}{namespace}}}\n"
            f"spec:\n  templates:\n{write(inside, libraries)}\n"
        )


def _check_size(templates: list[Template], text: str, pipeline: ir.Pipeline, kind: str, report: Diagnostics) -> None:
    for template in templates:
        if isinstance(template, Leaf) and (size := sum(map(len, template.lines()))) > SCRIPT_BYTES:
            message = (
                f"the template `{template.name}` has {size // 1024} KiB, but the limit is {SCRIPT_BYTES // 1024} KiB"
            )
            report.error(
                "TP404", message, pipeline.span, help="move code into a package that is installed in the image"
            )
    # Argo 3.7 writes spec.podMetadata, i.e. the runtime, into `metadata: {annotations}` of each template that has it,
    # in the stored workflow (found by running it and in its source). A run of a WorkflowTemplate stores all templates
    # with it, and one that exceeds the limit never starts and has no status.
    by_reference = kind == "WorkflowTemplate"
    annotated = sum(isinstance(template, Leaf) and bool(template.pod.annotations) for template in templates)
    copies = len(templates) if by_reference else annotated
    size = len(text) + copies * len(runtime_text()) + _argument_copies(text, pipeline)
    what = (
        f"a run of this WorkflowTemplate has {size // 1024} KiB"
        if by_reference
        else f"the workflow has {size // 1024} KiB"
    )
    if size > MOST_BYTES and not by_reference:
        message = f"{what}, but Kubernetes accepts at most {MOST_BYTES // 1024} KiB"
        report.error("TP404", message, pipeline.span, help=_SMALLER)
    elif size > WARN_BYTES:
        does = "does not start" if by_reference else "stops"
        end = "" if by_reference else " with the status of its tasks"
        message = f"{what}, but Argo's controller by default {does} a workflow that exceeds {CONTROLLER_BYTES // 1024} KiB{end}"
        help_ = _AS_A_WORKFLOW if by_reference else _SMALLER_OR_SET
        report.add(Diagnostic("TP407", message, Label(pipeline.span), help=help_, severity="warning"))


def _argument_copies(text: str, pipeline: ir.Pipeline) -> int:
    """Bytes of the copies of default arguments: of the run, and of each task that reads them."""
    found = 0
    for port in pipeline.graph.inputs:
        if port.default is not None and not is_artifact(port.type):
            uses = text.count(f"{{{{inputs.parameters.tp-in-{port_key(port.name)}}}}}")
            found += len(port.default.text) * (1 + uses)
    return found


def _file(pipeline: ir.Pipeline, chosen: Settings, entrypoint: str, templates: str) -> str:
    name = chosen.name or slug(pipeline.name)
    metadata: dict[str, Data] = {
        "generateName" if chosen.kind == "Workflow" and not chosen.name else "name": (
            f"{name[:50]}-" if chosen.kind == "Workflow" and not chosen.name else chosen.name or name[:52].rstrip("-")
        )
    }
    if chosen.namespace:
        metadata["namespace"] = chosen.namespace
    annotations = {
        "workflows.argoproj.io/title": pipeline.display_name or pipeline.name,
        "workflows.argoproj.io/description": pipeline.description,
    }
    shown = {key: text.replace("{{", "{ {") for key, text in annotations.items() if text}
    if shown:
        metadata["annotations"] = shown
    metadata["labels"] = {"typedpipe.dev/pipeline": slug(pipeline.name)}
    spec = _spec(pipeline, chosen, entrypoint)
    head = f"apiVersion: argoproj.io/v1alpha1\nkind: {chosen.kind}\nmetadata:\n"
    head += "".join(f"  {key}: {flow(value)}\n" for key, value in metadata.items()) + "spec:\n"
    if chosen.kind != "CronWorkflow":
        return head + "".join(f"  {line}\n" if line else "\n" for line in spec) + f"  templates:\n{templates}\n"
    head += f"  schedules: [{flow(chosen.schedule)}]\n  concurrencyPolicy: Forbid\n"
    if chosen.timezone:
        head += f"  timezone: {flow(chosen.timezone)}\n"
    return (
        head
        + "  workflowSpec:\n"
        + "".join(f"    {line}\n" if line else "\n" for line in spec)
        + f"    templates:\n{templates}\n"
    )


_RUNTIME: Data = {"path": RUNTIME_FILE, "fieldRef": {"fieldPath": Written(f'"{RUNTIME_FIELD}"')}}
VOLUMES: tuple[Data, ...] = (
    {"name": OUT_MOUNT["name"], "emptyDir": {}},
    {"name": LIB_MOUNT["name"], "downwardAPI": {"items": [_RUNTIME]}},
)


def _spec(pipeline: ir.Pipeline, chosen: Settings, entrypoint: str) -> list[str]:
    lines = [f"entrypoint: {scalar(entrypoint)}"]
    if chosen.service_account:
        lines.append(f"serviceAccountName: {flow(chosen.service_account)}")
    lines.append(f"activeDeadlineSeconds: {chosen.deadline}")
    if accepted := [port for port in pipeline.graph.inputs if not is_artifact(port.type)]:
        lines += ["arguments:", "  parameters:", *(f"  - {flow(argument(port))}" for port in accepted)]
    travels = literal(runtime_text(), "      ").split("\n")
    return [
        *lines,
        "podMetadata:",
        f"  labels: {{typedpipe.dev/pipeline: {scalar(slug(pipeline.name))}}}",
        "  annotations:",
        f"    {RUNTIME_ANNOTATION}: {travels[0]}",
        *travels[1:],
        "volumes:",
        *(f"- {flow(volume)}" for volume in VOLUMES),
    ]
