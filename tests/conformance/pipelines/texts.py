"""Text with values in it: conversions, enums and classes, and text that `json.dumps` or `shlex.quote` has finished."""

from __future__ import annotations

import json
import shlex
import textwrap
from dataclasses import dataclass
from enum import Enum, IntEnum
from string import Template
from typing import NamedTuple

from typedpipe import dsl


class Color(Enum):
    RED = "it's red"


class Level(IntEnum):
    HIGH = 20


@dataclass
class Config:
    name: str
    rate: float


class Made(NamedTuple):
    text: str
    color: Color
    level: Level
    config: Config


@dsl.component(base_image="python:3.11-slim")
def make() -> Made:
    return Made('é "q" \\ it\'s {{x}} $y\n', Color.RED, Level.HIGH, Config("a'b", 2.0))


@dsl.component(base_image="python:3.11-slim")
def say(text: str) -> str:
    return text


@dsl.component(base_image="python:3.11-slim")
def parse(text: str) -> list[str]:
    import json

    data: dict[str, str] = json.loads(text)
    return [data["whole"], json.loads(data["nested"])["it"]]


class Outputs(NamedTuple):
    built: str
    converted: str
    classes: str
    nested: list[str]
    script: str
    looped: list[str]


@dsl.pipeline
def main(n: int = 7, x: float = 1e16, on: bool = True, names: list[str] = ["a b", 'c"d']) -> Outputs:
    made = make().outputs
    built = say(text="--n=" + str(n) + " --x=%s" % x + f" {on}" + Template(" $t").substitute(t=made.text))  # noqa: UP031  # one of the ways to build text
    converted = say(text=f"{made.text!r} {made.text!a} {n=} {names} {[n, x]} {made.level:03d} {made.text:>30}")
    classes = say(text=f"{made.color} {made.color!r} {made.level} {made.config} {[made.config]}")
    inner = json.dumps({"it": f"{made.text}"}, ensure_ascii=False)
    nested = parse(text=json.dumps({"whole": f"<{made.text}>", "nested": inner}))
    script = say(
        text=textwrap.dedent(
            f"""
            run --n {shlex.quote(f"{n}")} --on {shlex.quote(f"{on}")}
              --x {shlex.quote(f"{x:.2e}")}
            """
        )
    )
    with dsl.ParallelFor(names) as name:
        each = say(text=json.dumps([f"{name}-{n}"]))
    return Outputs(
        built.output, converted.output, classes.output, nested.output, script.output, dsl.Collected(each.output)
    )


_TEXT = make.python_func().text
EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "built": f"--n=7 --x=1e+16 True {_TEXT}",
        "converted": f"{_TEXT!r} {_TEXT!a} n=7 {['a b', 'c' + chr(34) + 'd']} [7, 1e+16] 020 {_TEXT:>30}",
        "classes": f"Color.RED {Color.RED!r} 20 {Config('a' + chr(39) + 'b', 2.0)} {[Config('a' + chr(39) + 'b', 2.0)]}",
        "nested": [f"<{_TEXT}>", _TEXT],
        "script": "\nrun --n 7 --on True\n  --x 1.00e+16\n",
        "looped": ['["a b-7"]', '["c\\"d-7"]'],
    },
}
