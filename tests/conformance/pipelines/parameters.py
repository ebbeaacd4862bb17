"""Parameters of every type: as arguments, through a task, as outputs, and into a second task."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal, NamedTuple, TypedDict

from typedpipe import dsl


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Job(TypedDict):
    rate: float
    name: str


@dataclass
class Layer:
    width: int
    job: Job
    color: Color = Color.RED


class Every(NamedTuple):
    whole_out: int
    real_out: float
    flag_out: bool
    text_out: str
    numbers_out: list[int]
    nested_out: list[list[float]]
    table_out: dict[str, int]
    job_out: Job
    layer_out: Layer
    mode_out: Literal["fast", "slow"]
    color_out: Color
    note_out: str | None
    missing_out: str | None
    either_out: int | str
    when_out: datetime
    strange_out: float
    anything_out: Any


@dsl.component(base_image="python:3.11-slim")
def through(
    whole: int,
    real: float,
    flag: bool,
    text: str,
    numbers: list[int],
    nested: list[list[float]],
    table: dict[str, int],
    job: Job,
    layer: Layer,
    mode: Literal["fast", "slow"],
    color: Color,
    when: datetime,
    strange: float,
    either: int | str,
    anything: Any,
    note: str | None = None,
    missing: str | None = "not given",
) -> Every:
    return Every(
        whole,
        real,
        flag,
        text,
        numbers,
        nested,
        table,
        job,
        layer,
        mode,
        color,
        note,
        missing,
        either,
        when,
        strange,
        anything,
    )


@dsl.component(base_image="python:3.11-slim")
def seen(
    whole: int,
    real: float,
    flag: bool,
    layer: Layer,
    color: Color,
    when: datetime,
    strange: float,
    missing: str | None,
    anything: Any,
) -> str:
    return "|".join(
        [
            str(whole),
            repr(real),
            repr(flag),
            type(layer).__name__,
            repr(layer.job["rate"]),
            layer.color.name,
            color.value,
            when.isoformat(),
            repr(strange),
            repr(missing),
            repr(anything),
        ]
    )


class Outputs(NamedTuple):
    whole: int
    real: float
    flag: bool
    text: str
    numbers: list[int]
    nested: list[list[float]]
    table: dict[str, int]
    job: Job
    layer: Layer
    mode: Literal["fast", "slow"]
    color: Color
    note: str | None
    missing: str | None
    either: int | str
    when: datetime
    anything: Any
    seen: str


@dsl.pipeline
def main(
    whole: int = 2**70,
    real: float = 0.1,
    flag: bool = True,
    text: str = "grün",
    numbers: list[int] = [1, -(2**60), 3],
    table: dict[str, int] = {"z": 1, "a b": 2},
    job: Job = {"rate": 1e300, "name": "j"},
    layer: Layer = Layer(3, {"rate": 0.5, "name": "inner"}, Color.BLUE),
    mode: Literal["fast", "slow"] = "slow",
    color: Color = Color.BLUE,
    missing: str | None = None,
    when: datetime = datetime.fromisoformat("2026-03-01T12:00:00.000001+02:00"),
    strange: float = float("nan"),
) -> Outputs:
    one = through(
        whole=whole,
        real=real,
        flag=flag,
        text=text,
        numbers=numbers,
        nested=[[1, real], []],
        table=table,
        job=job,
        layer=layer,
        mode=mode,
        color=color,
        note="noted",
        missing=missing,
        either="7",
        when=when,
        strange=strange,
        anything={"k": [1, None, {"deep": True}], "$tp": "a key of the user's"},
    ).outputs
    two = seen(
        whole=one.whole_out,
        real=one.real_out,
        flag=one.flag_out,
        layer=one.layer_out,
        color=one.color_out,
        when=one.when_out,
        strange=one.strange_out,
        missing=one.missing_out,
        anything=one.anything_out,
    )
    return Outputs(
        one.whole_out,
        one.real_out,
        one.flag_out,
        one.text_out,
        one.numbers_out,
        one.nested_out,
        one.table_out,
        one.job_out,
        one.layer_out,
        one.mode_out,
        one.color_out,
        one.note_out,
        one.missing_out,
        one.either_out,
        one.when_out,
        one.anything_out,
        two.output,
    )


ANYTHING = {"k": [1, None, {"deep": True}], "$tp": "a key of the user's"}
EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "whole": 2**70,
        "real": 0.1,
        "flag": True,
        "text": "grün",
        "numbers": [1, -(2**60), 3],
        "nested": [[1.0, 0.1], []],
        "table": {"z": 1, "a b": 2},
        "job": {"rate": 1e300, "name": "j"},
        "layer": {"width": 3, "job": {"rate": 0.5, "name": "inner"}, "color": "blue"},
        "mode": "slow",
        "color": "blue",
        "note": "noted",
        "missing": None,
        "either": "7",
        "when": "2026-03-01T10:00:00.000001Z",
        "anything": ANYTHING,
        "seen": "1180591620717411303424|0.1|True|Layer|0.5|BLUE|blue|2026-03-01T10:00:00.000001+00:00|nan|None|"
        + repr(ANYTHING),
    },
}
