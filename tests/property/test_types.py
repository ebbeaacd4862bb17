"""Laws of the types: reflexive, transitive where this applies, and round trips."""

from __future__ import annotations

from typing import Any

from hypothesis import given, strategies as st

from typedpipe.runtime import task
from typedpipe.types.assignable import mismatch
from typedpipe.types.data import from_data, to_data
from typedpipe.types.display import show
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
    StructType,
    Type,
    union,
)
from typedpipe.types.values import constant

MODEL = ArtifactType("system.Model", bases=("system.Artifact",))
SCALARS = st.sampled_from([INT, FLOAT, BOOL, STR, DATETIME, NULL])
LITERALS = st.lists(st.sampled_from(["1", "2", "true", '"a"', '"b"']), min_size=1, max_size=3, unique=True).map(
    lambda values: LiteralType(tuple(values))
)
ENUMS = st.sampled_from([EnumType("Color", (EnumMember("RED", '"red"'),)), EnumType("N", (EnumMember("ONE", "1"),))])
ARTIFACTS = st.sampled_from([ARTIFACT, MODEL, ArtifactType("acme.Forest", "1.0", (MODEL.title, ARTIFACT.title))])
NAMES = st.sampled_from(["a", "b", "c"])


def _structs(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    fields = st.lists(st.tuples(NAMES, inner, st.booleans()), max_size=3, unique_by=lambda field: field[0])
    forms = st.sampled_from(["typeddict", "dataclass", "literal"])
    return st.builds(
        lambda form, parts: StructType(
            "S", form, tuple(StructField(n, t, form == "literal" or r) for n, t, r in parts)
        ),
        forms,
        fields,
    )


def _nested(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    unions = st.lists(inner, min_size=2, max_size=3).map(lambda members: union(*members))
    return st.one_of(inner.map(ListType), inner.map(DictType), unions, _structs(inner))


EXACT = st.recursive(st.one_of(SCALARS, LITERALS, ENUMS), _nested, max_leaves=6)
TYPES = st.one_of(EXACT, ARTIFACTS, ARTIFACTS.map(ListType), st.sampled_from([ANY, NEVER, STATUS_TYPE]))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(alphabet=st.characters(exclude_categories=["Cs"]))
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(["$tp", "{{a}}", "k"]), st.text("ab$\x7f{")), inner, max_size=4),
    ),
    max_leaves=12,
)


@given(TYPES)
def test_a_type_goes_where_it_is_wanted(type_: Type) -> None:
    assert mismatch(type_, type_) is None
    assert mismatch(from_data(to_data(type_)), type_) is None


def _related() -> list[Type]:
    """Types of which many fit one another; without Any, which fits both ways and so is not transitive."""
    one, a = LiteralType(("1",)), LiteralType(('"a"',))
    plain: list[Type] = [NEVER, NULL, INT, FLOAT, STR, BOOL, one, LiteralType(("1", "2")), a, LiteralType(("1", '"a"'))]
    optional = [union(t, NULL) for t in (INT, FLOAT, one)]
    mixed = [*plain, *optional, union(INT, STR), union(FLOAT, STR, NULL)]
    structs = [
        StructType("S", form, fields)
        for form in ("literal", "typeddict", "dataclass")
        for fields in (
            (StructField("a", INT),),
            (StructField("a", FLOAT, required=form == "literal"),),
            (StructField("a", one), StructField("b", STR, required=form == "literal")),
        )
    ]
    artifacts: list[Type] = [ARTIFACT, MODEL, ArtifactType("acme.Forest", bases=(MODEL.title, ARTIFACT.title))]
    return [*mixed, *(ListType(t) for t in mixed[:8]), *(DictType(t) for t in (INT, FLOAT, one)), *structs, *artifacts]


def test_transitive_without_any() -> None:
    types = _related()
    fits = {one: [two for two in types if mismatch(one, two) is None] for one in types}
    chains = [(one, two, three) for one in types for two in fits[one] for three in fits[two]]
    assert len(chains) > 400
    assert [chain for chain in chains if chain[2] not in fits[chain[0]]] == []


@given(EXACT, EXACT)
def test_a_union_takes_each_of_its_members(one: Type, two: Type) -> None:
    both = union(one, two)
    assert mismatch(one, both) is None
    assert mismatch(two, both) is None


@given(TYPES)
def test_types_survive_as_data_and_can_be_shown(type_: Type) -> None:
    assert from_data(to_data(type_)) == type_
    assert show(type_)


@given(JSON)
def test_constants_are_encoded_as_the_runtime_does(value: Any) -> None:
    assert constant(value)[0] == task.encode(value, "any")


@given(JSON)
def test_a_constant_arrives_as_it_was_and_fits_its_own_type(value: Any) -> None:
    text, type_ = constant(value)
    back = task.decode(text, "any")
    assert repr(back) == repr(value)
    assert mismatch(type_, type_) is None
    assert text.isascii()
    assert "{{" not in text
    assert "$" not in text
    if not isinstance(value, list | dict) or value:
        # `[[0.0], [0]]` is `list[list[float] | list[int]]`, and the first member that takes `[0]` makes it `[0.0]`
        again = task.encode(task.decode(text, to_data(type_)), to_data(type_))
        assert "nan" in repr(back) or task.decode(again, "any") == back  # `nan` is not equal to itself
