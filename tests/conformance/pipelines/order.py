"""`.after` of tasks and of groups, without a value passed between them."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl


class Times(NamedTuple):
    started: float
    ended: float


@dsl.component(base_image="python:3.11-slim")
def clock(seconds: float = 0.0) -> Times:
    import time

    started = time.time()
    time.sleep(seconds)
    return Times(started, time.time())


@dsl.component(base_image="python:3.11-slim")
def ordered(first: float, second: float, third: float) -> bool:
    return first <= second <= third


@dsl.pipeline
def main() -> bool:
    first = clock(seconds=0.3)
    second = clock().after(first)
    loop = dsl.ParallelFor([0.1, 0.2])
    with loop as seconds:
        clock(seconds=seconds).after(second)
    third = clock().after(loop)
    return ordered(first=first.outputs.ended, second=second.outputs.started, third=third.outputs.started).output


EXPECTED = {"state": "SUCCEEDED", "outputs": {"Output": True}}
