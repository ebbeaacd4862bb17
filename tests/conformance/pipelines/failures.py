"""After a failure, downstream tasks are skipped; independent chains and the other items of a loop continue."""

from __future__ import annotations

from typedpipe import dsl


@dsl.component(base_image="python:3.11-slim")
def step(text: str) -> str:
    if text == "bad":
        raise ValueError("this one is bad: {{workflow.name}} $$")
    return text


@dsl.component(base_image="python:3.11-slim")
def joined(texts: list[str]) -> str:
    return ",".join(texts)


@dsl.pipeline
def main(first: str = "bad") -> None:
    bad = step(text=first)
    step(text=f"after {bad.output}")
    chain = step(text="one")
    step(text=f"{chain.output} two")
    with dsl.ParallelFor(["a", "bad"]) as item:
        each = step(text=item)
        step(text=f"{each.output}+")
    joined(texts=dsl.Collected(each.output))
    with dsl.If(bad.output == "good"):
        step(text="never")


EXPECTED = {
    "state": "FAILED",
    "message": "ValueError: this one is bad: {{workflow.name}} $$",
    "seen": {"step": ["a", "a+", "one", "one two"], "joined": []},
}
