"""Metrics as tables that compare the items of a loop; ROC curves and confusion matrices as drawings."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from typedpipe.report.charts import CURVES, Curve, draw_curves
from typedpipe.report.content import Content, anchor
from typedpipe.report.logs import cut
from typedpipe.report.markup import Markup, joined, number, tag
from typedpipe.report.matrix import draw_matrix
from typedpipe.report.measures import Classification, MetricTable, classifications, metric_tables, numbers
from typedpipe.report.values import data_text, scalar
from typedpipe.report.words import as_float
from typedpipe.runs.paths import item_text
from typedpipe.types.json_text import plain

DRAWN = 24
"""Maximum number of outputs with drawings."""
_LONGEST = 96


def metrics(content: Content) -> Markup | None:
    """Metrics tables, one per node whose tasks logged metrics."""
    found = metric_tables(content)
    return joined([_table(each) for each in found]) if found else None


def _table(found: MetricTable) -> Markup:
    outputs, group = found.outputs, found.group
    if len(outputs) == 1:
        rows = [(tag("th", key, scope="row"), _number(item, 0.0)) for key, item in numbers(outputs[0]).items()]
        body = [tag("tr", cells) for cells in rows[:_LONGEST]]
        return _framed(
            outputs[0].label, anchor(outputs[0].task), tag("table", tag("tbody", body), class_="numbers narrow")
        )
    head = tag("tr", [tag("th", text, scope="col") for text in ("task", *found.varying, *found.columns)])
    scales = {key: _scale([numbers(output).get(key) for output in outputs]) for key in found.columns}
    body = [
        tag(
            "tr",
            tag("th", tag("a", _short(output.task.name, group.path), href=f"#{anchor(output.task)}"), scope="row"),
            [
                tag("td", cut(data_text(plain(str(output.task.inputs.get(key)))), 40), class_="param")
                for key in found.varying
            ],
            [_number(numbers(output).get(key), scales[key]) for key in found.columns],
        )
        for output in outputs
    ]
    table = tag("table", tag("thead", head), tag("tbody", body), class_="numbers")
    return _framed(f"{group.path} · {len(outputs)} tasks", group.anchor, tag("div", table, class_="scroll tall"))


def _framed(title: str, target: str, table: Markup) -> Markup:
    return tag("figure", tag("figcaption", tag("a", title, href=f"#{target}", class_="what")), table)


def _short(name: str, path: str) -> str:
    """The part of a task's name that distinguishes it from the others of its node: its item numbers."""
    return item_text(name) or name or path


def _scale(items: Sequence[object]) -> float:
    """The value of a full bar; 0 if bars would not be informative."""
    numbers = [as_float(item) for item in items if isinstance(item, int | float)]
    largest = max(numbers, default=0.0)
    return largest if len(numbers) > 1 and min(numbers) >= 0 and 0 < largest < float("inf") else 0.0


def _number(item: object, scale: float) -> Markup:
    if item is None:
        return tag("td", "-", class_="num quiet")
    text = cut(scalar(item), 80)
    if not scale or not isinstance(item, int | float) or isnan(item):
        return tag("td", text, class_="num")
    width = f"{number(100 * item / scale)}%"
    bar = tag("svg", tag("rect", width=width, height="4", rx="2"), class_="spark", height="4", aria_hidden="true")
    return tag("td", text, bar, class_="num")


def drawings(content: Content) -> Markup | None:
    """ROC curves and confusion matrices of the run."""
    drawn = classifications(content)
    if not drawn:
        return None
    more = tag("p", f"{len(drawn) - DRAWN} more outputs are not drawn.", class_="quiet") if len(drawn) > DRAWN else None
    return joined([_drawn(found) for found in drawn[:DRAWN]], more)


def _drawn(found: Classification) -> Markup:
    head = tag("h3", tag("a", found.output.label, href=f"#{anchor(found.output.task)}"))
    figures = [*map(draw_curves, _several(found.curves)), *(draw_matrix(matrix) for matrix in found.matrices[:DRAWN])]
    return tag("div", head, tag("div", figures, class_="figures"), class_="drawn")


def _several(curves: Sequence[Curve]) -> list[Sequence[Curve]]:
    return [curves[start : start + CURVES] for start in range(0, len(curves), CURVES)]
