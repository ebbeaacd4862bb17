"""A wrong type, a missing file: exit code 2 and a message with the component, field, expected and actual value."""

from __future__ import annotations

from typedpipe import dsl
from typedpipe.dsl import OUT, Dataset, OutputPath


@dsl.component(base_image="python:3.11-slim")
def liar(n: int) -> list[int]:
    answer: list[int] = [n, "two"]  # type: ignore[list-item]  # the runtime has to see it
    return answer


@dsl.component(base_image="python:3.11-slim")
def forgetful(n: int, data: OutputPath[Dataset] = OUT) -> None:
    print(n)


@dsl.component(base_image="python:3.11-slim")
def leaves(code: int) -> None:
    import sys

    print("bye")
    sys.exit(code)


@dsl.component(base_image="python:3.11-slim")
def raises(text: str) -> None:
    raise KeyError(text)


@dsl.pipeline
def main(n: int = 1) -> None:
    liar(n=n)
    forgetful(n=n)
    leaves(code=7)
    raises(text="{{workflow.name}} $$ 'x'")


EXPECTED = {
    "state": "FAILED",
    "messages": {
        "liar": ["TP5", "`liar`", "int", "str"],
        "forgetful": ["TP5", "`forgetful`", "`data`"],
        "leaves": ["7"],
        "raises": ["`raises`", "KeyError", "{{workflow.name}} $$ 'x'"],
    },
}
