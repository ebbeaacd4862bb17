"""Every construct as YAML: golden, valid by Argo's strict schema, the same twice, and read alike by YAML 1.1 and 1.2."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ir_samples import SAMPLES

from typedpipe.compiler import driver

SCHEMA = Path(__file__).parents[2] / "schema" / "argo-3.7.18.json.gz"
PREFIX = "io.argoproj.workflow.v1alpha1."


@lru_cache(maxsize=8)
def validator(kind: str) -> jsonschema.Draft202012Validator:
    schema = json.loads(gzip.decompress(SCHEMA.read_bytes()))
    return jsonschema.Draft202012Validator({**schema, "$ref": f"#/definitions/{PREFIX}{kind}"})


def valid(text: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.load(text, yaml.CSafeLoader)
    errors = [f"{list(error.absolute_path)}: {error.message}" for error in validator(data["kind"]).iter_errors(data)]
    assert not errors, "\n".join(errors[:5])
    return data


def text_of(name: str, **options: object) -> str:
    (text,) = driver.compile(SAMPLES[name](), "argo", options).values()
    return text


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_sample(name: str, golden: Callable[[str, str], None]) -> None:
    text = text_of(name)
    valid(text)
    assert text == text_of(name)
    golden(f"argo/{name}.yaml", re.sub(r"(typedpipe.dev/runtime:) \S+", r"\1 (the runtime, packed)", text))


def test_the_schema_finds_typing_mistakes() -> None:
    text = text_of("chain")
    with pytest.raises(AssertionError, match="entrypont"):
        valid(text.replace("entrypoint:", "entrypont:"))
    with pytest.raises(AssertionError, match="dependz"):
        valid(text.replace("depends:", "dependz:"))


@pytest.mark.parametrize("kind", ["Workflow", "WorkflowTemplate", "CronWorkflow"])
@pytest.mark.parametrize("target", ["3.6", "3.7", "4.0", "4.1"])
def test_kinds_and_targets(kind: str, target: str) -> None:
    more = {"schedule": "0 3 * * *", "timezone": "Europe/Paris"} if kind == "CronWorkflow" else {}
    data = valid(text_of("branch-default", kind=kind, target=target, namespace="ml", service_account="runner", **more))
    spec = data["spec"]["workflowSpec"] if kind == "CronWorkflow" else data["spec"]
    assert spec["serviceAccountName"] == "runner"
    assert data["metadata"]["namespace"] == "ml"
    assert ("generateName" in data["metadata"]) == (kind == "Workflow")
    assert spec["activeDeadlineSeconds"] == 604800


def test_no_template_is_there_twice_and_all_names_resolve() -> None:
    for name in SAMPLES:
        spec = valid(text_of(name))["spec"]
        names = [template["name"] for template in spec["templates"]]
        assert len(names) == len(set(names))
        used = {task.get("template") for t in spec["templates"] if "dag" in t for task in t["dag"]["tasks"]}
        assert used <= set(names)
        assert spec["entrypoint"] in names
