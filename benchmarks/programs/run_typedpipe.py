"""The cases in typedpipe. ``runner`` is one of its runners; ``cache=yes`` enables the cache."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typedpipe import dsl, local
from typedpipe.compiler import driver
from typedpipe.dsl import Dataset, Input
from typedpipe.runs import events


@dsl.component
def step(x: int) -> int:
    return x + 1


@dsl.component
def learner(x: int) -> int:
    from sklearn.linear_model import LogisticRegression

    LogisticRegression()
    return x + 1


@dsl.component
def sleeper(x: int) -> int:
    import time

    time.sleep(1)
    return x


@dsl.component
def numbers(n: int) -> list[int]:
    return list(range(n))


@dsl.component
def give(size: int) -> Dataset:
    data = Dataset()
    piece = bytes(range(256)) * 4096
    with open(data.path, "wb") as file:
        file.writelines(piece for _ in range(size // len(piece)))
    return data


@dsl.component
def take(data: Input[Dataset]) -> int:
    import os

    return os.path.getsize(data.path)


@dsl.component
def shout(size: int) -> int:
    import os

    piece = b"x" * 79 + b"\n"
    piece *= 4096
    for _ in range(size // len(piece)):
        os.write(1, piece)
    return size


def chain(n: int, component: Any = step) -> None:
    task = component(x=1)
    for _ in range(n - 1):
        task = component(x=task.output)


def sleepers(n: int) -> None:
    for i in range(n):
        sleeper(x=i)


def loop(n: int) -> None:
    with dsl.ParallelFor(numbers(n=n).output) as item:
        step(x=item)


def handed_on(n: int) -> None:
    take(data=give(size=n).output)


def sized(n: int) -> None:
    shout(size=n)


BODIES: dict[str, Callable[[int], None]] = {
    "chain": chain,
    "cached": chain,
    "sklearn": lambda n: chain(n, learner),
    "sleepers": sleepers,
    "loop": loop,
    "artifact": handed_on,
    "log": sized,
}


class Listening:
    """The minimum that a display does: it receives every log chunk."""

    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.LogChunk):
            self.bytes += len(event.data)


def prepare(case: str, n: int, folder: str, **settings: str) -> Callable[[], object]:
    @dsl.pipeline
    def bench() -> None:
        BODIES[case](n)

    pipeline = driver.check(bench.ir)
    remembers = case == "cached" or settings.get("cache") == "yes"
    options: dict[str, Any] = {"folder": Path(folder), "jobs": 8, "cache": remembers}
    if case == "log":
        options["on_event"] = Listening()
    if "runner" in settings:
        options["runner"] = settings["runner"]
    go = functools.partial(local.run, pipeline, {}, **options)

    def run() -> object:
        result = go()
        if not result.succeeded:
            raise SystemExit(result.message)
        return result

    if case == "cached":
        run()
    return run
