"""The shapes in kfp."""

from collections.abc import Callable

from kfp import compiler, dsl
from kfp.dsl import Dataset, Input, Output, OutputPath


@dsl.component(base_image="python:3.11-slim")
def step(n: int) -> int:
    return n + 1


@dsl.component(base_image="python:3.11-slim")
def start(n: int, data: Output[Dataset], count: OutputPath(int)):
    open(data.path, "w").close()


@dsl.component(base_image="python:3.11-slim")
def work(source: Input[Dataset], n: int, data: Output[Dataset], count: OutputPath(int)):
    open(data.path, "w").close()


def chain(n: int) -> None:
    task = step(n=1)
    for _ in range(n - 1):
        task = step(n=task.output)


def layers(n: int) -> None:
    before = [start(n=i) for i in range(10)]
    for _ in range(n // 10 - 1):
        before = [work(source=before[i].outputs["data"], n=before[(i + 1) % 10].outputs["count"]) for i in range(10)]


def nested(n: int) -> None:
    last = step(n=1)
    for _ in range(n // 10):
        first = step(n=last.output)
        with dsl.ParallelFor([1, 2, 3]) as item:
            a = step(n=item)
            b = step(n=a.output)
            with dsl.If(b.output > 2):
                c = step(n=first.output)
                step(n=c.output)
                with dsl.ParallelFor([4, 5]) as inner:
                    step(n=inner)
                    step(n=c.output)
            with dsl.Else():
                step(n=b.output)
                step(n=item)
        last = step(n=first.output)


def prepare(shape: str, n: int, path: str) -> Callable[[], None]:
    body = {"chain": chain, "layers": layers, "nested": nested}[shape]

    def build() -> None:
        @dsl.pipeline(name="bench")
        def bench():
            body(n)

        compiler.Compiler().compile(bench, path)

    return build
