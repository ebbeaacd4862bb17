"""ROC curves: axes, grid, the diagonal of chance, one curve per slice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from typedpipe.report.logs import cut
from typedpipe.report.markup import Markup, joined, number, tag
from typedpipe.report.words import as_float, figure

_SIDE, _LEFT, _TOP = 280.0, 46.0, 12.0
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
_MARKED = 150
"""Maximum number of points with a tooltip."""
CURVES = 6
"""Maximum number of distinguishable curves in one drawing."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Points (false positive rate, true positive rate, threshold), sorted; ``name`` is the slice's, or ""."""

    name: str
    points: Sequence[tuple[float, float, float]]

    @property
    def area(self) -> float:
        """Area under the curve, by trapezoids from (0, 0) to (1, 1).

        >>> Curve("", [(0.0, 1.0, 0.5)]).area
        1.0
        """
        ends = [(0.0, 0.0), *((x, y) for x, y, _ in self.points), (1.0, 1.0)]
        return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(ends))


def read_curve(metadata: object, name: str = "") -> Curve | None:
    """The curve in the metadata of ClassificationMetrics; None if there is none that can be drawn.

    >>> read_curve({"confidenceMetrics": [{"falsePositiveRate": 0, "recall": 1, "confidenceThreshold": 0.5}]})
    Curve(name='', points=[(0.0, 1.0, 0.5)])
    """
    readings = metadata.get("confidenceMetrics") if isinstance(metadata, Mapping) else None
    if not isinstance(readings, Sequence) or isinstance(readings, str):
        return None
    points = [point for reading in readings if (point := _point(reading)) is not None]
    return Curve(name, sorted(points, key=lambda point: point[:2])) if points else None


def _point(reading: object) -> tuple[float, float, float] | None:
    if not isinstance(reading, Mapping):
        return None
    x, y = reading.get("falsePositiveRate"), reading.get("recall")
    threshold = reading.get("confidenceThreshold")
    if not isinstance(x, int | float) or not isinstance(y, int | float):
        return None
    if not (0 <= x <= 1 and 0 <= y <= 1):  # also nan
        return None
    return as_float(x), as_float(y), as_float(threshold) if isinstance(threshold, int | float) else math.nan


def draw_curves(curves: Sequence[Curve]) -> Markup:
    """Draw all curves in one drawing, with a legend that lists the areas."""
    legend = [
        tag("li", _swatch(index), cut(curve.name, 60) or "area under the curve", " ", tag("b", f"{curve.area:.3f}"))
        for index, curve in enumerate(curves)
    ]
    wide, high = _LEFT + _SIDE + 16, _TOP + _SIDE + 44
    said = ", ".join(f"{curve.name or 'ROC curve'} with area {curve.area:.3f}" for curve in curves)
    svg = tag(
        "svg",
        _axes(),
        [_line(curve, index, alone=len(curves) == 1) for index, curve in enumerate(curves)],
        viewBox=f"0 0 {number(wide)} {number(high)}",
        width=wide,
        height=high,
        class_="chart",
        role="img",
        aria_label=cut(said, 300),
    )
    title = "ROC curve" if len(curves) == 1 else "ROC curves"
    caption = tag("figcaption", tag("span", title, class_="what"), tag("ul", legend, class_="legend"))
    return tag("figure", caption, svg)


def _x(value: float) -> float:
    return _LEFT + value * _SIDE


def _y(value: float) -> float:
    return _TOP + (1 - value) * _SIDE


def _axes() -> Markup:
    parts: list[Markup] = []
    for tick in _TICKS:
        parts += [
            tag("line", x1=_x(tick), x2=_x(tick), y1=_y(0), y2=_y(1), class_="grid"),
            tag("line", x1=_x(0), x2=_x(1), y1=_y(tick), y2=_y(tick), class_="grid"),
            tag("text", f"{tick:g}", x=_x(tick), y=_y(0) + 16, class_="tick mid"),
            tag("text", f"{tick:g}", x=_x(0) - 8, y=_y(tick) + 4, class_="tick end"),
        ]
    middle = _TOP + _SIDE / 2
    parts += [
        tag("line", x1=_x(0), x2=_x(1), y1=_y(0), y2=_y(1), class_="chance"),
        tag("text", "false positive rate", x=_LEFT + _SIDE / 2, y=_y(0) + 36, class_="axis mid"),
        tag(
            "text",
            "true positive rate",
            x=12.0,
            y=middle,
            transform=f"rotate(-90 12 {number(middle)})",
            class_="axis mid",
        ),
    ]
    return joined(parts)


def _line(curve: Curve, index: int, *, alone: bool) -> Markup:
    ends = [(0.0, 0.0), *((x, y) for x, y, _ in curve.points), (1.0, 1.0)]
    path = "M" + "L".join(f"{number(_x(x))} {number(_y(y))}" for x, y in ends)
    parts = [tag("path", d=path, class_=f"curve c{index % CURVES}")]
    if alone:
        parts.insert(0, tag("path", d=f"{path}L{number(_x(1))} {number(_y(0))}Z", class_="under"))
    if len(curve.points) <= _MARKED:
        parts += [
            tag(
                "circle",
                tag("title", f"{curve.name} threshold {figure(t)}: false {x:.3f}, true {y:.3f}".strip()),
                cx=_x(x),
                cy=_y(y),
                r="3.5" if len(curve.points) <= 30 else "2.5",
                class_=f"dot c{index % CURVES}",
            )
            for x, y, t in curve.points
        ]
    return joined(parts)


def _swatch(index: int) -> Markup:
    line = tag("line", x1="0", x2="22", y1="6", y2="6", class_=f"curve c{index % CURVES}")
    return tag("svg", line, width="22", height="12", class_="swatch", aria_hidden="true")
