"""Runs in a local store, and the values in their rows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typedpipe.diagnostics.record import record
from typedpipe.runs.model import ArtifactRef, Attempt, BrokenRun, Run, Value


@record
class StoredRun(Run):
    """A run whose key is its directory."""

    @property
    def folder(self) -> Path:
        return Path(self.key)

    @property
    def root(self) -> Path:
        """The store that contains the run."""
        return self.folder.parent.parent

    @property
    def pipeline_file(self) -> Path:
        """The stored IR; ``ir.wire`` reads it."""
        return self.folder / "pipeline.ir"


@record
class UnreadableRun(BrokenRun):
    """A run whose record cannot be read, and whose key is its directory."""

    @property
    def folder(self) -> Path:
        return Path(self.key)


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels that a user gives a run: tags by which it is selected, and a note."""

    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    note: str = ""

    def data(self) -> dict[str, Any]:
        """Fields of ``run.json``; omitted if empty."""
        return ({"tags": dict(self.tags)} if self.tags else {}) | ({"note": self.note} if self.note else {})


def attempt_log(folder: str) -> str:
    """Log of an attempt, by the attempt's directory.

    A directory contains ``job.json``, ``log``, ``message``, ``in``, ``out``, ``work``.
    """
    return os.path.join(folder, "log")


def attempt_folder(attempt: Attempt) -> Path:
    """Directory of an attempt of a stored run."""
    return Path(attempt.key)


def data_value(data: Any) -> Value:
    """The inverse of :func:`typedpipe.runs.model.value_data`.

    >>> from typedpipe.runs.model import value_data
    >>> data_value(value_data(("1", None)))
    ('1', None)
    """
    if isinstance(data, dict):
        return ArtifactRef(data["path"], data["companion"])
    if isinstance(data, list):
        return tuple(data_value(item) for item in data)
    assert data is None or isinstance(data, str)
    return data
