"""Other kinds of objects on a cluster: a WorkflowTemplate, a CronWorkflow that fires, and a cached task."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import pytest
import yaml

from typedpipe import dsl
from typedpipe.compiler import driver

pytestmark = pytest.mark.cluster

if not os.environ.get("KUBECONFIG"):
    pytest.skip("KUBECONFIG names no cluster", allow_module_level=True)


@dsl.component(base_image="python:3.11-slim")
def double(n: int, salt: str) -> str:
    return f"{salt} {2 * n}"


@dsl.pipeline
def doubled(n: int = 4, salt: str = "") -> str:
    task = double(n=n, salt=salt)
    task.set_caching_options(True)
    return task.output


Make = Callable[[str, dict[str, Any]], str]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make an object of a plural on the cluster; all of them are deleted at the end."""
    from tests.argo_cluster import GROUP, Cluster

    cluster = Cluster.from_environment()
    with ExitStack() as stack:

        def create(plural: str, body: dict[str, Any]) -> str:
            made = cluster.api.create_namespaced_custom_object(*GROUP, cluster.namespace, plural, body)
            name: str = made["metadata"]["name"]
            delete = cluster.api.delete_namespaced_custom_object
            stack.callback(lambda: delete(*GROUP, cluster.namespace, plural, name))
            return name

        yield create


def compiled(**options: object) -> dict[str, Any]:
    from cases import TARGET

    assert doubled.ir is not None
    (text,) = driver.compile(doubled.ir, "argo", {"target": TARGET, **options}).values()
    manifest: dict[str, Any] = yaml.safe_load(text)
    return manifest


def unique() -> str:
    return f"kinds-{uuid.uuid4().hex[:8]}"


def output(name: str) -> tuple[str, list[dict[str, Any]]]:
    """The output of a workflow, as wire text, and its nodes."""
    from tests.argo_cluster import Cluster

    workflow = Cluster.from_environment().wait(name)
    nodes = workflow["status"]["nodes"]
    assert workflow["status"]["phase"] == "Succeeded", workflow["status"].get("message")
    (parameter,) = [p for p in nodes[name]["outputs"]["parameters"] if p["name"] == "Output"]
    return parameter["value"], list(nodes.values())


def workflow_of(template: str, **arguments: str) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{template}-"},
        "spec": {
            "workflowTemplateRef": {"name": template},
            "arguments": {"parameters": [{"name": key, "value": value} for key, value in arguments.items()]},
        },
    }


def test_a_workflow_template_runs_with_its_defaults_and_with_arguments(make: Make) -> None:
    template = make("workflowtemplates", compiled(kind="WorkflowTemplate", name=unique()))
    assert output(make("workflows", workflow_of(template, salt='"a"')))[0] == '"a 8"'
    assert output(make("workflows", workflow_of(template, n="5", salt='"b"')))[0] == '"b 10"'


def test_a_cron_workflow_fires(make: Make) -> None:
    from tests.argo_cluster import GROUP, Cluster

    cluster = Cluster.from_environment()
    name = make("cronworkflows", compiled(kind="CronWorkflow", schedule="* * * * *", name=unique()))
    label = f"workflows.argoproj.io/cron-workflow={name}"
    until = time.monotonic() + 100
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < until:
        time.sleep(1)
        found = cluster.api.list_namespaced_custom_object(*GROUP, cluster.namespace, "workflows", label_selector=label)[
            "items"
        ]
    assert found, "no workflow was made within 100 s by the schedule of each minute"
    assert output(found[0]["metadata"]["name"])[0] == '" 8"'


@pytest.fixture
def cache_forgotten() -> Iterator[None]:
    """The ConfigMap in which Argo keeps what it has seen is not left behind."""
    from tests.argo_cluster import Cluster

    yield
    kubernetes: Any = import_module("kubernetes")  # it has hints for a part of itself only
    kubernetes.client.CoreV1Api().delete_namespaced_config_map("tp-cache-doubled", Cluster.from_environment().namespace)


@pytest.mark.usefixtures("cache_forgotten")
def test_a_task_whose_inputs_were_seen_is_not_run_again(make: Make) -> None:
    manifest, salt = compiled(), f'"{unique()}"'
    for parameter in manifest["spec"]["arguments"]["parameters"]:
        if parameter["name"] == "salt":
            parameter["value"] = salt
    first, nodes = output(make("workflows", manifest))
    assert [node for node in nodes if node["type"] == "Pod"]
    again, nodes = output(make("workflows", manifest))
    assert again == first
    assert not [node for node in nodes if node["type"] == "Pod"], "the second run made a pod"
    assert [node["memoizationStatus"]["hit"] for node in nodes if "memoizationStatus" in node] == [True]
