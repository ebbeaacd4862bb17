"""Importers of URIs that are known only when the pipeline runs, with metadata; they need no pod."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from typedpipe import dsl
from typedpipe.dsl import OUT, Dataset, Input, InputPath, Output, OutputPath


@dsl.component(base_image="python:3.11-slim")
def make(data: Output[Dataset] = OUT, uri: OutputPath[str] = OUT) -> None:
    with open(data.path, "w") as out:
        out.write("made before")
    with open(uri, "w") as out:
        out.write(data.uri)


class Place(TypedDict):
    uri: str
    folder: str
    last: str
    rows: int


@dsl.component(base_image="python:3.11-slim")
def place(uri: str) -> Place:
    folder, last = uri.rsplit("/", 1)
    return {"uri": uri, "folder": folder, "last": last, "rows": 2**53 + 1}


@dsl.component(base_image="python:3.11-slim")
def named(data: Input[Dataset]) -> str:
    return f"{open(data.path).read()} {data.name} {sorted(data.metadata.items())}"


@dsl.component(base_image="python:3.11-slim")
def read(data: Input[Dataset]) -> str:
    return f"{open(data.path).read()} {data.metadata['rows']} {data.metadata['who']}"


@dsl.component(base_image="python:3.11-slim")
def by_path(data: InputPath[Dataset]) -> int:
    return len(open(data).read())


class Outputs(NamedTuple):
    text: str
    size: int
    parts: str
    field: str
    called: str


@dsl.pipeline
def imported(uri: str, n: int) -> str:
    return named(data=dsl.importer(uri, Dataset, metadata={"n": n}).output).output


@dsl.pipeline
def main(who: str = "{{me}}") -> Outputs:
    made = make().outputs
    old = dsl.importer(made.uri, Dataset, metadata={"rows": 3, "who": who})
    found = place(uri=made.uri).output
    parts = dsl.importer(f"{found['folder']}/{found['last']}", Dataset, metadata={"n": found["rows"], "m": 2**53 + 1})
    field = dsl.importer(found["uri"], Dataset, metadata={"text": f"<{who}>"})
    return Outputs(
        read(data=old.output).output,
        by_path(data=old.output).output,
        named(data=parts.output).output,
        named(data=field.output).output,
        imported(uri=found["uri"], n=2**53 + 1).output,
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "text": "made before 3 {{me}}",
        "size": 11,
        "parts": "made before importer-2 [('m', 9007199254740993), ('n', 9007199254740993)]",
        "field": "made before importer-3 [('text', '<{{me}}>')]",
        "called": "made before importer [('n', 9007199254740993)]",
    },
}
