"""A task that exceeds its timeout fails; the rest continues."""

from __future__ import annotations

from typedpipe import dsl


@dsl.component(base_image="python:3.11-slim")
def nap(seconds: float) -> float:
    import time

    time.sleep(seconds)
    return seconds


@dsl.pipeline
def main(long: float = 300.0) -> None:
    nap(seconds=nap(seconds=long).set_timeout(2).output)
    nap(seconds=0.01).set_timeout(100)


EXPECTED = {"state": "FAILED", "seen": {"nap": [0.01]}}
