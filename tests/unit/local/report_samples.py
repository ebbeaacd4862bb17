"""Runs built by hand, in the form that the store returns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typedpipe import Collected, Metrics, ParallelFor, component, pipeline
from typedpipe.compiler import driver
from typedpipe.ir import wire
from typedpipe.local.store.model import StoredRun
from typedpipe.local.store.root import Root
from typedpipe.local.store.source import LocalRuns
from typedpipe.report.content import Content, read_content
from typedpipe.report.html import page
from typedpipe.runs.model import ArtifactRef, Attempt, Run, Task

BEGUN = 1_790_000_000.0
HOSTILE = "</script><img src=x onerror=alert(1)>\"'`]]>{{x}}<!--\u202e\x1b[31m"


@component
def load_rows(count: int) -> list[int]:
    return list(range(count))


@component
def train(rows: list[int], rate: float) -> Metrics:
    return Metrics()


@component
def choose(all_metrics: list[Metrics]) -> str:
    return ""


@pipeline
def tune(count: int = 3, rates: list[float] = [0.1, 0.2, 0.3]) -> str:  # noqa: B006
    """Tries several rates."""
    rows = load_rows(count=count)
    with ParallelFor(rates, parallelism=2) as rate:
        trained = train(rows=rows.output, rate=rate)
    return choose(all_metrics=Collected(trained.output)).output


def artifact(kind: str, path: Path | None = None, **metadata: Any) -> ArtifactRef:
    metadata = metadata.pop("metadata", metadata)
    descriptor = {
        "type": kind,
        "name": "x",
        "metadata": metadata,
        "uri": "",
        "digest": "sha256:" + "ab" * 32,
        "size": 3,
    }
    return ArtifactRef(None if path is None else str(path), descriptor)


def task(name: str, start: float, end: float, order: int, **more: Any) -> Task:
    """A task of one attempt, times in seconds since the run's begin."""
    folder = more.pop("folder", Path("/nowhere"))
    state = more.pop("state", "SUCCEEDED")
    first = Attempt(
        1, state, str(folder), str(folder / "log"), BEGUN + start, BEGUN + end, 0 if state == "SUCCEEDED" else 1
    )
    given: dict[str, Any] = {"attempts": (first,), "started": BEGUN + start, "finished": BEGUN + end, **more}
    component_ = given.pop("component", name.rpartition("/")[2])
    return Task(name, component_, state, order, **given)


def run(folder: Path, checked: Any = None, **more: Any) -> StoredRun:
    """A run in a folder; ``checked`` is its pipeline, ``tune`` if not given."""
    folder.mkdir(parents=True, exist_ok=True)
    if checked is None:
        assert tune.ir is not None
        checked = driver.check(tune.ir)
    wire.save(checked, folder / "pipeline.ir")
    facts = {"format": 1, "run": "r", "python": "3.11.7", "version": "0.1.0", "command": "typedpipe run tune.py"}
    (folder / "run.json").write_text(json.dumps(facts))
    more.setdefault("facts", {name: facts[name] for name in ("python", "version", "command")})
    return StoredRun(
        more.pop("name", "20260921-tune-abc"),
        more.pop("pipeline", "tune"),
        str(folder),
        more.pop("state", "SUCCEEDED"),
        BEGUN,
        more.pop("finished", BEGUN + 10),
        **more,
    )


class Sample(LocalRuns):
    """A source with one run and the tasks that are given."""

    def __init__(self, run: StoredRun, tasks: Sequence[Task]) -> None:
        super().__init__(Root(run.folder))
        self.given = tasks

    def tasks(self, run: Run) -> Sequence[Task]:
        return self.given

    def _log(self, run: Run, task: str, attempt: int) -> str:
        return next(a.log for t in self.given if t.name == task for a in t.attempts if a.number == attempt)


def content(run: StoredRun, tasks: Sequence[Task]) -> Content:
    source = Sample(run, tasks)
    source.close()
    return read_content(source, run)


def render_report(run: StoredRun, tasks: Sequence[Task]) -> str:
    """The page of a run with these tasks."""
    return page(content(run, tasks))


def tuned(items: int = 3) -> list[Task]:
    """The tasks of a run of ``tune``: two items at once, each of two seconds."""
    tasks = [task("load-rows", 0.5, 2, 0, outputs={"Output": "[0,1,2]"}, inputs={"count": "3"})]
    for index in range(items):
        start = 2 + 2 * (index // 2)
        metrics = artifact("system.Metrics", accuracy=0.5 + index / (2 * items), loss=1 / (index + 1))
        inputs = {"rate": f"0.{index}1", "rows": "[0,1,2]"}
        outputs = {"Output": metrics}
        tasks.append(task(f"for[{index}]/train", start, start + 2, index + 1, inputs=inputs, outputs=outputs))
    end = 2 + 2 * ((items + 1) // 2)
    tasks.append(task("choose", end + 0.5, end + 1, items + 1, outputs={"Output": '"rate 2"'}))
    return tasks
