"""Errors in reading runs, as diagnostics."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import Literal, TypeAlias

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import NOWHERE, Diagnostic, Label

_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
Lost: TypeAlias = Literal["reference", "gone", "changed"]


def problem(code: str, message: str, *, help: str = "", notes: Sequence[str] = ()) -> PipelineError:
    """One diagnostic, to be raised."""
    return PipelineError([Diagnostic(code, message, Label(NOWHERE), notes=tuple(notes), help=help)])


def cannot_write(path: str | os.PathLike[str], reason: str) -> PipelineError:
    return problem(
        "TP601",
        f"`{path}` cannot be written: {reason}",
        help="stored runs can still be read; to write, make the directory writable, or choose another one with `--folder`",
    )


def os_problem(path: str | os.PathLike[str], error: OSError) -> PipelineError:
    """The diagnostic for a file system error on writing."""
    reason = "the directory is read-only" if error.errno in _READ_ONLY else error.strerror or str(error)
    return cannot_write(path, reason)


class ContentLost(PipelineError):
    """TP609: an artifact without available content, because it is by reference only, missing, or changed."""

    def __init__(self, name: str, why: Lost, place: str, help: str) -> None:
        message = {
            "reference": f"`{name}` is stored by reference: {place}",
            "gone": f"the content of `{name}` was removed: `{place}`",
            "changed": f"the content of `{name}` was modified: `{place}`",
        }[why]
        super().__init__([Diagnostic("TP609", message, Label(NOWHERE), help=help)])
        self.why: Lost = why
        self.place = place
        self._help = help

    def of(self, name: str) -> ContentLost:
        """The same error, with the artifact's name as the user gave it."""
        return ContentLost(name, self.why, self.place, self._help)
