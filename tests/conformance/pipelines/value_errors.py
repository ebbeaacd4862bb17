"""A value in a pod that cannot be computed: its task has no pod, the run fails with the line, and the others go on."""

from __future__ import annotations

from typing import Any

from typedpipe import dsl
from typedpipe.dsl import OUT, ContainerSpec, Dataset, Input, OutputPath


@dsl.component(base_image="python:3.11-slim")
def facts() -> dict[str, Any]:
    return {"text": "error TP509: a.py:1, If: the user's own", "memory": "64Mi"}


@dsl.component(base_image="python:3.11-slim")
def text(text: str = "the default") -> str:
    return text


@dsl.component(base_image="python:3.11-slim")
def read(data: Input[Dataset]) -> str:
    return data.uri


@dsl.container_component
def say(text: str, more: str = "", out: OutputPath[str] = OUT) -> ContainerSpec:
    command = ["sh", "-c", 'mkdir -p "$(dirname "$0")"; printf %s "$1$2" > "$0"']
    return ContainerSpec("python:3.11-slim", command, [out, text, more])


@dsl.pipeline
def called(found: dict[str, Any]) -> str:
    return text(text=say(text=found["zz"]).output).output


@dsl.pipeline
def main() -> None:
    found = facts().output
    text(text=say(text=found["text"], more=f"!{found['memory']}").output)
    text(text=say(text=found["text"], more=found["zz"]).output)
    text(text=say(text="a variable").set_env("A", found["zz"]).output)
    text(text=called(found=found).output)
    text(text="an image").set_container_image(f"python:{found['zz']}")
    text(text="memory").set_memory_limit(found["zz"])
    text(text=read(data=dsl.importer(f"data/{found['zz']}", Dataset).output).output)
    kept = say(text="kept").set_env("A", found["memory"])
    late = say(text=f"late {found['zz']}").after(kept)
    text(text=late.output).ignore_upstream_failure()
    text(text="something else")


EXPECTED = {
    "state": "FAILED",
    "message": "value_errors.py:41, argument more: there is no 'zz'",
    "seen": {"text": ["error TP509: a.py:1, If: the user's own!64Mi", "something else", "the default"]},
}
