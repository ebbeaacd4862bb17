"""OneOf of artifacts: with an Else, with a last one from outside, and in a loop whose results are collected."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import Dataset, Input


@dsl.component(base_image="python:3.11-slim")
def make(text: str) -> Dataset:
    data = Dataset(metadata={"text": text})
    with open(data.path, "w") as out:
        out.write(text)
    return data


@dsl.component(base_image="python:3.11-slim")
def read(data: Input[Dataset]) -> str:
    return open(data.path).read() + "/" + str(data.metadata["text"])


@dsl.component(base_image="python:3.11-slim")
def read_all(many: Input[list[Dataset]]) -> list[str]:
    return [open(data.path).read() + "/" + data.metadata["text"] for data in many]


class Outputs(NamedTuple):
    chosen: Dataset
    text: str
    fallback: str
    looped: list[str]


@dsl.pipeline
def main(big: bool = False) -> Outputs:
    with dsl.If(big == True):  # noqa: E712 - a value of the pipeline
        large = make(text="large")
    with dsl.Else():
        small = make(text="small")
    chosen = dsl.OneOf(large.output, small.output)
    text = read(data=chosen)

    outside = make(text="outside")
    with dsl.If(big == True):  # noqa: E712
        never = make(text="never")
    fallback = read(data=dsl.OneOf(never.output, outside.output))

    with dsl.ParallelFor(["a", "b"]) as item:
        with dsl.If(item == "a"):
            one = make(text="is a")
        with dsl.Else():
            other = make(text="is other")
        picked = dsl.OneOf(one.output, other.output)
    looped = read_all(many=dsl.Collected(picked))
    return Outputs(chosen, text.output, fallback.output, looped.output)


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "chosen": {"type": "system.Dataset", "metadata": {"text": "small"}},
        "text": "small/small",
        "fallback": "outside/outside",
        "looped": ["is a/is a", "is other/is other"],
    },
}
