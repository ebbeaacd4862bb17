"""A condition without a value: neither branch runs, the run fails with the line of the condition, and the others go on."""

from __future__ import annotations

from typing import Any

from typedpipe import dsl


@dsl.component(base_image="python:3.11-slim")
def facts() -> dict[str, Any]:
    return {"a": 1, "rows": [1, 2]}


@dsl.component(base_image="python:3.11-slim")
def say(text: str) -> str:
    return text


@dsl.pipeline
def judged(value: int) -> str:
    with dsl.If(value == 1):
        one = say(text="a called pipeline")
    with dsl.Else():
        other = say(text="a called pipeline")
    return dsl.OneOf(one.output, other.output)


@dsl.pipeline
def main() -> None:
    found = facts().output
    with dsl.If(found["b"] == 1):
        yes = say(text="yes")
    with dsl.Else():
        no = say(text="no")
    say(text=dsl.OneOf(yes.output, no.output))
    with dsl.If(found["a"] == 1):
        say(text="an Elif that is not reached")
    with dsl.Elif(found["b"] == 1):
        say(text="elif")
    with dsl.If(dsl.Not(found["rows"][7] == 1)):
        say(text="not")
    say(text=judged(value=found["c"]).output)
    say(text=say(text="something else").output)


EXPECTED = {
    "state": "FAILED",
    "message": "there is no 'b'",
    "seen": {"say": ["an Elif that is not reached", "something else", "something else"]},
}
