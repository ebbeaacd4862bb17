"""Container components: parameters, artifacts, Concat and IfPresent placeholders, f-strings; hostile text as an argument."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import (
    OUT,
    ConcatPlaceholder,
    ContainerSpec,
    Dataset,
    IfPresentPlaceholder,
    Input,
    Output,
    OutputPath,
)

HOSTILE = "{{workflow.name}} $$ $(HOME) ${HOME} {{=1+1}} '\" \\ \n end {{"


@dsl.container_component
def write(text: str, n: int, data: Output[Dataset] = OUT, length: OutputPath[int] = OUT) -> ContainerSpec:
    return ContainerSpec(
        image="python:3.11-slim",
        command=[
            "sh",
            "-c",
            'mkdir -p "$(dirname "$1")" "$(dirname "$2")"; printf %s "$0" > "$1"; printf %s "$3" > "$2"',
        ],
        args=[text, data.path, length, n],
    )


@dsl.container_component
def join(data: Input[Dataset], name: str, note: str | None = None, out: OutputPath[str] = OUT) -> ContainerSpec:
    return ContainerSpec(
        image="python:3.11-slim",
        command=[
            "sh",
            "-c",
            'o="$1"; mkdir -p "$(dirname "$o")"; shift; { cat "$0"; for a in "$@"; do printf "|%s" "$a"; done; } > "$o"',
        ],
        args=[
            data.path,
            out,
            ConcatPlaceholder(["--name=", name, "!"]),
            IfPresentPlaceholder("note", ["--note", note], ["--no-note"]),
            f"<{name}>",
        ],
    )


@dsl.component(base_image="python:3.11-slim")
def read(data: Input[Dataset], n: int) -> str:
    return open(data.path).read() + str(n)


class Outputs(NamedTuple):
    read: str
    without: str
    given: str


@dsl.pipeline
def main(text: str = HOSTILE, n: int = 12) -> Outputs:
    made = write(text=text, n=n).outputs
    return Outputs(
        read(data=made.data, n=made.length).output,
        join(data=made.data, name="it's").output,
        join(data=made.data, name=text, note="x y").output,
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "read": HOSTILE + "12",
        "without": HOSTILE + "|--name=it's!|--no-note|<it's>",
        "given": f"{HOSTILE}|--name={HOSTILE}!|--note|x y|<{HOSTILE}>",
    },
}
