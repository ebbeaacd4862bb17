"""Errors of a store, as diagnostics. The store is not source code: its files are named in the text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import NOWHERE, Diagnostic, Label
from typedpipe.runs.problems import problem

if TYPE_CHECKING:
    import sqlite3

_SQLITE_READONLY, _SQLITE_CORRUPT, _SQLITE_NOTADB, _SQLITE_ERROR = 8, 11, 26, 1


class StoreRefused(PipelineError):
    """An artifact that cannot be stored: the message names it and its offending entry."""


def refused(message: str, help: str) -> StoreRefused:
    return StoreRefused([Diagnostic("TP608", message, Label(NOWHERE), help=help)])


def first_message(error: PipelineError) -> str:
    """The primary message, for use where a whole diagnostic is too long."""
    return error.diagnostics[0].message


def cannot_read(path: str | os.PathLike[str], reason: str) -> PipelineError:
    return problem("TP600", f"`{path}` cannot be read: {reason}", help="pass the directory of a store with `--folder`")


def newer(path: str | os.PathLike[str], found: object, known: int) -> PipelineError:
    return problem(
        "TP602",
        f"`{path}` has format {found}, but this version of typedpipe supports format {known}",
        help="use the version of typedpipe that wrote it, or a newer one; nothing was changed",
    )


def damaged_run(run: str, file: str | os.PathLike[str], why: str) -> PipelineError:
    return problem(
        "TP604",
        f"the record of the run `{run}` is corrupted: `{file}`: {why}",
        help=f"to rebuild it from the files of its tasks, use `typedpipe runs repair {run}`; logs and artifacts are not changed",
    )


def lost_run(run: str, file: str | os.PathLike[str], why: str) -> PipelineError:
    """The diagnostic for damage that cannot be repaired: the run's arguments are stored nowhere else."""
    return problem(
        "TP604",
        f"the record of the run `{run}` is corrupted: `{file}`: {why}",
        help=f"its logs and files are still in `{os.path.dirname(file)}`; to remove them, use `typedpipe runs rm {run}`",
    )


def damaged_cache(file: str | os.PathLike[str], why: str) -> PipelineError:
    return problem(
        "TP605",
        f"the cache is corrupted: `{file}`: {why}",
        help=f"remove it with `rm {file}*`; runs and artifacts are kept, and tasks run once more",
    )


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the error is due to the file, not to the disk or permissions."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF in (_SQLITE_CORRUPT, _SQLITE_NOTADB, _SQLITE_ERROR)


def sqlite_reason(error: sqlite3.Error) -> str:
    """The reason for a SQLite error, in typedpipe's terms."""
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code == _SQLITE_NOTADB:
        return "it is not an SQLite file"
    if code == _SQLITE_CORRUPT:
        return "it is truncated or corrupted"
    if code == _SQLITE_READONLY:
        return "the directory is read-only"
    return str(error)
