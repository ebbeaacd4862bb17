"""ignore_upstream_failure in a pipeline with more tasks than a DAG may have: a failure seen from another part."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import Dataset, Input


@dsl.component(base_image="python:3.11-slim")
def step(n: int) -> int:
    return n + 1


@dsl.component(base_image="python:3.11-slim")
def bad(n: int) -> int:
    return n // 0


@dsl.component(base_image="python:3.11-slim")
def make(n: int) -> Dataset:
    data = Dataset(metadata={"n": n})
    with open(data.path, "w") as out:
        out.write("x" * n)
    return data


@dsl.component(base_image="python:3.11-slim")
def tell(fine: int = -2, broken: int = -1, data: Input[Dataset] | None = None) -> str:
    assert data is not None
    return f"{fine} {broken} {len(open(data.path).read())}"


class Outputs(NamedTuple):
    told: str
    later: int


@dsl.pipeline
def main(never: bool = False) -> Outputs:
    first = step(n=0)
    broken = bad(n=first.output)
    data = make(n=3)
    last = first
    for number in range(205):
        with dsl.If(never == True):  # noqa: E712 - a value of the pipeline
            step(n=last.output)
        if number == 199:
            last = step(n=last.output)
    told = tell(fine=last.output, data=data.output, broken=broken.output).ignore_upstream_failure()
    later = step(n=last.output).after(told)
    return Outputs(told.output, later.output)


EXPECTED = {"state": "SUCCEEDED", "outputs": {"told": "2 -1 3", "later": 3}}
