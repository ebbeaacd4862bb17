"""Diagnostics for programs: JSON, GitHub workflow commands and SARIF 2.1.0."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from typedpipe.diagnostics.codes import CODES
from typedpipe.diagnostics.model import Diagnostic, Label, Span


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """Render a JSON array with one object per diagnostic.

    >>> json.loads(render_json([Diagnostic("TP184", "no pipeline", Label(Span("a.py")))]))[0]["code"]
    'TP184'
    """
    return json.dumps([_data(diagnostic) for diagnostic in diagnostics], indent=2) + "\n"


def _data(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "title": CODES.get(diagnostic.code, ""),
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_label_data(diagnostic.primary),
        "others": [_label_data(label) for label in diagnostic.others],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
    }


def _label_data(label: Label) -> dict[str, Any]:
    span = label.span
    return {
        "label": label.text,
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    r"""Render one workflow command per line: GitHub shows it at the changed line.

    >>> render_github([Diagnostic("TP184", "50% of it", Label(Span("a.py", 3, 5)))])
    '::error title=TP184,file=a.py,line=3,col=5::50%25 of it\n'
    """
    return "".join(_command(diagnostic) for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    span = diagnostic.primary.span
    properties = {"title": diagnostic.code, "file": span.file, "line": span.line, "col": span.column}
    properties |= {"endLine": span.end_line, "endColumn": span.end_column}
    settings = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    parts = [diagnostic.message, diagnostic.primary.text, *diagnostic.notes]
    if diagnostic.help:
        parts.append(f"help: {diagnostic.help}")
    return f"::{diagnostic.severity} {settings}::{_escaped(chr(10).join(part for part in parts if part))}\n"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def render_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """Render a SARIF 2.1.0 log, for code-scanning services and editors."""
    codes = sorted({diagnostic.code for diagnostic in diagnostics})
    rules = [{"id": code, "shortDescription": {"text": CODES.get(code, code)}} for code in codes]
    run = {
        "tool": {"driver": {"name": "typedpipe", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic) for diagnostic in diagnostics],
    }
    log = {"version": "2.1.0", "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "runs": [run]}
    return json.dumps(log, indent=2) + "\n"


def _result(diagnostic: Diagnostic) -> dict[str, Any]:
    said = [diagnostic.message, *diagnostic.notes]
    if diagnostic.help:
        said.append(f"help: {diagnostic.help}")
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "level": diagnostic.severity,
        "message": {"text": "\n".join(said)},
    }
    if diagnostic.primary.span.file:
        result["locations"] = [_location(diagnostic.primary)]
    related = [_location(label) for label in diagnostic.others if label.span.file]
    if related:
        result["relatedLocations"] = related
    return result


def _location(label: Label) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(label.span.file)}}
    if label.span.line:
        physical["region"] = _region(label.span)
    location: dict[str, Any] = {"physicalLocation": physical}
    if label.text:
        location["message"] = {"text": label.text}
    return location


def _region(span: Span) -> dict[str, int]:
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    return {key: value for key, value in region.items() if value}


def _uri(file: str) -> str:
    from urllib.parse import quote

    return quote(file.replace("\\", "/"), errors="replace")
