"""Metadata with values that the wire format marks, and with keys named like its marks: single, collected and imported."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import OUT, Dataset, Input, Output, OutputPath


@dsl.component(base_image="python:3.11-slim")
def make(n: int, data: Output[Dataset] = OUT, uri: OutputPath[str] = OUT) -> None:
    data.metadata.update({"$tp": ["float", "nan"], "in": {"$tp": [n]}, "n": 2**53 + n, "x": float("nan")})
    with open(data.path, "w") as out:
        out.write("x")
    with open(uri, "w") as out:
        out.write(data.uri)


@dsl.component(base_image="python:3.11-slim")
def one(data: Input[Dataset]) -> str:
    return repr(data.metadata)


@dsl.component(base_image="python:3.11-slim")
def many(data: Input[list[Dataset]]) -> list[str]:
    return [repr(each.metadata) for each in data]


class Outputs(NamedTuple):
    one: str
    many: list[str]
    imported: str


@dsl.pipeline
def main() -> Outputs:
    made = make(n=1).outputs
    with dsl.ParallelFor([1, 2]) as n:
        each = make(n=n)
    imported = dsl.importer(made.uri, Dataset, metadata={"$tp": [1], "in": {"$tp": ["float", "nan"]}})
    return Outputs(
        one(data=made.data).output,
        many(data=dsl.Collected(each.outputs.data)).output,
        one(data=imported.output).output,
    )


def expected(n: int) -> str:
    return repr({"$tp": ["float", "nan"], "in": {"$tp": [n]}, "n": 2**53 + n, "x": float("nan")})


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "one": expected(1),
        "many": [expected(1), expected(2)],
        "imported": repr({"$tp": [1], "in": {"$tp": ["float", "nan"]}}),
    },
}
