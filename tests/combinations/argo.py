"""Generated programs on the cluster of ``KUBECONFIG``: run, and read what the tasks printed."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import yaml

from tests.argo_cluster import Cluster


def run(text: str) -> tuple[bool | None, list[str], str]:
    """Run compiled YAML: whether it succeeded (None if the cluster refused it), the results, and messages of its nodes."""
    kubernetes: Any = import_module("kubernetes")  # it has hints for a part of itself only
    cluster = Cluster.from_environment()
    *libraries, manifest = yaml.safe_load_all(text)
    try:
        for library in libraries:
            cluster.keep(library)
        name = cluster.submit(manifest)
    except kubernetes.client.ApiException as error:
        return None, [], str(error.body)
    workflow = cluster.wait(name)
    status = workflow.get("status") or {}
    if workflow.get("hung"):
        return None, [], f"{name} hangs: {_messages(status)}"
    core = kubernetes.client.CoreV1Api(cluster.api.api_client)
    results: list[str] = []
    for pod in core.list_namespaced_pod(
        cluster.namespace, label_selector=f"workflows.argoproj.io/workflow={name}"
    ).items:
        log = core.read_namespaced_pod_log(pod.metadata.name, cluster.namespace, container="main")
        results += [line.removeprefix("RESULT:") for line in log.splitlines() if line.startswith("RESULT:")]
    cluster.delete(name)
    cluster.forget_kept()
    return status["phase"] == "Succeeded", sorted(results), _messages(status)


def _messages(status: dict[str, Any]) -> str:
    nodes = (status.get("nodes") or {}).values()
    said = [f"{node['displayName']}: {node['message']}" for node in nodes if node.get("message")]
    return json.dumps([status.get("message", ""), *said])[:2000]
