"""f-strings with formats, indexes and fields: of arguments, task outputs and loop items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from typedpipe import dsl


@dataclass
class Point:
    x: int
    tags: list[str]


class Made(NamedTuple):
    point: Point
    grid: list[list[int]]
    table: dict[str, float]


@dsl.component(base_image="python:3.11-slim")
def make() -> Made:
    return Made(Point(2**60 + 1, ["{{t}}", "b"]), [[1, 2], [3, 4]], {"k": 0.125, "a b": 2.0})


@dsl.component(base_image="python:3.11-slim")
def say(text: str, more: str = "") -> str:
    return text + more


@dsl.component(base_image="python:3.11-slim")
def add(a: int, b: float) -> float:
    return a + b


class Outputs(NamedTuple):
    formatted: str
    indexed: float
    looped: list[str]
    field: int


@dsl.pipeline
def main(
    n: int = 7,
    x: float = 2.5,
    flag: bool = True,
    name: str = "z",
    points: list[Point] = [Point(1, ["p"]), Point(2, ["q"])],
) -> Outputs:
    made = make().outputs
    formatted = say(
        text=f"{n:03d}|{x:.2f}|{flag}|{name:>6}|{x}|{{}}|{made.table}",
        more=f" {made.point.x} {made.point.tags[0]} {made.table['a b']}",
    )
    indexed = add(a=made.grid[1][0], b=made.table["k"])
    with dsl.ParallelFor(points) as point:
        each = say(text=f"{point.x}{point.tags[-1]}{name}")
    return Outputs(formatted.output, indexed.output, dsl.Collected(each.output), made.point.x)


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "formatted": "007|2.50|True|     z|2.5|{}|{'k': 0.125, 'a b': 2.0} " + f"{2**60 + 1} {{{{t}}}} 2.0",
        "indexed": 3.125,
        "looped": ["1pz", "2qz"],
        "field": 2**60 + 1,
    },
}
