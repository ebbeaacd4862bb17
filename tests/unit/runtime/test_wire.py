"""The wire codec: round trips, and rejected values with their paths."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
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


NUMBER = ["union", ["int", "float"]]
LISTS = ["union", [["list", "float"], ["list", "int"]]]


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (1.0, NUMBER), (-0.0, NUMBER), (1e15, NUMBER), (1, NUMBER), (2**60, ["union", ["float", "int"]]), (1, ["union", ["float", "int"]]),
        ([2**53 + 1], LISTS), ([1.0], LISTS), ([[1], [1.0]], ["list", LISTS]), ({"a": 1}, ["union", [["dict", "float"], ["dict", "int"]]]),
        ([1, 1.0, None], ["list", ["union", ["float", "int", "null"]]]),
    ],
)  # fmt: skip
def test_a_number_in_a_union_keeps_its_kind(value: Any, type_: Any) -> None:
    back = decode(encode(value, type_), type_)
    assert repr(back) == repr(value)


def test_a_union_converts_if_no_member_takes_the_value_as_it_is() -> None:
    assert encode(3, ["union", ["float", "str"]]) == "3.0"
    assert repr(decode("3.0", ["union", ["int", "str"]])) == "3"
    assert repr(decode("[1,2.5]", LISTS)) == "[1.0, 2.5]"


@dataclasses.dataclass
class Rect:
    w: float
    h: float


@dataclasses.dataclass
class Square:
    side: float

    @property
    def w(self) -> float:
        return self.side

    @property
    def h(self) -> float:
        return self.side


@dataclasses.dataclass
class Wide(Rect):
    depth: float = 0


RECT = ["struct", "Rect", "dataclass", [["w", "float", True], ["h", "float", True]]]
SQUARE = ["struct", "Square", "dataclass", [["side", "float", True]]]
WIDE = ["struct", "Wide", "dataclass", [["w", "float", True], ["h", "float", True], ["depth", "float", False]]]


def test_an_object_is_written_as_its_own_class() -> None:
    shapes = {"Rect": Rect, "Square": Square, "Wide": Wide}
    for members in ([RECT, SQUARE], [SQUARE, RECT]):
        either = ["union", members]
        assert decode(encode(Square(2), either), either, classes=shapes) == Square(2)
    value: Any
    type_: Any
    for value, type_ in (
        (Square(2), RECT),
        (Wide(1, 2), RECT),
        (Pair(1, "a"), ["struct", "Other", "namedtuple", PAIR[3]]),
    ):
        with pytest.raises(WireError, match=r"expected `\w+`, found `\w+`"):
            encode(value, type_)


class Limit(enum.Enum):
    NONE = float("inf")
    MANY = float("nan")
    TAG = {"$tp": 1}  # noqa: RUF012  # a member
    LIST = (1, 2)


class Other(enum.Enum):
    RED = "r"


class Perm(enum.Flag):
    READ = 1
    WRITE = 2


def test_members_of_enums_keep_their_class() -> None:
    limit = [
        "enum",
        "Limit",
        [[member.name, encode(member.value, "any")] for member in Limit],
    ]
    for member in Limit:
        assert decode(encode(member, limit), limit, classes={"Limit": Limit}) is member
    with pytest.raises(WireError, match="expected `Color`, found `Other`"):
        encode(Other.RED, COLOR)
    perm = ["enum", "Perm", [["READ", "1"], ["WRITE", "2"]]]
    both = Perm.READ | Perm.WRITE
    assert decode(encode(both, perm), perm, classes={"Perm": Perm}) is both
    with pytest.raises(WireError, match="expected `Perm`"):
        decode("8", perm, classes={"Perm": Perm})


@dataclasses.dataclass
class Doubled:
    n: int
    twice: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.n *= 2
        self.twice = self.n * 2


DOUBLED = ["struct", "Doubled", "dataclass", [["n", "int", True], ["twice", "int", False, "state"]], "state"]


def test_an_object_is_restored_and_a_dict_is_constructed() -> None:
    made = Doubled(3)
    text = encode(made, DOUBLED)
    assert text == '{"n":6,"twice":12,"\\u0024tp":["object","Doubled"]}'
    assert decode(text, DOUBLED, classes={"Doubled": Doubled}) == made
    assert decode('{"n":6}', DOUBLED, classes={"Doubled": Doubled}) == Doubled(6)
    assert decode(text, "any", classes={}) == {"n": 6, "twice": 12}
    assert type(decode(text, "any", classes={})) is dict
    assert encode(decode(text, "any"), "any") == text  # for the engine, it is an object still
    with pytest.raises(WireError, match="has no field `twice`"):
        decode('{"n":6,"twice":12}', DOUBLED, classes={"Doubled": Doubled})
    with pytest.raises(WireError, match="expected `Config`, found `Sent`"):
        decode(text, CONFIG, classes=CLASSES)


def test_attributes_that_are_no_fields_arrive_if_they_are_plain_data() -> None:
    made = Config(0.5, [1])
    made.__dict__["seen"] = {"$tp": [1.0, None]}
    back = decode(encode(made, CONFIG), CONFIG, classes=CLASSES)
    assert back == made
    assert back.__dict__ == made.__dict__
    made.__dict__["seen"] = {1}
    with pytest.raises(WireError) as caught:
        encode([made], ["list", CONFIG], "v")
    assert str(caught.value) == (
        "`v[0]`: `seen` is not a field of `Config`, and only plain data in it can be passed on, not `{1}`: "
        "declare it as a field, or make it a `functools.cached_property`"
    )


@pytest.mark.parametrize(
    "mark", ['["object"]', '["object",1]', '["object","Doubled",[1]]', '["object","Doubled",{},3]', "1"]
)
def test_a_damaged_object_is_refused(mark: str) -> None:
    with pytest.raises(WireError):
        decode('{"n":6,"$tp":' + mark + "}", DOUBLED, classes={"Doubled": Doubled})


def test_types_of_pydantic_are_written_by_pydantic() -> None:
    pydantic = pytest.importorskip("pydantic")
    model = pydantic.create_model("M", day=(date, ...), tags=(set[str], ...), share=(float, pydantic.Field(alias="s")))
    type_ = [
        "struct",
        "M",
        "pydantic",
        [["day", "any", True], ["tags", "any", True], ["share", "float", True]],
        "state",
    ]
    made = model(day=date(2024, 1, 2), tags={"$"}, s=0.5)
    for text in (encode(made, type_), encode(made, "any")):
        assert decode(text, type_, classes={"M": model}) == made
    assert decode('{"day":"2024-01-02","tags":["$"],"share":0.5}', type_, classes={"M": model}) == made
    lossy = pydantic.create_model("L", word=(pydantic.SecretStr, ...))
    with pytest.raises(WireError, match="pydantic would read"):
        encode(lossy(word="x"), ["struct", "L", "pydantic", [["word", "any", True]], "state"])


_: Callable[..., str] = encode
