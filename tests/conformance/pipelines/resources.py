"""CPU, memory and the image known only when the pipeline runs: Kubernetes accepts them, and tasks run with them."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl


@dsl.component(base_image="python:3.11-slim")
def pick(memory: str) -> str:
    return memory


@dsl.component(base_image="python:3.11-slim")
def limited(n: int) -> int:
    return n + 1


@dsl.component(base_image="image-that:is-replaced")
def elsewhere(text: str) -> str:
    return text


class Outputs(NamedTuple):
    number: int
    text: str


@dsl.pipeline
def main(image: str = "python:3.11", cpu: str = "20m", tag: str = "3.11-slim") -> Outputs:
    memory = pick(memory="192Mi")
    first = limited(n=1)
    first.set_cpu_request(cpu).set_cpu_limit("1").set_memory_request("16Mi").set_memory_limit(memory.output)
    second = limited(n=first.output).set_memory_request(memory.output)
    text = elsewhere(text="an image of the pipeline's").set_container_image(image)
    more = elsewhere(text=text.output).set_container_image(f"python:{tag}").set_env("WHO", memory.output)
    return Outputs(second.output, more.output)


EXPECTED = {"state": "SUCCEEDED", "outputs": {"number": 3, "text": "an image of the pipeline's"}}
