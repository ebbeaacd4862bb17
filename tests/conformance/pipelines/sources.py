"""Source shipped with a component: helpers of its body, included functions and classes, imports, signature classes."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple

from typedpipe import dsl

SCALE = 3


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Config:
    level: Level = Level.LOW
    names: list[str] = field(default_factory=lambda: ["a"])

    def total(self) -> int:
        return int(self.level) + len(self.names)


def scaled(n: int, scale: int = 2) -> int:
    """A helper that calls another one."""
    return doubled(n) * scale


def doubled(n: int) -> int:
    return 2 * n


@dsl.component(base_image="python:3.11-slim", include=[scaled])
def with_helpers(config: Config, n: int) -> int:
    import math

    def inner(x: int) -> int:
        return scaled(x) + config.total()

    text = """a text
of two lines"""
    return inner(n) + math.floor(0.5) + len(text.splitlines())


@dsl.component(base_image="python:3.11-slim")
def makes(n: int = SCALE) -> list[Config]:
    return [Config(Level.HIGH, ["x"] * n)]


class Outputs(NamedTuple):
    total: int
    again: int


@dsl.pipeline
def main(config: Config = Config()) -> Outputs:
    return Outputs(with_helpers(config=config, n=1).output, with_helpers(config=makes().output[0], n=2).output)


EXPECTED = {"state": "SUCCEEDED", "outputs": {"total": 8, "again": 15}}
