"""The text that travels into every pod, and the artifact classes outside of a task."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from typedpipe.runtime import PATH, source_text
from typedpipe.runtime.task import ClassificationMetrics, Metrics, Model, SlicedClassificationMetrics


def _bare(text: str) -> str:
    tree = ast.parse(text, feature_version=(3, 8))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0].value = ast.Constant("")
    return ast.dump(tree)


def test_what_travels_is_the_file_without_its_prose() -> None:
    with open(PATH, encoding="utf-8") as file:
        text = file.read()
    assert _bare(source_text()) == _bare(text)
    assert source_text().count("\n") == text.count("\n")


@pytest.mark.parametrize("syntax", ["{" * 2, "$" * 2, "$("])
def test_nothing_in_it_means_something_to_an_engine(syntax: str) -> None:
    assert syntax not in source_text()
    with open(PATH, encoding="utf-8") as file:
        assert syntax not in file.read()


def test_an_import_loads_little() -> None:
    code = "import sys; b = set(sys.modules); sys.path.insert(0, {!r}); import json, task; import json.decoder; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code.format(os.path.dirname(PATH))],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {
        "typing",
        "ast",
        "inspect",
        "traceback",
        "tempfile",
        "shutil",
        "subprocess",
        "datetime",
        "hashlib",
        "dataclasses",
    }
    assert heavy & set(done.stdout.split()) == set()


def test_an_artifact_works_without_a_task() -> None:
    class Forest(Model):
        schema_version = "2.0.0"

    made = Forest(metadata={"trees": 3})
    with open(made, "w", encoding="utf-8") as file:
        file.write("x")
    assert (os.path.basename(made.path), made.artifact is made, Forest.schema_title) == (
        "1",
        True,
        "Forest",
    ) or made.path
    made.framework = "own"
    assert (made.metadata, made.framework) == ({"trees": 3, "framework": "own"}, "own")
    assert Model("/data/m").path == "/data/m" and Model("file:///a%20b").path == "/a b"


def test_metrics_log_as_in_kfp() -> None:
    metrics = Metrics()
    metrics.log_metric("a", 1)
    metrics.log("b", 2)
    assert metrics.metadata == {"a": 1, "b": 2}
    report = ClassificationMetrics()
    report.log_roc_curve([0.0, 1.0], [0.0, 1.0], [0.9, 0.1])
    report.log_confusion_matrix(["x", "y"], [[1, 2], [3, 4]])
    report.log_confusion_matrix_cell("y", "x", 9)
    assert report.metadata["confidenceMetrics"][1] == {
        "confidenceThreshold": 0.1,
        "falsePositiveRate": 1.0,
        "recall": 1.0,
    }
    assert report.metadata["confusionMatrix"]["rows"] == [{"row": [1, 2]}, {"row": [9, 4]}]
    with pytest.raises(ValueError, match="unknown category 'z'"):
        report.log_confusion_matrix_row("z", [1, 2])
    sliced = SlicedClassificationMetrics()
    sliced.load_confusion_matrix("young", ["x"], [[1]])
    sliced.log_roc_reading("young", 0.5, 0.6, 0.7)
    assert sliced.metadata["evaluationSlices"][0]["sliceClassificationMetrics"]["confusionMatrix"]["rows"] == [
        {"row": [1]}
    ]
