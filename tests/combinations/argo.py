"""Generated programs on the cluster of ``KUBECONFIG``: submit, wait, read what the tasks printed."""

from __future__ import annotations

import json
import time
from importlib import import_module
from typing import Any

import yaml

GROUP = ("argoproj.io", "v1alpha1")
PATIENCE = 240.0
"""Seconds that a workflow may take."""
DONE = frozenset({"Succeeded", "Failed", "Error"})


def run(text: str) -> tuple[bool | None, list[str], str]:
    """Run compiled YAML: whether it succeeded (None if the cluster refused it), the results, and messages of its nodes."""
    kubernetes: Any = import_module("kubernetes")  # it has hints for a part of itself only
    kubernetes.config.load_kube_config()
    objects, core = kubernetes.client.CustomObjectsApi(), kubernetes.client.CoreV1Api()
    *libraries, workflow = yaml.safe_load_all(text)
    try:
        for library in libraries:
            objects.create_namespaced_custom_object(*GROUP, "argo", "workflowtemplates", library)
        name = objects.create_namespaced_custom_object(*GROUP, "argo", "workflows", workflow)["metadata"]["name"]
    except kubernetes.client.ApiException as error:
        return None, [], str(error.body)
    began = time.monotonic()
    while True:
        found = objects.get_namespaced_custom_object(*GROUP, "argo", "workflows", name)
        status = found.get("status") or {}
        if status.get("phase") in DONE:
            break
        if time.monotonic() - began > PATIENCE:
            body = {"spec": {"shutdown": "Terminate"}}
            objects.patch_namespaced_custom_object(*GROUP, "argo", "workflows", name, body)
            return None, [], f"{name} hangs: {_messages(status)}"
        time.sleep(1)
    results: list[str] = []
    for pod in core.list_namespaced_pod("argo", label_selector=f"workflows.argoproj.io/workflow={name}").items:
        log = core.read_namespaced_pod_log(pod.metadata.name, "argo", container="main")
        results += [line.removeprefix("RESULT:") for line in log.splitlines() if line.startswith("RESULT:")]
    objects.delete_namespaced_custom_object(*GROUP, "argo", "workflows", name)
    return status["phase"] == "Succeeded", sorted(results), _messages(status)


def _messages(status: dict[str, Any]) -> str:
    nodes = (status.get("nodes") or {}).values()
    said = [f"{node['displayName']}: {node['message']}" for node in nodes if node.get("message")]
    return json.dumps([status.get("message", ""), *said])[:2000]
