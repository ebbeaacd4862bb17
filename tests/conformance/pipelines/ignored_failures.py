"""ignore_upstream_failure: runs whatever the upstream result, with the defaults for outputs of a failed task."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl


@dsl.component(base_image="python:3.11-slim")
def bad(n: int) -> int:
    return n // 0


@dsl.component(base_image="python:3.11-slim")
def good(n: int) -> int:
    return n


@dsl.component(base_image="python:3.11-slim")
def tell(fine: int = -2, broken: int = -1) -> str:
    return f"{fine} {broken}"


class Outputs(NamedTuple):
    told: str
    later: str


@dsl.pipeline
def main(n: int = 1) -> Outputs:
    broken = bad(n=n)
    fine = good(n=n)
    told = tell(fine=fine.output, broken=broken.output).ignore_upstream_failure()
    later = tell(fine=fine.output).after(bad(n=2)).ignore_upstream_failure()
    return Outputs(told.output, later.output)


EXPECTED = {"state": "SUCCEEDED", "outputs": {"told": "1 -1", "later": "1 -1"}}
