"""The text that is shipped to every pod, and the artifact classes outside of a task."""

from __future__ import annotations

import ast
import base64
import importlib.util
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from typedpipe.runtime import PATH, source_text
from typedpipe.runtime.task import ClassificationMetrics, Metrics, Model, SlicedClassificationMetrics

PACK = Path(__file__).parents[3] / "tools" / "pack_runtime.py"


def _unpacked() -> str:
    """The source that the packed text executes."""
    found: list[str] = []
    space = {
        "__file__": "runtime.py",
        "exec": lambda code: None,
        "compile": lambda text, *_: found.append(text.decode()),
    }
    exec(compile(source_text(), "runtime.py", "exec"), space)
    return found[0]


def test_what_travels_is_the_file_packed_anew() -> None:
    folder = Path(PATH).parent
    spec = importlib.util.spec_from_file_location("pack_runtime", PACK)
    assert spec is not None and spec.loader is not None
    pack = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pack)
    # zlib's output may differ between versions, its input may not
    assert _text(pack.packed(Path(PATH).read_text("utf-8"))) == _text((folder / "packed.txt").read_text("ascii")), (
        "run `make runtime`"
    )


def _text(packed: str) -> str:
    data = "".join(packed.split()).translate({46: 123, 44: 36, 47: 40, 58: 96})
    return zlib.decompress(base64.b85decode(data)).decode()


def test_it_is_old_python_and_small() -> None:
    ast.parse(_unpacked(), feature_version=(3, 8))
    assert len(source_text()) < 29_000


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
