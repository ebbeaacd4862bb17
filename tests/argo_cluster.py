"""Workflows on the cluster of ``KUBECONFIG``, through the official client: submit, wait, delete."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

GROUP = ("argoproj.io", "v1alpha1")
PATIENCE = 300.0
"""Seconds that one workflow may take."""
SILENCE = 120.0
"""Seconds after which a workflow whose nodes have all ended, and that goes on, hangs."""
DONE = frozenset({"Succeeded", "Failed", "Error", "Skipped", "Omitted"})
LEAVES = frozenset({"Pod", "Skipped", "Retry"})


@dataclass
class Cluster:
    """The objects of one namespace, through the official client."""

    api: Any
    namespace: str
    kept: set[str] = field(default_factory=set[str])
    """The workflow templates that were made."""

    @classmethod
    def from_environment(cls) -> Cluster:
        kubernetes: Any = import_module("kubernetes")  # it has hints for a part of itself only
        kubernetes.config.load_kube_config()
        _, active = kubernetes.config.list_kube_config_contexts()
        namespace = active["context"].get("namespace") or "argo"
        chosen = kubernetes.client.Configuration.get_default_copy()
        chosen.refresh_api_key_hook = None  # it reads os.environ at each call, which pytest changes meanwhile
        return cls(kubernetes.client.CustomObjectsApi(kubernetes.client.ApiClient(chosen)), namespace)

    def submit(self, workflow: dict[str, Any]) -> str:
        made = self.api.create_namespaced_custom_object(*GROUP, self.namespace, "workflows", workflow)
        name: str = made["metadata"]["name"]
        return name

    def keep(self, library: dict[str, Any]) -> None:
        """Make a workflow template, whose name says what is in it, unless it is there."""
        try:
            self.api.create_namespaced_custom_object(*GROUP, self.namespace, "workflowtemplates", library)
        except Exception as error:
            if getattr(error, "status", None) != 409:
                raise
        else:
            self.kept.add(library["metadata"]["name"])

    def wait(self, name: str) -> dict[str, Any]:
        """The workflow when it has ended; one that hangs is stopped and comes with ``hung`` in it."""
        began = time.monotonic()
        changed, before = began, ""
        while True:
            workflow: dict[str, Any] = self.api.get_namespaced_custom_object(*GROUP, self.namespace, "workflows", name)
            status = workflow.get("status") or {}
            if status.get("phase") in DONE:
                return workflow
            now = time.monotonic()
            nodes = status.get("nodes") or {}
            text = json.dumps(nodes, sort_keys=True)
            if text != before:
                changed, before = now, text
            leaves = [node for node in nodes.values() if node.get("type") in LEAVES]
            silent = leaves and now - changed > SILENCE and all(node.get("phase") in DONE for node in leaves)
            if silent or now - began > PATIENCE:
                self.stop(name)
                return {**workflow, "hung": True}
            time.sleep(0.7)

    def stop(self, name: str) -> None:
        body = {"spec": {"shutdown": "Terminate"}}
        self.api.patch_namespaced_custom_object(*GROUP, self.namespace, "workflows", name, body)

    def delete(self, name: str) -> None:
        self.api.delete_namespaced_custom_object(*GROUP, self.namespace, "workflows", name)

    def forget_kept(self) -> None:
        for name in self.kept:
            self.api.delete_namespaced_custom_object(*GROUP, self.namespace, "workflowtemplates", name)
