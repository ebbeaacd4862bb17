"""If, Elif and Else, and OneOf of parameters: outside of loops, in loops, and with no branch taken."""

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


class Outputs(NamedTuple):
    middle: str
    fallback: str
    looped: list[str]
    nested: str
    used: str
    joined: str


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
    return Outputs(
        middle_one, fallback, dsl.Collected(each), nested, used.output, joined(texts=dsl.Collected(each)).output
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
    },
}
