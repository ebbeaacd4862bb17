"""Metrics as tables that compare the items of a loop; ROC curves and confusion matrices as drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan

from typedpipe.report.charts import CURVES, Curve, draw_curves, read_curve
from typedpipe.report.content import Content, Group, Output, anchor
from typedpipe.report.logs import cut
from typedpipe.report.markup import Markup, joined, number, tag
from typedpipe.report.matrix import draw_matrix, read_matrix
from typedpipe.report.values import CHARTED, data_text, plain, scalar
from typedpipe.runs.paths import item_text

DRAWN = 24
"""So many outputs with drawings are shown."""
_COLUMNS = 24
_VARYING = 4


def metrics(content: Content) -> Markup | None:
    """The tables, one for each node whose tasks logged metrics."""
    by_group: dict[str, list[Output]] = {}
    for output in content.artifacts("system.Metrics"):
        if _numbers(output):
            by_group.setdefault(f"{output.group.path}\0{output.name}", []).append(output)
    return joined([_table(outputs) for outputs in by_group.values()]) if by_group else None


def _numbers(output: Output) -> Mapping[str, object]:
    data = output.stored.descriptor.get("metadata")
    return {str(key): item for key, item in data.items() if key not in CHARTED} if isinstance(data, Mapping) else {}


def _table(outputs: Sequence[Output]) -> Markup:
    group = outputs[0].group
    columns = list(dict.fromkeys(key for output in outputs for key in _numbers(output)))[:_COLUMNS]
    if len(outputs) == 1:
        rows = [(tag("th", key, scope="row"), _number(item, 0.0)) for key, item in _numbers(outputs[0]).items()]
        body = [tag("tr", cells) for cells in rows[: _COLUMNS * 4]]
        return _framed(
            outputs[0].label, anchor(outputs[0].task), tag("table", tag("tbody", body), class_="numbers narrow")
        )
    varying = _varying(group)
    head = tag("tr", [tag("th", text, scope="col") for text in ("task", *varying, *columns)])
    scales = {key: _scale([_numbers(output).get(key) for output in outputs]) for key in columns}
    body = [
        tag(
            "tr",
            tag("th", tag("a", _short(output.task.name, group.path), href=f"#{anchor(output.task)}"), scope="row"),
            [tag("td", cut(data_text(plain(str(output.task.inputs.get(key)))), 40), class_="param") for key in varying],
            [_number(_numbers(output).get(key), scales[key]) for key in columns],
        )
        for output in outputs
    ]
    table = tag("table", tag("thead", head), tag("tbody", body), class_="numbers")
    return _framed(f"{group.path} · {len(outputs)} tasks", group.anchor, tag("div", table, class_="scroll tall"))


def _framed(title: str, target: str, table: Markup) -> Markup:
    return tag("figure", tag("figcaption", tag("a", title, href=f"#{target}", class_="what")), table)


def _short(name: str, path: str) -> str:
    """The part of a task's name that tells it from the others of its node: the numbers of its items."""
    return item_text(name) or name or path


def _varying(group: Group) -> list[str]:
    """The parameters that differ between the tasks of a node: what was tried."""
    names = dict.fromkeys(name for task in group.tasks for name in task.inputs)
    return [
        name
        for name in names
        if all(isinstance(task.inputs.get(name), str) for task in group.tasks)
        and len({str(task.inputs[name]) for task in group.tasks}) > 1
    ][:_VARYING]


def _scale(items: Sequence[object]) -> float:
    """What a full bar is; 0 when bars would say nothing."""
    numbers = [float(item) for item in items if isinstance(item, int | float)]
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
    """The ROC curves and confusion matrices of the run."""
    found = content.artifacts("system.ClassificationMetrics") + content.artifacts("system.SlicedClassificationMetrics")
    drawn = [(output, figures) for output in found if (figures := _figures(output.stored.descriptor.get("metadata")))]
    if not drawn:
        return None
    more = tag("p", f"{len(drawn) - DRAWN} more are not drawn.", class_="quiet") if len(drawn) > DRAWN else None
    return joined([_drawn(output, figures) for output, figures in drawn[:DRAWN]], more)


def _drawn(output: Output, figures: Sequence[Markup]) -> Markup:
    head = tag("h3", tag("a", output.label, href=f"#{anchor(output.task)}"))
    return tag("div", head, tag("div", figures, class_="figures"), class_="drawn")


def _figures(metadata: object) -> list[Markup]:
    parts = [("", metadata), *_slices(metadata)]
    curves = [curve for name, data in parts if (curve := read_curve(data, name)) is not None]
    matrices = [matrix for name, data in parts if (matrix := read_matrix(data, name)) is not None]
    return [*map(draw_curves, _several(curves)), *(draw_matrix(matrix) for matrix in matrices[:DRAWN])]


def _several(curves: Sequence[Curve]) -> list[Sequence[Curve]]:
    return [curves[start : start + CURVES] for start in range(0, len(curves), CURVES)]


def _slices(metadata: object) -> list[tuple[str, object]]:
    slices = metadata.get("evaluationSlices") if isinstance(metadata, Mapping) else None
    if not isinstance(slices, Sequence):
        return []
    return [
        (str(each.get("slice", "")), each.get("sliceClassificationMetrics"))
        for each in slices
        if isinstance(each, Mapping)
    ]
