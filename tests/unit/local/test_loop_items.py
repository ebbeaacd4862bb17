"""Tasks in loops are shown with the values of their items: in events, in results and in stored runs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.local import run
from typedpipe.local.options import Runner
from typedpipe.local.scheduling.scheduler import ITEM_LENGTH
from typedpipe.local.store.index import tasks
from typedpipe.local.store.root import open_root
from typedpipe.runs.events import Event, TaskFinished, TaskStarted


@dsl.component
def words() -> list[str]:
    return ["a b", "c\nd", "x" * 60]


@dsl.component
def use(x: float) -> float:
    return x


@dsl.component
def write(x: int) -> dsl.Dataset:
    from typedpipe.dsl import Dataset

    data = Dataset()
    with open(data.path, "w") as file:
        file.write(str(x))
    return data


@dsl.component
def read(data: dsl.Input[dsl.Dataset]) -> str:
    with open(data.path) as file:
        return file.read()


@dsl.pipeline
def inner(x: float) -> None:
    with dsl.ParallelFor(["p"]):
        use(x=x)


@dsl.pipeline
def main() -> None:
    with dsl.ParallelFor(words().output), dsl.ParallelFor([0.5]) as each, dsl.If(each > 0.0):
        inner(x=each)
    with dsl.ParallelFor([1, 2]) as number:
        made = write(x=number)
    with dsl.ParallelFor(dsl.Collected(made.output)) as data:
        read(data=data)


LONG = '"' + "x" * (ITEM_LENGTH - 2) + "…"
WANTED = {
    'for/for/if/inner/for/use ("a b", 0.5, "p")',
    'for/for/if/inner/for/use ("c\\nd", 0.5, "p")',
    f'for/for/if/inner/for/use ({LONG}, 0.5, "p")',
    "for/write (1)",
    "for/write (2)",
    "for/read ()",  # an artifact
    "words ()",
}


def _said(name: str, item: str) -> str:
    plain = "/".join(part.partition("[")[0].partition("-")[0] for part in name.split("/"))
    return f"{plain} ({item})"


@pytest.mark.parametrize("runner", ["process", "inprocess"])
def test_items_of_loops(tmp_path: Path, runner: Runner) -> None:
    assert main.ir is not None
    for cached in (False, True):
        seen: list[Event] = []
        result = run(driver.check(main.ir), {}, folder=tmp_path, runner=runner, on_event=seen.append)
        started = {_said(event.task, event.item) for event in seen if isinstance(event, TaskStarted)}
        finished = {_said(event.task, event.item) for event in seen if isinstance(event, TaskFinished)}
        with closing(open_root(tmp_path)) as root:
            stored = {_said(task.name, task.item) for task in tasks(root.run(result.run))}
        assert started <= WANTED and bool(started) != cached
        assert finished == stored == WANTED
        assert {_said(task.name, task.item) for task in result.tasks.values()} == WANTED
