from __future__ import annotations

import json

import pytest

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir.nodes import Const, Graph, InputPort, Pipeline
from typedpipe.runs.arguments import Form, bind, example
from typedpipe.runs.forms import NotOfType, choices, from_json, from_python, from_text, sample
from typedpipe.runtime.task import decode
from typedpipe.types.data import to_data
from typedpipe.types.model import (
    ANY,
    ARTIFACT,
    BOOL,
    DATETIME,
    FLOAT,
    INT,
    NULL,
    STR,
    DictType,
    EnumMember,
    EnumType,
    ListType,
    LiteralType,
    StructField,
    StructType,
    Type,
    union,
)

COLOR = EnumType("Color", (EnumMember("RED", '"red"'), EnumMember("BLUE", "2")))
MODE = LiteralType(('"fast"', "1", "true"))
CONFIG = StructType("Config", "dataclass", (StructField("lr", FLOAT), StructField("color", COLOR, required=False)))


@pytest.mark.parametrize(
    ("text", "type_", "wire"),
    [
        ("3", INT, "3"),
        ("-12345678901234567890123", INT, "-12345678901234567890123"),
        ("3", FLOAT, "3.0"),
        ("nan", FLOAT, '{"\\u0024tp":["float","nan"]}'),
        ("yes", BOOL, "true"),
        ("False", BOOL, "false"),
        ("3", STR, '"3"'),
        ("null", STR, '"null"'),
        ("null", union(STR, NULL), '"null"'),
        ("null", union(INT, NULL), "null"),
        ("4", union(INT, NULL), "4"),
        ("x", union(INT, STR), '"x"'),
        ("4", union(INT, STR), "4"),
        ("4", union(STR, INT), "4"),
        ("1", union(BOOL, INT), "1"),
        ("1", union(FLOAT, INT), "1"),
        ("1", union(BOOL, FLOAT), "1.0"),
        ("on", union(BOOL, INT), "true"),
        ("[]", union(STR, ListType(STR)), "[]"),
        ("RED", COLOR, '"red"'),
        ("red", COLOR, '"red"'),
        ("2", COLOR, "2"),
        ("fast", MODE, '"fast"'),
        ("1", MODE, "1"),
        ("[1, 2]", ListType(FLOAT), "[1.0,2.0]"),
        ('["RED"]', ListType(COLOR), '["red"]'),
        ('{"a": [1]}', DictType(ListType(INT)), '{"a":[1]}'),
        ('{"lr": 1}', CONFIG, '{"lr":1.0}'),
        ('{"lr": 1, "color": "BLUE"}', CONFIG, '{"lr":1.0,"color":2}'),
        ("[null, 1]", ListType(union(INT, NULL)), "[null,1]"),
        ("[1, 2.5]", ListType(union(FLOAT, INT)), "[1,2.5]"),
        ('{"a": 1}', ANY, '{"a":1}'),
        ("plain", ANY, '"plain"'),
    ],
)
def test_what_is_typed_becomes_wire_text(text: str, type_: Type, wire: str) -> None:
    assert from_text(text, type_) == wire


def test_dates_are_utc_whatever_was_typed() -> None:
    assert from_text("2026-01-31T12:00:00Z", DATETIME) == from_text("2026-01-31T13:00:00+01:00", DATETIME)
    assert from_text("2026-01-31T12:00:00", DATETIME) == from_text("2026-01-31T12:00:00Z", DATETIME)


@pytest.mark.parametrize(
    ("text", "type_", "said"),
    [
        ("3.0", INT, "expected `int`"),
        ("x", FLOAT, "expected `float`"),
        ("maybe", BOOL, "expected true or false"),
        ("PINK", COLOR, "expected one of RED, BLUE"),
        ("slow", MODE, "expected one of fast, 1, true"),
        ("[1", ListType(INT), "the value is invalid"),
        ("[" * 100_000, ListType(INT), "the value is invalid"),
        ("{}", ListType(INT), "expected `list[int]`"),
        ("[1, true]", ListType(INT), "[1]: expected `int`, found true"),
        ('{"a": {"b": 1}}', DictType(DictType(STR)), "a.b: expected `str`, found 1"),
        ("{}", CONFIG, "lr: `Config` requires this field"),
        ('{"lr": 1, "x": 2}', CONFIG, "x: `Config` has no such field; the fields are lr, color"),
        ("tomorrow", DATETIME, "2026-01-31T12:00:00Z"),
        ("[1.5]", ListType(union(INT, STR)), "[0]: expected `int | str`, found 1.5"),
        ("\ud800", STR, ""),
    ],
)
def test_what_does_not_fit_says_where_and_what(text: str, type_: Type, said: str) -> None:
    with pytest.raises(NotOfType) as caught:
        from_text(text, type_)
    assert said in str(caught.value)


def test_choices() -> None:
    assert choices(COLOR) == ["RED", "BLUE"]
    assert choices(union(MODE, NULL)) == ["fast", "1", "true"]
    assert choices(INT) == []


def pipeline() -> Pipeline:
    inputs = (
        InputPort("learning_rate", FLOAT),
        InputPort("epochs", INT, Const("1", INT)),
        InputPort("data", ARTIFACT, how="artifact", default=Const("null", NULL)),
    )
    return Pipeline("train", Graph(inputs))


