"""Garbage collection of unreferenced data."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.local.store.catalog import AnyRun
from typedpipe.local.store.locks import Held, is_running, take_lock
from typedpipe.local.store.model import StoredRun
from typedpipe.local.store.objects import SCRATCH
from typedpipe.local.store.problems import first_message
from typedpipe.local.store.root import Root
from typedpipe.local.store.tree import remove, size_of
from typedpipe.runs.problems import os_problem


@dataclass(slots=True)
class Garbage:
    """Removed data, or data that would be removed."""

    runs: list[str] = field(default_factory=list[str])
    objects: int = 0
    results: int = 0
    scratch: int = 0
    size: int = 0
    """Bytes."""
    kept: str = ""
    """Reason why artifacts were not collected; "" if they were."""


def collect(root: Root, *, keep: int | None = None, older_than: float | None = None, dry_run: bool = False) -> Garbage:
    """Remove runs, then unreferenced artifacts, cache entries and temporary files of killed processes.

    Args:
        root: The store.
        keep: Number of newest runs to keep, across all pipelines.
        older_than: Only runs created before this Unix time are removed. Runs are removed only if one of the two is
            given and all given conditions hold; a run in progress is kept.
        dry_run: Only report what would be removed.

    Raises:
        PipelineError: TP601, the directory cannot be written.
    """
    found = Garbage()
    runs = root.runs()
    gone = [run for run in _old(runs, keep, older_than) if not is_running(str(run.folder))]
    found.runs = [run.name for run in gone]
    for run in gone:
        found.size += size_of(str(run.folder))
        if not dry_run:
            root.remove(run)
    left = [run for run in runs if run.name not in set(found.runs)]
    if not os.path.isdir(root.path / "objects"):
        return found
    try:
        lock = take_lock(str(root.path / "lock"))
    except Held:
        found.kept = "a run is in progress"
        return found
    except OSError as error:
        raise os_problem(root.path, error) from None
    try:
        if not lock.real and any(is_running(str(run.folder)) for run in left):
            found.kept = "a run is in progress"
            return found
        _unreferenced(root, left, found, dry_run=dry_run)
        _scratch(root, found, dry_run=dry_run)
    finally:
        lock.release()
    return found


def _old(runs: list[AnyRun], keep: int | None, older_than: float | None) -> list[AnyRun]:
    """The runs to remove, from a list with the newest first."""
    if keep is None and older_than is None:
        return []
    return [run for run in runs[keep or 0 :] if older_than is None or run.created < older_than]


def _unreferenced(root: Root, runs: list[AnyRun], found: Garbage, *, dry_run: bool) -> None:
    digests: set[str] = set()
    keys: set[str] = set()
    readable = [run for run in runs if isinstance(run, StoredRun)]
    if len(readable) < len(runs):
        name = next(run.name for run in runs if not isinstance(run, StoredRun))
        found.kept = f"the run `{name}` cannot be read, so the artifacts that it references are unknown"
        return
    try:
        for used_keys, used_objects in root.catalog.references(readable):
            keys.update(used_keys)
            digests.update(used_objects)
    except PipelineError as error:
        found.kept = first_message(error)
        return
    forgotten = [key for key in root.cache.keys() if key not in keys]  # noqa: SIM118  # not a dict
    found.results = len(forgotten)
    unused = [digest for digest in root.objects.all() if digest not in digests]
    found.objects = len(unused)
    found.size += sum(size_of(root.objects.path(digest)) for digest in unused)
    if dry_run:
        return
    root.cache.forget(forgotten)
    root.cache.commit()  # before the artifacts are removed: an entry must not outlive them
    for digest in unused:
        root.objects.remove(digest)
    root.cache.commit()


def _scratch(root: Root, found: Garbage, *, dry_run: bool) -> None:
    """Temporary files of killed processes, and files that tasks left next to artifacts. No run is in progress, so nobody is using them."""
    left = root.objects.left_beside()
    for folder in (root.path / "runs", root.path / "objects"):
        left += [str(folder / name) for name in os.listdir(folder) if name.startswith(SCRATCH)]
    for path in left:
        found.scratch += 1
        found.size += size_of(path)
        if not dry_run:
            try:
                remove(path)
            except OSError as error:
                raise os_problem(path, error) from None
