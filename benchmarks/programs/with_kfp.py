"""The shapes in kfp."""

from collections.abc import Callable

from kfp import compiler, dsl
from kfp.dsl import Dataset, Input, Output, OutputPath


@dsl.component(base_image="python:3.11-slim")
def f(x: int) -> int:
    return x + 1


@dsl.component(base_image="python:3.11-slim")
def start(n: int, data: Output[Dataset], count: OutputPath(int)):
    open(data.path, "w").close()


@dsl.component(base_image="python:3.11-slim")
def work(source: Input[Dataset], n: int, data: Output[Dataset], count: OutputPath(int)):
    open(data.path, "w").close()


def chain(n: int) -> None:
    task = f(x=1)
    for _ in range(n - 1):
        task = f(x=task.output)


def layers(n: int) -> None:
    before = [start(n=i) for i in range(10)]
    for _ in range(n // 10 - 1):
        before = [work(source=before[i].outputs["data"], n=before[(i + 1) % 10].outputs["count"]) for i in range(10)]


def nested(n: int) -> None:
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

    def build() -> None:
        @dsl.pipeline(name="bench")
        def bench():
            body(n)

        compiler.Compiler().compile(bench, path)

    return build
