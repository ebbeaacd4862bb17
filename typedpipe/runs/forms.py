"""Wire text of a parameter's value, from each input form: typed text, JSON data, Python values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

from typedpipe.runtime.task import FALSE, TRUE, any_digits
from typedpipe.types.assignable import mismatch
from typedpipe.types.display import show
from typedpipe.types.json_text import json_data, json_text
from typedpipe.types.model import (
    FLOAT,
    STR,
    AnyType,
    DictType,
    EnumType,
    ListType,
    LiteralType,
    NullType,
    ScalarType,
    StructType,
    Type,
    UnionType,
    without_none,
)
from typedpipe.types.values import NotAConstant, constant, object_wire

WireText: TypeAlias = str
"""The serialized form of a value, as passed between tasks."""

LONGEST = 60
"""Maximum number of characters of a value that a message shows."""


class NotOfType(ValueError):
    """A value is not of the type; the message has the path inside the value and the expected type."""


def from_python(value: object, type_: Type) -> WireText:
    """Convert a Python value to wire text.

    Raises:
        NotOfType: the value is not of the type.

    >>> from typedpipe.types.model import INT
    >>> from_python([1, 2], ListType(INT))
    '[1,2]'
    """
    try:
        text, own = constant(_with_floats(value, without_none(type_)))
    except NotAConstant as error:
        raise NotOfType(error.reason) from None
    why = mismatch(own, type_)
    if why:
        raise NotOfType(why)
    return text


def _with_floats(value: object, type_: Type) -> object:
    """The value with floats where it has ints for them, so that equal arguments have equal text in every form."""
    match type_:
        case ScalarType("float") if type(value) is int:
            try:
                return float(value)
            except OverflowError:
                raise NotOfType("an int is too large for a `float`") from None
        case ListType() if type(value) in (list, tuple):
            item = without_none(type_.item)
            if item == FLOAT or isinstance(item, (ListType, DictType)):
                return [_with_floats(each, item) for each in cast("Iterable[object]", value)]
        case DictType() if type(value) is dict:
            item = without_none(type_.value)
            if item == FLOAT or isinstance(item, (ListType, DictType)):
                return {key: _with_floats(each, item) for key, each in cast("dict[object, object]", value).items()}
        case _:
            pass
    return value


def from_json(value: object, type_: Type) -> WireText:
    """Convert JSON data to wire text: enum members by name, dates as text, structs as objects.

    Raises:
        NotOfType: the data is not of the type.

    >>> from typedpipe.types.model import FLOAT
    >>> from_json([1, 2], ListType(FLOAT))
    '[1.0,2.0]'
    """
    try:
        return _wire(value, type_, "")
    except RecursionError:
        raise NotOfType("it is nested too deeply") from None


def from_text(text: str, type_: Type) -> WireText:
    """Convert a command-line argument to wire text.

    Raises:
        NotOfType: the text is not of the type.

    >>> from typedpipe.types.model import INT, FLOAT
    >>> from_text("3", INT), from_text("3", FLOAT), from_text("[1, 2]", ListType(INT))
    ('3', '3.0', '[1,2]')
    """
    core = without_none(type_)
    if text == "null" and core not in (type_, STR):
        return "null"
    if isinstance(core, UnionType):
        return _first([lambda member=member: from_text(text, member) for member in _in_turn(core)], type_, text)
    match core:
        case ScalarType("str"):
            return _plain(text)
        case ScalarType("bool"):
            return _bool(text)
        case ScalarType("int" | "float"):
            return _wire(_number(text, core), core, "")
        case ScalarType("datetime"):
            return _wire(text, core, "")
        case EnumType() | LiteralType():
            return _choice(text, core)
        case AnyType():
            return _any_text(text)
        case _:
            return _wire(_json(text, core), core, "")


def choices(type_: Type) -> list[str]:
    """Accepted values of a parameter with finitely many values; empty for other types."""
    core = without_none(type_)
    if isinstance(core, EnumType):
        return [member.name for member in core.members]
    if isinstance(core, LiteralType):
        return [_typed_text(wire) for wire in core.values]
    return []


def sample(type_: Type) -> object:
    """JSON data that :func:`from_json` accepts, for messages.

    >>> from typedpipe.types.model import INT
    >>> sample(DictType(ListType(INT)))
    {'name': [3]}
    """
    core = without_none(type_)
    match core:
        case ScalarType():
            return {"int": 3, "float": 0.5, "bool": True, "datetime": "2026-01-31T12:00:00Z"}.get(core.kind, "text")
        case ListType():
            return [sample(core.item)]
        case DictType():
            return {"name": sample(core.value)}
        case StructType():
            return {field.name: sample(field.type) for field in core.fields if field.required and field.init}
        case EnumType():
            return core.members[0].name
        case LiteralType():
            return json_data(core.values[0])
        case UnionType():
            return sample(_in_turn(core)[0])
        case _:
            return None


def _typed_text(wire: str) -> str:
    value = json_data(wire)
    return value if isinstance(value, str) else wire


def _choice(text: str, type_: EnumType | LiteralType) -> str:
    pairs: Iterable[tuple[str, str]]
    if isinstance(type_, EnumType):
        pairs = [(member.name, member.wire) for member in type_.members]
    else:
        pairs = [(_typed_text(wire), wire) for wire in type_.values]
    for name, wire in pairs:
        if text == name:
            return wire
    for _, wire in pairs:
        if text == _typed_text(wire):
            return wire
    raise NotOfType(f"expected one of {', '.join(name for name, _ in pairs)}")


def _bool(text: str) -> str:
    if text.lower() in TRUE:
        return "true"
    if text.lower() in FALSE:
        return "false"
    raise NotOfType("expected true or false")


def _number(text: str, type_: ScalarType) -> int | float:
    try:
        return any_digits(lambda: int(text)) if type_.kind == "int" else float(text)
    except ValueError:
        raise NotOfType(f"expected `{type_.kind}`") from None


def _json(text: str, type_: Type) -> Any:
    try:
        return json_data(text)
    except (ValueError, RecursionError) as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        raise NotOfType(f"expected `{show(type_)}` as JSON, but the value is invalid: {said}") from None


def _any_text(text: str) -> str:
    try:
        return _wire(json_data(text), AnyType(), "")
    except (ValueError, RecursionError):
        return _plain(text)


def _plain(value: object) -> str:
    try:
        return constant(value)[0]
    except NotAConstant as error:
        raise NotOfType(error.reason) from None


_TURNS = {"float": 1, "bool": 2, "str": 3}
"""Types that take what others take too come after them: ``1`` for ``bool | int`` is an int."""


def _in_turn(type_: UnionType) -> list[Type]:
    return sorted(type_.members, key=lambda item: _TURNS.get(item.kind, 0) if isinstance(item, ScalarType) else 0)


def _first(tries: list[Any], type_: Type, value: object) -> str:
    for attempt in tries:
        try:
            wire: str = attempt()
        except NotOfType:
            continue
        return wire
    raise _expected(type_, value, "")


def _expected(type_: Type, value: object, path: str) -> NotOfType:
    found = json_text(value)
    shown = found if len(found) <= LONGEST else f"{found[: LONGEST - 3]}..."
    return NotOfType(f"{path + ': ' if path else ''}expected `{show(type_)}`, found {shown}")


def _wire(value: object, type_: Type, path: str) -> str:
    """Convert a JSON value of a type to wire text."""
    match type_:
        case AnyType():
            return _plain(value)
        case NullType() if value is None:
            return "null"
        case ScalarType():
            return _scalar(value, type_, path)
        case ListType() if isinstance(value, list):
            items = cast("list[object]", value)
            return f"[{','.join(_wire(item, type_.item, f'{path}[{index}]') for index, item in enumerate(items))}]"
        case DictType() if isinstance(value, dict):
            given = cast("dict[str, object]", value)
            return _object({key: _wire(item, type_.value, _inside(path, key)) for key, item in given.items()})
        case StructType() if isinstance(value, dict):
            return _struct(cast("dict[str, object]", value), type_, path)
        case EnumType() if isinstance(value, (str, int, float)):
            return _member(value, type_, path)
        case LiteralType() if (value is None or isinstance(value, (str, int, float))) and _plain(value) in type_.values:
            return _plain(value)
        case UnionType():
            return _union(value, type_, path)
        case _:
            raise _expected(type_, value, path)


def _inside(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _object(fields: dict[str, WireText]) -> WireText:
    try:
        return object_wire(fields)
    except NotAConstant as error:
        raise NotOfType(error.reason) from None


def _scalar(value: Any, type_: ScalarType, path: str) -> str:
    kind = type_.kind
    if kind == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return _plain(float(value))
        except OverflowError:
            raise _expected(type_, value, path) from None
    if kind == "datetime" and isinstance(value, str):
        return _datetime(value, path)
    wanted = {"int": int, "bool": bool, "str": str}.get(kind)
    if wanted is not None and type(value) is wanted:
        return _plain(value)
    raise _expected(type_, value, path)


def _datetime(text: str, path: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NotOfType(f"{path + ': ' if path else ''}expected a date and time such as 2026-01-31T12:00:00Z") from None
    return _plain(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _struct(value: dict[str, object], type_: StructType, path: str) -> str:
    known = {item.name: item for item in type_.fields if item.init}
    for key in value:
        if key not in known:
            raise NotOfType(
                f"{_inside(path, key)}: `{type_.name}` has no such field; the fields are {', '.join(known)}"
            )
    for item in type_.fields:
        if item.required and item.name not in value:
            raise NotOfType(f"{_inside(path, item.name)}: `{type_.name}` requires this field")
    return _object({key: _wire(item, known[key].type, _inside(path, key)) for key, item in value.items()})


def _member(value: Any, type_: EnumType, path: str) -> str:
    for member in type_.members:
        if member.name == value or member.wire == _plain(value):
            return member.wire
    raise _expected(type_, value, path)


def _union(value: Any, type_: UnionType, path: str) -> str:
    for member in sorted(_in_turn(type_), key=lambda member: not _is_exact(value, member)):
        try:
            return _wire(value, member, path)
        except NotOfType:
            continue
    raise _expected(type_, value, path)


def _is_exact(value: Any, type_: Type) -> bool:
    """Whether the numbers in a JSON value are of the type as they are: ``[1]`` is no ``list[float]``."""
    match type_:
        case ScalarType("int" | "float"):
            return type(value) is (int if type_.kind == "int" else float)
        case ListType() if isinstance(value, list):
            return all(_is_exact(item, type_.item) for item in cast("list[object]", value))
        case DictType() if isinstance(value, dict):
            return all(_is_exact(item, type_.value) for item in cast("dict[str, object]", value).values())
        case UnionType():
            return any(_is_exact(value, member) for member in type_.members)
        case _:
            return True
