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
    undefined: str = ""
    """The name that is not defined, if this is the problem."""


class BadAnnotation(Exception):
    """Carries a :class:`Problem` out of nested annotations; ``resolve`` catches it."""

    def __init__(self, code: str, message: str, help: str = "", label: str = "", undefined: str = "") -> None:
        super().__init__(message)
        self.problem = Problem(code, message, help, label, undefined)
