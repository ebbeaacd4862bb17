"""Names that are difficult for Argo, Kubernetes, YAML or Python, and KFP's call form of paths."""

# ruff: noqa: N802, PLC2401 - that is what it is about

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import OUT, Dataset, InputPath, OutputPath


class Größen(NamedTuple):
    größe: int
    item: str
    outputs: str


@dsl.component(base_image="python:3.11-slim")
def not_in_(müller: int, value: str) -> Größen:
    return Größen(müller * 2, value, "{{outputs}}")


@dsl.component(base_image="python:3.11-slim")
def In(größe: int, item: str) -> str:
    return f"{größe}{item}"


@dsl.component(base_image="python:3.11-slim")
def _2nd__STEP(text: str, data: OutputPath("Dataset") = OUT, size: OutputPath(int) = OUT) -> None:  # type: ignore[valid-type]  # KFP's form
    with open(data, "w") as out:
        out.write(text)
    with open(size, "w") as out:
        out.write(str(len(text)))


@dsl.component(base_image="python:3.11-slim")
def n(on: int) -> int:
    return on


@dsl.pipeline
def no(y: int) -> int:
    return n(on=y).output


@dsl.component(base_image="python:3.11-slim")
def read(data: InputPath[Dataset], size: int) -> str:
    return open(data).read() + str(size)


class Outputs(NamedTuple):
    ergebnis_ß: str
    output: str
    null: list[int]


@dsl.pipeline(name="names with spaces, and ümlauts")
def main(n: int = 4, für: str = "y", workflow: str = "w") -> Outputs:
    first = not_in_(müller=n, value=für).outputs
    again = not_in_(müller=first.größe, value=workflow).outputs
    with dsl.ParallelFor([0, 3], name="off") as yes:
        each = no(y=yes)
    made = _2nd__STEP(text=again.outputs)
    return Outputs(
        In(größe=again.größe, item=again.item).output,
        read(data=made.outputs["data"], size=made.outputs["size"]).output,
        dsl.Collected(each.output),
    )


EXPECTED = {"state": "SUCCEEDED", "outputs": {"ergebnis_ß": "16w", "output": "{{outputs}}11", "null": [0, 3]}}
