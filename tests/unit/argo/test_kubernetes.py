"""Settings of `typedpipe.kubernetes`: checked at the user's line, kept in the IR, and part of the pod on Argo."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.argo_schema import VERSIONS, valid
from tests.masks import without_runtime
from typedpipe import dsl, kubernetes, runtime
from typedpipe.compiler import driver
from typedpipe.compiler.argo import workflow
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.dsl.nodes.task import Task
from typedpipe.ir import nodes as ir, wire
from typedpipe.local.runners.place import placements


@dsl.component
def train(n: int) -> int:
    return n


@dsl.container_component
def say(text: str):
    return dsl.ContainerSpec("python:3.11-slim", ["echo"], [text])


@dsl.pipeline
def configured(n: int = 1) -> int:
    task = train(n=n)
    kubernetes.add_node_selector(task, "disk", "ssd")
    kubernetes.add_node_selector(task, "topology.kubernetes.io/zone", "a")
    kubernetes.add_pod_label(task, "example.com/team", "ml")
    kubernetes.add_pod_label(task, "cost-center", "")
    kubernetes.add_pod_annotation(task, "iam.amazonaws.com/role", "it's $mine: 'x'")
    kubernetes.set_image_pull_policy(task, "Always")
    kubernetes.set_image_pull_policy(kubernetes.set_image_pull_policy(say(text="hi"), "Always"), "Never")
    train(n=2)
    return task.output


def pipeline(handle: Any = configured) -> ir.Pipeline:
    assert isinstance(handle.ir, ir.Pipeline)
    return handle.ir


def templates(text: str) -> dict[str, Any]:
    return {each["name"]: each for each in yaml.safe_load(text)["spec"]["templates"]}


def test_the_pod_has_them(golden: Callable[[str, str], None]) -> None:
    (text,) = driver.compile(pipeline()).values()
    golden("argo/kubernetes.yaml", without_runtime(text))
    found = templates(text)
    assert found["train"]["nodeSelector"] == {"disk": "ssd", "topology.kubernetes.io/zone": "a"}
    assert found["train"]["metadata"]["labels"] == {
        "typedpipe.dev/component": "train",
        "cost-center": "",
        "example.com/team": "ml",
    }
    assert found["train"]["metadata"]["annotations"] == {"iam.amazonaws.com/role": "it's $mine: 'x'"}
    assert found["train"]["script"]["imagePullPolicy"] == "Always"
    assert found["say"]["container"]["imagePullPolicy"] == "Never"
    assert "annotations" not in found["train-2"]["metadata"]
    assert "nodeSelector" not in found["train-2"]


@pytest.mark.parametrize("target", VERSIONS)
def test_argo_of_each_version_takes_it(target: str) -> None:
    (text,) = driver.compile(pipeline(), options={"target": target}).values()
    valid(text, target)


def test_a_saved_pipeline_keeps_them() -> None:
    assert wire.decode(wire.encode(pipeline())) == pipeline()


def test_pod_annotations_count_for_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = driver.compile(pipeline()).values()
    monkeypatch.setattr(workflow, "WARN_BYTES", len(text) + len(runtime.source_text()) // 2)
    report = Diagnostics()
    driver.compile(pipeline(), report=report)
    assert [each.code for each in report] == ["TP407"]


Set = Callable[[Task[int]], object]
WRONG: list[tuple[Set, str, str]] = [
    (lambda t: kubernetes.add_pod_label(t, "a b", "c"), "does not accept 'a b'", 'a key such as "team"'),
    (lambda t: kubernetes.add_pod_label(t, "", "c"), "does not accept ''", "a key such as"),
    (lambda t: kubernetes.add_pod_label(t, "A.com/b", "c"), "does not accept 'A.com/b'", "a key such as"),
    (lambda t: kubernetes.add_pod_label(t, "a/b/c", "c"), "does not accept 'a/b/c'", "a key such as"),
    (lambda t: kubernetes.add_pod_label(t, "x" * 64, "c"), "does not accept 'xxx", "at most 63"),
    (lambda t: kubernetes.add_pod_label(t, "x" * 254 + "/b", "c"), "does not accept 'xxx", "a key such as"),
    (lambda t: kubernetes.add_pod_label(t, "a", "-b"), "does not accept '-b'", "a label's value"),
    (lambda t: kubernetes.add_pod_label(t, "a", "b\n"), r"does not accept 'b\n'", "a label's value"),
    (lambda t: kubernetes.add_pod_label(t, "a", 1), "does not accept 1", "a label's value"),  # type: ignore[arg-type]  # wrong on purpose
    (lambda t: kubernetes.add_pod_label(t, 1, "a"), "does not accept 1", "a key"),  # type: ignore[arg-type]  # wrong on purpose
    (lambda t: kubernetes.add_pod_label(t, "typedpipe.dev/component", "a"), "component'", "a key of your own"),
    (lambda t: kubernetes.add_pod_annotation(t, "typedpipe.dev/runtime", "a"), "runtime'", "a key of your own"),
    (lambda t: kubernetes.add_pod_annotation(t, "a", "{{x}}"), "does not accept '{{x}}'", "read as a tag"),
    (lambda t: kubernetes.add_pod_annotation(t, "a", "\ud800"), r"does not accept '\ud800'", "UTF-8"),
    (lambda t: kubernetes.add_pod_annotation(t, "a", t.output), "takes no value of the pipeline", "the text itself"),  # type: ignore[arg-type]  # wrong on purpose
    (lambda t: kubernetes.add_pod_annotation(t, "a", f"x{t.output}"), "takes no value of the pipeline", "itself"),
    (lambda t: kubernetes.add_node_selector(t, "a", "b c"), "does not accept 'b c'", "a label's value"),
    (lambda t: kubernetes.set_image_pull_policy(t, "always"), "does not accept 'always'", '"Always"'),
    (lambda t: kubernetes.set_image_pull_policy(t.output, "Always"), "takes a task", "not its output"),  # type: ignore[type-var]  # wrong on purpose
]  # fmt: skip


@pytest.mark.parametrize(("setting", "message", "help_"), WRONG)
def test_what_kubernetes_would_refuse(setting: Set, message: str, help_: str) -> None:
    with pytest.raises(PipelineError) as caught:

        @dsl.pipeline
        def wrong(n: int = 1) -> None:
            setting(train(n=n))

    (found,) = caught.value.diagnostics
    assert found.code == "TP117"
    assert message in found.message
    assert help_ in found.help
    assert found.primary.span.file.endswith("test_kubernetes.py")


def with_data(key: str, data: object) -> ir.Pipeline:
    """The pipeline as a file might have it."""
    graph = pipeline().graph
    first = graph.nodes[0]
    assert isinstance(first, ir.Task)
    task = replace(first, options=replace(first.options, extensions=((key, json.dumps(data)),)))
    return replace(pipeline(), graph=replace(graph, nodes=(task, *graph.nodes[1:])))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"imagePullPolicy": "Sometimes"}, "'Sometimes' does not fit"),
        ({"imagePullPolicy": {"a": "Always"}}, "'Always' does not fit"),
        ({"nodeSelector": {"labels": {"a": {"b": "c"}}}}, "'c' does not fit"),
        ({"podMetadata": {"annotations": {"a": {"b": "c"}}}}, "'c' does not fit"),
        ({"tolerations": []}, "no setting `tolerations` is known"),
        ("x", "no setting `` is known"),
    ],
)
def test_data_of_a_file_is_checked_too(data: object, message: str) -> None:
    with pytest.raises(PipelineError) as caught:
        driver.compile(with_data("kubernetes", data))
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("TP117", f"`kubernetes` settings of `train`: {message}")


@pytest.mark.parametrize(
    ("key", "help_"), [("kubernets", "did you mean `kubernetes`?"), ("xyz", "install the package")]
)
def test_a_key_without_an_owner(key: str, help_: str) -> None:
    with pytest.raises(PipelineError) as caught:
        driver.compile(with_data(key, {}))
    (found,) = caught.value.diagnostics
    assert found.code == "TP408"
    assert help_ in found.help
    assert found.primary.span == pipeline().graph.nodes[0].span


def test_a_called_pipeline_has_no_pod() -> None:
    @dsl.pipeline
    def outer(n: int = 1) -> int:
        return kubernetes.set_image_pull_policy(configured(n=n), "Always").output

    with pytest.raises(PipelineError) as caught:
        driver.compile(pipeline(outer))
    assert [each.code for each in caught.value.diagnostics] == ["TP401"]


def test_a_local_run_notes_once_that_they_have_no_effect() -> None:
    @dsl.pipeline
    def twice(n: int = 1) -> None:
        kubernetes.set_image_pull_policy(train(n=n), "Always")
        kubernetes.set_image_pull_policy(train(n=n), "Never")

    report = Diagnostics()
    placements(driver.check(pipeline(twice)), "process", report)
    assert [(each.code, each.severity) for each in report] == [("TP623", "warning")]
    assert next(iter(report)).message == "settings of `kubernetes` have no effect on this machine"


def test_a_local_run_notes_those_of_a_called_pipeline() -> None:
    @dsl.pipeline
    def plain(n: int = 1) -> int:
        return train(n=n).output

    @dsl.pipeline
    def outer(n: int = 1) -> None:
        with dsl.ParallelFor([1, 2]) as item:
            kubernetes.set_image_pull_policy(plain(n=item), "Always")

    report = Diagnostics()
    placements(driver.check(pipeline(outer)), "process", report)
    assert [each.code for each in report] == ["TP623"]


def test_a_local_run_notes_an_option_that_it_ignores() -> None:
    @dsl.pipeline
    def accelerated(n: int = 1) -> None:
        train(n=n).set_accelerator_type("nvidia.com/gpu").set_display_name("Train")
        train(n=n).set_accelerator_type("nvidia.com/gpu").set_timeout(60)

    report = Diagnostics()
    placements(driver.check(pipeline(accelerated)), "process", report)
    assert [(each.code, each.message) for each in report] == [
        ("TP623", "`accelerator_type` has no effect on this machine")
    ]
