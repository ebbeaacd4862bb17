"""Cached tasks that differ only in an environment variable, in digits of metadata, or in the key that a user sets.

All values have a part that is new in each run, so that no task finds the result of an earlier run.
"""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import OUT, Dataset, Input, Output, OutputPath


@dsl.component(base_image="python:3.11-slim")
def new() -> str:
    import uuid

    return uuid.uuid4().hex


@dsl.component(base_image="python:3.11-slim")
def variable() -> str:
    import os

    return os.environ["A"]


@dsl.component(base_image="python:3.11-slim")
def make(n: int, salt: str, data: Output[Dataset] = OUT, uri: OutputPath[str] = OUT) -> None:
    with open(data.path, "w") as out:
        out.write(salt)
    with open(uri, "w") as out:
        out.write(data.uri)
    data.metadata["id"] = n


@dsl.component(base_image="python:3.11-slim")
def identity(data: Input[Dataset]) -> list[int | str]:
    return [data.metadata["id"], data.name]


@dsl.component(base_image="python:3.11-slim")
def first_words(texts: list[str]) -> list[str]:
    return [text.split()[0] for text in texts]


class Outputs(NamedTuple):
    variables: list[str]
    made: list[list[int | str]]
    imported: list[list[int | str]]


@dsl.pipeline
def main() -> Outputs:
    salt = new().output
    one = variable().set_env("A", f"one {salt}").set_caching(True)
    two = variable().set_env("A", f"two {salt}").set_caching(True).after(one)
    made = make(n=2**53, salt=salt).outputs
    small = identity(data=made.data).set_caching(True)
    large = identity(data=make(n=2**53 + 1, salt=salt).outputs.data).set_caching(True).after(small)
    here = identity(data=dsl.importer(made.uri, Dataset, metadata={"id": 2**53}).output)
    there = identity(data=dsl.importer(made.uri, Dataset, metadata={"id": 2**53 + 1}).output)
    here.set_caching(True)
    there.set_caching(True).after(here)
    return Outputs(
        first_words(texts=[one.output, two.output]).output,
        [small.output, large.output],
        [here.output, there.output],
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "variables": ["one", "two"],
        "made": [[2**53, "data"], [2**53 + 1, "data"]],
        "imported": [[2**53, "importer"], [2**53 + 1, "importer-2"]],
    },
}
