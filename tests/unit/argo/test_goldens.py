"""Every construct as YAML and IR: golden; the YAML is valid by Argo's strict schema, deterministic and unambiguous."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml

from tests.argo_schema import VERSIONS, valid
from tests.ir_samples import SAMPLES, component
from tests.masks import without_runtime
from typedpipe.compiler import driver
from typedpipe.diagnostics.model import Span
from typedpipe.ir.nodes import Const, FromTask, Graph, GraphOutput, Pipeline, Task
from typedpipe.ir.text import dump
from typedpipe.types.model import INT


def text_of(name: str, **options: object) -> str:
    (text,) = driver.compile(SAMPLES[name](), "argo", options).values()
    return text


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_sample(name: str, golden: Callable[[str, str], None]) -> None:
    text = text_of(name)
    valid(text)
    assert text == text_of(name)
    golden(f"argo/{name}.yaml", without_runtime(text))
    golden(f"argo/{name}.ir", dump(driver.check(SAMPLES[name]())))


@pytest.mark.parametrize("target", VERSIONS)
def test_the_schema_finds_typing_mistakes(target: str) -> None:
    text = text_of("chain", target=target)
    with pytest.raises(AssertionError, match="entrypont"):
        valid(text.replace("entrypoint:", "entrypont:"), target)
    with pytest.raises(AssertionError, match="dependz"):
        valid(text.replace("depends:", "dependz:"), target)
    with pytest.raises(AssertionError, match="is not of type 'object'"):
        valid(text.replace("inputs:", "inputs: 3\n    was:"), target)


@pytest.mark.parametrize("target", VERSIONS)
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_sample_on_each_target(name: str, target: str) -> None:
    valid(text_of(name, target=target), target)


@pytest.mark.parametrize("kind", ["Workflow", "WorkflowTemplate", "CronWorkflow"])
@pytest.mark.parametrize("target", VERSIONS)
def test_kinds_and_targets(kind: str, target: str) -> None:
    more = {"schedule": "0 3 * * *", "timezone": "Europe/Paris"} if kind == "CronWorkflow" else {}
    text = text_of("branch-default", kind=kind, target=target, namespace="ml", service_account="runner", **more)
    data = valid(text, target)
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


def test_what_argo_4_would_refuse_is_split() -> None:
    parts = [component(f"c{i}", {"n": INT}, INT, f"return n + {i}") for i in range(230)]
    nodes = [Task("t0", "c0", (("n", Const("1", INT)),))]
    nodes += [
        Task(f"t{i}", f"c{i if i < 230 else 0}", (("n", FromTask(f"t{i - 1}", "return")),)) for i in range(1, 450)
    ]
    outputs = (GraphOutput("out", FromTask("t449", "return"), INT),)
    traced = Pipeline("big", Graph((), tuple(nodes), outputs), {c.name: c for c in parts}, closed=True)
    (text,) = driver.compile(traced, "argo", {}).values()
    valid(text)
    documents = list(yaml.safe_load_all(text))
    templates = {t["name"]: t for d in documents for t in d["spec"]["templates"]}
    assert [d["kind"] for d in documents] == ["WorkflowTemplate", "Workflow"]
    assert all(len(d["spec"]["templates"]) <= 200 for d in documents)
    assert all(len(t["dag"]["tasks"]) <= 200 for t in templates.values() if "dag" in t)
    tasks = [task for t in templates.values() if "dag" in t for task in t["dag"]["tasks"]]
    named = [task.get("template") or task["templateRef"]["template"] for task in tasks]
    assert sorted(n for n in named if n.startswith("c")) == sorted(node.component for node in nodes)
    assert set(named) <= set(templates)
    here = {t["name"] for t in documents[-1]["spec"]["templates"]}
    assert all(("templateRef" in task) == (name not in here) for task, name in zip(tasks, named, strict=True))
    first = next(task for task in templates["big-part-2"]["dag"]["tasks"] if task["name"] == "t200")
    assert first["arguments"]["parameters"][0]["value"] == "{{inputs.parameters.t199--return}}"


def test_the_source_of_a_component_does_not_depend_on_the_folder() -> None:
    folders = ("/home/one/", "/srv/two/three/", "")
    texts = ["".join(driver.compile(_placed(folder), "argo", {}).values()) for folder in folders]
    assert "\n    # steps.py:7:1\n" in texts[0]
    assert texts[0] == texts[1] == texts[2]


def _placed(folder: str) -> Pipeline:
    part = replace(component("c", {"n": INT}, INT, "return n"), span=Span(f"{folder}steps.py", 7, 1))
    outputs = (GraphOutput("out", FromTask("t", "return"), INT),)
    return Pipeline("main", Graph((), (Task("t", "c", (("n", Const("1", INT)),)),), outputs), {"c": part}, closed=True)


@pytest.mark.parametrize(
    ("mistake", "fault"),
    [
        (("depends: t1", "depends: t2"), "refers to 't1', for which it does not wait"),
        (("depends: t1", "depends: t9"), "depends on 't9', which is no task"),
        (("outputs.parameters.return}}", "outputs.parameters.returned}}"), "has no output 'returned'"),
        (("template: c", "template: d"), "no template"),
        (("{name: 'n',value:", "{name: m,value:"), "does not give 'n' of"),
    ],
)
def test_the_rules_of_reference_find_mistakes(mistake: tuple[str, str], fault: str) -> None:
    parts = [component(f"c{i}", {"n": INT}, INT, f"return n + {i}") for i in range(3)]
    nodes = [
        Task(f"t{i}", f"c{i}", (("n", FromTask(f"t{i - 1}", "return") if i else Const("1", INT)),)) for i in range(3)
    ]
    traced = Pipeline("chain", Graph((), tuple(nodes)), {c.name: c for c in parts}, closed=True)
    (text,) = driver.compile(traced).values()
    valid(text)
    assert mistake[0] in text
    with pytest.raises(AssertionError, match=fault):
        valid(text.replace(*mistake))
