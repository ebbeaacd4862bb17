"""Messages of failed tasks in exit handlers: nested, called, in branches, with retries, ignored, cached, and hostile."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import STATUS, PipelineTaskFinalStatus


@dsl.component(base_image="python:3.11-slim")
def work(n: int) -> int:
    if n == 5:
        raise ValueError("no 'rows' in the \"$table\" {{workflow.name}} $(HOME) \\ \x1b größe\nand more")
    return 10 // n


class Pair(NamedTuple):
    one: int
    two: int


@dsl.component(base_image="python:3.11-slim")
def pair(n: int = 3) -> Pair:
    return Pair(n, "no int")  # type: ignore[arg-type]


@dsl.component(base_image="python:3.11-slim")
def told(label: str, status: PipelineTaskFinalStatus = STATUS) -> str:
    lines = status.error_message.splitlines()
    return f"{label}: {' | '.join(line.partition(' (tests/')[0] for line in lines)}"


@dsl.component(base_image="python:3.11-slim")
def breaks(label: str) -> None:
    raise RuntimeError(label)


@dsl.pipeline
def called(n: int) -> None:
    with dsl.ExitHandler(told(label=f"called {n}")):
        work(n=n)


@dsl.pipeline
def plain(n: int) -> None:
    with dsl.If(n < 10):
        work(n=n)


@dsl.pipeline
def main() -> None:
    with dsl.ExitHandler(told(label="outer")):
        with dsl.ExitHandler(told(label="inner")):
            work(n=0)
        with dsl.ExitHandler(breaks(label="an exit task")):
            work(n=2)
        work(n=5).set_retry(1)
        called(n=0)
        with dsl.If(work(n=1).output == 10):
            pair()
        plain(n=0)
    called(n=5)
    called(n=1)
    plain(n=1)
    with dsl.ExitHandler(told(label="ignored")):
        first = work(n=0).set_caching_options(True)
        pair(n=first.output).ignore_upstream_failure()
    with dsl.ExitHandler(told(label="good")):
        work(n=3)


ZERO = "ZeroDivisionError: integer division or modulo by zero"
ROWS = "ValueError: no 'rows' in the \"$table\" {{workflow.name}} $(HOME) \\ \x1b größe ..."
PAIR = "error[TP503]: component `pair`, output `two`: expected `int`, found `str` 'no int'"
EXPECTED = {
    "state": "FAILED",
    "seen": {
        "told": [
            f"called 0: work: {ZERO}",
            "called 1: ",
            f"called 5: work: {ROWS}",
            "good: ",
            f"ignored: work-5: {ZERO} | pair-2: {PAIR}",
            f"inner: work: {ZERO}",
            f"outer: work: {ZERO} | work-3: {ROWS} | work: {ZERO} | pair: {PAIR} | work: {ZERO}",
        ],
    },
}