def codes(form: Form = "text", **given: object) -> list[str]:
    report = Diagnostics()
    bind(pipeline(), given, report, form)
    return [item.code for item in report]


def test_binding() -> None:
    report = Diagnostics()
    assert bind(pipeline(), {"learning-rate": "1"}, report, "text") == {"learning_rate": "1.0"}
    assert bind(pipeline(), {"learning_rate": 1, "epochs": 2}, report, "json") == {
        "learning_rate": "1.0",
        "epochs": "2",
    }
    assert bind(pipeline(), {"learning_rate": 1.0}, report, "python") == {"learning_rate": "1.0"}
    assert not report.items


def test_all_that_does_not_fit_is_said_at_once() -> None:
    assert codes(learning_rat="1", epochs="x") == ["TP188", "TP187"]
    assert codes("python", learning_rat=1.0, epochs="x") == ["TP188", "TP187", "TP189"]
    assert codes(epochs="3") == ["TP189"]
    assert codes("json", epochs=3) == ["TP189"]


@pytest.mark.parametrize("form", ["text", "json", "python"])
def test_an_artifact_has_to_exist(form: Form) -> None:
    assert codes(form, learning_rate="1" if form == "text" else 1.0, data="/a/b") == ["TP187"]


@pytest.mark.parametrize("text", ['{"$tp":1}', '{"a":{"$tp":null}}', '{"$tp":{"$tp":2},"b":3}'])
def test_a_key_that_the_wire_uses_is_quoted(text: str) -> None:
    value, type_ = json.loads(text), DictType(ANY)
    wires = {from_text(text, type_), from_json(value, type_), from_python(value, type_)}
    assert {json.dumps(decode(wire, to_data(type_))) for wire in wires} == {json.dumps(value)}
    assert len(wires) == 1


@pytest.mark.parametrize(
    ("value", "type_", "wire"),
    [
        (1, FLOAT, "1.0"),
        (1, union(FLOAT, NULL), "1.0"),
        ([1, 2.5], ListType(FLOAT), "[1.0,2.5]"),
        ({"a": [1]}, DictType(ListType(FLOAT)), '{"a":[1.0]}'),
        (1, union(FLOAT, INT), "1"),
    ],
)
def test_equal_arguments_have_equal_text(value: object, type_: Type, wire: str) -> None:
    assert from_python(value, type_) == from_json(value, type_) == from_text(json.dumps(value), type_) == wire


def test_an_int_that_no_float_can_hold() -> None:
    for value, type_ in ((10**400, FLOAT), ([10**400], ListType(FLOAT))):
        with pytest.raises(NotOfType):
            from_python(value, type_)


def test_a_long_value_is_not_repeated_as_a_whole() -> None:
    report = Diagnostics()
    bind(pipeline(), {"learning_rate": "x" * 1000}, report, "text")
    (found,) = report
    assert "xxx..." in found.message
    assert len(found.message) < 200


@pytest.mark.parametrize(
    ("port", "required"),
    [
        (InputPort("n", INT), True),
        (InputPort("n", INT, Const("1", INT)), False),
        (InputPort("note", union(STR, NULL)), True),
        (InputPort("note", union(STR, NULL), Const("null", NULL)), False),
        (InputPort("data", ARTIFACT, how="artifact"), True),
        (InputPort("data", union(ARTIFACT, NULL), how="artifact"), False),
    ],
)
def test_a_parameter_is_required_as_in_python(port: InputPort, required: bool) -> None:
    assert port.required is required
    report = Diagnostics()
    bind(Pipeline("p", Graph((port,))), {}, report)
    assert report.has_errors is required


@pytest.mark.parametrize(
    ("type_", "said"),
    [
        (INT, "pass a value of type `int`, such as -- 3"),
        (union(DATETIME, NULL), "pass a value of type `datetime`, such as -- 2026-01-31T12:00:00Z"),
        (union(INT, STR), "pass a value of type `int | str`, such as -- 3"),
        (STR, "pass a value: -- VALUE"),
        (MODE, "pass one of the values: -- fast|1|true"),
        (ListType(COLOR), "pass a value of type `list[Color]` as JSON, such as -- '[\"RED\"]'"),
        (
            DictType(ListType(BOOL)),
            "pass a value of type `dict[str, list[bool]]` as JSON, such as -- '{\"name\": [true]}'",
        ),
        (CONFIG, "pass a value of type `Config` as JSON, such as -- '{\"lr\": 0.5}'"),
        (ListType(ARTIFACT), "use -- '[\"…\", …]', a JSON list of paths or URIs"),
    ],
)
def test_a_message_says_what_to_type(type_: Type, said: str) -> None:
    assert example(type_, "-- ") == said


@pytest.mark.parametrize(
    "type_", [INT, FLOAT, BOOL, STR, DATETIME, COLOR, MODE, CONFIG, ANY, union(ListType(CONFIG), DictType(MODE), NULL)]
)
def test_a_sample_is_of_its_type(type_: Type) -> None:
    from_json(sample(type_), type_)
