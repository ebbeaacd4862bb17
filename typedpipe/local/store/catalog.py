"""Runs of a store by its index of runs: each is checked against its directory, and read from there if it differs."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeAlias, TypeVar

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.local.store.listing import Details, Listing, Stamp, has_record, stamp_of, summarized
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
        return max(self._ages(names))[1]

    def _ages(self, names: Iterable[str], *, checked: bool = True) -> list[tuple[float, str, str]]:
        """Creation time, name and pipeline of each run; runs that the index does not have are read.

        If they are not ``checked``, runs that were replaced by others of the same names are not noticed.
        """
        known = self.listing.ages()
        folder = f"{self.path}{os.sep}runs{os.sep}"
        found: list[tuple[float, str, str]] = []
        fresh: list[tuple[Stamp, StoredRun]] = []
        for name in names:
            stamp, created, pipeline = known.get(name, ("", 0.0, ""))
            if not stamp or (checked and not has_record(stamp, folder + name)):
                stamp = stamp_of(folder + name)
                read = self._read(name)
                created, pipeline = read.created, ""
                if isinstance(read, StoredRun):
                    pipeline = read.pipeline
                    fresh += [(stamp, read)] if read.state != "RUNNING" else []
            found.append((created, name, pipeline))
        self.listing.put(fresh)
        return found

    def details(self, run: StoredRun) -> Details:
        """Summary of a run's tasks.

        Raises:
            PipelineError: TP604, the index of the run is corrupted.
        """
        stamp = stamp_of(run.key)
        known = self.listing.details(run.name, stamp)
        if known is None:
            known = summarized(run, self.objects)
            if run.state != "RUNNING":
                self.listing.put_details([(run.name, stamp, known)])
        return known

    def references(self, runs: Iterable[StoredRun]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
        """Cache keys and digests of artifacts that runs refer to.

        Raises:
            PipelineError: TP604, the index of one is corrupted.
        """
        known = self.listing.references()
        by_name = {run.name: run for run in runs}
        with closing(
            self._details(by_name, known, lambda details: (details.keys, details.objects), by_name.__getitem__)
        ) as found:
            yield from (references for _, references in found)

    def last_with(self, task: str, names: Iterable[str], run: StoredRun) -> StoredRun | None:
        """The last run of the same pipeline before this one in which a task ran.

        Raises:
            PipelineError: TP604, the index of one is corrupted.
        """
        ages = [
            (created, name) for created, name, pipeline in self._ages(names, checked=False) if pipeline == run.pipeline
        ]
        earlier = sorted((age for age in ages if age[0] <= run.created and age[1] != run.name), reverse=True)
        known = self.listing.ran(task)
        ran = self._details((name for _, name in earlier), known, lambda details: task in details.ran, self._stored)
        with closing(ran) as found:
            last = next((name for name, there in found if there), None)
        return None if last is None else self._stored(last)

    def _details(
        self,
        names: Iterable[str],
        known: Mapping[tuple[str, Stamp], T],
        of: Callable[[Details], T],
        stored: Callable[[str], StoredRun],
    ) -> Generator[tuple[str, T], None, None]:
        """A part of the details of each run: the indexed one, or one read from the run, which is then indexed."""
        folder = f"{self.path}{os.sep}runs{os.sep}"
        fresh: list[tuple[str, Stamp, Details]] = []
        try:
            for name in names:
                stamp = stamp_of(folder + name)
                found = known.get((name, stamp))
                if found is None:
                    run = stored(name)
                    details = summarized(run, self.objects)
                    if run.state != "RUNNING":
                        fresh.append((run.name, stamp, details))
                    found = of(details)
                yield name, found
        finally:
            self.listing.put_details(fresh)

    def _stored(self, name: str) -> StoredRun:
        found = self._read(name)
        if isinstance(found, UnreadableRun):
            raise found.problem
        return found

    def enlist(self, folder: Path) -> None:
        """Add a run that has just ended to the index of runs."""
        stamp = stamp_of(str(folder))
        with suppress(PipelineError):
            run = self._read(folder.name)
            if isinstance(run, StoredRun) and run.state != "RUNNING":
                self.listing.put([(stamp, run)])
                self.listing.put_details([(run.name, stamp, summarized(run, self.objects))])
