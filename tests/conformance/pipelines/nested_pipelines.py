"""Pipelines inside pipelines: with outputs, artifacts, defaults, in loops and branches, twice and two deep."""

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
def size(data: Input[Dataset], times: int = 1) -> int:
    return len(open(data.path).read()) * times


class Sub(NamedTuple):
    data: Dataset
    length: int


@dsl.pipeline
def inner(data: Input[Dataset], times: int = 2) -> int:
    return size(data=data, times=times).output


@dsl.pipeline
def middle(text: str, times: int = 3) -> Sub:
    data = make(text=text)
    length = inner(data=data.output, times=times)
    return Sub(data.output, length.output)


class Outputs(NamedTuple):
    length: int
    again: int
    looped: list[int]
    chosen: int


@dsl.pipeline
def main(text: str = "abc") -> Outputs:
    one = middle(text=text).outputs
    again = inner(data=one.data)
    with dsl.ParallelFor(["x", "yy"]) as item:
        each = middle(text=item, times=10)
    with dsl.If(one.length == 9):
        taken = inner(data=one.data, times=100)
    return Outputs(one.length, again.output, dsl.Collected(each.outputs.length), dsl.OneOf(taken.output, 0))


EXPECTED = {"state": "SUCCEEDED", "outputs": {"length": 9, "again": 6, "looped": [10, 20], "chosen": 300}}
