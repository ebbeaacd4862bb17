"""More branches than an Argo workflow may have templates; they are not taken, so that few pods start."""

from __future__ import annotations

from typedpipe import dsl
from typedpipe.dsl import Dataset, Input


@dsl.component(base_image="python:3.11-slim")
def step(n: int) -> int:
    return n + 1


@dsl.component(base_image="python:3.11-slim")
def make(text: str) -> Dataset:
    data = Dataset(metadata={"text": text})
    with open(data.path, "w") as out:
        out.write(text)
    return data


@dsl.component(base_image="python:3.11-slim")
def read(data: Input[Dataset], n: int) -> str:
    return f"{open(data.path).read()} {data.metadata['text']} {n}"


@dsl.pipeline
def main(never: bool = False) -> str:
    first = make(text="made first")
    last = step(n=0)
    for number in range(210):
        with dsl.If(never == True):  # noqa: E712 - a value of the pipeline
            skipped = step(n=last.output)
        if number == 104:
            last = step(n=dsl.OneOf(skipped.output, last.output))
    return read(data=first.output, n=step(n=last.output).output).output


EXPECTED = {"state": "SUCCEEDED", "outputs": {"Output": "made first made first 3"}}
