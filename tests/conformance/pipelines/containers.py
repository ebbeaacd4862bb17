"""Container components: parameters, artifacts, Concat and IfPresent placeholders, f-strings; hostile text as an argument."""

from __future__ import annotations

from typing import Any, NamedTuple

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


@dsl.container_component
def lines(data: Input[Dataset], values: list[Any], more: list[int], out: OutputPath[str] = OUT) -> ContainerSpec:
    return ContainerSpec(
        image="python:3.11-slim",
        command=["sh", "-c", 'mkdir -p "$(dirname "$0")"; printf "%s\n" "$@" > "$0"'],
        args=[out, data.metadata, values, more],
    )


@dsl.component(base_image="python:3.11-slim")
def make(data: Output[Dataset] = OUT) -> None:
    data.metadata.update({"z": 2**53 + 1, "a": 1.0, "uri": {"metadata": [2**70]}})
    open(data.path, "w").close()


@dsl.component(base_image="python:3.11-slim")
def mixed() -> list[Any]:
    return [2**53 + 1, 1.0, {"z": "{{x}} $$", "a": None}]


@dsl.component(base_image="python:3.11-slim")
def large(n: int) -> int:
    return 2**53 + n


@dsl.component(base_image="python:3.11-slim")
def parsed(lines: str) -> list[str]:
    import json

    return [repr(json.loads(line)) for line in lines.splitlines()]


@dsl.component(base_image="python:3.11-slim")
def read(data: Input[Dataset], n: int) -> str:
    return open(data.path).read() + str(n)


class Outputs(NamedTuple):
    read: str
    without: str
    given: str
    parsed: list[str]


@dsl.pipeline
def main(text: str = HOSTILE, n: int = 12) -> Outputs:
    made = write(text=text, n=n).outputs
    with dsl.ParallelFor([0, 1]) as i:
        numbers = large(n=i)
    said = lines(data=make().outputs.data, values=mixed().output, more=dsl.Collected(numbers.output))
    return Outputs(
        read(data=made.data, n=made.length).output,
        join(data=made.data, name="it's").output,
        join(data=made.data, name=text, note="x y").output,
        parsed(lines=said.output).output,
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "read": HOSTILE + "12",
        "without": HOSTILE + "|--name=it's!|--no-note|<it's>",
        "given": f"{HOSTILE}|--name={HOSTILE}!|--note|x y|<{HOSTILE}>",
        "parsed": [
            "{'z': 9007199254740993, 'a': 1.0, 'uri': {'metadata': [1180591620717411303424]}}",
            "[9007199254740993, 1.0, {'z': '{{x}} $$', 'a': None}]",
            "[9007199254740992, 9007199254740993]",
        ],
    },
}
