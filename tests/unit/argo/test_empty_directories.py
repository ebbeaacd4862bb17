"""Empty directories in pods: the store keeps only files, and Argo alone loads what a container reads."""

from __future__ import annotations

import json
from typing import Any

import yaml

from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.dsl import OUT, ContainerSpec, Dataset, Input, InputPath, Output


@dsl.component
def make(n: int = 0) -> Dataset:
    import os

    found = Dataset()
    os.makedirs(found.path)
    return found


@dsl.component
def read(data: Input[Dataset]) -> None:
    print(data.path)


@dsl.component
def read_all(data: Input[list[Dataset]]) -> None:
    print(data)


@dsl.container_component
def tool(data: Input[Dataset], out: Output[Dataset] = OUT) -> ContainerSpec:
    return ContainerSpec("busybox:1.36", ["cp", "-r"], [data.path, out.path])


@dsl.container_component
def load(data: Input[Dataset]) -> ContainerSpec:
    return ContainerSpec("busybox:1.36", ["bq", "load"], [data.uri])


@dsl.container_component
def maybe(data: InputPath[Dataset] | None = None) -> ContainerSpec:
    return ContainerSpec("busybox:1.36", ["ls"], [data])


def templates(pipeline: Any) -> dict[str, Any]:
    (text,) = driver.compile(pipeline.ir).values()
    return {template["name"]: template for template in yaml.safe_load(text)["spec"]["templates"]}


def only_input(template: Any) -> Any:
    (artifact,) = template["inputs"]["artifacts"]
    return artifact


def variables(template: Any) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in template["script"].get("env", ())}


def test_a_container_loads_the_stand_in_of_an_empty_directory_and_gets_a_directory() -> None:
    @dsl.pipeline
    def p() -> None:
        tool(data=make().output)

    found = templates(p)
    key = "{{inputs.parameters.tp-path}}/tp-empty/Output/{{pod.name}}"
    assert found["make"]["outputs"]["artifacts"][1] == {
        "name": "tp-empty-Output",
        "path": "/tp/out/p/tp-Output.empty",
        "optional": True,
        "archive": {"none": {}},
        "s3": {"key": key},
    }
    assert variables(found["make"])["TYPEDPIPE_EMPTY"] == key.replace("Output", "{output}")
    loaded = only_input(found["tool"])
    assert "optional" not in loaded
    descriptor = 'fromJSON(inputs.parameters["tp-data"])'
    assert f"({descriptor}.empty ?? {descriptor}.uri)" in loaded["s3"]["key"]
    mount = '{"name": "tp-out", "mountPath": "/tp/in/data", "subPath": "in/data"}'
    assert found["tool"]["podSpecPatch"] == (
        '{"containers":[{"name":"main","volumeMounts":['
        f"{{{{={descriptor}.empty == nil ? \"\" : '{mount},'}}}}"
        '{"mountPath": "/tp/out/p"}] }]}'
    )


def test_the_patch_is_json_with_any_values() -> None:
    @dsl.pipeline
    def p(memory: str = "1Gi") -> None:
        tool(data=make().output).set_memory_limit(memory)

    patch = templates(p)["tool"]["podSpecPatch"].replace("{{inputs.parameters.tp-memory-limit}}", '"1Gi"')
    start, end = patch.index("{{="), patch.index("}}") + 2
    for value in ("", '{"mountPath": "/tp/in/data"},'):
        (container,) = json.loads(patch[:start] + value + patch[end:])["containers"]
        assert container["resources"] == {"limits": {"memory": "1Gi"}}
        assert container["volumeMounts"][-1] == {"mountPath": "/tp/out/p"}


def test_without_containers_that_take_artifacts_nothing_stands_in() -> None:
    @dsl.pipeline
    def p() -> None:
        read(data=make().output)

    found = templates(p)
    assert [artifact["name"] for artifact in found["make"]["outputs"]["artifacts"]] == ["Output"]
    assert "TYPEDPIPE_EMPTY" not in variables(found["make"])
    assert only_input(found["read"])["optional"] is True


def test_a_container_that_reads_no_path_takes_artifacts_that_argo_cannot_load() -> None:
    @dsl.pipeline
    def p() -> None:
        load(data=dsl.importer("bq://project/rows", Dataset).output)

    found = templates(p)["load"]
    assert only_input(found)["optional"] is True
    assert "podSpecPatch" not in found


def test_an_imported_artifact_must_exist() -> None:
    @dsl.pipeline
    def p(uri: str = "rows") -> None:
        for each in ("gs://bucket/rows", "s3://bucket/rows", "https://host/rows", uri):
            tool(data=dsl.importer(each, Dataset).output)

    tools = [template for name, template in templates(p).items() if name.startswith("tool")]
    assert len(tools) == 4
    assert all("optional" not in only_input(template) for template in tools)


def test_an_optional_input_may_be_absent() -> None:
    @dsl.pipeline
    def p() -> None:
        maybe(data=make().output)
        maybe()

    assert only_input(templates(p)["maybe"])["optional"] is True


def test_nothing_in_the_store_may_be_what_a_container_made() -> None:
    @dsl.pipeline
    def inner(data: Dataset) -> None:
        read(data=data)

    @dsl.pipeline
    def p() -> None:
        made = tool(data=make().output).outputs["out"]
        tool(data=made)
        read(data=make().output)
        inner(data=made)
        with dsl.ParallelFor([1, 2]):
            each = tool(data=made)
        read_all(data=dsl.Collected(each.outputs["out"]))
        read_all(data=[made, made])

    found = templates(p)
    assert [only_input(found[name]).get("optional") for name in ("tool", "tool-2")] == [None, True]
    named = {
        name: variables(template).get("TYPEDPIPE_UNDESCRIBED")
        for name, template in found.items()
        if "script" in template
    }
    assert named == {"make": None, "read": None, "read-2": "data", "read-all": "data", "read-all-2": "data"}


def test_what_a_cached_container_made_may_have_been_deleted() -> None:
    @dsl.pipeline
    def p() -> None:
        made = tool(data=make().output)
        made.set_caching_options(True)
        tool(data=made.outputs["out"])
        read(data=made.outputs["out"])

    found = templates(p)
    assert "tool-2" not in found
    assert "TYPEDPIPE_UNDESCRIBED" not in variables(found["read"])
