"""Environment variables (constant and computed), another image, resources and a display name."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl

HOSTILE = "{{workflow.name}} $$ $(HOME) ${HOME} {{=1+1}} \x1b[0m '\" \\ \n end {{"


@dsl.component(base_image="python:3.11-slim")
def variables() -> list[str]:
    import os

    return [os.environ["TEXT"], os.environ["COMPUTED"], os.environ["COUNT"]]


@dsl.component(base_image="python:3.11-slim")
def say(text: str) -> str:
    return text


class Outputs(NamedTuple):
    seen: list[str]
    other: str


@dsl.pipeline
def main(text: str = HOSTILE, n: int = 3) -> Outputs:
    said = say(text=text)
    seen = variables().set_env("TEXT", HOSTILE).set_env("COMPUTED", said.output).set_env("COUNT", f"{n} of {n}")
    seen.set_cpu_request("10m").set_memory_request("16Mi").set_memory_limit("256Mi").set_display_name("what is seen")
    other = say(text="another image").set_container_image("python:3.11").set_caching(False)
    return Outputs(seen.output, other.output)


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {"seen": [HOSTILE, HOSTILE, "3 of 3"], "other": "another image"},
}
