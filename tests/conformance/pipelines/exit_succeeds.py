"""A failing exit task does not change the run's state, and values of the block can be used after it."""

from __future__ import annotations

from typedpipe import dsl
from typedpipe.dsl import STATUS, PipelineTaskFinalStatus


@dsl.component(base_image="python:3.11-slim")
def work(n: int) -> int:
    return 10 * n


@dsl.component(base_image="python:3.11-slim")
def breaks(label: str, status: PipelineTaskFinalStatus = STATUS) -> None:
    raise RuntimeError(label + str(status.state))


@dsl.pipeline
def main(n: int = 2) -> int:
    with dsl.ExitHandler(breaks(label="an exit task may fail")):
        inside = work(n=n)
    return inside.output


EXPECTED = {"state": "SUCCEEDED", "outputs": {"Output": 20}}
