"""Importers: the descriptor that their consumers receive has plain text as its URI, whatever computes it."""

from __future__ import annotations

import json
import re
from typing import Any, TypedDict

import pytest
import yaml

from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.dsl import Dataset, Input
from typedpipe.runtime.task import Names, ask


class Config(TypedDict):
    uri: str
    shard: int
    score: float


@dsl.component
def config() -> Config:
    return {"uri": "data/x", "shard": 1, "score": 0.5}


@dsl.component
def uris() -> list[str]:
    return ["data/x"]


@dsl.component
def read(data: Input[Dataset]) -> str:
    return data.name


def text_of(pipeline: Any) -> str:
    (text,) = driver.compile(pipeline.ir).values()
    return text


def descriptors(pipeline: Any) -> list[str]:
    tasks = [
        task
        for t in yaml.safe_load(text_of(pipeline))["spec"]["templates"]
        for task in t.get("dag", {}).get("tasks", ())
    ]
    given = [p for task in tasks for p in task.get("arguments", {}).get("parameters", ())]
    return [p["value"] for p in given if p["name"] == "tp-data"]


def test_a_computed_uri_is_computed_before_it_reaches_the_consumer() -> None:
    @dsl.pipeline
    def p(base: str = "data") -> None:
        made = config().output
        for uri in (f"{base}/{made['shard']}", made["uri"], uris().output[-1], f"{uris().output[0]}/x"):
            read(data=dsl.importer(uri, Dataset).output)

    found = [re.findall(r'"uri":(.*),"digest"', text)[0] for text in descriptors(p)]
    assert found == [
        "{{tasks.config.outputs.parameters.tp-e2}}",
        "{{tasks.config.outputs.parameters.tp-e4}}",
        "{{tasks.uris.outputs.parameters.tp-e2}}",
        "{{tasks.uris-2.outputs.parameters.tp-e2}}",
    ]
    (dag,) = [t["dag"] for t in yaml.safe_load(text_of(p))["spec"]["templates"] if "dag" in t]
    tasks = {task["name"]: task for task in dag["tasks"]}
    (lines,) = (p["value"] for p in tasks["config"]["arguments"]["parameters"] if p["name"] == "tp-ask")
    made = {"uri": "s3://b/x", "shard": 2**60 + 1, "score": 0.5}
    answers = ask(lines, Names(Output=made), Names(base="data"))
    assert [*answers.values()] == ["true", f'"data/{2**60 + 1}"', "true", '"s3://b/x"']
    assert ask(lines, Names(Output={"shard": 1}), Names(base="data"))["tp-e3"].startswith(
        "error TP509: test_importers.py:"
    )
    guards = ["config.outputs.parameters.tp-e1", "config.outputs.parameters.tp-e3", "uris.outputs.parameters.tp-e1"]
    assert [tasks[f"read{i}"]["when"] for i in ("", "-2", "-3")] == [f"{{{{tasks.{path}}}}}" for path in guards]


@pytest.mark.parametrize(("start", "kind"), [("https://host/", "http"), ("gs://bucket/", "gcs"), ("data/", "s3")])
def test_the_start_of_a_computed_uri_tells_where_the_content_is(start: str, kind: str) -> None:
    @dsl.pipeline
    def p(name: str) -> None:
        read(data=dsl.importer(f"{start}{name}", Dataset).output)

    (template,) = [t for t in yaml.safe_load(text_of(p))["spec"]["templates"] if t["name"] == "read"]
    assert kind in template["inputs"]["artifacts"][0]


def test_the_uri_that_a_nested_pipeline_imports_is_computed_by_its_caller() -> None:
    @dsl.pipeline
    def inner(uri: str) -> str:
        return read(data=dsl.importer(uri, Dataset).output).output

    @dsl.pipeline
    def p() -> None:
        inner(uri=config().output["uri"])

    assert descriptors(p) == [
        '{"type":"system.Dataset","version":"0.0.1","name":"importer","metadata":{},"uri":{{inputs.parameters.tp-value-2}},'
        '"digest":"-","size":0,"key":""}'
    ]
    text = text_of(p)
    assert "tp-ok-1,value: '{{tasks.config.outputs.parameters.tp-e1}}'}" in text
    assert "tp-value-2,value: '{{tasks.config.outputs.parameters.tp-e2}}'}" in text
    assert "when: '{{inputs.parameters.tp-ok-1}}'" in text


def test_the_name_of_an_imported_artifact_is_that_of_its_importer_as_in_a_local_run() -> None:
    @dsl.pipeline
    def p() -> None:
        read(data=dsl.importer("a", Dataset).output)
        read(data=dsl.importer("b", Dataset).output)

    assert [json.loads(text)["name"] for text in descriptors(p)] == ["importer", "importer-2"]


def test_a_uri_that_no_single_task_can_give_is_refused_at_the_importer() -> None:
    @dsl.pipeline
    def p(n: float) -> None:
        read(data=dsl.importer(f"data/{n:.1f}", Dataset).output)

    with pytest.raises(PipelineError) as caught:
        text_of(p)
    assert "error[TP402]: Argo cannot compute a value that is passed to `importer`" in str(caught.value)
    assert "help: create the value in a component, and use its output" in str(caught.value)
