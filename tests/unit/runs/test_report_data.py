"""The report as JSON data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds import LocalWorld, MemoryWorld, fill

from typedpipe.report.data import report_data


@pytest.fixture(params=["local", "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalWorld | MemoryWorld]:
    made = LocalWorld(tmp_path) if request.param == "local" else MemoryWorld()
    fill(made)
    yield made
    made.close()


def test_the_data_of_a_report(world: LocalWorld | MemoryWorld) -> None:
    data = report_data(world.source, world.source.run("2026-a"))
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["run"]["arguments"] == [{"name": "rows", "value": 4, "default": False}]
    assert data["run"]["outputs"] == {"loss": 0.5}
    assert data["totals"]["states"] == {"succeeded": 2, "reused": 1, "omitted": 1}
    assert data["totals"]["retries"] == 1 and data["totals"]["compute"] == 4.0
    load, train, again, later = data["tasks"]
    assert (load["log"], train["log"]["text"]) == ({"text": "loading", "more": False}, "epoch 1\nepoch 2\nepoch 3")
    assert [attempt["state"] for attempt in train["attempts"]] == ["failed", "succeeded"]
    assert (train["outputs"]["loss"], train["waited_for"], again["state"], later["state"]) == (
        0.5,
        "load",
        "reused",
        "omitted",
    )
    assert train["outputs"]["model"]["artifact"]["metadata"] == {"loss": 0.5}
    assert data["groups"][0] == {"path": "load", "state": "succeeded", "tasks": ["load"]}
    assert data["critical_path"][0] == "load"
    assert data["timeline"]["tasks"][:2] == ["load", "train"]
    assert [(box["path"], box["state"], box["sources"]) for box in data["graph"]] == [
        ("load", "succeeded", []),
        ("train", "succeeded", ["load"]),
    ]
    (document,) = data["documents"]
    assert (document["task"], document["output"], document["text"]) == ("train", "pages", "# Well **done**")
    assert report_data(world.source, world.source.run("2026-b"))["failed"] == ["load"]


def test_metrics_and_drawings(world: LocalWorld | MemoryWorld) -> None:
    world.begin("m")
    for item, loss in enumerate((0.5, float("nan"))):
        metrics = world.artifact({"": b"x"}, type="system.Metrics", metadata={"loss": loss})
        curve = [{"falsePositiveRate": 0.0, "recall": 1.0, "confidenceThreshold": 0.5}]
        matrix = {"annotationSpecs": [{"displayName": "cat"}], "rows": [{"row": [3]}]}
        drawn = world.artifact(
            {"": b"y"},
            type="system.ClassificationMetrics",
            metadata={"confidenceMetrics": curve, "confusionMatrix": matrix},
        )
        world.finish(
            "m", f"for-1[{item}]/train", "SUCCEEDED", finished=5.0, inputs={"rate": str(item)}, outputs={"m": metrics, "c": drawn}
        )  # fmt: skip
    data = report_data(world.source, world.source.run("m"))
    (table,) = data["metrics"]
    assert (table["path"], table["parameters"], table["columns"]) == ("for-1/train", ["rate"], ["loss"])
    assert [row["metrics"] for row in table["rows"]] == [{"loss": 0.5}, {"loss": "nan"}]
    assert [row["parameters"] for row in table["rows"]] == [{"rate": 0}, {"rate": 1}]
    first = data["classification"][0]
    assert first["curves"] == [{"slice": "", "area": 1.0, "points": [[0.0, 1.0, 0.5]]}]
    assert first["matrices"] == [{"slice": "", "categories": ["cat"], "rows": [[3.0]], "accuracy": 1.0}]
