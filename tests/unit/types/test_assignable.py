"""The rule of type compatibility, and its messages."""

from __future__ import annotations

import pytest

from typedpipe.types.assignable import advice, mismatch
from typedpipe.types.model import (
    ANY,
    ARTIFACT,
    BOOL,
    DATETIME,
    FLOAT,
    INT,
    NEVER,
    NULL,
    STATUS_TYPE,
    STR,
    ArtifactType,
    DictType,
    EnumMember,
    EnumType,
    ListType,
    LiteralType,
    StructField,
    StructForm,
    StructType,
    Type,
    UnionType,
)

MODEL = ArtifactType("system.Model", bases=("system.Artifact",))
FOREST = ArtifactType("acme.Forest", bases=("system.Model", "system.Artifact"))
COLOR = EnumType("Color", (EnumMember("RED", '"red"'),))


def struct(form: StructForm, **fields: Type) -> StructType:
    optional = {name for name in fields if name.endswith("_")}
    return StructType(
        "Config", form, tuple(StructField(n.rstrip("_"), t, n not in optional) for n, t in fields.items())
    )


def literal(*values: str) -> LiteralType:
    return LiteralType(values)


FITS: list[tuple[Type, Type]] = [
    (INT, FLOAT),
    (ListType(INT), ListType(FLOAT)),
    (literal("3"), FLOAT),
    (literal('"a"'), STR),
    (literal("true"), BOOL),
    (literal('"a"'), literal('"b"', '"a"')),
    (INT, UnionType((INT, NULL))),
    (NULL, UnionType((INT, NULL))),
    (UnionType((INT, NULL)), UnionType((FLOAT, STR, NULL))),
    (literal("1", '"a"'), UnionType((INT, STR))),
    (NEVER, INT),
    (ListType(NEVER), ListType(STR)),
    (ListType(NEVER), ListType(MODEL)),
    (ANY, INT),
    (INT, ANY),
    (ListType(ANY), ListType(INT)),
    (ListType(STR), ListType(ANY)),
    (DictType(ANY), struct("dataclass", lr=FLOAT)),
    (struct("literal", lr=literal("1")), struct("dataclass", lr=FLOAT)),
    (struct("literal", lr=literal("1")), struct("pydantic", lr=FLOAT, name_=STR)),
    (struct("literal", a=INT, b=FLOAT), DictType(FLOAT)),
    (struct("typeddict", a=INT), DictType(FLOAT)),
    (struct("dataclass", a=INT, b_=STR), struct("dataclass", a=INT, b=STR)),
    (COLOR, COLOR),
    (struct("dataclass", a=INT), StructType("Config", "dataclass", (StructField("a", INT, False, False),))),
    (struct("dataclass", item=INT), StructType("Config[int]", "dataclass", (StructField("item", INT),))),
    (FOREST, MODEL),
    (FOREST, ARTIFACT),
    (ARTIFACT, ARTIFACT),
    (ListType(FOREST), ListType(MODEL)),
    (MODEL, UnionType((MODEL, NULL))),
    (NULL, UnionType((MODEL, NULL))),
    (STATUS_TYPE, STATUS_TYPE),
]

DOES_NOT: list[tuple[Type, Type, str]] = [
    (BOOL, INT, "expected `int`, found `bool`"),
    (literal("true"), FLOAT, "expected `float`, found `Literal[True]`"),
    (literal("true"), literal("1"), "expected `Literal[1]`, found `Literal[True]`"),
    (FLOAT, INT, "expected `int`, found `float`"),
    (STR, literal('"a"'), 'expected `Literal["a"]`, found `str`'),
    (STR, DATETIME, "expected `datetime`, found `str`"),
    (literal('"2020"'), DATETIME, 'expected `datetime`, found `Literal["2020"]`'),
    (STR, COLOR, "expected `Color`, found `str`"),
    (UnionType((INT, NULL)), INT, "expected `int`, found `int | None`, which can be None"),
    (UnionType((INT, STR)), INT, "expected `int`, found `int | str`"),
    (ListType(STR), ListType(INT), "items: expected `int`, found `str`"),
    (DictType(ListType(STR)), DictType(ListType(INT)), "values, items: expected `int`, found `str`"),
    (literal("1", '"a"'), UnionType((INT, NULL)), 'expected `int | None`, found `Literal["a"]`'),
    (ListType(STR), UnionType((ListType(INT), NULL)), "items: expected `int`, found `str`"),
    (struct("literal", a=INT), struct("dataclass", a=STR), "`a`: expected `str`, found `int`"),
    (struct("literal", a=INT), struct("dataclass", a=INT, b=STR), "`Config` requires the field `b`"),
    (struct("literal", a=INT, c=INT), struct("dataclass", a=INT), "`Config` has no field `c`"),
    (struct("typeddict", a_=INT), struct("typeddict", a=INT), "`Config` requires the field `a`"),
    (struct("dataclass", a=INT), DictType(INT), "expected `dict[str, int]`, found `Config`"),
    (DictType(INT), struct("dataclass", a=INT), "expected `Config`, found `dict[str, int]`"),
    (struct("dataclass", a=INT), struct("pydantic", a=INT), "expected `Config`, found `Config`"),
    (ARTIFACT, MODEL, "expected `Model`, found `Artifact`"),
    (MODEL, FOREST, "expected `acme.Forest`, found `Model`"),
    (STR, MODEL, "expected the artifact `Model`, found the parameter `str`"),
    (MODEL, STR, "expected the parameter `str`, found the artifact `Model`"),
    (MODEL, ANY, "expected a parameter, found the artifact `Model`"),
    (ANY, MODEL, "expected the artifact `Model`, found the parameter `Any`"),
    (MODEL, ListType(MODEL), "expected `list[Model]`, found `Model`"),
    (
        struct("dataclass", a=INT),
        StructType("Base", "dataclass", (StructField("a", INT),)),
        "expected `Base`, found `Config`",
    ),
    (
        struct("literal", a=INT),
        StructType("C", "dataclass", (StructField("a", INT, False, False),)),
        "`C` has no field `a`",
    ),
    (STR, STATUS_TYPE, "a caller cannot pass `PipelineTaskFinalStatus`"),
]


@pytest.mark.parametrize(("source", "target"), FITS)
def test_fits(source: Type, target: Type) -> None:
    assert mismatch(source, target) is None


@pytest.mark.parametrize(("source", "target", "why"), DOES_NOT)
def test_does_not_fit(source: Type, target: Type, why: str) -> None:
    assert mismatch(source, target) == why


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (UnionType((INT, NULL)), INT, "dsl.Some"),
        (MODEL, STR, "Input[Model]"),
        (STR, MODEL, "dsl.importer"),
        (MODEL, ListType(MODEL), "dsl.Collected"),
        (ListType(INT), INT, "dsl.ParallelFor"),
        (ListType(UnionType((INT, NULL))), ListType(INT), "annotate the input as `list[int | None]`"),
        (INT, STATUS_TYPE, "omit it"),
        (STR, INT, "convert the value in a component"),
        (struct("namedtuple", a=STR, b=INT), FLOAT, "add `.b`"),
        (struct("dataclass", a=INT), StructType("Other", "dataclass", ()), "annotate the input as `Config`"),
    ],
)
def test_advice_says_what_to_type(source: Type, target: Type, words: str) -> None:
    assert words in advice(source, target)
