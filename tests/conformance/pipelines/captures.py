"""Values of outer scopes used deep inside: arguments, task outputs, artifacts and items of outer loops."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import STATUS, Dataset, Input, PipelineTaskFinalStatus


@dsl.component(base_image="python:3.11-slim")
def make(text: str) -> Dataset:
    data = Dataset(metadata={"text": text})
    with open(data.path, "w") as out:
        out.write(text)
    return data


@dsl.component(base_image="python:3.11-slim")
def number(n: int) -> int:
    return n


@dsl.component(base_image="python:3.11-slim")
def gather(a: int, b: int, c: int, text: str, data: Input[Dataset]) -> str:
    return f"{a}{b}{c}{text}{open(data.path).read()}{data.metadata['text']}"


@dsl.component(base_image="python:3.11-slim")
def told(label: str, data: Input[Dataset], status: PipelineTaskFinalStatus = STATUS) -> str:
    return f"{label} {open(data.path).read()} {status.state}"


class Outputs(NamedTuple):
    deep: list[list[str | None]]


@dsl.pipeline
def main(text: str = "t", n: int = 9) -> Outputs:
    data = make(text="d")
    outer = number(n=n)
    with dsl.ParallelFor([1, 2]) as i:
        with dsl.ExitHandler(told(label=f"{text}{i}", data=data.output)):
            with dsl.ParallelFor([3, 4]) as j:
                with dsl.If((i == 1) | (j == outer.output)):
                    deep = gather(a=i, b=j, c=outer.output, text=f"{text}{i}", data=data.output)
    return Outputs(dsl.Collected(dsl.Collected(deep.output)))


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {"deep": [["139t1dd", "149t1dd"], [None, None]]},
    "seen": {"told": ["t1 d SUCCEEDED", "t2 d SUCCEEDED"]},
}
