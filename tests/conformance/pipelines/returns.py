"""Returns of several values: a NamedTuple, a dataclass, and outputs unpacked in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import Dataset, Input


@dataclass
class Parts:
    train: Dataset
    rows: int
    names: list[str]


class Stats(NamedTuple):
    total: int
    mean: float


@dsl.component(base_image="python:3.11-slim")
def split(n: int) -> Parts:
    data = Dataset(metadata={"n": n})
    with open(data.path, "w") as out:
        out.write("x" * n)
    return Parts(train=data, rows=n, names=["a", "b"])


@dsl.component(base_image="python:3.11-slim")
def stats(data: Input[Dataset], rows: int, names: list[str]) -> Stats:
    return Stats(len(open(data.path).read()) + rows + len(names), 1)


class Outputs(NamedTuple):
    total: int
    mean: float
    names: list[str]


@dsl.pipeline
def main(n: int = 4) -> Outputs:
    parts = split(n=n).outputs
    total, mean = stats(data=parts.train, rows=parts.rows, names=parts.names).outputs
    return Outputs(total, mean, parts.names)


EXPECTED = {"state": "SUCCEEDED", "outputs": {"total": 10, "mean": 1.0, "names": ["a", "b"]}}
