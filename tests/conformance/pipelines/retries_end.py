"""Exhausted retries; a contract violation is not retried, but exit code 2 of a user's program is."""

from __future__ import annotations

from typedpipe import dsl


@dsl.component(base_image="python:3.11-slim")
def hopeless(n: int) -> int:
    raise RuntimeError(f"no {n}")


@dsl.component(base_image="python:3.11-slim")
def liar(n: int) -> int:
    answer: int = f"not a number: {n}"  # type: ignore[assignment]  # the runtime has to see it
    return answer


@dsl.component(base_image="python:3.11-slim")
def replaced(n: int) -> None:
    import os

    os.execvp("sh", ["sh", "-c", f"exit {n + 1}"])


@dsl.container_component
def strict() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="python:3.11-slim", command=["sh", "-c", "exit 2"])


@dsl.pipeline
def main(n: int = 1) -> None:
    hopeless(n=n).set_retry(1, backoff_duration="0.1s")
    liar(n=n).set_retry(1, backoff_duration="0.1s")
    replaced(n=n).set_retry(1, backoff_duration="0.1s")
    strict().set_retry(1, backoff_duration="0.1s")


EXPECTED = {
    "state": "FAILED",
    "attempts": {"hopeless": 2, "liar": 1, "replaced": 2, "strict": 2},
    "messages": {"hopeless": ["RuntimeError: no 1"], "liar": ["TP503"]},
}
