"""IfSet and Some: of arguments that are None or not, and of task outputs; artifacts of pipelines that are left out."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import Dataset, Input


@dsl.component(base_image="python:3.11-slim")
def maybe(n: int) -> str | None:
    return None if n < 0 else f"n={n}"


@dsl.component(base_image="python:3.11-slim")
def needs(text: str) -> str:
    return text.upper()


@dsl.component(base_image="python:3.11-slim")
def takes(text: str | None = "default", data: Input[Dataset] | None = None) -> str:
    return repr(text) + repr(data)


@dsl.pipeline
def inner(text: str | None = "default", data: Input[Dataset] | None = None) -> str:
    return takes(text=text, data=data).output


class Outputs(NamedTuple):
    given: str
    absent: str
    made: str
    some: str
    other: str
    left_out: str
    null: str


@dsl.pipeline
def main(note: str | None = "here", nothing: str | None = None, data: Input[Dataset] | None = None) -> Outputs:
    with dsl.IfSet(note) as text:
        given = needs(text=text)
    with dsl.IfSet(nothing) as text:
        absent = needs(text=text)
    with dsl.IfSet(maybe(n=-1).output) as text:
        unmade = needs(text=text)
    with dsl.Else():
        made = needs(text="it was none")
    some = needs(text=dsl.Some(maybe(n=3).output, "no"))
    other = needs(text=dsl.Some(nothing, "no"))
    return Outputs(
        dsl.OneOf(given.output, "-"),
        dsl.OneOf(absent.output, "-"),
        dsl.OneOf(unmade.output, made.output),
        some.output,
        other.output,
        inner().output,
        inner(text=nothing, data=data).output,
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "given": "HERE",
        "absent": "-",
        "made": "IT WAS NONE",
        "some": "N=3",
        "other": "NO",
        "left_out": "'default'None",
        "null": "NoneNone",
    },
}
