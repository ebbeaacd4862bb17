"""The same runs in a store and in memory, for tests of properties of every source."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from memory_source import Kept, MemoryRuns

from typedpipe import component, pipeline
from typedpipe.compiler import driver
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir import nodes as ir
from typedpipe.local.store.index import RunFolder
from typedpipe.local.store.root import open_root
from typedpipe.local.store.source import LocalRuns
from typedpipe.runs.model import ArtifactRef, Attempt, BrokenRun, Reused, Run, RunEnd, Task, TaskState, Value
from typedpipe.runs.problems import problem
from typedpipe.runs.source import RunSource
from typedpipe.runtime.task import describe


@component
def load(rows: int) -> list[int]:
    return list(range(rows))


@component
def train(rows: list[int]) -> float:
    return 0.5


@pipeline
def training(rows: int = 3) -> float:
    return train(rows=load(rows=rows).output).output


def pinned() -> ir.Pipeline:
    assert training.ir is not None
    return driver.check(training.ir)


class World(Protocol):
    """A source, and the hand that makes runs in it."""

    @property
    def source(self) -> RunSource: ...
    def begin(self, run: str, **arguments: str) -> None: ...
    def attempt(self, run: str, task: str, number: int, time: float) -> None: ...
    def write(self, run: str, task: str, number: int, data: bytes) -> None: ...
    def over(self, run: str, task: str, number: int, state: TaskState, message: str, time: float) -> None: ...
    def finish(self, run: str, task: str, state: TaskState, **more: Any) -> None: ...
    def artifact(self, files: dict[str, bytes], **descriptor: Any) -> ArtifactRef: ...
    def lose(self, artifact: ArtifactRef) -> None: ...
    def end(self, run: str, state: RunEnd, message: str = "", **outputs: Value) -> None: ...
    def spoil(self, run: str) -> None: ...


class LocalWorld:
    def __init__(self, place: Path) -> None:
        self.root = open_root(place / "root", create=True)
        self.source = LocalRuns(self.root)
        self._scratch = place / "scratch"
        self._scratch.mkdir()
        self._made = 0
        self._runs: dict[str, RunFolder] = {}

    def close(self) -> None:
        for run in self._runs.values():
            run.close()
        self.root.close()

    def begin(self, run: str, **arguments: str) -> None:
        self._runs[run] = self.root.new_run(run, pinned(), arguments, {"jobs": 2})

    def _folder(self, run: str, task: str, number: int) -> Path:
        return self._runs[run].path / "tasks" / task / str(number)

    def attempt(self, run: str, task: str, number: int, time: float) -> None:
        folder = self._folder(run, task, number)
        folder.mkdir(parents=True)
        self._runs[run].index.attempt_started(task, task, number, folder, time)
        self._runs[run].index.commit()

    def write(self, run: str, task: str, number: int, data: bytes) -> None:
        with open(self._folder(run, task, number) / "log", "ab") as file:
            file.write(data)

    def over(self, run: str, task: str, number: int, state: TaskState, message: str, time: float) -> None:
        self._runs[run].index.attempt_ended(task, number, state, 0 if state == "SUCCEEDED" else 1, message, time)
        self._runs[run].index.commit()

    def finish(self, run: str, task: str, state: TaskState, **more: Any) -> None:
        self._runs[run].index.finished(task, task, state, **more)
        self._runs[run].index.commit()

    def artifact(self, files: dict[str, bytes], **descriptor: Any) -> ArtifactRef:
        self._made += 1
        made = self._scratch / str(self._made)
        for name, data in files.items():
            path = made / name if name else made
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        digest, size, _ = describe(str(made))
        place = self.root.objects.publish(str(made), digest)
        return ArtifactRef(place, {"digest": digest, "size": size, "uri": place, "metadata": {}, **descriptor})

    def lose(self, artifact: ArtifactRef) -> None:
        self.root.objects.remove(artifact.digest)

    def end(self, run: str, state: RunEnd, message: str = "", **outputs: Value) -> None:
        found = self._runs.pop(run)
        found.index.run_finished(state, message, outputs, self.root.run(run).created + 10)
        found.index.commit()
        found.close()

    def spoil(self, run: str) -> None:
        self.begin(run)
        self._runs.pop(run).close()
        os.unlink(self.root.path / "runs" / run / "run.json")


class MemoryWorld:
    def __init__(self) -> None:
        self.source = MemoryRuns()
        self._made = 0

    def close(self) -> None:
        pass

    def begin(self, run: str, **arguments: str) -> None:
        created = 1000.0 + len(self.source.kept)
        made = Run(
            run, "training", f"memory/{run}", "RUNNING", created, None, "", {"rows": "3", **arguments}, {"jobs": 2}
        )
        self.source.kept[run] = Kept(made, [], pinned())

    def _change(self, run: str, name: str, **more: Any) -> None:
        tasks = self.source.kept[run].tasks
        at = next((at for at, task in enumerate(tasks) if task.name == name), None)
        if at is None:
            at = len(tasks)
            tasks.append(Task(name, name, "RUNNING", at))
        tasks[at] = replace(tasks[at], **more)

    def _attempts(self, run: str, name: str) -> list[Attempt]:
        return [a for task in self.source.kept[run].tasks if task.name == name for a in task.attempts]

    def attempt(self, run: str, task: str, number: int, time: float) -> None:
        made = Attempt(number, "RUNNING", f"{run}/{task}/{number}", f"{run}/{task}/{number}/log", time)
        before = self._attempts(run, task)
        self._change(
            run, task, attempts=(*before, made), state="RUNNING", started=before[0].started if before else time
        )

    def write(self, run: str, task: str, number: int, data: bytes) -> None:
        logs = self.source.kept[run].logs
        logs[task, number] = logs.get((task, number), b"") + data

    def over(self, run: str, task: str, number: int, state: TaskState, message: str, time: float) -> None:
        code = 0 if state == "SUCCEEDED" else 1
        end: dict[str, Any] = {"state": state, "finished": time, "exit_code": code, "message": message}
        self._change(
            run, task, attempts=tuple(replace(a, **end) if a.number == number else a for a in self._attempts(run, task))
        )

    def finish(self, run: str, task: str, state: TaskState, **more: Any) -> None:
        more.pop("attempts", None)
        self._change(run, task, state=state, **more)

    def artifact(self, files: dict[str, bytes], **descriptor: Any) -> ArtifactRef:
        self._made += 1
        uri = f"memory://{self._made}"
        self.source.contents[uri] = files
        size = sum(map(len, files.values()))
        return ArtifactRef(
            None, {"digest": f"sha256:{self._made:064}", "size": size, "uri": uri, "metadata": {}} | descriptor
        )

    def lose(self, artifact: ArtifactRef) -> None:
        del self.source.contents[artifact.uri]

    def end(self, run: str, state: RunEnd, message: str = "", **outputs: Value) -> None:
        kept = self.source.kept[run]
        kept.run = replace(kept.run, state=state, message=message, finished=kept.run.created + 10, outputs=outputs)

    def spoil(self, run: str) -> None:
        error: PipelineError = problem("TP604", f"the record of the run `{run}` is damaged")
        self.source.broken.append(BrokenRun(run, f"memory/{run}", 2000.0, error))


REUSED: Reused = "cache"


def fill(world: World) -> None:
    """Three runs: one that succeeded, with two attempts of `train`; one that failed; one that goes on."""
    world.begin("2026-a", rows="4")
    world.attempt("2026-a", "load", 1, 100.0)
    world.write("2026-a", "load", 1, b"loading\n")
    world.over("2026-a", "load", 1, "SUCCEEDED", "", 101.0)
    rows = world.artifact({"part/1": b"one", "part/2": b"two"}, type="system.Dataset")
    world.finish("2026-a", "load", "SUCCEEDED", attempts=1, started=100.0, finished=101.0, outputs={"rows": rows})
    world.attempt("2026-a", "train", 1, 101.0)
    world.write("2026-a", "train", 1, b"first\n")
    world.over("2026-a", "train", 1, "FAILED", "ValueError: no", 102.0)
    world.attempt("2026-a", "train", 2, 102.5)
    world.write("2026-a", "train", 2, b"epoch 1\nepoch 2\nepoch 3\n")
    world.over("2026-a", "train", 2, "SUCCEEDED", "", 104.0)
    model = world.artifact({"": b"weights"}, type="system.Model", metadata={"loss": 0.5})
    page = world.artifact({"": b"# Well **done**"}, type="system.Markdown")
    world.finish(
        "2026-a", "train", "SUCCEEDED", attempts=2, exit_code=0, started=101.0, finished=104.0,
        inputs={"rows": rows}, outputs={"model": model, "pages": (page, None), "loss": "0.5"},
    )  # fmt: skip
    world.finish("2026-a", "again", "SUCCEEDED", finished=104.0, reused=REUSED, source_run="2025-z")
    world.finish("2026-a", "later", "OMITTED", message="not needed")
    world.end("2026-a", "SUCCEEDED", loss="0.5")
    world.begin("2026-b")
    world.attempt("2026-b", "load", 1, 200.0)
    world.over("2026-b", "load", 1, "FAILED", "OSError: gone", 201.0)
    world.finish(
        "2026-b", "load", "FAILED", attempts=1, exit_code=1, message="OSError: gone", started=200.0, finished=201.0
    )
    world.end("2026-b", "FAILED", "load: OSError: gone")
    world.begin("2027-c")
    world.attempt("2027-c", "load", 1, 300.0)
    world.write("2027-c", "load", 1, b"so far")
