"""What is said to the user: spans, labels, diagnostics, and the sink that collects them.

One terse primary sentence; labels carry the facts, each with a place in the *user's* file; ``help`` says what to type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from typedpipe.diagnostics.record import Record, record

Severity: TypeAlias = Literal["error", "warning"]


@record
class Span(Record):
    """A place in the user's source. Lines count from 1, columns from 1 in characters; 0 means not known.

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
    """A place, and what is to be said of it."""

    span: Span
    text: str = ""


@record
class Diagnostic(Record):
    """One thing to tell the user.

    ``primary`` is where it is; ``others`` are the places that explain it (the other end of an edge, the declaration).
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
    """The sink: passes report into it and carry on; the driver raises once, with everything found."""

    items: dict[Diagnostic, None] = field(default_factory=dict)
    """In the order of arrival; a dict, so that the same one is kept once however many there are."""

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic, unless the same one is there already."""
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
