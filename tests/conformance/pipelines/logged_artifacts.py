"""Metrics, ClassificationMetrics, SlicedClassificationMetrics, HTML and Markdown, with their logging methods."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import (
    HTML,
    OUT,
    ClassificationMetrics,
    Input,
    Markdown,
    Metrics,
    Output,
    SlicedClassificationMetrics,
)


class Pages(NamedTuple):
    html: HTML
    text: Markdown


@dsl.component(base_image="python:3.11-slim")
def measure(
    scores: Output[ClassificationMetrics] = OUT,
    metrics: Output[Metrics] = OUT,
    slices: Output[SlicedClassificationMetrics] = OUT,
) -> None:
    slices.load_confusion_matrix("young", ["cat", "dog"], [[3, 0], [1, 2]])
    slices.log_roc_reading("old", 0.5, 0.75, 0.25)
    scores.log_roc_curve([0.0, 0.5, 1.0], [0.0, 0.75, 1.0], [2.0, 0.5, 0.0])
    scores.set_confusion_matrix_categories(["cat", "{{dog}}"])
    scores.log_confusion_matrix_row("cat", [7, 1])
    scores.log_confusion_matrix_row("{{dog}}", [2, 5])
    metrics.log_metric("accuracy", 0.8)
    metrics.log_metric("rows", 15)


@dsl.component(base_image="python:3.11-slim")
def pages(scores: Input[ClassificationMetrics], metrics: Input[Metrics]) -> Pages:
    matrix = scores.metadata["confusionMatrix"]
    rows = [row["row"] for row in matrix["rows"]]
    page = HTML(metadata={"rows": rows})
    with open(page.path, "w") as out:
        out.write(f"<h1>{metrics.metadata['accuracy']} of {len(rows)}</h1>")
    text = Markdown()
    with open(text.path, "w") as out:
        out.write("# $$ {{workflow.name}}")
    return Pages(page, text)


@dsl.component(base_image="python:3.11-slim")
def read(page: Input[HTML], text: Input[Markdown]) -> str:
    return open(page.path).read() + open(text.path).read()


class Outputs(NamedTuple):
    scores: ClassificationMetrics
    metrics: Metrics
    slices: SlicedClassificationMetrics
    page: HTML
    text: str


@dsl.pipeline
def main() -> Outputs:
    measured = measure().outputs
    made = pages(scores=measured.scores, metrics=measured.metrics).outputs
    text = read(page=made.html, text=made.text).output
    return Outputs(measured.scores, measured.metrics, measured.slices, made.html, text)


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "metrics": {"type": "system.Metrics", "metadata": {"accuracy": 0.8, "rows": 15}},
        "page": {"type": "system.HTML", "metadata": {"rows": [[7, 1], [2, 5]]}},
        "text": "<h1>0.8 of 2</h1># $$ {{workflow.name}}",
    },
}
