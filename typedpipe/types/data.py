"""Types as JSON data: the form stored in the IR, by which the runtime in the container converts values."""

from __future__ import annotations

from typing import Any, Final, TypeAlias, assert_never, cast, get_args

from typedpipe.types.model import (
    ANY,
    BOOL,
    DATETIME,
    FLOAT,
    INT,
    NEVER,
    NULL,
    STATUS_TYPE,
    STR,
    AnyType,
    ArtifactType,
    DictType,
    EnumMember,
    EnumType,
    ListType,
    LiteralType,
    NeverType,
    NullType,
    ScalarType,
    StatusType,
    StructField,
    StructForm,
    StructType,
    Type,
    UnionType,
)

TypeData: TypeAlias = str | list[Any]
"""A name, or a list of a tag and its parts; docs/architecture.md has the table."""

_FORMS = frozenset(get_args(StructForm))
_SIMPLE: Final[dict[str, Type]] = {
    "any": ANY,
    "never": NEVER,
    "null": NULL,
    "status": STATUS_TYPE,
    **{scalar.kind: scalar for scalar in (INT, FLOAT, BOOL, STR, DATETIME)},
}


class BadTypeData(ValueError):
    """The data does not describe a type."""


def to_data(type_: Type) -> TypeData:
    """Convert a type to JSON data.

    >>> from typedpipe.types.model import INT, NULL, ListType, UnionType
    >>> to_data(ListType(UnionType((INT, NULL))))
    ['list', ['union', ['int', 'null']]]
    """
    match type_:
        case ScalarType():
            return type_.kind
        case AnyType():
            return "any"
        case NeverType():
            return "never"
        case NullType():
            return "null"
        case StatusType():
            return "status"
        case ListType():
            return ["list", to_data(type_.item)]
        case DictType():
            return ["dict", to_data(type_.value)]
        case StructType():
            return ["struct", type_.name, type_.form, [_field(each) for each in type_.fields], *_state(type_)]
        case LiteralType():
            return ["literal", list(type_.values)]
        case EnumType():
            return ["enum", type_.name, [[member.name, member.wire] for member in type_.members]]
        case UnionType():
            return ["union", [to_data(member) for member in type_.members]]
        case ArtifactType():
            return ["artifact", type_.title, type_.version, list(type_.bases)]
        case _:
            assert_never(type_)


def _field(field: StructField) -> list[Any]:
    row = [field.name, to_data(field.type), field.required]
    return row if field.init else [*row, "state"]


def _state(type_: StructType) -> list[str]:
    return ["state"] if type_.restored else []


def from_data(data: object) -> Type:
    """Convert data from :func:`to_data` back to a type.

    Raises:
        BadTypeData: the data is not a type (a corrupted or newer file).

    >>> from_data(["dict", "float"])
    DictType(value=ScalarType(kind='float'))
    """
    if isinstance(data, str) and data in _SIMPLE:
        return _SIMPLE[data]
    parts = cast("list[object]", data) if isinstance(data, list) else []
    if parts and parts[0] in ("list", "dict", "union", "literal", "struct", "enum", "artifact"):
        try:
            return _compound(str(parts[0]), parts[1:])
        except BadTypeData:
            raise
        except (TypeError, ValueError):
            pass  # parts are missing, too many, or of the wrong kind
        except RecursionError:
            raise BadTypeData("this type is nested too deeply") from None
    raise BadTypeData(f"not a type: {data!r:.80}")


def _compound(tag: str, rest: list[Any]) -> Type:
    """Build a compound type. Unpacking rejects too few or too many parts, ``_text`` those of the wrong kind."""
    if tag in ("list", "dict"):
        (inner,) = rest
        return ListType(from_data(inner)) if tag == "list" else DictType(from_data(inner))
    if tag == "union":
        (members,) = rest
        return UnionType(tuple(from_data(member) for member in members))
    if tag == "literal":
        return LiteralType(_texts(*rest))
    if tag == "enum":
        name, members = rest
        return EnumType(_text(name), tuple(EnumMember(_text(n), _text(wire)) for n, wire in members))
    if tag == "artifact":
        title, version, bases = rest
        return ArtifactType(_text(title), _text(version), _texts(bases))
    name, form, fields, *state = rest
    if form not in _FORMS:
        raise BadTypeData(f"not a form of a struct: {form!r}")
    read = tuple(StructField(_text(n), from_data(t), bool(r), not _is_state(s)) for n, t, r, *s in fields)
    return StructType(_text(name), form, read, _is_state(state))


def _is_state(rest: list[object]) -> bool:
    if rest not in ([], ["state"]):
        raise BadTypeData(f'expected "state" or nothing, found {rest!r:.80}')
    return bool(rest)


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise BadTypeData(f"expected a list, found {values!r}")
    return tuple(_text(value) for value in cast("list[object]", values))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadTypeData(f"expected text, found {value!r}")
    return value
