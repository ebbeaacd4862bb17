"""Results of conformance pipelines on the cluster of ``KUBECONFIG``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import yaml
from cases import TARGET, Case, Outcome, TaskEnd, wire_data

from tests.argo_cluster import DONE, Cluster
from typedpipe.compiler import driver
from typedpipe.compiler.pod import slug
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir.nodes import Component, Pipeline
from typedpipe.ir.taskspec import port_key
from typedpipe.types.model import is_artifact


def run_there(case: Case, cluster: Cluster) -> tuple[Outcome, dict[str, Any]]:
    """Compile a pipeline and run it on the cluster."""
    closed = driver.check(case.traced, Diagnostics())
    (text,) = driver.compile(case.traced, "argo", {"target": TARGET}).values()
    *libraries, manifest = yaml.safe_load_all(text)
    for library in libraries:
        cluster.keep(library)
    if case.on_argo:
        given = {parameter["name"]: parameter for parameter in manifest["spec"]["arguments"]["parameters"]}
        for name, value in case.on_argo.items():
            given[port_key(name)]["value"] = json.dumps(value)
    name = cluster.submit(manifest)
    workflow = cluster.wait(name)
    return outcome(closed, workflow), workflow


def outcome(pipeline: Pipeline, workflow: Mapping[str, Any]) -> Outcome:
    """Outcome from a workflow's status, in the form shared by both engines."""
    status = workflow.get("status") or {}
    nodes: dict[str, Any] = status.get("nodes") or {}
    name = workflow["metadata"]["name"]
    tasks = _tasks(pipeline, nodes)
    state = "SUCCEEDED" if status.get("phase") == "Succeeded" else "FAILED"
    messages = [task.message for task in tasks if not task.succeeded] + _of_conditions(nodes)
    message = "; ".join(messages or [str(status.get("message", ""))])
    if workflow.get("hung"):
        running = [node["displayName"] for node in nodes.values() if node.get("phase") not in DONE]
        state, message = "HUNG", f"goes on though nothing runs: {running}; {message}"
    outputs = _outputs(pipeline, _parameters(nodes.get(name, {}))) if state == "SUCCEEDED" else {}
    seconds = 0.0
    if status.get("finishedAt"):
        seconds = (
            datetime.fromisoformat(status["finishedAt"]) - datetime.fromisoformat(status["startedAt"])
        ).total_seconds()
    return Outcome(state, message, outputs, tasks, seconds, f"kubectl get workflow {name} -o yaml")


def _of_conditions(nodes: Mapping[str, Any]) -> list[str]:
    """Messages of the branches whose condition has no value."""
    return [
        str(node.get("message", ""))
        for node in nodes.values()
        if node["type"] == "Skipped" and node["phase"] == "Error"
    ]


def _parameters(node: Mapping[str, Any]) -> dict[str, str]:
    found = (node.get("outputs") or {}).get("parameters") or ()
    return {parameter["name"]: parameter.get("value", "") for parameter in found}


def _tasks(pipeline: Pipeline, nodes: Mapping[str, Any]) -> list[TaskEnd]:
    """Each task that had a pod; the tries of one task are one."""
    tries: set[str] = set()
    tasks: list[TaskEnd] = []
    for node in nodes.values():
        if node["type"] == "Retry":
            children = [child for child in node.get("children", ()) if nodes[child]["type"] == "Pod"]
            tries.update(children)
            tasks.append(_task(pipeline, node, len(children), nodes[children[-1]] if children else node))
    tasks += [
        _task(pipeline, node, 1, node) for key, node in nodes.items() if node["type"] == "Pod" and key not in tries
    ]
    return tasks


def _task(pipeline: Pipeline, node: Mapping[str, Any], attempts: int, last: Mapping[str, Any]) -> TaskEnd:
    name = node.get("templateName") or re.sub(r"\(.*", "", node["displayName"])  # a template inside a task has no name
    component = _component(pipeline, name)
    succeeded = node.get("phase") == "Succeeded"
    message = str(last.get("message") or node.get("message") or "")
    ports = [] if component is None else component.outputs
    value: object = None
    if succeeded and [port.name for port in ports] == ["Output"] and not is_artifact(ports[0].type):
        text = _parameters(node).get(port_key("Output"), "null")
        value = wire_data(text, ports[0].type)
    return TaskEnd(component.name if component else name, succeeded, attempts, message, value)


def _component(pipeline: Pipeline, template: str) -> Component | None:
    """The component whose name a template bears."""
    plain = re.sub(r"^c-", "", template)
    fits = [
        item
        for item in pipeline.components.values()
        if plain == slug(item.name) or plain.startswith(slug(item.name) + "-")
    ]
    return max(fits, key=lambda item: len(item.name), default=None)


def _outputs(pipeline: Pipeline, parameters: Mapping[str, str]) -> dict[str, object]:
    outputs: dict[str, object] = {}
    for output in pipeline.graph.outputs:
        key = port_key(output.name)
        if is_artifact(output.type):
            descriptor = json.loads(parameters.get(f"tp-{key}", "null"))
            outputs[output.name] = descriptor and {"type": descriptor["type"], "metadata": descriptor["metadata"]}
        elif key in parameters:
            outputs[output.name] = wire_data(parameters[key], output.type)
    return outputs
