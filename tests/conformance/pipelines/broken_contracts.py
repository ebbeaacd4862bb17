"""A wrong type, a missing file: exit code 2, no retry, and a message with the component, field, expected and actual value.

Exhausted retries of what failed otherwise, also of what ends with exit code 2 of its own.
"""

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


@dsl.component(base_image="python:3.11-slim")
def replaced(n: int) -> None:
    import os

    os.execvp("sh", ["sh", "-c", f"exit {n + 1}"])


@dsl.container_component
def strict() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="python:3.11-slim", command=["sh", "-c", "exit 2"])


@dsl.pipeline
def main(n: int = 1) -> None:
    liar(n=n).set_retry(1, backoff_duration="0.1s")
    forgetful(n=n)
    leaves(code=7)
    raises(text="{{workflow.name}} $$ 'x'").set_retry(1, backoff_duration="0.1s")
    replaced(n=n).set_retry(1, backoff_duration="0.1s")
    strict().set_retry(1, backoff_duration="0.1s")


EXPECTED = {
    "state": "FAILED",
    "attempts": {"liar": 1, "raises": 2, "replaced": 2, "strict": 2},
    "messages": {
        "liar": ["TP5", "`liar`", "int", "str"],
        "forgetful": ["TP5", "`forgetful`", "`data`"],
        "leaves": ["7"],
        "raises": ["KeyError: ", "{{workflow.name}} $$ 'x'"],
    },
}
