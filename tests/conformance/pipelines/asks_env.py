"""Environment variables from values that Python evaluates in the task itself."""

from __future__ import annotations

from typing import Any, NamedTuple

from typedpipe import dsl

HOSTILE = "{{workflow.name}} $$ $(HOME) ${A} {{=1+1}} \x1b[0m \x7f \U000e0067 '\" \\ \n end {{"


@dsl.component(base_image="python:3.11-slim")
def facts() -> dict[str, Any]:
    text = (
        "{" + "{workflow.name}} $" + "$ $" + "(HOME) ${A} {" + "{=1+1}} \x1b[0m \x7f \U000e0067 '\" \\ \n end {" + "{"
    )
    return {"id": 2**60 + 1, "text": text, "rate": 0.1, "nested": {"z": [0.0, None], "a": 2**53 + 1}}


@dsl.component(base_image="python:3.11-slim")
def variables(names: list[str]) -> list[str]:
    import os

    return [os.environ[name] for name in names]


@dsl.component(base_image="python:3.11-slim")
def cached() -> str:
    import os

    return os.environ["A"]


@dsl.component(base_image="python:3.11-slim")
def new() -> str:
    import uuid

    return uuid.uuid4().hex


@dsl.pipeline
def called(found: dict[str, Any], text: str) -> list[str]:
    task = variables(names=["A", "B"]).set_env("A", f"{found['id']}-{text}").set_env("B", found["text"])
    return task.output


class Outputs(NamedTuple):
    seen: list[str]
    called: list[str]
    looped: list[list[str]]
    cached: list[str]


@dsl.pipeline
def main(text: str = HOSTILE, n: int = 2**60 + 1) -> Outputs:
    found = facts().output
    seen = variables(names=["CONSTANT", "FIELD", "MADE", "DATA", "ROOT"]).set_env("CONSTANT", HOSTILE)
    seen.set_env("FIELD", found["text"]).set_env("MADE", f"{found['id']}-{text}-{found['rate']:.3f}")
    seen.set_env("DATA", f"{found['nested']}").set_env("ROOT", f"{n:,}")
    with dsl.ParallelFor(["a", "b"]) as item:
        looped = variables(names=["A"]).set_env("A", f"{item} {found['id']}")
    salt = new().output  # a cache of an earlier run has no results for this one
    first = cached().set_env("A", f"{found['id']}").set_env("SALT", salt).set_caching(True)
    second = cached().set_env("A", f"{found['rate']}").set_env("SALT", salt).set_caching(True).after(first)
    return Outputs(
        seen.output,
        called(found=found, text=text).output,
        dsl.Collected(looped.output),
        [first.output, second.output],
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "seen": [
            HOSTILE,
            HOSTILE,
            f"{2**60 + 1}-{HOSTILE}-0.100",
            "{'z': [0.0, None], 'a': 9007199254740993}",
            "1,152,921,504,606,846,977",
        ],
        "called": [f"{2**60 + 1}-{HOSTILE}", HOSTILE],
        "looped": [[f"a {2**60 + 1}"], [f"b {2**60 + 1}"]],
        "cached": [f"{2**60 + 1}", "0.1"],
    },
}
