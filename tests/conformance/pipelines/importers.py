"""An importer of a URI that is known only when the pipeline runs, with metadata; it needs no pod."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import OUT, Dataset, Input, InputPath, Output, OutputPath


@dsl.component(base_image="python:3.11-slim")
def make(data: Output[Dataset] = OUT, uri: OutputPath[str] = OUT) -> None:
    with open(data.path, "w") as out:
        out.write("made before")
    with open(uri, "w") as out:
        out.write(data.uri)


@dsl.component(base_image="python:3.11-slim")
def read(data: Input[Dataset]) -> str:
    return f"{open(data.path).read()} {data.metadata['rows']} {data.metadata['who']}"


@dsl.component(base_image="python:3.11-slim")
def by_path(data: InputPath[Dataset]) -> int:
    return len(open(data).read())


class Outputs(NamedTuple):
    text: str
    size: int


@dsl.pipeline
def main(who: str = "{{me}}") -> Outputs:
    made = make().outputs
    old = dsl.importer(made.uri, Dataset, metadata={"rows": 3, "who": who})
    return Outputs(read(data=old.output).output, by_path(data=old.output).output)


EXPECTED = {"state": "SUCCEEDED", "outputs": {"text": "made before 3 {{me}}", "size": 11}}
