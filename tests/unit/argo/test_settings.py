"""Task options whose values are known only when the pipeline runs."""

from __future__ import annotations

import yaml

from typedpipe import dsl
from typedpipe.compiler import driver


@dsl.container_component
def say(text: str):
    return dsl.ContainerSpec("python:3.11-slim", ["echo"], [text])


@dsl.pipeline
def patched(memory: str = "128Mi") -> None:
    say(text="hi").set_memory_limit(memory).set_cpu_request("100m")


def test_a_container_gets_the_memory_that_a_value_says() -> None:
    assert patched.ir is not None
    (text,) = driver.compile(patched.ir).values()
    template = next(t for t in yaml.safe_load(text)["spec"]["templates"] if t["name"] == "say")
    assert "{{inputs.parameters.tp-memory-limit}}" in template["podSpecPatch"]
    assert template["container"]["resources"] == {"requests": {"cpu": "100m"}}
