"""The local store as a source of runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from typedpipe.ir import nodes as ir
from typedpipe.local.store.index import tasks
from typedpipe.local.store.model import StoredRun, attempt_log
from typedpipe.local.store.regular import regular
from typedpipe.local.store.root import Root
from typedpipe.local.store.tree import entries
from typedpipe.runs import events, polling
from typedpipe.runs.model import ArtifactRef, Run, Task
from typedpipe.runs.problems import ContentLost
from typedpipe.runs.source import AnyRun, Cursor, Page, Query, choose_page, inside, no_run
from typedpipe.runtime.task import MARKER

_BLOCK = 1 << 16


class LocalRuns:
    """The runs of a store; not thread-safe. Implements :class:`typedpipe.runs.source.RunSource`."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self._intact: set[str] = set()
        """Folders that were found as they were."""
        self._attempts: dict[tuple[str, str, int], str] = {}
        """Folders, by run, task and attempt."""

    def close(self) -> None:
        self.root.close()

    @property
    def place(self) -> str:
        return str(self.root.path)

    def runs(self, query: Query = Query()) -> Page[AnyRun]:  # noqa: B008  # frozen
        return choose_page(self.root.runs(), query)

    def run(self, name: str | None = None) -> StoredRun:
        return self.root.run(name)

    def tasks(self, run: Run) -> Sequence[Task]:
        found = tasks(self._there(run))
        for task in found:
            for attempt in task.attempts:
                self._attempts[run.key, task.name, attempt.number] = attempt.key
        return found

    def metrics(self, run: Run) -> Mapping[str, Any]:
        return self.root.catalog.details(self._there(run)).metrics

    def pipeline(self, run: Run) -> ir.Pipeline:
        from typedpipe.ir import wire

        return wire.load(self._there(run).pipeline_file)

    def _there(self, run: Run) -> StoredRun:
        """A run that was not removed since it was read."""
        assert isinstance(run, StoredRun), "a run of another source"
        if not run.folder.exists():
            raise no_run(run.name, self.place)
        return run

    # ------------------------------------------------------------------------------------------------ logs

    def log(self, run: Run, task: str, attempt: int, offset: int = 0) -> Iterator[bytes]:
        with open(self._log(run, task, attempt), "rb") as file:
            file.seek(min(max(0, offset), os.fstat(file.fileno()).st_size))
            while block := file.read(_BLOCK):
                yield block

    def log_size(self, run: Run, task: str, attempt: int) -> int:
        return os.stat(self._log(run, task, attempt)).st_size

    def _log(self, run: Run, task: str, attempt: int) -> str:
        key = (run.key, task, attempt)
        if key not in self._attempts:
            self.tasks(run)
        folder = self._attempts.get(key)
        if folder is None:
            raise FileNotFoundError(2, "there is no such attempt", f"{run.key}: {task}#{attempt}")
        path = attempt_log(folder)
        if not os.path.isfile(path):  # opening a pipe would wait for a writer
            raise FileNotFoundError(2, "there is no such file", path)
        return path

    # ------------------------------------------------------------------------------------------- artifacts

    def files(self, artifact: ArtifactRef) -> Mapping[str, int]:
        path = self.path(artifact)
        if not os.path.isdir(path):
            return {"": os.path.getsize(path)}
        found = {name: entry.stat().st_size for name, entry in entries(path) if entry.is_file()}
        found.pop(MARKER, None)
        return dict(sorted(found.items()))

    def open(self, artifact: ArtifactRef, path: str = "") -> BinaryIO:
        return open(inside(self.path(artifact), path), "rb", opener=regular)

    def path(self, artifact: ArtifactRef) -> str:
        """Local path of an artifact with unchanged content.

        Raises:
            ContentLost: the content is missing or has changed.
        """
        path = artifact.path
        if path is None:
            raise ContentLost(
                artifact.uri, "reference", artifact.uri, "its content is not in the store; download it from this URI"
            )
        there = os.path.exists(path)
        if self.root.objects.holds(path) and artifact.digest:
            if not (there and artifact.digest in self._intact) and not self.root.objects.intact(artifact.digest):
                help_ = "run the pipeline again: the task runs once more, because its cached result is not valid"
                raise ContentLost(path, "changed" if there else "gone", path, help_)
            if os.path.isdir(path):  # whose stat is one of each file
                self._intact.add(artifact.digest)
        elif not there:
            raise ContentLost(path, "gone", path, "run the pipeline again")
        return path

    # ---------------------------------------------------------------------------------------------- events

    def watch(self, run: Run, after: Cursor | None = None) -> Iterator[events.Event]:
        return polling.watch(self, run, after)
