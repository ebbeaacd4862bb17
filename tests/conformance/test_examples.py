"""The examples as users run them: compiled on the command line, created with kubectl, outputs of ``typedpipe run``."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.cluster
EXAMPLES = Path(__file__).parents[2] / "examples"

if not os.environ.get("KUBECONFIG"):
    pytest.skip("KUBECONFIG names no cluster", allow_module_level=True)

COMPANION = ("type", "version", "name", "metadata", "digest", "size")
"""Fields of an artifact's descriptor that do not depend on where it ran."""


@pytest.mark.parametrize(("name", "pods"), [("hello", 6), ("digits", 7)])
def test_example(name: str, pods: int, tmp_path: Path) -> None:
    from cases import TARGET

    from tests.argo_cluster import Cluster

    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("there is no kubectl")
    file = EXAMPLES / f"{name}.py"
    here = json.loads(_typedpipe("run", str(file), "-o", "json", "--folder", str(tmp_path / "runs")).splitlines()[-1])
    manifest = tmp_path / "workflow.yaml"
    _typedpipe("compile", str(file), "--argo-target", TARGET, "-o", str(manifest))
    cluster = Cluster.from_environment()
    arguments = [kubectl, "create", "-n", cluster.namespace, "-f", str(manifest), "-o", "name"]
    made = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.strip().rpartition("/")[2]
    workflow = cluster.wait(made)
    nodes = workflow["status"]["nodes"]

    assert workflow["status"]["phase"] == "Succeeded", f"kubectl get workflow {made} -o yaml"
    assert len([node for node in nodes.values() if node["type"] == "Pod"]) == pods
    assert _outputs(_parameters(nodes[made])) == {key: _plain(value) for key, value in here["outputs"].items()}
    there = [_parameters(node) for node in nodes.values() if node["type"] == "Pod"]
    assert sorted(map(_comparable, there)) == sorted(map(_comparable, _written(Path(here["folder"]))))
    cluster.delete(made)


def _typedpipe(*arguments: str) -> str:
    run = subprocess.run([sys.executable, "-m", "typedpipe", *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def _parameters(node: dict[str, Any]) -> dict[str, Any]:
    """Outputs of a node, without its answers to questions (``tp-e1``)."""
    found = (node.get("outputs") or {}).get("parameters") or ()
    answers = re.compile(r"tp-e\d+")
    return {each["name"]: json.loads(each["value"]) for each in found if not answers.fullmatch(each["name"])}


def _outputs(parameters: dict[str, Any]) -> dict[str, Any]:
    return {key.removeprefix("tp-"): _plain(value) for key, value in parameters.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict) and "metadata" in value:
        return {"type": value["type"], "metadata": value["metadata"]}
    return value


def _written(folder: Path) -> list[dict[str, Any]]:
    """Outputs that each task of a local run wrote, by its directory ``out/p``; the boxed forms are duplicates."""
    return [
        {file.name: json.loads(file.read_text("utf-8")) for file in sorted(found.iterdir()) if not file.suffix}
        for found in sorted(folder.rglob("out/p"))
    ]


def _comparable(parameters: dict[str, Any]) -> str:
    """One task's outputs; those in a loop come from the cluster boxed, as wire text of wire text."""
    plain: dict[str, Any] = {}
    for key, value in parameters.items():
        unboxed = json.loads(value) if key.startswith("tp-") and isinstance(value, str) else value
        plain[key] = {name: unboxed[name] for name in COMPANION} if key.startswith("tp-") else unboxed
    return json.dumps(plain, sort_keys=True)
