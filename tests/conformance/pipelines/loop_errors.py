"""Items without a value: their loop fails with its line; an item without an answer fails alone, and everything else goes on."""

from __future__ import annotations

from typing import Any

from typedpipe import dsl


@dsl.component(base_image="python:3.11-slim")
def facts() -> dict[str, Any]:
    return {"one": 1, "rows": [{"n": 1, "few": ["a", "b"]}, {"few": 3}, {"n": 5, "few": []}]}


@dsl.component(base_image="python:3.11-slim")
def say(text: str) -> str:
    return text


@dsl.pipeline
def main() -> None:
    found = facts().output
    with dsl.ParallelFor(found["zz"]):
        say(text="no items")
    with dsl.ParallelFor(found["one"]):
        say(text="no list")
    with dsl.ParallelFor(found["rows"]) as row:
        with dsl.If(row["n"] > 3):
            say(text="large")
        with dsl.Else():
            say(text="small")
        with dsl.ParallelFor(row["few"]) as each:
            say(text=each)
        say(text=f"{row['few']}")
    with dsl.ParallelFor([1, 2]) as number:
        say(text=f"{number}")


EXPECTED = {
    "state": "FAILED",
    "message": "there is no 'zz'",
    "seen": {"say": ["1", "2", "3", "['a', 'b']", "[]", "a", "b", "large", "small"]},
}
