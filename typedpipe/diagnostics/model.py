"""Spans, labels, diagnostics, and the sink that collects diagnostics.

One terse primary sentence; labels carry the facts, each with a span in the *user's* file; ``help`` suggests a fix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from typedpipe.diagnostics.record import Record, record

Severity: TypeAlias = Literal["error", "warning"]


@record
class Span(Record):
    """A range in the user's source. Lines count from 1, columns from 1 in characters; 0 means unknown.

    ``file`` is the path as the user gave it, or relative to the working directory.
    """

    file: str
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)


NOWHERE = Span("")


@record
class Label(Record):
    """A span and a message about it."""

    span: Span
    text: str = ""


@record
class Diagnostic(Record):
    """One message to the user.

    ``primary`` is its location; ``others`` are the locations that explain it (the other end of an edge, the
    declaration).
    """

    code: str
    message: str
    primary: Label
    others: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    severity: Severity = "error"


@dataclass(slots=True)
class Diagnostics:
    """The sink: passes report into it and continue; the driver raises once, with everything found."""

    items: dict[Diagnostic, None] = field(default_factory=dict)
    """The diagnostics in order of arrival; a dict, so that duplicates are kept once."""

    def add(self, diagnostic: Diagnostic) -> None:
        """Add a diagnostic, unless it is already present."""
        self.items[diagnostic] = None

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        others: Sequence[Label] = (),
        notes: Sequence[str] = (),
        help: str = "",
    ) -> None:
        self.add(Diagnostic(code, message, Label(span, label), tuple(others), tuple(notes), help))

    @property
    def has_errors(self) -> bool:
        return any(item.severity == "error" for item in self.items)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.items)
