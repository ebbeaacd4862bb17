"""The whole file: metadata, arguments, volumes, the runtime once, and the templates."""

from __future__ import annotations

from collections.abc import Iterator

from typedpipe import runtime
from typedpipe.compiler.argo.boundary import argument, root_inputs
from typedpipe.compiler.argo.graph import Lowering, Scope
from typedpipe.compiler.argo.names import digest, slug
from typedpipe.compiler.argo.shapes import Place
from typedpipe.compiler.argo.split import LIMIT
from typedpipe.compiler.argo.support import Settings
from typedpipe.compiler.argo.templates import Leaf, Template, write
from typedpipe.compiler.argo.yaml import Data, flow, literal, scalar
from typedpipe.diagnostics.model import Diagnostic, Diagnostics, Label
from typedpipe.ir.nodes import Pipeline

SCRIPT_BYTES = 96 * 1024
WARN_BYTES = 900 * 1024
"""Argo's controller takes 1 MiB of JSON, which is a little longer than our YAML, its record of the nodes included."""
MOST_BYTES = 1536 * 1024
"""What etcd takes in one request."""
_SMALLER = "use `ParallelFor` for similar tasks, or split the pipeline into several that are compiled separately"


def lower(pipeline: Pipeline, chosen: Settings, report: Diagnostics) -> str:
    """The YAML of a checked pipeline."""
    lowering = Lowering(pipeline, report)
    scope = Scope(lowering, pipeline.graph, pipeline.name, Place())
    scope.dag.inputs, paths = root_inputs(pipeline.graph)
    scope.values.inputs = paths
    scope.run()
    scope.outputs()
    if report.has_errors:
        return ""
    templates: list[Template] = [scope.dag, *lowering.templates.values()]
    if chosen.target == "3.6":
        for template in templates:
            if isinstance(template, Leaf):  # annotations of templates came with 3.7
                template.lines = [line for line in template.lines if not line.startswith("annotations: ")]
    libraries = _libraries(templates, slug(pipeline.name))
    here = [template for template in templates if template.name not in libraries]
    indent = "  " if chosen.kind != "CronWorkflow" else "    "
    text = _file(pipeline, chosen, scope.dag.name, write(here, libraries, indent))
    _check_size(here, text, pipeline, report)
    return "".join(f"{document}---\n" for document in _documents(templates, libraries, chosen)) + text


def _libraries(templates: list[Template], name: str) -> dict[str, str]:
    """The workflow template that each template moves to, when a workflow has more than Argo allows.

    Those that were made first move: what a template uses was made before it, and a library knows other libraries only.
    """
    made = templates[1:]
    extra = made[: max(len(templates) - LIMIT, 0)]
    if extra:
        name = f"{name[:40]}-{digest(write(extra, {}))}"
    return {template.name: f"{name}-{i // LIMIT + 1}" for i, template in enumerate(extra)}


def _documents(templates: list[Template], libraries: dict[str, str], chosen: Settings) -> Iterator[str]:
    """The workflow templates, which stand before what uses them. They bring volumes of their own: the workflow's do not come along."""
    namespace = f", namespace: {flow(chosen.namespace)}" if chosen.namespace else ""
    for library in dict.fromkeys(libraries.values()):
        inside = [template for template in templates if libraries.get(template.name) == library]
        for template in inside:
            if isinstance(template, Leaf) and template.name != "tp-nothing":
                template.lines = ["volumes:", *_VOLUMES, *template.lines]
        yield (
            f"apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {{name: {library}{namespace}}}\n"
            f"spec:\n  templates:\n{write(inside, libraries)}\n"
        )


def _check_size(templates: list[Template], text: str, pipeline: Pipeline, report: Diagnostics) -> None:
    for template in templates:
        if isinstance(template, Leaf) and (size := sum(map(len, template.lines))) > SCRIPT_BYTES:
            message = f"the template `{template.name}` has {size // 1024} KiB, but Argo accepts at most {SCRIPT_BYTES // 1024}"
            report.error(
                "TP404", message, pipeline.span, help="move code into a package that is installed in the image"
            )
    if len(text) > MOST_BYTES:
        message = f"the workflow has {len(text) // 1024} KiB, but Kubernetes accepts at most {MOST_BYTES // 1024}"
        report.error("TP404", message, pipeline.span, help=_SMALLER)
    elif len(text) > WARN_BYTES:
        message = (
            f"the workflow has {len(text) // 1024} KiB, but by default Argo supports at most 1024"
            ", including the status of the nodes"
        )
        label = Label(pipeline.span, "the workflow fails unless the controller has a larger `MAX_WORKFLOW_SIZE`")
        report.add(Diagnostic("TP407", message, label, help=_SMALLER, severity="warning"))


def _file(pipeline: Pipeline, chosen: Settings, entrypoint: str, templates: str) -> str:
    name = chosen.name or slug(pipeline.name)
    metadata: dict[str, Data] = {
        "generateName" if chosen.kind == "Workflow" and not chosen.name else "name": (
            f"{name[:50]}-" if chosen.kind == "Workflow" and not chosen.name else name[:52]
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


_LIB = "{path: typedpipe_task.py, fieldRef: {fieldPath: \"metadata.annotations['typedpipe.dev/runtime']\"}}"
_VOLUMES = ("- {name: tp-out, emptyDir: {}}", f"- {{name: tp-lib, downwardAPI: {{items: [{_LIB}]}}}}")


def _spec(pipeline: Pipeline, chosen: Settings, entrypoint: str) -> list[str]:
    lines = [f"entrypoint: {scalar(entrypoint)}"]
    if chosen.service_account:
        lines.append(f"serviceAccountName: {flow(chosen.service_account)}")
    lines.append(f"activeDeadlineSeconds: {chosen.deadline}")
    if pipeline.graph.inputs:
        lines += ["arguments:", "  parameters:"]
        lines += [f"  - {flow(argument(port))}" for port in pipeline.graph.inputs]
    travels = literal(runtime.source_text(), "      ").split("\n")
    return [
        *lines,
        "podMetadata:",
        f"  labels: {{typedpipe.dev/pipeline: {scalar(slug(pipeline.name))}}}",
        "  annotations:",
        f"    typedpipe.dev/runtime: {travels[0]}",
        *travels[1:],
        "volumes:",
        *_VOLUMES,
    ]
