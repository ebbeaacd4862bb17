"""Runs in memory: a second source without directories."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from typedpipe.ir import nodes as ir
from typedpipe.runs import events, polling
from typedpipe.runs.metrics import metrics_of
from typedpipe.runs.model import ArtifactRef, BrokenRun, Run, Task
from typedpipe.runs.problems import ContentLost, Lost, problem
from typedpipe.runs.source import AnyRun, Cursor, Page, Query, choose_page, choose_run


@dataclass
class Kept:
    """A run with all that belongs to it."""

    run: Run
    tasks: list[Task] = field(default_factory=list)
    pipeline: ir.Pipeline | None = None
    logs: dict[tuple[str, int], bytes] = field(default_factory=dict)


@dataclass
class MemoryRuns:
    """Implements ``typedpipe.runs.source.RunSource``."""

    kept: dict[str, Kept] = field(default_factory=dict)
    broken: list[BrokenRun] = field(default_factory=list)
    contents: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    """Artifacts by their URI: files by their paths, or the one file as ""."""
    wait: Callable[[], None] = lambda: None
    """Called between two looks at a run that goes on."""

    place: str = "memory"

    def runs(self, query: Query = Query()) -> Page[AnyRun]:  # noqa: B008
        return choose_page([*(kept.run for kept in self.kept.values()), *self.broken], query)

    def run(self, name: str | None = None) -> Run:
        known: dict[str, AnyRun] = {run.name: run for run in self.runs().items}
        found = known[choose_run(name, known, lambda: self.runs().items[0].name, self.place)]
        if isinstance(found, BrokenRun):
            raise found.problem
        return found

    def tasks(self, run: Run) -> Sequence[Task]:
        return list(self.kept[run.name].tasks)

    def metrics(self, run: Run) -> Mapping[str, Any]:
        return metrics_of(self.kept[run.name].tasks)

    def pipeline(self, run: Run) -> ir.Pipeline:
        found = self.kept[run.name].pipeline
        if found is None:
            raise problem("TP604", f"the pipeline of `{run.name}` is lost")
        return found

    def log(self, run: Run, task: str, attempt: int, offset: int = 0) -> Iterator[bytes]:
        data = self._log(run, task, attempt)
        for at in range(offset, len(data), 7):  # small pieces, so that nobody relies on large ones
            yield data[at : at + 7]

    def log_size(self, run: Run, task: str, attempt: int) -> int:
        return len(self._log(run, task, attempt))

    def _log(self, run: Run, task: str, attempt: int) -> bytes:
        found = self.kept[run.name].logs.get((task, attempt))
        if found is None:
            raise FileNotFoundError(2, "no log", f"{run.key}/{task}/{attempt}")
        return found

    def files(self, artifact: ArtifactRef) -> Mapping[str, int]:
        return {path: len(data) for path, data in sorted(self._content(artifact).items())}

    def open(self, artifact: ArtifactRef, path: str = "") -> BinaryIO:
        content = self._content(artifact)
        if path not in content:
            raise FileNotFoundError(2, "there is no such file in the artifact", path)
        return io.BytesIO(content[path])

    def _content(self, artifact: ArtifactRef) -> Mapping[str, bytes]:
        if artifact.uri not in self.contents:
            why: Lost = "gone" if artifact.digest else "reference"
            raise ContentLost(artifact.uri, why, artifact.uri, "run the pipeline again")
        return self.contents[artifact.uri]

    def watch(self, run: Run, after: Cursor | None = None) -> Iterator[events.Event]:
        return polling.watch(self, run, after, self.wait)
