"""Metrics of a run: the numbers in the metadata of its Metrics artifacts, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from typedpipe.runs.model import Value, artifacts_in

_METRICS = "Metrics"


class HasOutputs(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def outputs(self) -> Mapping[str, Value]: ...


def metrics_of(tasks: Iterable[HasOutputs]) -> dict[str, Any]:
    """Metrics of tasks, by ``task.output.metric``."""
    return {
        f"{task.name}.{name}.{key}": number
        for task in tasks
        for name, value in task.outputs.items()
        for key, number in output_metrics(value).items()
    }


def output_metrics(value: Value) -> dict[str, Any]:
    """Metrics in one output of a task; empty if it has none."""
    found: dict[str, Any] = {}
    if not isinstance(value, str):
        for place, item in artifacts_in(value):
            if item.type.endswith(_METRICS):
                found |= {f"{place}.{key}" if place else key: each for key, each in flat(item.metadata).items()}
    return found


def named(metrics: Mapping[str, Any], name: str) -> list[Any]:
    """Values of a metric, by its full name or its last part.

    >>> named({"train.loss": 0.5, "eval.loss": 0.25, "eval.accuracy": 1}, "loss")
    [0.5, 0.25]
    """
    if name in metrics:
        return [metrics[name]]
    return [value for key, value in metrics.items() if key.endswith(f".{name}")]


def flat(data: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Flatten nested JSON objects to one, by their paths.

    >>> flat({"a": {"b": 1}, "c": 2})
    {'a.b': 1, 'c': 2}
    """
    found: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = value
    return found
