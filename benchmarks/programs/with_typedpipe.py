"""The shapes in typedpipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.dsl import Dataset, Input


class Made(NamedTuple):
    data: Dataset
    count: int


@dsl.component(base_image="python:3.11-slim")
def f(x: int) -> int:
    return x + 1


@dsl.component(base_image="python:3.11-slim")
def start(n: int) -> Made:
    data = Dataset()
    open(data.path, "w").close()
    return Made(data, n)


@dsl.component(base_image="python:3.11-slim")
def work(source: Input[Dataset], n: int) -> Made:
    data = Dataset()
    open(data.path, "w").close()
    return Made(data, n)


def chain(n: int) -> None:
    task = f(x=1)
    for _ in range(n - 1):
        task = f(x=task.output)


def layers(n: int) -> None:
    before = [start(n=i) for i in range(10)]
    for _ in range(n // 10 - 1):
        before = [work(source=before[i].outputs.data, n=before[(i + 1) % 10].outputs.count) for i in range(10)]


def nested(n: int) -> None:
    """Blocks of ten tasks: a loop of two tasks, a branch of two and two, and a loop in it."""
    last = f(x=1)
    for _ in range(n // 10):
        first = f(x=last.output)
        with dsl.ParallelFor([1, 2, 3]) as item:
            a = f(x=item)
            b = f(x=a.output)
            with dsl.If(b.output > 2):
                c = f(x=first.output)
                f(x=c.output)
                with dsl.ParallelFor([4, 5]) as inner:
                    f(x=inner)
                    f(x=c.output)
            with dsl.Else():
                f(x=b.output)
                f(x=item)
        last = f(x=first.output)


def prepare(shape: str, n: int, path: str) -> Callable[[], None]:
    body = {"chain": chain, "layers": layers, "nested": nested}[shape]
    driver.compile(_pipeline(lambda: body(20)).ir)  # trigger lazy imports now, as the others do

    def build() -> None:
        (text,) = driver.compile(_pipeline(lambda: body(n)).ir).values()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    return build


def _pipeline(body: Callable[[], None]) -> dsl.Pipeline[[], None]:
    @dsl.pipeline
    def bench() -> None:
        body()

    return bench
