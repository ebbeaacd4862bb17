"""Text of values whose class decides it: members of enums, and classes that define ``__str__`` or ``__repr__``.

A type is plain data. The classes that it was made from are remembered here while the program that defines them runs, so
that an f-string in a pipeline's body can be checked, and the text of an enum's member is that of the user's class.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from enum import Enum, Flag
from typing import Any, Final
from weakref import WeakValueDictionary

from typedpipe.types.display import class_text
from typedpipe.types.kinds import is_named_tuple, is_pydantic, is_typed_dict
from typedpipe.types.model import DictType, EnumType, ListType, StructType, Type, UnionType

_enums: Final[WeakValueDictionary[tuple[str, EnumType], type[Enum]]] = WeakValueDictionary()
"""Classes by their modules and types: equal types may have classes with different texts."""
_own_text: Final[set[tuple[str, StructType | EnumType]]] = set()
_CONVERSIONS: Final[dict[str, Callable[[object], str]]] = {"r": repr, "s": str, "a": ascii}
_GENERATORS: Final = ("dataclasses", "reprlib", "collections")
"""Modules whose code writes the text of a class that does not define its own."""


def remember_enum(cls: type[Enum], type_: EnumType) -> EnumType:
    """Remember the class of a type."""
    _enums[type_.home, type_] = cls
    _note(type_, owns=cls.__repr__ is not Enum.__repr__)
    return type_


def remember(cls: type[Any], type_: Type) -> None:
    """Remember the class of an enum's type, and whether a class writes text that its type does not determine."""
    if isinstance(type_, EnumType):
        remember_enum(cls, type_)
    elif isinstance(type_, StructType):
        _note(type_, owns=not is_typed_dict(cls) and _writes_own_text(cls))


def _note(type_: StructType | EnumType, *, owns: bool) -> None:
    """The last class counts: in a notebook it may be defined again."""
    (_own_text.add if owns else _own_text.discard)((type_.home, type_))


def _writes_own_text(cls: type[Any]) -> bool:
    if is_pydantic(cls):
        base: Any = sys.modules["pydantic"].BaseModel
        names = ("__repr__", "__str__", "__format__", "__repr_args__", "__repr_str__", "__repr_name__")
        changed = any(getattr(cls, name, None) is not getattr(base, name, None) for name in names)
        fields: dict[str, Any] = getattr(cls, "model_fields", {})
        return changed or not all(getattr(field, "repr", True) for field in fields.values())
    plain = all(getattr(cls, name) is getattr(object, name) for name in ("__str__", "__format__"))
    code = getattr(cls.__repr__, "__code__", None)
    if not plain or code is None or not _is_generated(code.co_filename):
        return True
    if is_named_tuple(cls):
        return False
    return cls.__qualname__ != cls.__name__ or not all(field.repr and field.init for field in dataclasses.fields(cls))


def _is_generated(file: str) -> bool:
    return file == "<string>" or any(file == getattr(sys.modules.get(name), "__file__", "") for name in _GENERATORS)


def member_texts(type_: Type, spec: str, conversion: str) -> tuple[tuple[str, str], ...]:
    """The text of each member of an enum by its wire text; nothing for other types, or if a member has none.

    >>> from enum import IntEnum
    >>> from typedpipe.types.values import enum_type
    >>> Level = IntEnum("Level", ["LOW", "HIGH"])
    >>> member_texts(enum_type(Level), "02d", "")
    (('1', '01'), ('2', '02'))
    """
    found: list[tuple[str, str]] = []
    for each in parts_of(type_):
        cls = _enums.get((each.home, each)) if isinstance(each, EnumType) else None
        if cls is not None and isinstance(each, EnumType) and not member_problem(each, spec, conversion):
            found += [(known.wire, _text(cls[known.name], spec, conversion)) for known in each.members]
    return tuple(found)


def member_problem(type_: EnumType, spec: str, conversion: str = "") -> str:
    """Python's reason why a member of an enum cannot be formatted; "" if all can, or the class is not known."""
    cls = _enums.get((type_.home, type_))
    try:
        for known in type_.members:
            if cls is not None:
                _text(cls[known.name], spec, conversion)
    except Exception as error:  # noqa: BLE001  # whatever the user's own `__format__` raises
        return str(error) or type(error).__name__
    return ""


def _text(value: object, spec: str, conversion: str) -> str:
    text = format(_CONVERSIONS[conversion](value) if conversion else value, spec)
    return str.__str__(text)  # the text of a StrEnum's member may be the member


def parts_of(type_: Type) -> tuple[Type, ...]:
    """The members of a union; a type that is none, alone."""
    return type_.members if isinstance(type_, UnionType) else (type_,)


def own_text(type_: Type, *, nested: bool = False) -> str:
    """The name of a class in a type whose text only that class itself knows; "" if there is none.

    The text of an enum's member is known (:func:`member_texts`) unless it stands in a list, a dict or another class.
    """
    for each in _classes(type_, nested=nested):
        if (each.home, each) in _own_text:
            return class_text(each.name)
    for part in parts_of(type_):
        if isinstance(part, EnumType) and issubclass(_enums.get((part.home, part), Enum), Flag):
            return class_text(part.name)  # several members at once have a text of their own
    return ""


def _classes(type_: Type, *, nested: bool) -> Iterator[StructType | EnumType]:
    match type_:
        case EnumType() if nested:
            yield type_
        case ListType():
            yield from _classes(type_.item, nested=True)
        case DictType():
            yield from _classes(type_.value, nested=True)
        case UnionType():
            for member in type_.members:
                yield from _classes(member, nested=nested)
        case StructType():
            yield type_
            for field in type_.fields:
                yield from _classes(field.type, nested=True)
        case _:
            pass
