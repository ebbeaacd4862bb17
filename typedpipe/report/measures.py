"""Measurements of a run as data: tables of metrics, ROC curves, confusion matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from typedpipe.report.charts import Curve, read_curve
from typedpipe.report.content import CHARTED, Content, Group, Output
from typedpipe.report.matrix import Matrix, read_matrix

_COLUMNS = 24
_VARYING = 4


@dataclass(frozen=True, slots=True)
class MetricTable:
    """Metrics that the tasks of one node logged in one output."""

    group: Group
    outputs: Sequence[Output]
    varying: Sequence[str]
    """Parameters that differ between the tasks."""
    columns: Sequence[str]


@dataclass(frozen=True, slots=True)
class Classification:
    """Curves and matrices of one output; those of slices have names."""

    output: Output
    curves: Sequence[Curve]
    matrices: Sequence[Matrix]


def metric_tables(content: Content) -> list[MetricTable]:
    """One table for each output of a node whose tasks logged metrics."""
    by_group: dict[str, list[Output]] = {}
    for output in content.artifacts("system.Metrics"):
        if numbers(output):
            by_group.setdefault(f"{output.group.path}\0{output.name}", []).append(output)
    return [
        MetricTable(
            outputs[0].group,
            outputs,
            _varying(outputs[0].group),
            list(dict.fromkeys(key for output in outputs for key in numbers(output)))[:_COLUMNS],
        )
        for outputs in by_group.values()
    ]


def numbers(output: Output) -> Mapping[str, object]:
    """Logged numbers, by name."""
    return {str(key): item for key, item in output.stored.metadata.items() if key not in CHARTED}


def _varying(group: Group) -> list[str]:
    """Parameters that differ between the tasks of a node."""
    names = dict.fromkeys(name for task in group.tasks for name in task.inputs)
    return [
        name
        for name in names
        if all(isinstance(task.inputs.get(name), str) for task in group.tasks)
        and len({str(task.inputs[name]) for task in group.tasks}) > 1
    ][:_VARYING]


def classifications(content: Content) -> list[Classification]:
    """ROC curves and confusion matrices of the run."""
    found = content.artifacts("system.ClassificationMetrics") + content.artifacts("system.SlicedClassificationMetrics")
    read = [_classification(output) for output in found]
    return [each for each in read if each.curves or each.matrices]


def _classification(output: Output) -> Classification:
    metadata = output.stored.descriptor.get("metadata")
    parts = [("", metadata), *_slices(metadata)]
    curves = [curve for name, data in parts if (curve := read_curve(data, name)) is not None]
    matrices = [matrix for name, data in parts if (matrix := read_matrix(data, name)) is not None]
    return Classification(output, curves, matrices)


def _slices(metadata: object) -> list[tuple[str, object]]:
    slices = metadata.get("evaluationSlices") if isinstance(metadata, Mapping) else None
    if not isinstance(slices, Sequence):
        return []
    return [
        (str(each.get("slice", "")), each.get("sliceClassificationMetrics"))
        for each in slices
        if isinstance(each, Mapping)
    ]
