"""Objects whose constructors do more than assign: through edges, fields, loops, conditions and whole outputs."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from typedpipe import Collected, If, ParallelFor, component, pipeline


@dataclass
class Scaled:
    rate: float
    batch: int
    twice: int = field(init=False)

    def __post_init__(self) -> None:
        self.rate = self.rate * self.batch / 256
        self.twice = self.batch * 2


@dataclass
class Outer:
    inner: Scaled
    many: list[Scaled]


class Limit(enum.Enum):
    NONE = float("inf")
    ONE = 1.0


class Pair(NamedTuple):
    left: int
    right: Scaled


@component(base_image="python:3.11-slim")
def make(n: int) -> Outer | None:
    return Outer(Scaled(n, 512), [Scaled(n + 1, 512), Scaled(n + 2, 512)])


@component(base_image="python:3.11-slim", include=[Scaled])
def pair(n: int) -> Pair:
    return Pair(n, Scaled(n, 1024))


@component(base_image="python:3.11-slim")
def show(one: Scaled, limit: Limit, number: int | float, numbers: list[float] | list[int]) -> str:
    return repr((one, limit, number, numbers))


@component(base_image="python:3.11-slim")
def show_all(pairs: list[Pair], outer: Outer | None) -> str:
    return repr((pairs, outer))


class Outputs(NamedTuple):
    constant: str
    inner: list[str]
    pairs: str
    chosen: list[str | None]


@pipeline
def main(number: int | float = 1.0) -> Outputs:
    made = make(n=1)
    constant = show(one=Scaled(1, 512), limit=Limit.NONE, number=number, numbers=[2**53 + 1])
    with ParallelFor([Scaled(2, 512), Scaled(3, 512)]) as item:
        inner = show(one=item, limit=Limit.ONE, number=2, numbers=[0.5])
    with ParallelFor([1, 2]) as n:
        each = pair(n=n)
        with If(each.outputs.left == 2):
            chosen = show(one=each.outputs.right, limit=Limit.ONE, number=-0.0, numbers=[])
    pairs = show_all(pairs=Collected(each.outputs), outer=made.output)
    some: Any = Collected(chosen.output)  # to checkers, a list of str
    return Outputs(constant.output, Collected(inner.output), pairs.output, some)


ONE = repr(Scaled(1, 512))
EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "constant": f"({ONE}, <Limit.NONE: inf>, 1.0, [9007199254740993])",
        "inner": [f"({Scaled(n, 512)!r}, <Limit.ONE: 1.0>, 2, [0.5])" for n in (2, 3)],
        "pairs": repr(
            (
                [Pair(1, Scaled(1, 1024)), Pair(2, Scaled(2, 1024))],
                Outer(Scaled(1, 512), [Scaled(2, 512), Scaled(3, 512)]),
            )
        ),
        "chosen": [None, f"({Scaled(2, 1024)!r}, <Limit.ONE: 1.0>, -0.0, [])"],
    },
}
