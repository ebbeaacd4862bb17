"""Confusion matrices: rows are true categories, columns predicted ones, shaded by their fraction of the row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from typedpipe.report.logs import cut
from typedpipe.report.markup import Markup, number, tag
from typedpipe.report.words import as_float, figure

MOST = 60
"""Maximum number of categories drawn."""
_NUMBERED = 24
"""With more categories than this, cells are too small for their numbers."""
_LONGEST = 16


@dataclass(frozen=True, slots=True)
class Matrix:
    """A confusion matrix. ``rows[i][j]``: how often category i was predicted as j. ``name`` is the slice's, or ""."""

    name: str
    categories: Sequence[str]
    rows: Sequence[Sequence[float]]

    @property
    def accuracy(self) -> float | None:
        """Fraction of correct predictions, or None for an empty matrix."""
        total = sum(sum(row) for row in self.rows)
        return sum(row[index] for index, row in enumerate(self.rows)) / total if total > 0 else None


def read_matrix(metadata: object, name: str = "") -> Matrix | None:
    """The matrix in the metadata of ClassificationMetrics; None if there is none that can be drawn.

    >>> specs, rows = [{"displayName": "cat"}], [{"row": [3]}]
    >>> read_matrix({"confusionMatrix": {"annotationSpecs": specs, "rows": rows}})
    Matrix(name='', categories=['cat'], rows=[[3.0]])
    """
    found = metadata.get("confusionMatrix") if isinstance(metadata, Mapping) else None
    if not isinstance(found, Mapping):
        return None
    specs, rows = found.get("annotationSpecs"), found.get("rows")
    if not isinstance(specs, Sequence) or not isinstance(rows, Sequence) or not 0 < len(specs) == len(rows):
        return None
    names = [str(spec.get("displayName", "")) if isinstance(spec, Mapping) else str(spec) for spec in specs]
    values = [_row(row, len(names)) for row in rows]
    read = [row for row in values if row is not None]
    return Matrix(name, names, read) if len(read) == len(names) else None


def _row(row: object, wide: int) -> list[float] | None:
    items = row.get("row") if isinstance(row, Mapping) else row
    if not isinstance(items, Sequence) or isinstance(items, str) or len(items) != wide:
        return None
    numbers = [
        as_float(item)
        for item in items
        if isinstance(item, int | float) and math.isfinite(as_float(item)) and item >= 0
    ]
    return numbers if len(numbers) == wide else None


def draw_matrix(matrix: Matrix) -> Markup:
    """Draw the matrix with its caption."""
    count = min(len(matrix.categories), MOST)
    labels = [cut(label, _LONGEST) for label in matrix.categories[:count]]
    cell = max(14.0, min(46.0, 420.0 / count))
    left = 34 + 7.2 * max(len(label) for label in labels)
    slanted = max(len(label) for label in labels) * 7.2 > cell - 2
    top = 28 + (5.4 * max(len(label) for label in labels) + 6 if slanted else 14)
    parts = [_cell(matrix, i, j, (left + j * cell, top + i * cell, cell)) for i in range(count) for j in range(count)]
    for index, label in enumerate(labels):
        middle = index * cell + cell / 2
        x, y = left + middle, top - 7
        turned = f"rotate(-45 {number(x)} {number(y)})" if slanted else None
        parts.append(tag("text", label, x=left - 8, y=top + middle + 4, class_="tick end"))
        parts.append(tag("text", label, x=x, y=y, class_="tick" if slanted else "tick mid", transform=turned))
    side = count * cell
    middle = top + side / 2
    parts.append(tag("text", "predicted", x=left + side / 2, y=13.0, class_="axis mid"))
    parts.append(tag("text", "true", x=13.0, y=middle, class_="axis mid", transform=f"rotate(-90 13 {number(middle)})"))
    room = 5.4 * len(labels[-1]) if slanted else 0.0
    wide, high = left + side + 10 + room, top + side + 10
    svg = tag(
        "svg",
        parts,
        viewBox=f"0 0 {number(wide)} {number(high)}",
        width=wide,
        height=high,
        class_="chart",
        role="img",
        aria_label=f"confusion matrix of {len(matrix.categories)} categories",
    )
    return tag("figure", _caption(matrix, count), svg)


def _caption(matrix: Matrix, count: int) -> Markup:
    accuracy = matrix.accuracy
    said = "" if accuracy is None else f"{accuracy:.1%} on the diagonal"
    if count < len(matrix.categories):
        said += f"; the first {count} of {len(matrix.categories)} categories"
    title = "Confusion matrix" + (f": {cut(matrix.name, 60)}" if matrix.name else "")
    return tag("figcaption", tag("span", title, class_="what"), tag("span", said, class_="quiet"))


def _cell(matrix: Matrix, i: int, j: int, place: tuple[float, float, float]) -> Markup:
    x, y, side = place
    count = matrix.rows[i][j]
    total = sum(matrix.rows[i])
    share = count / total if total > 0 else 0.0
    said = f"{matrix.categories[i]} predicted as {matrix.categories[j]}: {figure(count)} ({share:.1%})"
    rect = tag(
        "rect", x=x + 0.75, y=y + 0.75, width=side - 1.5, height=side - 1.5, rx="3", class_="heat", fill_opacity=share
    )
    text = None
    if len(matrix.categories) <= _NUMBERED:
        weight = "strong" if share > 0.55 else "zero" if not count else "weak"
        words = figure(count) if count < 100_000 else f"{count:.1e}"
        small = " small" if len(words) * 7.5 > side - 4 else ""
        text = tag("text", words, x=x + side / 2, y=y + side / 2 + 4, class_=f"count mid {weight}{small}")
    back = tag("rect", x=x + 0.75, y=y + 0.75, width=side - 1.5, height=side - 1.5, rx="3", class_="cell")
    return tag("g", tag("title", said), back, rect, text)
