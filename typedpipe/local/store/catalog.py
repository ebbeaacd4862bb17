"""Runs of a store by its index of runs: each is checked against its directory, and read from there if it differs."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeAlias, TypeVar

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.local.store.index import tasks
from typedpipe.local.store.listing import Details, Listing, Stamp, stamp_of, summarized
from typedpipe.local.store.locks import is_running
from typedpipe.local.store.model import StoredRun, UnreadableRun
from typedpipe.local.store.objects import Objects

AnyRun: TypeAlias = StoredRun | UnreadableRun
T = TypeVar("T")


class Catalog:
    """The runs of one store; ``read`` reads one from its directory."""

    def __init__(self, root: Path, objects: Objects, read: Callable[[str], AnyRun]) -> None:
        self.path = root
        self.objects = objects
        self.listing = Listing(str(root))
        self._read = read

    def close(self) -> None:
        self.listing.close()

    def runs(self, names: Iterable[str]) -> list[AnyRun]:
        """The runs with these names, which are all that there are; the newest first."""
        rows = self.listing.rows()
        found: list[AnyRun] = []
        fresh: list[tuple[Stamp, StoredRun]] = []
        folder = f"{self.path}{os.sep}runs{os.sep}"
        for name in names:
            stamp = stamp_of(folder + name)  # before the run is read: a change meanwhile shows next time
            row = rows.pop(name, None)
            known = None if row is None or self.listing.stamp(row) != stamp else self.listing.run(row)
            if known is None or (known.state == "INTERRUPTED" and is_running(known.key)):
                read = self._read(name)
                found.append(read)
                if isinstance(read, StoredRun) and read.state != "RUNNING":
                    fresh.append((stamp, read))
            else:
                found.append(known)
        self.listing.put(fresh, [name for name in rows if not os.path.lexists(folder + name)])
        found.sort(key=lambda run: (run.created, run.name), reverse=True)
        return found

    def newest(self, names: Iterable[str]) -> str:
        """Name of the newest run."""
        rows = self.listing.rows()
        folder = f"{self.path}{os.sep}runs{os.sep}"
        ages: list[tuple[float, str]] = []
        for name in names:
            row = rows.get(name)
            known = row is not None and self.listing.stamp(row) == stamp_of(folder + name)
            ages.append((self.listing.created(row) if row is not None and known else self._read(name).created, name))
        return max(ages)[1]

    def details(self, run: StoredRun) -> Details:
        """Summary of a run's tasks.

        Raises:
            PipelineError: TP604, the index of the run is corrupted.
        """
        stamp = stamp_of(run.key)
        known = self.listing.details(run.name, stamp)
        if known is None:
            known = summarized(run, tasks(run), self.objects)
            if run.state != "RUNNING":
                self.listing.put_details([(run.name, stamp, known)])
        return known

    def references(self, runs: Iterable[StoredRun]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
        """Cache keys and digests of artifacts that runs refer to.

        Raises:
            PipelineError: TP604, the index of one is corrupted.
        """
        known = self.listing.references()
        with closing(self._details(runs, known, lambda details: (details.keys, details.objects))) as found:
            yield from (references for _, references in found)

    def last_with(self, task: str, runs: Iterable[StoredRun]) -> StoredRun | None:
        """The first of the runs in which a task ran.

        Raises:
            PipelineError: TP604, the index of one is corrupted.
        """
        known = self.listing.ran(task)
        with closing(self._details(runs, known, lambda details: task in details.ran)) as found:
            return next((run for run, ran in found if ran), None)

    def _details(
        self, runs: Iterable[StoredRun], known: Mapping[tuple[str, Stamp], T], of: Callable[[Details], T]
    ) -> Generator[tuple[StoredRun, T], None, None]:
        """A part of the details of each run: the indexed one, or one read from the run, which is then indexed."""
        fresh: list[tuple[str, Stamp, Details]] = []
        try:
            for run in runs:
                stamp = stamp_of(run.key)
                found = known.get((run.name, stamp))
                if found is None:
                    details = summarized(run, tasks(run), self.objects)
                    if run.state != "RUNNING":
                        fresh.append((run.name, stamp, details))
                    found = of(details)
                yield run, found
        finally:
            self.listing.put_details(fresh)

    def enlist(self, folder: Path) -> None:
        """Add a run that has just ended to the index of runs."""
        stamp = stamp_of(str(folder))
        with suppress(PipelineError):
            run = self._read(folder.name)
            if isinstance(run, StoredRun) and run.state != "RUNNING":
                self.listing.put([(stamp, run)])
                self.listing.put_details([(run.name, stamp, summarized(run, tasks(run), self.objects))])
