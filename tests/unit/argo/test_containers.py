"""What containers receive: lists and metadata whose text is not decoded on the way, which would lose digits."""

from __future__ import annotations

from typing import Any, TypedDict

import pytest
import yaml

from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.dsl import OUT, ContainerSpec, Dataset, Input, Output


class Config(TypedDict):
    rows: int


@dsl.component
def config() -> Config:
    return {"rows": 1}


@dsl.component
def numbers() -> list[int]:
    return [2**53 + 1]


@dsl.component
def say(text: str) -> str:
    return text


@dsl.component
def make(data: Output[Dataset] = OUT) -> None:
    print(data)


@dsl.container_component
def echo(values: list[int]) -> ContainerSpec:
    return ContainerSpec("busybox:1.36", ["echo"], [values])


@dsl.container_component
def write(text: str) -> ContainerSpec:
    return ContainerSpec("busybox:1.36", ["echo"], [text])


@dsl.container_component
def describe(data: Input[Dataset]) -> ContainerSpec:
    return ContainerSpec("busybox:1.36", ["echo"], [data.metadata])


def text_of(pipeline: Any) -> str:
    (text,) = driver.compile(pipeline.ir).values()
    return text


def test_a_list_of_a_task_is_its_text() -> None:
    @dsl.pipeline
    def p() -> None:
        echo(values=numbers().output)

    (dag,) = [t["dag"] for t in yaml.safe_load(text_of(p))["spec"]["templates"] if "dag" in t]
    (value,) = [a["value"] for task in dag["tasks"] for a in task.get("arguments", {}).get("parameters", ())]
    text = 'tasks["numbers"].outputs.parameters["Output"]'
    assert value.startswith(f'{{{{={text} startsWith "{{" ? ')
    assert value.endswith(f" : {text}}}}}")


def test_metadata_is_cut_out_of_the_descriptor() -> None:
    @dsl.pipeline
    def p() -> None:
        describe(data=make().outputs.data)

    (template,) = [t for t in yaml.safe_load(text_of(p))["spec"]["templates"] if t["name"] == "describe"]
    (argument,) = template["container"]["args"]
    text = 'inputs.parameters["tp-data"]'
    cut = f'sprig.regexReplaceAll("^.*?\\"metadata\\":(.*),\\"uri\\":.*\\u0024",{text},"\\u0024{{1}}")'
    assert f'{text} matches "^\\\\{{\\"(id|type)\\":" ? {cut} : ' in argument


def test_metadata_that_no_single_task_can_give_is_refused_if_a_container_reads_metadata() -> None:
    @dsl.pipeline
    def p() -> None:
        rows = {"rows": config().output["rows"], "more": config().output["rows"]}
        describe(data=dsl.importer("a", Dataset, metadata=rows).output)

    with pytest.raises(PipelineError) as caught:
        text_of(p)
    assert "error[TP402]: Argo cannot compute a value that is passed to `importer`" in str(caught.value)
    assert "a container reads the metadata of artifacts, and these contain an expression" in str(caught.value)

    @dsl.pipeline
    def fine() -> None:
        describe(data=dsl.importer("a", Dataset, metadata={"rows": numbers().output}).output)

    text_of(fine)


def test_a_field_in_a_text_has_all_its_digits_or_is_an_error() -> None:
    @dsl.pipeline
    def p(n: int) -> None:
        write(text=f"{config().output['rows']} of {n} and {say(text='a').output}")

    field = 'fromJSON(tasks["config"].outputs.parameters["Output"])["rows"]'
    error = "an integer of more than 53 bits is a field or an item in an f-string: make the text in a component"
    assert f'(abs({field}) < {2**53} ? string(int({field})) : sprig.fail("{error}"))' in text_of(p)
    assert 'string((asInt(inputs.parameters["tp-in-n"])))' in text_of(p)
