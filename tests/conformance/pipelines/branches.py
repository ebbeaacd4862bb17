"""If, Elif and Else, and OneOf of parameters: outside of loops, in loops, in called pipelines, and with no branch taken.

An Elif that is not reached may have no value.
"""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl


@dsl.component(base_image="python:3.11-slim")
def say(text: str) -> str:
    return text


@dsl.pipeline
def same(text: str, never: bool = False) -> str:
    """The same text, without a pod."""
    with dsl.If(never == True):  # noqa: E712 - a value of the pipeline
        ran = say(text=text)
    return dsl.OneOf(ran.output, text)


@dsl.component(base_image="python:3.11-slim")
def number(n: int) -> int:
    return n


@dsl.component(base_image="python:3.11-slim")
def joined(texts: list[str]) -> str:
    return ",".join(texts)


@dsl.pipeline
def rated(n: int, limits: list[int]) -> str:
    """The condition is the caller's: it has the values first."""
    with dsl.If(n > limits[0]):
        above = same(text=f"{n} > {limits[0]}")
    with dsl.Elif(n > limits[1]):
        between = same(text=f"{n} > {limits[1]}")
    with dsl.Else():
        below = same(text=f"{n}")
    return dsl.OneOf(above.output, between.output, below.output)


class Outputs(NamedTuple):
    middle: str
    fallback: str
    looped: list[str]
    nested: str
    used: str
    joined: str
    rated: str
    again: str
    fixed: str


@dsl.pipeline
def main(n: int = 2, wanted: str = "2") -> Outputs:
    count = number(n=n)
    with dsl.If(count.output == 1):
        low = say(text="one")
    with dsl.Elif(count.output == 2):
        middle = say(text="two")
    with dsl.Else():
        high = say(text="many")
    middle_one = dsl.OneOf(low.output, middle.output, high.output)

    with dsl.If(count.output > 100):
        never = say(text="never")
    fallback = dsl.OneOf(never.output, "nothing ran")

    with dsl.ParallelFor(["1", "2", "3"]) as item:
        with dsl.If(item == "1"):
            first = say(text=f"first {item}")
        with dsl.Elif(item == wanted):
            second = same(text=item)
        with dsl.Else():
            third = same(text=item)
        each = dsl.OneOf(first.output, second.output, third.output)

    with dsl.If(n > 1):
        with dsl.If(n > 2):
            deep = say(text="n > 2")
        with dsl.Else():
            deeper = say(text="n == 2")
        inner = dsl.OneOf(deep.output, deeper.output)
    nested = dsl.OneOf(inner, "n <= 1")
    used = say(text=f"{middle_one} and {fallback}")
    every = joined(texts=dsl.Collected(each)).output
    one = rated(n=count.output, limits=[1]).output
    with dsl.If(count.output < 5):
        again = rated(n=count.output, limits=[5, 1]).output
    fixed = rated(n=4, limits=[7, 4]).output
    return Outputs(
        middle_one, fallback, dsl.Collected(each), nested, used.output, every, one, dsl.OneOf(again, ""), fixed
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "middle": "two",
        "fallback": "nothing ran",
        "looped": ["first 1", "2", "3"],
        "nested": "n == 2",
        "used": "two and nothing ran",
        "joined": "first 1,2,3",
        "rated": "2 > 1",
        "again": "2 > 1",
        "fixed": "4",
    },
}
