"""Arguments, variables, images, resources and imported URIs from values that Python evaluates for the controller."""

from __future__ import annotations

from typing import Any, NamedTuple

from typedpipe import dsl
from typedpipe.dsl import OUT, ContainerSpec, Dataset, Input, Output, OutputPath

HOSTILE = "{{workflow.name}} $$ $(HOME) ${A} {{=1+1}} \x1b[0m \x7f \U000e0067 '\" \\ \n error TP509: end {{"
SAY = """
import json, os, sys
os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)
with open(sys.argv[1], "w") as out:
    json.dump([*sys.argv[2:], os.environ["A"]], out)
"""


@dsl.component(base_image="python:3.11-slim")
def facts() -> dict[str, Any]:
    text = "{{workflow.name}} $$ $(HOME) ${A} {{=1+1}} \x1b[0m \x7f \U000e0067 '\" \\ \n error TP509: end {{"
    return {
        "id": 2**60 + 1,
        "text": text,
        "rate": 0.1,
        "rows": [2**60 + 1, 1.0, {"z": "{{x}} $", "a": None}],
        "nothing": None,
        "image": "python:3.11",
        "memory": 96,
    }


@dsl.component(base_image="python:3.11-slim")
def make(data: Output[Dataset] = OUT, place: OutputPath[dict[str, str]] = OUT) -> None:
    import json

    with open(data.path, "w") as out:
        out.write("made before")
    with open(place, "w") as out:
        json.dump({"uri": data.uri}, out)


@dsl.container_component
def say(text: str, n: Any, rows: list[Any], note: str | None = None, out: OutputPath[str] = OUT) -> ContainerSpec:
    return ContainerSpec("python:3.11-slim", ["python3", "-c", SAY], [out, text, n, rows, f"<{note}>"])


@dsl.container_component
def describe(data: Input[Dataset], out: OutputPath[str] = OUT) -> ContainerSpec:
    command = ["sh", "-c", 'mkdir -p "$(dirname "$0")"; printf "%s %s" "$(cat "$1")" "$2" > "$0"']
    return ContainerSpec("python:3.11-slim", command, [out, data.path, data.metadata])


@dsl.component(base_image="python:3.11-slim")
def parts(text: str) -> list[Any]:
    import json

    said, n, rows, note, variable = json.loads(text)
    return [said, n, repr(json.loads(rows)), note, variable]


@dsl.component(base_image="python:3.11-slim")
def parsed(text: str) -> list[Any]:
    import json

    start = text.index("{")
    return [text[:start], repr(json.loads(text[start:]))]


@dsl.component(base_image="image-that:is-replaced")
def elsewhere() -> str:
    return "in the image of a field"


@dsl.pipeline
def called(found: dict[str, Any], text: str) -> list[Any]:
    said = say(text=f"{found['id']} {text}", n=found["text"], rows=found["rows"], note=found["nothing"])
    said.set_env("A", found["text"])
    return parts(text=said.output).output


class Outputs(NamedTuple):
    made: list[Any]
    called: list[list[Any]]
    imported: list[Any]
    elsewhere: str


@dsl.pipeline
def main(text: str = HOSTILE) -> Outputs:
    found = facts().output
    made = say(text=f"{found['text']}{found['rate']:.3f}", n=found["id"], rows=found["rows"], note=text)
    made.set_env("A", f"{found['id']}").set_memory_limit(f"{found['memory']}Mi")
    with dsl.ParallelFor(["a", "b"]):
        inner = called(found=found, text=text)
    importer = dsl.importer(make().outputs.place["uri"], Dataset, metadata={"id": found["id"], "x": [text]})
    other = elsewhere().set_container_image(found["image"]).set_memory_limit(f"{found['memory']}Mi")
    return Outputs(
        parts(text=made.output).output,
        dsl.Collected(inner.output),
        parsed(text=describe(data=importer.output).output).output,
        other.output,
    )


ROWS = "[1152921504606846977, 1.0, {'z': '{{x}} $', 'a': None}]"
EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "made": [f"{HOSTILE}0.100", str(2**60 + 1), ROWS, f"<{HOSTILE}>", str(2**60 + 1)],
        "called": [[f"{2**60 + 1} {HOSTILE}", HOSTILE, ROWS, "<>", HOSTILE]] * 2,
        "imported": ["made before ", f"{{'id': {2**60 + 1}, 'x': [{HOSTILE!r}]}}"],
        "elsewhere": "in the image of a field",
    },
}
