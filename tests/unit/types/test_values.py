"""Constants: wire text, type, and values without a wire form."""

from __future__ import annotations

import collections
import dataclasses
import enum
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import numpy as np
import pydantic
import pytest

from typedpipe.types.display import show
from typedpipe.types.model import LiteralType, StructType
from typedpipe.types.values import NotAConstant, constant


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Config:
    lr: float
    n: int = 1
    cache: int = dataclasses.field(default=0, init=False)


class Point(NamedTuple):
    x: int
    y: str = "b"


class Options(pydantic.BaseModel):
    lr: float = 0.1
    layers: list[int] = []


CONSTANTS: list[tuple[Any, str, str]] = [
    (3, "3", "Literal[3]"),
    (2**70, str(2**70), f"Literal[{2**70}]"),
    (True, "true", "Literal[True]"),
    (None, "null", "None"),
    (0.1, "0.1", "float"),
    (float("-inf"), '{"\\u0024tp":["float","-inf"]}', "float"),
    ("a$b {{x}} \x7f é", '"a\\u0024b {\\u007bx}} \\u007f \\u00e9"', 'Literal["a$b {{x}} \\x7f é"]'),
    ([], "[]", "list[Never]"),
    ([1, "a", 0.5], '[1,"a",0.5]', "list[int | str | float]"),
    ((1, 2), "[1,2]", "list[Literal[1, 2]]"),
    (range(2), "[0,1]", "list[Literal[0, 1]]"),
    ({"b": 1, "a": None}, '{"b":1,"a":null}', '{"b": Literal[1], "a": None}'),
    ({"$tp": 1}, '{"\\u0024tp":["quote",{"\\u0024tp":1}]}', '{"$tp": Literal[1]}'),
    (collections.OrderedDict(a=1), '{"a":1}', '{"a": Literal[1]}'),
    (Color.RED, '"red"', "Color"),
    (Level.LOW, "1", "Level"),
    (Config(0.1), '{"lr":0.1,"n":1,"cache":0,"\\u0024tp":["object","Config"]}', "Config"),
    (Point(1), '{"x":1,"y":"b"}', "Point"),
    (Options(lr=0.1, layers=[1]), '{"lr":0.1,"layers":[1]}', "Options"),
    (Options(layers=[1]), '{"lr":0.1,"layers":[1],"\\u0024tp":["object","Options",{},["layers"]]}', "Options"),
    (datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=1))), '"2026-01-02T02:00:00.000000Z"', "datetime"),
    (np.float64(1.5), "1.5", "float"),
    (np.int64(3), "3", "Literal[3]"),
]


@pytest.mark.parametrize(("value", "wire", "shown"), CONSTANTS)
def test_constants(value: Any, wire: str, shown: str) -> None:
    text, type_ = constant(value)
    assert text == wire
    assert show(type_) == shown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({1}, "`set` cannot be passed to a task"),
        ({1: 2}, "dict keys must be `str`, found `int` 1"),
        (object(), "`object` cannot be passed to a task"),
        (b"x", "bytes are not text"),
        ("\ud800", "lone surrogate"),
        ({"\udc00": 1}, "lone surrogate"),
        (datetime(2026, 1, 1), "time zone"),
        ([0, {"a": {2}}], "[1]['a']: `set`"),
        (Config({1}), ".lr: `set`"),  # type: ignore[arg-type]  # that is the mistake
        (Config, "`type` cannot be passed to a task"),
        (np.zeros(2), ".tolist()"),
        (len, "cannot be passed to a task"),
    ],
)
def test_not_constants(value: Any, words: str) -> None:
    with pytest.raises(NotAConstant) as raised:
        constant(value)
    assert words in raised.value.reason


def test_a_value_that_holds_itself() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(NotAConstant, match="contains itself"):
        constant(value)


def test_an_int_of_any_length() -> None:
    assert len(constant(10**5000)[0]) == 5001


def test_the_type_of_a_long_list_of_dicts_stays_small() -> None:
    _, type_ = constant([{"n": n, "tag": str(n % 2)} for n in range(1000)])
    item = type_.item  # type: ignore[union-attr]  # it is a list
    assert isinstance(item, StructType)
    tag = item.fields[1].type
    assert isinstance(tag, LiteralType)
    assert tag.values == ('"0"', '"1"')
