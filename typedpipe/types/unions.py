"""Unions whose members cannot be distinguished on the wire."""

from __future__ import annotations

from itertools import combinations

from typedpipe.runtime.task import WireError, decode
from typedpipe.types.data import to_data
from typedpipe.types.display import show
from typedpipe.types.model import (
    AnyType,
    ArtifactType,
    DictType,
    EnumType,
    ListType,
    LiteralType,
    NullType,
    ScalarType,
    StatusType,
    StructType,
    Type,
    UnionType,
    is_artifact,
)


def ambiguous_union(type_: Type) -> str | None:
    """The reason why the members of a union cannot be distinguished in a container; None if they can, or it is not a
    union.

    >>> from typedpipe.types.model import DATETIME, INT, STR, UnionType
    >>> ambiguous_union(UnionType((STR, DATETIME)))
    '`str` and `datetime` have the same JSON form'
    >>> ambiguous_union(UnionType((STR, INT))) is None
    True
    """
    if not isinstance(type_, UnionType):
        return None
    artifacts = [member for member in type_.members if is_artifact(member) or isinstance(member, StatusType)]
    others = [member for member in type_.members if not isinstance(member, NullType)]
    if artifacts and len(others) > 1:
        return f"`{show(artifacts[0])}` is an artifact, which is supported in a union only as `{show(artifacts[0])} | None`"
    for one, other in combinations(type_.members, 2):
        if _alike(one, other):
            return f"`{show(one)}` and `{show(other)}` have the same JSON form"
    return None


def optional_tag(type_: Type) -> str:
    """The field that would distinguish all classes of a union if none of them had a default for it; empty if there is none.

    >>> from typedpipe.types.model import StructField
    >>> tags = [StructField("kind", LiteralType((text,)), required=False) for text in ('"cat"', '"dog"')]
    >>> optional_tag(UnionType(tuple(StructType("A", "pydantic", (tag,)) for tag in tags)))
    'kind'
    """
    members = type_.members if isinstance(type_, UnionType) else ()
    structs = [{field.name: field.type for field in each.fields} for each in members if isinstance(each, StructType)]
    alike = [
        (one, other)
        for one, other in combinations(members, 2)
        if not isinstance(one, NullType) and not isinstance(other, NullType) and _alike(one, other)
    ]
    if not structs or not all(isinstance(each, StructType) for pair in alike for each in pair):
        return ""
    shared = [name for name in structs[0] if all(name in fields for fields in structs)]
    return next((n for n in shared if all(_told_apart(a[n], b[n]) for a, b in combinations(structs, 2))), "")


def _alike(one: Type, other: Type) -> bool:
    """Whether some value has the same wire text, but a different Python value, under both types."""
    if isinstance(one, EnumType) or isinstance(other, EnumType):
        return _members(one, other) if isinstance(one, EnumType) else _alike(other, one)
    if isinstance(one, NullType) or isinstance(other, NullType):
        return False
    if isinstance(one, UnionType):
        return any(_alike(member, other) for member in one.members)
    if isinstance(other, UnionType):
        return _alike(other, one)
    if isinstance(one, AnyType) or isinstance(other, AnyType):
        return True
    if isinstance(one, ListType) and isinstance(other, ListType):
        return _same_or_alike(one.item, other.item)
    if isinstance(one, DictType | StructType) and isinstance(other, DictType | StructType):
        return _objects(one, other)
    return _texts(one, other)


def _members(enum: EnumType, other: Type) -> bool:
    """Whether the value of a member of the enum is also a value of another type."""
    if isinstance(other, EnumType):
        return not {member.wire for member in enum.members}.isdisjoint(member.wire for member in other.members)
    return any(_reads(member.wire, other) for member in enum.members)


def _reads(wire: str, type_: Type) -> bool:
    try:
        decode(wire, to_data(type_))
    except WireError:
        return False
    return True


def _same_or_alike(one: Type, other: Type) -> bool:
    return one == other or _alike(one, other)


def _texts(one: Type, other: Type) -> bool:
    ours, theirs = _values(one), _values(other)
    if ours is not None and theirs is not None:
        return bool(ours & theirs)
    if ours is None and theirs is None:
        kinds = {_kind(one), _kind(other)}
        return kinds == {"str", "datetime"} or (isinstance(one, ArtifactType) and isinstance(other, ArtifactType))
    values, kind = (ours, _kind(other)) if ours is not None else (theirs, _kind(one))
    # `Literal["a"] | str` is the same Python value either way
    return kind == "datetime" and any(value.startswith('"') for value in values or ())


def _values(type_: Type) -> frozenset[str] | None:
    """The wire texts of a type with finitely many values; None for other types."""
    if isinstance(type_, LiteralType):
        return frozenset(type_.values)
    return frozenset(member.wire for member in type_.members) if isinstance(type_, EnumType) else None


def _kind(type_: Type) -> str:
    return type_.kind if isinstance(type_, ScalarType) else ""


def _objects(one: DictType | StructType, other: DictType | StructType) -> bool:
    if isinstance(one, DictType) and isinstance(other, DictType):
        return _same_or_alike(one.value, other.value)
    if isinstance(one, DictType) or isinstance(other, DictType):
        return True
    ours = {field.name: field for field in one.fields}
    theirs = {field.name: field for field in other.fields}
    if any(field.required and field.name not in theirs for field in one.fields) and any(
        field.required and field.name not in ours for field in other.fields
    ):
        return False  # each has a field that the other does not know
    common = [name for name in ours if name in theirs and ours[name].required and theirs[name].required]
    return not any(_told_apart(ours[name].type, theirs[name].type) for name in common)


def _told_apart(one: Type, other: Type) -> bool:
    """Whether a tag distinguishes them, such as ``kind: Literal["a"]`` and ``kind: Literal["b"]``."""
    ours, theirs = _values(one), _values(other)
    return ours is not None and theirs is not None and not ours & theirs
