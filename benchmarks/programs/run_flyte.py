"""The cases in Flyte 2, run locally: tasks are calls in the process, as in its local mode."""

import asyncio
import os
import time
from collections.abc import Callable

import flyte

env = flyte.TaskEnvironment(name="bench")


@env.task
async def step(x: int) -> int:
    return x + 1


@env.task(cache=flyte.Cache("override", version_override="1"))
async def cached_step(x: int) -> int:
    return x + 1


@env.task
def sleeper(x: int) -> int:
    time.sleep(1)
    return x


@env.task
async def chain(n: int) -> int:
    x = 0
    for _ in range(n):
        x = await step(x)
    return x


@env.task
async def cached_chain(n: int) -> int:
    x = 0
    for _ in range(n):
        x = await cached_step(x)
    return x


@env.task
async def sleepers(n: int) -> int:
    return sum(await asyncio.gather(*(sleeper.aio(x=i) for i in range(n))))


def prepare(case: str, n: int, folder: str) -> Callable[[], object]:
    os.environ["HOME"] = folder
    os.chdir(folder)
    flyte.init()
    task = {"sleepers": sleepers, "cached": cached_chain}.get(case, chain)

    def run() -> object:
        return flyte.with_runcontext(mode="local").run(task, n=n).outputs()

    if case == "cached":
        run()
    return run
