"""The wire codec: round trips, and rejected values with their paths."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest
from hypothesis import given, strategies as st

from typedpipe.runtime.task import WireError, decode, encode, show, to_text

HOSTILE = [
    "{{workflow.name}}", "{{=1+1}}", "{" * 5, "{ {", "$$", "$(HOME)", "\x1b[31m", "\x7f", "\U000e0067", "\u2028", "\0", "'; rm",
    '"', "\\", "\\u0024", "{\\u007b", "$tp", "日本", "", " \n\t",
]  # fmt: skip


class Color(enum.Enum):
    RED = "r"
    ONE = 1


class Pair(NamedTuple):
    left: int
    right: str


@dataclasses.dataclass
class Config:
    rate: float
    layers: list[int]
    note: str = "-"


COLOR = ["enum", "Color", [["RED", '"r"'], ["ONE", "1"]]]
PAIR = ["struct", "Pair", "namedtuple", [["left", "int", True], ["right", "str", True]]]
CONFIG = [
    "struct",
    "Config",
    "dataclass",
    [["rate", "float", True], ["layers", ["list", "int"], True], ["note", "str", False]],
]
CLASSES = {"Color": Color, "Pair": Pair, "Config": Config}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_arrives_and_leaves_nothing_for_an_engine(text: str) -> None:
    for value, type_ in ((text, "str"), ({text: [text]}, ["dict", ["list", "str"]])):
        wire = encode(value, type_)
        assert wire.isascii() and "{{" not in wire and "$" not in wire and "\x7f" not in wire
        assert decode(wire, type_) == value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_any_json_value_comes_back_the_same(value: Any) -> None:
    assert repr(decode(encode(value, "any"), "any")) == repr(value)


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (2**70, "int"), (True, "bool"), (1e300, "float"), (0.1 + 0.2, "float"), (None, "null"),
        (float("inf"), "float"), (float("-inf"), ["list", "float"][1]), ([1, None], ["list", ["union", ["int", "null"]]]),
        ({"$tp": ["float", "nan"]}, ["dict", ["list", "str"]]), ({"a": {"$tp": 1}}, "any"),
        (Color.RED, COLOR), (Color.ONE, COLOR), (Pair(1, "x"), PAIR), (Config(0.5, [1, 2]), CONFIG),
        (1, ["literal", ["1", "true"]]), (True, ["literal", ["1", "true"]]), ("b", ["union", ["int", "str"]]), (3, ["union", ["float", "int"]]),
    ],
)  # fmt: skip
def test_a_value_of_each_type_comes_back_with_its_type(value: Any, type_: Any) -> None:
    back = decode(encode(value, type_), type_, classes=CLASSES)
    assert back == value and type(back) is type(value)


def test_an_int_has_any_size() -> None:
    assert decode(encode(-(10**5000), "int"), "int") == -(10**5000)


def test_nan_is_tagged_also_inside() -> None:
    wire = encode({"x": [math.nan]}, ["dict", "any"])
    assert wire == '{"x":[{"\\u0024tp":["float","nan"]}]}'
    assert math.isnan(decode(wire, ["dict", "any"])["x"][0])


def test_an_int_becomes_a_float_at_both_ends() -> None:
    assert encode(3, "float") == "3.0"
    assert type(decode("3", "float")) is float
    for convert in (lambda: encode(10**400, "float"), lambda: decode("1" + "0" * 400, "float")):
        with pytest.raises(WireError, match="too large for a `float`"):
            convert()


def test_datetimes_are_utc_and_of_one_width() -> None:
    here = datetime(2024, 5, 6, 7, 8, 9, 1, tzinfo=timezone(timedelta(hours=2)))
    assert encode(here, "datetime") == '"2024-05-06T05:08:09.000001Z"'
    assert len({len(encode(datetime(y, 1, 1, tzinfo=UTC), "datetime")) for y in (1, 999, 9999)}) == 1
    assert decode(encode(here, "datetime"), "datetime") == here
    assert decode('"2024-05-06T05:08:09Z"', "datetime") == datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)
    with pytest.raises(WireError, match="requires a time zone"):
        encode(datetime(2024, 1, 1), "datetime")


def test_numpy_scalars_are_their_values() -> None:
    numpy = pytest.importorskip("numpy")
    assert encode(numpy.int64(3), "int") == "3"
    assert encode([numpy.float32(0.5)], ["list", "float"]) == "[0.5]"
    assert encode(numpy.bool_(True), "bool") == "true"


@pytest.mark.parametrize(
    ("value", "type_", "message"),
    [
        (True, "int", "`v`: expected `int`, found `bool` True"),
        (1.5, "int", "`v`: expected `int`, found `float` 1.5"),
        ("\ud800", "str", "lone surrogate"),
        ({1: 2}, ["dict", "int"], "dict keys must be `str`, found `int` 1"),
        (Config(0.5, [1, 2, "x"]), CONFIG, "`v.layers[2]`: expected `int`, found `str` 'x'"),  # type: ignore[list-item]  # wrong on purpose
        ({"rate": 1.0}, CONFIG, "expected `Config`"),
        ((1,), PAIR, "expected `Pair`, found `tuple`"),
        ("x", ["literal", ['"a"']], "expected `Literal['a']`, found `str` 'x'"),
        ({1, 2}, "any", "`set` is not supported as a parameter"),
        (None, ["list", "int"], "expected `list[int]`, found `None`"),
        ({"a": 1, "b": 2}, ["struct", "T", "typeddict", [["a", "int", True]]], "has no field `b`"),
        ({}, ["struct", "T", "typeddict", [["a", "int", True]]], "requires the field `a`"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(value: Any, type_: Any, message: str) -> None:
    with pytest.raises(WireError) as caught:
        encode(value, type_, "v")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "type_", "message"),
    [
        ("{{inputs.x}}", "str", "is not JSON"),
        ("NaN", "float", "`NaN` is not JSON"),
        ('"\\ud800"', "str", "lone surrogate"),
        ('{"rate":1,"layers":[],"more":1}', CONFIG, "has no field `more`"),
        ("[" * 100_000, "any", "nested too deep"),
        ('{"$tp":["nonsense"]}', "any", "cannot be evaluated"),
        ('{"$tp":["field",{"a":1},"b"]}', "any", "there is no 'b' in"),
        ('{"$tp":["index",[1],7]}', "any", "there is no 7 in [1]"),
    ],
)
def test_text_that_is_no_value_of_the_type_is_refused(text: str, type_: Any, message: str) -> None:
    with pytest.raises(WireError) as caught:
        decode(text, type_, "v", CLASSES)
    assert message in str(caught.value)


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(WireError, match="contains itself"):
        encode(loop, "any")


OPERATIONS: list[tuple[Any, Any, Any]] = [
    (["float", "-inf"], "float", -math.inf),
    (["quote", {"$tp": {"$tp": ["float", "inf"]}}], "any", {"$tp": math.inf}),
    (["format", ["a=", [1.5, "float", ".2f", ""], [True, "bool", "", ""], ["x", "str", "", "r"], ["r", COLOR, "", "s"]]], "str", "a=1.50True'x'Color.RED"),
    (["field", {"$tp": ["quote", {"$tp": 4}]}, "$tp"], "int", 4),
    (["index", [1, 2, 3], -1], "int", 3),
    (["index", {"a": 1}, "a"], "int", 1),
    (["default", None, 7], "int", 7),
    (["default", 0, 7], "int", 0),
    (["collected", ['"a"', '{"\\u0024tp":["float","inf"]}', 3, None]], "any", ["a", math.inf, 3, None]),
    (["boxed", [json.dumps(json.dumps({"{{": 2**60 + 1})), None]], ["list", ["union", [["dict", "int"], "null"]]], [{"{{": 2**60 + 1}, None]),
    (["boxed", [[json.dumps("[1]")], []]], ["list", ["list", ["list", "int"]]], [[[1]], []]),
    (["keyed", [{"name": "x", "key": "pod"}, None]], "any", [{"name": "x", "key": "0"}, None]),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "type_", "expected"), OPERATIONS, ids=lambda item: str(item)[:30])
def test_values_are_put_together_by_the_consumer(operation: Any, type_: Any, expected: Any) -> None:
    nested = to_text({"deep": [{"$tp": operation}]})
    assert decode(nested, ["dict", ["list", type_]], classes=CLASSES) == {"deep": [expected]}


def test_pydantic_models_are_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("M", a=(int, pydantic.Field(gt=0)))
    type_ = ["struct", "M", "pydantic", [["a", "int", True]]]
    assert decode(encode(model(a=1), type_), type_, classes={"M": model}) == model(a=1)
    with pytest.raises(WireError, match="`M` rejects the value"):
        decode('{"a":-1}', type_, classes={"M": model})


def test_types_are_shown_as_users_write_them() -> None:
    assert show(["dict", ["union", [["list", "any"], COLOR, "null"]]]) == "dict[str, list[Any] | Color | None]"
    assert show(["artifact", "system.Model", "1", []]) == "Model"


_: Callable[..., str] = encode
