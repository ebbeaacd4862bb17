"""Exhausted retries; a contract violation is not retried."""

from __future__ import annotations

from typedpipe import dsl


@dsl.component(base_image="python:3.11-slim")
def hopeless(n: int) -> int:
    raise RuntimeError(f"no {n}")


@dsl.component(base_image="python:3.11-slim")
def liar(n: int) -> int:
    answer: int = f"not a number: {n}"  # type: ignore[assignment]  # the runtime has to see it
    return answer


@dsl.pipeline
def main(n: int = 1) -> None:
    hopeless(n=n).set_retry(2, backoff_duration="0.1s")
    liar(n=n).set_retry(2, backoff_duration="0.1s")


EXPECTED = {
    "state": "FAILED",
    "attempts": {"hopeless": 3, "liar": 1},
    "messages": {"hopeless": ["RuntimeError: no 1"], "liar": ["TP503"]},
}
