"""Artifacts in a notebook and in a terminal: documents rendered, measurements as tables, a run's artifacts as a table."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from typedpipe.diagnostics.cells import shown
from typedpipe.report.charts import read_curve
from typedpipe.report.documents import LARGEST, digest, markdown, scripts_in
from typedpipe.report.markup import Markup, joined, tag
from typedpipe.report.matrix import MOST, read_matrix
from typedpipe.types.artifacts import HTML, Artifact, ClassificationMetrics, Markdown

_CHARTED = ("confidenceMetrics", "confusionMatrix", "evaluationSlices")
_LONGEST = 80
_CLOSED = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; webrtc 'block'"


def artifact_html(artifact: Artifact) -> str:
    """An artifact: HTML in a sandbox that loads nothing, Markdown as HTML, anything else as a table."""
    text = _text(artifact) if isinstance(artifact, HTML | Markdown) else None
    if text is None:
        return _table(artifact)
    body = markdown(text) if isinstance(artifact, Markdown) else _frame(text, artifact.name)
    return tag("div", tag("div", f"{artifact.schema_title} {artifact.name}".strip(), style="opacity:.7"), body)


def _text(artifact: Artifact) -> str | None:
    """The content of a document; None if it is not here, is no file, or is too large to show."""
    largest = LARGEST["system.HTML" if isinstance(artifact, HTML) else "system.Markdown"]
    try:
        path = artifact.path
        if not os.path.isfile(path) or os.path.getsize(path) > largest:
            return None
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            return file.read()
    except (OSError, ValueError):
        return None


def _frame(text: str, title: str) -> Markup:
    """A page that cannot reach the notebook and loads nothing from elsewhere; of scripts, only its own run."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "�")
    scripts = " ".join(dict.fromkeys(map(digest, scripts_in(text)))) or "'none'"
    policy = tag("meta", http_equiv="Content-Security-Policy", content=f"{_CLOSED}; script-src {scripts}")
    source = Markup((policy + text).encode("utf-8", "replace").decode())
    style = "width:100%;height:400px;border:1px solid #d0d7de;background:#fff"
    return tag("iframe", srcdoc=source, sandbox="allow-scripts", title=title, style=style)


def _table(artifact: Artifact) -> Markup:
    rows = [("name", artifact.name), ("uri", artifact.uri)]
    rows += [(name, _cell(value)) for name, value in artifact.metadata.items() if name not in _CHARTED]
    parts = [tag("tr", tag("th", name), tag("td", value)) for name, value in rows if value != ""]
    drawn = _measurements(artifact.metadata) if isinstance(artifact, ClassificationMetrics) else []
    return joined(tag("table", tag("caption", artifact.schema_title), parts), drawn)


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else value if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)


def _measurements(metadata: Mapping[str, Any]) -> Iterator[Markup]:
    """The area under a ROC curve, and a confusion matrix."""
    curve, matrix = read_curve(metadata), read_matrix(metadata)
    if curve is not None:
        yield tag("div", f"ROC curve: {len(curve.points)} points, area {curve.area:.4g}")
    if matrix is not None and len(matrix.categories) <= MOST:
        head = tag("tr", tag("th", "true \\ predicted"), [tag("th", name) for name in matrix.categories])
        rows = [
            tag("tr", tag("th", name), [tag("td", f"{count:g}") for count in row])
            for name, row in zip(matrix.categories, matrix.rows, strict=True)
        ]
        yield tag("table", tag("caption", "confusion matrix"), head, rows)


# --------------------------------------------------------------------------------------------- all of a run

_COLUMNS = ("artifact", "type", "uri", "metadata")


class Artifacts(Mapping[str, Artifact]):
    """Artifacts of a run by name, shown as a table."""

    def __init__(self, found: Mapping[str, Artifact]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> Artifact:
        if name not in self._found:
            raise KeyError(f"no artifact {name}; the artifacts are {', '.join(self._found) or 'none'}")
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                shown(name),
                shown(artifact.schema_title.removeprefix("system.")),
                shown(artifact.uri),
                shown(", ".join(f"{key}={_cell(value)}" for key, value in artifact.metadata.items())),
            )
            for name, artifact in self._found.items()
        ]

    def __repr__(self) -> str:
        if not self._found:
            return "no artifacts"
        rows = [_COLUMNS, *((*row[:3], _short(row[3])) for row in self._rows())]
        sizes = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
        return "\n".join("  ".join(map(str.ljust, row, sizes)).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        head = tag("tr", [tag("th", name) for name in _COLUMNS])
        rows = [
            tag("tr", [tag("td", _short(cell) if n > 2 else cell) for n, cell in enumerate(r)]) for r in self._rows()
        ]
        return tag("table", head, rows)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
