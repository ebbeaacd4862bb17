"""The record of a run: ``run.json``, written when it is created, and its end in the index."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from typedpipe.local.store.database import FORMAT
from typedpipe.local.store.index import read_run_row
from typedpipe.local.store.locks import is_running
from typedpipe.local.store.model import StoredRun
from typedpipe.local.store.problems import cannot_read, lost_run, newer
from typedpipe.local.store.regular import regular
from typedpipe.runs.model import RunState

_FIELDS = frozenset({"format", "run", "pipeline", "created", "arguments", "settings", "tags", "note"})
"""Fields of ``run.json``; the rest are facts."""


def read_run(folder: Path) -> StoredRun:
    """The stored run in a directory.

    Raises:
        PipelineError: TP602 and TP604, it cannot be read.
    """
    record = read_record(folder)
    row = read_run_row(str(folder), str(folder.parent.parent))
    state = row.state
    if state == "RUNNING" and not is_running(str(folder)):
        row = read_run_row(str(folder), str(folder.parent.parent))  # it may have ended just now
        state = "INTERRUPTED" if row.state == "RUNNING" else row.state
    return StoredRun(
        name=folder.name,
        pipeline=str(record["pipeline"]),
        key=str(folder),
        state=cast("RunState", state),
        created=float(record["created"]),
        finished=row.finished,
        paused=row.paused,
        message=row.message,
        arguments=cast("dict[str, str]", record["arguments"]),
        settings=cast("dict[str, Any]", record["settings"]),
        outputs=row.outputs,
        facts={
            name: value for name, value in record.items() if name not in _FIELDS and value not in (None, "", [], {})
        },
        tags=tags_of(record),
        note=str(record.get("note") or ""),
    )


def tags_of(record: Mapping[str, Any]) -> dict[str, str]:
    """The tags in a run's record; none if the record was edited and they are invalid."""
    data = record.get("tags")
    return {str(key): str(value) for key, value in data.items()} if isinstance(data, dict) else {}


def read_record(folder: Path) -> dict[str, Any]:
    """The contents of ``run.json``.

    Raises:
        PipelineError: TP602 and TP604, it cannot be read.
    """
    path = folder / "run.json"
    try:
        with open(path, encoding="utf-8", opener=regular) as file:
            data: Any = json.load(file)
    except FileNotFoundError:
        raise lost_run(folder.name, path, "there is no such file") from None
    except OSError as error:
        raise cannot_read(path, error.strerror or str(error)) from None
    except ValueError:
        raise lost_run(folder.name, path, "it is truncated or was edited") from None
    if isinstance(data, dict) and isinstance(data.get("format"), int) and data["format"] > FORMAT:
        raise newer(path, data["format"], FORMAT)
    kinds: dict[str, Any] = {
        "format": int,
        "pipeline": str,
        "created": (int, float),
        "arguments": dict,
        "settings": dict,
    }
    for name, kind in kinds.items():
        if not isinstance(data, dict) or not isinstance(data.get(name), kind):
            raise lost_run(folder.name, path, f"`{name}` is invalid")
    if not all(isinstance(text, str) for text in data["arguments"].values()):
        raise lost_run(folder.name, path, "`arguments` is invalid")
    return cast("dict[str, Any]", data)
