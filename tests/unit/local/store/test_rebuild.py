"""A lost index is rebuilt from the directories of the tasks: their outputs are recovered, and nothing is invented."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from typedpipe import component, pipeline
from typedpipe.compiler import driver
from typedpipe.dsl import OUT, Dataset, Input, Output, ParallelFor
from typedpipe.local.run import run
from typedpipe.local.store.index import tasks
from typedpipe.local.store.model import attempt_folder
from typedpipe.local.store.root import Root, open_root
from typedpipe.runs.model import ArtifactRef, Task


@component
def load(n: int, data: Output[Dataset] = OUT) -> None:
    with open(data.path, "w") as file:
        file.write("x" * n)


@component
def train(data: Input[Dataset], rate: float) -> float:
    if rate > 1:
        raise ValueError("no")
    return rate


@pipeline
def main(n: int = 3) -> None:
    loaded = load(n=n)
    with ParallelFor([0.5, 2.0]) as rate:
        train(data=loaded.outputs.data, rate=rate)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    handle: Any = main
    result = run(driver.check(handle.ir), {}, folder=tmp_path / "root")
    assert result.state == "FAILED"
    found = open_root(tmp_path / "root")
    yield found
    found.close()


def by_name(root: Root) -> dict[str, Task]:
    return {task.name: task for task in tasks(root.run())}


def told(task: Task) -> tuple[object, ...]:
    return task.component, task.state, task.message, task.outputs, [(a.number, a.state) for a in task.attempts]


def test_what_tasks_gave_is_found_again(root: Root) -> None:
    before = by_name(root)
    assert sorted(before) == ["for[0]/train", "for[1]/train", "load"]
    index = root.run().folder / "run.sqlite"
    index.write_bytes(b"garbage")
    assert root.repair("last") == 2
    after = by_name(root)
    assert {name: told(task) for name, task in after.items()} == {name: told(task) for name, task in before.items()}
    assert root.run().state == "INTERRUPTED"
    assert [path.read_bytes() for path in root.run().folder.glob("run.sqlite.damaged-*")] == [b"garbage"]


def test_what_is_not_known_is_not_made_up(root: Root) -> None:
    run = root.run()
    load = attempt_folder(by_name(root)["load"].attempts[0])
    (run.folder / "run.sqlite").unlink()
    (by_name_folder(run.folder, "for[0]") / "result.json").unlink()
    (load / "out/p/tp-data").unlink()
    assert root.repair(run.name) == 0
    after = by_name(root)
    assert (after["for[0]/train"].state, after["for[0]/train"].outputs) == ("CANCELED", {})
    assert "its final state is unknown" in after["for[0]/train"].message
    assert (after["load"].state, after["load"].outputs) == ("CANCELED", {})
    assert "outputs are lost" in after["load"].message


def by_name_folder(folder: Path, loop: str) -> Path:
    return folder / "tasks" / loop / "train/1"


def test_a_task_whose_artifact_is_gone_has_to_run_again(root: Root) -> None:
    made = by_name(root)["load"].outputs["data"]
    assert isinstance(made, ArtifactRef)
    root.objects.remove(made.descriptor["digest"])
    (root.run().folder / "run.sqlite").unlink()
    root.repair("last")
    assert by_name(root)["load"].state == "CANCELED"


def _text_step() -> Any:
    @component
    def step(n: int) -> str:
        return f"a{n}"

    return step


def _list_step() -> Any:
    @component
    def step(n: int) -> list[str]:
        return [f"b{n}"]

    return step


first, second = _text_step(), _list_step()


@pipeline
def alike() -> None:
    first(n=1)
    second(n=2)


def test_components_of_one_name_are_told_apart(tmp_path: Path) -> None:
    handle: Any = alike
    assert run(driver.check(handle.ir), {}, folder=tmp_path / "root").state == "SUCCEEDED"
    with closing(open_root(tmp_path / "root")) as found:
        before = {name: told(task) for name, task in by_name(found).items()}
        assert {name: (task[0], task[3]) for name, task in before.items()} == {
            "step": ("step", {"Output": '"a1"'}),
            "step-2": ("step-2", {"Output": '["b2"]'}),
        }
        (found.run().folder / "run.sqlite").unlink()
        assert found.repair("last") == 2
        assert {name: told(task) for name, task in by_name(found).items()} == before
