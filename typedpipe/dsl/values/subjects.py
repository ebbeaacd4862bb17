"""Subjects of messages: an argument of a call, or another value."""

from __future__ import annotations

from typing import TypeAlias

from typedpipe.diagnostics.model import Span
from typedpipe.diagnostics.source import argument_span
from typedpipe.dsl.tracing import Site, span_of


class Argument:
    """An argument of a call: its description and span are computed only when needed."""

    __slots__ = ("callee", "name", "position", "site")

    def __init__(self, callee: str, name: str, position: int, site: Site) -> None:
        self.callee = callee
        self.name = name
        self.position = position
        self.site = site

    def __str__(self) -> str:
        return f"`{self.name}` of `{self.callee}`"

    def span(self) -> Span:
        return argument_span(span_of(self.site), self.name, self.position)


Subject: TypeAlias = str | Argument
"""Description of the value that a message is about."""


def span_of_subject(subject: Subject) -> Span | None:
    """The span of an argument; None for a subject that has none of its own."""
    return subject.span() if isinstance(subject, Argument) else None
