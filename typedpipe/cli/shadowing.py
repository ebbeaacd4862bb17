"""User files that hide a module of Python's standard library: ``random.py`` beside a flow is imported instead."""

from __future__ import annotations

import os
import sys
import traceback

from typedpipe.diagnostics.model import Diagnostic, Label, Span
from typedpipe.diagnostics.source import display_path

_LIBRARY = os.path.dirname(os.__file__) + os.sep
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def hidden_module(error: BaseException) -> Diagnostic | None:
    """The report of an exception that a module hidden by a user's file caused; None for any other exception."""
    text = traceback.format_exception_only(error)[-1].strip()
    for name in sorted(sys.stdlib_module_names & sys.modules.keys()):
        file = getattr(sys.modules[name], "__file__", None)
        if file and _is_users(file) and (f"'{name}'" in text or f"'{name}." in text or file in text):
            return _report(name, file, text)
    return None


def hidden_in_traceback(error: BaseException) -> Diagnostic | None:
    """The same for an exception of typedpipe, which calls no user's file except by mistake."""
    found = hidden_module(error)
    for frame in traceback.extract_tb(error.__traceback__):
        folder, name = os.path.split(frame.filename)
        name = os.path.basename(folder) if name == "__init__.py" else name.removesuffix(".py")
        if found is None and name in sys.stdlib_module_names and _is_users(frame.filename):
            found = _report(name, frame.filename, traceback.format_exception_only(error)[-1].strip())
    return found


def _is_users(file: str) -> bool:
    return not file.startswith((_LIBRARY, _PACKAGE, "<"))


def _report(name: str, file: str, text: str) -> Diagnostic:
    shown = display_path(file)
    return Diagnostic(
        "TP198",
        f"`{shown}` shadows the standard-library module `{name}`: {text}",
        Label(Span(shown)),
        help=f"rename the file: libraries that import `{name}` get your file instead of the standard library's",
    )
