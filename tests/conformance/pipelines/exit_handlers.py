"""ExitHandler: nested, with a body that fails, with its status, in a loop, and with an exit task that fails."""

from __future__ import annotations

from typedpipe import dsl
from typedpipe.dsl import STATUS, PipelineTaskFinalStatus


@dsl.component(base_image="python:3.11-slim")
def work(n: int) -> int:
    return 10 // n


@dsl.component(base_image="python:3.11-slim")
def told(label: str, status: PipelineTaskFinalStatus = STATUS) -> str:
    return f"{label} {status.state}"


@dsl.component(base_image="python:3.11-slim")
def breaks(label: str) -> None:
    raise RuntimeError(label)


@dsl.component(base_image="python:3.11-slim")
def end(n: int) -> str:
    return f"after {n}"


@dsl.pipeline
def main(zero: int = 0) -> None:
    first = work(n=5)
    with dsl.ExitHandler(told(label=f"outer of {first.output}")):
        with dsl.ExitHandler(told(label="inner")):
            bad = work(n=zero)
        end(n=bad.output)
        with dsl.ExitHandler(breaks(label="an exit task may fail")):
            good = work(n=1)
        end(n=good.output)
    with dsl.ParallelFor([2]) as item:
        with dsl.ExitHandler(told(label=f"item {item}")):
            work(n=item)


EXPECTED = {
    "state": "FAILED",
    "message": "ZeroDivisionError",
    "seen": {
        "told": ["inner FAILED", "item 2 SUCCEEDED", "outer of 2 FAILED"],
        "end": ["after 10"],
        "work": [2, 5, 10],
    },
}
