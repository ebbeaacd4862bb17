"""Types in the text form: by name where used, and defined once at the top."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

from typedpipe.types.data import to_data
from typedpipe.types.display import show
from typedpipe.types.model import (
    ArtifactType,
    DictType,
    EnumType,
    ListType,
    LiteralType,
    StructType,
    Type,
    UnionType,
)

_TAKEN = ("int", "float", "bool", "str", "datetime", "list", "dict", "Any", "Never", "None", "PipelineTaskFinalStatus")


@dataclass(slots=True)
class TypeNames:
    """Assigns each type one text, and different texts to different types.

    >>> from typedpipe.types.model import INT
    >>> names = TypeNames()
    >>> names.text(ListType(EnumType("Color", ())))
    'list[Color]'
    >>> list(names.definitions())
    ['type Color = enum()']
    """

    defined: dict[Type, str] = field(default_factory=dict[Type, str])
    taken: set[str] = field(default_factory=lambda: set(_TAKEN))

    def text(self, type_: Type) -> str:
        """The type in the user's notation; two classes with the same name are distinguished by a number."""
        match type_:
            case ListType():
                return f"list[{self.text(type_.item)}]"
            case DictType():
                return f"dict[str, {self.text(type_.value)}]"
            case UnionType():
                return " | ".join(map(self.text, type_.members))
            case LiteralType():
                return f"Literal[{', '.join(type_.values)}]"
            case StructType() if type_.form == "literal":
                return f"{{{self._fields(type_)}}}"
            case StructType() | EnumType() | ArtifactType():
                return self.defined.get(type_) or self._define(type_)
            case _:
                return show(type_)

    def _define(self, type_: Type) -> str:
        base = name = show(type_)
        count = 1
        while name in self.taken:
            count += 1
            name = f"{base}#{count}"
        self.taken.add(name)
        self.defined[type_] = name
        return name

    def _fields(self, struct: StructType) -> str:
        return ", ".join(f"{each.name}{'' if each.required else '?'}: {self.text(each.type)}" for each in struct.fields)

    def definitions(self) -> Iterator[str]:
        """A line for each named type; types that they refer to come after them."""
        done: set[str] = set()
        while len(done) < len(self.defined):
            for type_, name in list(self.defined.items()):
                if name not in done:
                    done.add(name)
                    yield f"type {name} = {self._definition(type_)}"

    def _definition(self, type_: Type) -> str:
        match type_:
            case StructType():
                return f"{type_.form}({self._fields(type_)})"
            case EnumType():
                return f"enum({', '.join(f'{each.name}={each.wire}' for each in type_.members)})"
            case ArtifactType():
                bases = f" of {', '.join(type_.bases)}" if type_.bases else ""
                return f"artifact {type_.title} {type_.version}{bases}"
            case _:
                return show(type_)


_TYPE_TEXTS: dict[Type, str] = {}
NAMES: ContextVar[TypeNames | None] = ContextVar("NAMES", default=None)
"""Set while a pipeline is written as readable text."""


def type_text(type_: Type) -> str:
    """A type in the user's notation, followed by its data if that is incomplete."""
    names = NAMES.get()
    if names is not None:
        return names.text(type_)
    found = _TYPE_TEXTS.get(type_)
    if found is None:
        found = show(type_)
        if not _is_plain(type_):
            found += json.dumps(to_data(type_), separators=(",", ":"))
        if len(_TYPE_TEXTS) > 4096:
            _TYPE_TEXTS.clear()
        _TYPE_TEXTS[type_] = found
    return found


def _is_plain(type_: Type) -> bool:
    """Whether ``show`` describes a type completely."""
    match type_:
        case ListType():
            return _is_plain(type_.item)
        case DictType():
            return _is_plain(type_.value)
        case UnionType():
            return all(map(_is_plain, type_.members))
        case StructType() | EnumType() | ArtifactType() | LiteralType():
            return False
        case _:
            return True
