"""Types in the user's notation, for messages, ``--help`` and stubs."""

from __future__ import annotations

from typing import assert_never

from typedpipe.types.json_text import json_data
from typedpipe.types.model import (
    AnyType,
    ArtifactType,
    DictType,
    EnumType,
    ListType,
    LiteralType,
    NeverType,
    NullType,
    ScalarType,
    StatusType,
    StructType,
    Type,
    UnionType,
)

_MOST_VALUES = 8
_MOST_MEMBERS = 20
_LONGEST_TEXT = 60
_WORDS = {"true": "True", "false": "False", "null": "None"}


def show(type_: Type) -> str:
    """The type in Python's notation; very long parts are cut with an ellipsis.

    >>> from typedpipe.types.model import INT, NULL, DictType, ListType, LiteralType, UnionType
    >>> show(ListType(DictType(UnionType((INT, NULL)))))
    'list[dict[str, int | None]]'
    >>> show(ListType(LiteralType(("1", '"a"')))), show(LiteralType(("1", '"a"')))
    ('list[int | str]', 'Literal[1, "a"]')
    """
    match type_:
        case ScalarType():
            return type_.kind
        case AnyType():
            return "Any"
        case NeverType():
            return "Never"
        case NullType():
            return "None"
        case StatusType():
            return "PipelineTaskFinalStatus"
        case ListType() | DictType() | UnionType():
            return _compound(type_)
        case StructType():
            return _literal_struct(type_) if type_.form == "literal" else class_text(type_.name)
        case EnumType():
            return class_text(type_.name)
        case LiteralType():
            return f"Literal[{_listed([_value(text) for text in type_.values])}]"
        case ArtifactType():
            return type_.title.removeprefix("system.")
        case _:
            assert_never(type_)


def enum_members(type_: Type) -> str:
    """The members of all enums in a type, as part of a sentence; empty if there is none.

    >>> from typedpipe.types.model import EnumMember, ListType
    >>> enum_members(ListType(EnumType("Color", (EnumMember("RED", "1"), EnumMember("BLUE", "2")))))
    'the members of `Color` are `RED` and `BLUE`'
    """
    found: dict[Type, str] = {}
    pending = [type_]
    for item in pending:
        match item:
            case EnumType():
                *names, last = [f"`{member.name}`" for member in item.members[:_MOST_MEMBERS]]
                rest = ", …" if len(item.members) > _MOST_MEMBERS else ""
                listed = f"{', '.join(names)} and {last}" if names and not rest else ", ".join([*names, last]) + rest
                found[item] = f"the members of `{item.name}` are {listed}"
            case ListType():
                pending.append(item.item)
            case DictType():
                pending.append(item.value)
            case UnionType():
                pending.extend(item.members)
            case StructType():
                pending.extend(field.type for field in item.fields)
            case _:
                pass
    return "; ".join(found.values())


def class_text(name: str) -> str:
    """The name of a class's type without the module.

    >>> class_text("shapes:Outer.Box[int]")
    'Outer.Box[int]'
    """
    head, bracket, arguments = name.partition("[")
    return head.rpartition(":")[2] + bracket + arguments


def _compound(type_: ListType | DictType | UnionType) -> str:
    if isinstance(type_, ListType):
        return "list" if isinstance(type_.item, AnyType) else f"list[{_item(type_.item)}]"
    if isinstance(type_, DictType):
        return "dict" if isinstance(type_.value, AnyType) else f"dict[str, {show(type_.value)}]"
    shown = [show(member) for member in type_.members[:_MOST_VALUES]]
    return " | ".join([*shown, "…"] if len(type_.members) > _MOST_VALUES else shown)


def _item(type_: Type) -> str:
    """Items of several types, as in a list display, by their types: ``int | str``."""
    members = type_.members if isinstance(type_, UnionType) else (type_,)
    mixed = [m for m in members if isinstance(m, LiteralType) and len({_kind(text) for text in m.values}) > 1]
    if not mixed or len(members) > _MOST_VALUES:
        return show(type_)
    shown: list[str] = []
    for member in members:
        kinds = [_kind(text) for text in member.values] if isinstance(member, LiteralType) and member in mixed else []
        shown += kinds or [show(member)]
    return " | ".join(dict.fromkeys(shown))


def _kind(wire: str) -> str:
    if wire in _WORDS:
        return "None" if wire == "null" else "bool"
    if wire.startswith('"'):
        return "str"
    return "int" if wire.lstrip("-").isdigit() else "float"


def _literal_struct(type_: StructType) -> str:
    fields = type_.fields[: _MOST_VALUES + 1]
    return f"{{{_listed([f'{_quoted(field.name)}: {show(field.type)}' for field in fields])}}}"


def _listed(items: list[str]) -> str:
    return ", ".join([*items[:_MOST_VALUES], "…"] if len(items) > _MOST_VALUES else items)


def _value(wire: str) -> str:
    """The wire text of a literal in Python's notation."""
    if wire in _WORDS:
        return _WORDS[wire]
    if wire.startswith('"'):
        return _quoted(str(json_data(wire)))
    return wire


def _quoted(text: str) -> str:
    cut = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
    shown = repr(cut)
    return f'"{shown[1:-1]}"' if shown.startswith("'") and '"' not in shown else shown
