"""Artifacts by path, as objects and as return values, with metadata and user classes."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import (
    OUT,
    ClassificationMetrics,
    Dataset,
    Input,
    InputPath,
    Markdown,
    Metrics,
    Model,
    Output,
    OutputPath,
)


class Forest(Model):
    schema_title = "acme.Forest"
    schema_version = "1.2.0"


class Trained(NamedTuple):
    forest: Forest
    loss: float


@dsl.component(base_image="python:3.11-slim")
def by_path(rows: OutputPath[int] = OUT, data: OutputPath[Dataset] = OUT) -> None:
    with open(data, "w") as file:
        file.write("a,b\n1,2\n")
    with open(rows, "w") as file:
        file.write("2")


@dsl.component(base_image="python:3.11-slim")
def by_object(
    source: InputPath[Dataset], scale: int, data: Output[Dataset] = OUT, metrics: Output[Metrics] = OUT
) -> None:
    with open(source) as file, open(data.path, "w") as out:
        out.write(file.read() * scale)
    data.metadata["scale"] = scale
    data.metadata["{{k}}"] = "$$ {{workflow.name}}"
    metrics.log_metric("accuracy", 0.75)


@dsl.component(base_image="python:3.11-slim")
def returned(data: Input[Dataset]) -> Trained:
    forest = Forest()
    with open(forest.path, "w") as out:
        out.write(f"forest of {len(open(data.path).read())} with scale {data.metadata['scale']}")
    forest.framework = "wood"
    return Trained(forest, 0.25)


@dsl.component(base_image="python:3.11-slim")
def single(forest: Input[Model]) -> Markdown:
    note = Markdown()
    with open(note.path, "w") as out:
        out.write("# " + open(forest.path).read())
    note.metadata.update(forest.metadata)
    return note


@dsl.component(base_image="python:3.11-slim")
def judged(note: Input[Markdown], metrics: Input[Metrics], classes: Output[ClassificationMetrics] = OUT) -> None:
    classes.log_confusion_matrix(["no", "yes"], [[3, 1], [0, 4]])
    classes.metadata["note"] = open(note.path).read()
    classes.metadata["accuracy"] = metrics.metadata["accuracy"]
    classes.metadata["kind"] = type(note).__name__


class Outputs(NamedTuple):
    data: Dataset
    rows: int
    forest: Forest
    loss: float
    note: Markdown
    metrics: Metrics
    classes: ClassificationMetrics


@dsl.pipeline
def main(scale: int = 3) -> Outputs:
    first = by_path().outputs
    second = by_object(source=first.data, scale=scale).outputs
    third = returned(data=second.data).outputs
    note = single(forest=third.forest).output
    classes = judged(note=note, metrics=second.metrics).output
    return Outputs(second.data, first.rows, third.forest, third.loss, note, second.metrics, classes)


NOTE = "# forest of 24 with scale 3"
EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "data": {"type": "system.Dataset", "metadata": {"scale": 3, "{{k}}": "$$ {{workflow.name}}"}},
        "rows": 2,
        "forest": {"type": "acme.Forest", "metadata": {"framework": "wood"}},
        "loss": 0.25,
        "note": {"type": "system.Markdown", "metadata": {"framework": "wood"}},
        "metrics": {"type": "system.Metrics", "metadata": {"accuracy": 0.75}},
        "classes": {
            "type": "system.ClassificationMetrics",
            "metadata": {
                "confusionMatrix": {
                    "annotationSpecs": [{"displayName": "no"}, {"displayName": "yes"}],
                    "rows": [{"row": [3, 1]}, {"row": [0, 4]}],
                },
                "note": NOTE,
                "accuracy": 0.75,
                "kind": "Markdown",
            },
        },
    },
}
