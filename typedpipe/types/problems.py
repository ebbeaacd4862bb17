"""Errors in an annotation, before they have a span in the user's file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """A diagnostic without its span: the code that resolves an annotation knows its location."""

    code: str
    message: str
    help: str = ""
    label: str = ""


class BadAnnotation(Exception):
    """Carries a :class:`Problem` out of nested annotations; ``resolve`` catches it."""

    def __init__(self, code: str, message: str, help: str = "", label: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(code, message, help, label)
