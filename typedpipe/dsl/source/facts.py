"""Facts about the expressions of a pipeline's function, and the environments that hold those of its names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from typedpipe.diagnostics.model import Span
from typedpipe.ir.nodes import InputPort
from typedpipe.ir.typing import field_type
from typedpipe.types.model import STR, AnyType, ListType, NullType, StructType, Type, UnionType, is_optional, union

Kind: TypeAlias = Literal["", "task", "value", "text"]
"""Content of a name: an object of the pipeline, or text with a pipeline value in it. "" is anything else."""
_KINDS: Final[tuple[Kind, ...]] = ("", "task", "value", "text")
NOT_RESOLVED: Final = object()


class LocalFunction(NamedTuple):
    """A function or lambda that is defined inside another one."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    names: Environment


class Dotted(NamedTuple):
    """A name of a library that the program imports in a function, and that is not loaded."""

    name: str


class Instance(NamedTuple):
    """An object of a class that the function creates."""

    cls: type


class _Same:
    """An object as part of a key: equal to itself alone, and kept, because the id of one that is gone is used again."""

    __slots__ = ("thing",)

    def __init__(self, thing: object) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.thing is self.thing

    def __hash__(self) -> int:
        return id(self.thing)


HOLE: Final = "\0"


class Fact(NamedTuple):
    """The known facts of an expression before the function runs."""

    kind: Kind = ""
    type: Type | None = None
    """The type of a value."""
    items: Fact | None = None
    """The items of a list, or the values of a dict."""
    parts: Mapping[str, Fact] | None = None
    """Values of known keys, positions or fields, or the outputs of a task."""
    thing: object = NOT_RESOLVED
    """The object itself: a module, a function, a component, a constant text; or its class, if the function creates it."""
    origin: Span | None = None
    """The place where text is made, in the caller of a helper function."""
    shape: str | None = None
    """Text with :data:`HOLE` for each value, if all the rest is known."""

    @property
    def holds_text(self) -> bool:
        """Whether an item is text with a value."""
        return self.items is not None and (self.items.kind == "text" or self.items.holds_text)

    @property
    def is_late(self) -> bool:
        """Whether it is, or contains, something that is known only when the pipeline runs."""
        parts = [*(self.parts or {}).values(), *([self.items] if self.items is not None else [])]
        return self.kind in ("value", "text") or (self.kind != "task" and any(part.is_late for part in parts))

    def is_a(self, cls: Any) -> bool:
        """Whether it is a new object of a class."""
        return isinstance(self.thing, Instance) and self.thing.cls is cls

    def key(self, levels: int = 4) -> object:
        """A summary, equal for facts with which a function decides the same. Objects inside objects end at some level."""
        if not levels:
            return self.kind, self.is_late, self.shape
        parts = {name: part.key(levels - 1) for name, part in (self.parts or {}).items()}
        items = self.items.key(levels - 1) if self.items is not None else None
        thing = self.thing.node if isinstance(self.thing, LocalFunction) else self.thing
        same: object = thing if isinstance(thing, _COMPARED) else _Same(thing)
        if isinstance(thing, str) and not _FORMAT.search(thing):
            same = str  # nothing depends on other constants, and helper functions are called with many
        return (
            self.kind,
            str(self.type),
            items,
            None if self.parts is None else tuple(sorted(parts.items())),
            same,
            self.shape,
        )


_FORMAT: Final = re.compile(r"[%{]|^[-+0-9.:_]+$")
"""Text that may be a format, or a part of a number."""
_COMPARED: Final = (str, Dotted, Instance)
"""Things that are the same if they are equal."""
NOTHING: Final = Fact()
TEXT: Final = Fact("text")
VALUE: Final = Fact("value")


def joined(facts: Iterable[Fact]) -> Fact:
    """A fact about an expression that is one of several."""
    found = list(facts)
    if not found:
        return NOTHING
    first = found[0]
    if all(fact is first for fact in found):
        return first
    most = max(found, key=lambda fact: _KINDS.index(fact.kind))
    items = [fact.items for fact in found if fact.items is not None]
    types = [fact.type for fact in found if fact.kind == "value"]
    known = [type_ for type_ in types if type_ is not None]
    type_ = union(*known) if most.kind == "value" and len(known) == len(types) else None
    thing = first.thing if all(_same(fact.thing, first.thing) for fact in found) else NOT_RESOLVED
    inside = joined(items) if items else None
    return Fact(most.kind, type_, inside, merged(found), thing, most.origin)


def _same(one: object, other: object) -> bool:
    return one is other or (isinstance(one, _COMPARED) and isinstance(other, _COMPARED) and one == other)


def merged(facts: Iterable[Fact]) -> dict[str, Fact] | None:
    """The keys or fields of an object that is one of several; None if those of one are not known."""
    every: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.parts is None:
            return None
        for name, part in fact.parts.items():
            every.setdefault(name, []).append(part)
    return {name: joined(parts) for name, parts in every.items()}


def list_of(items: Iterable[Fact]) -> Fact:
    """A list or tuple whose length is known."""
    every = list(items)
    return Fact(items=joined(every), parts={str(at): item for at, item in enumerate(every)})


def dict_of(parts: Mapping[str, Fact] | None, items: Fact | None) -> Fact:
    return Fact(items=items, parts=parts, thing=Instance(dict))


def item_at(of: Fact, at: object) -> Fact:
    """An item of a list, dict or object of which something is known."""
    if isinstance(at, str):
        return part(of, at)
    if isinstance(at, int) and not of.kind and of.parts is not None and not of.is_a(dict):
        every = list(of.parts.values())
        return every[at] if -len(every) <= at < len(every) else element(of)
    return element(of)


def shape_of(fact: Fact) -> str | None:
    """The shape of the text that an f-string makes of an expression."""
    if fact.kind == "value":
        return None if fact.type in (None, STR) else HOLE
    return fact.thing if isinstance(fact.thing, str) else fact.shape


def texts_in(fact: Fact) -> Iterator[Fact]:
    """Texts with a value in a list, dict or object."""
    if fact.kind == "text":
        yield fact
    elif not fact.kind:
        for inner in (fact.parts or {}).values() if fact.parts is not None else [fact.items or NOTHING]:
            yield from texts_in(inner)


def keys_of(of: Fact) -> Fact:
    """An item that a loop over an object gives: those of a dict are its keys."""
    return NOTHING if of.is_a(dict) else element(of)


def element(of: Fact) -> Fact:
    """An item of a list, of a task's outputs, or of a value."""
    if of.kind == "value":
        return Fact("value", of.type.item if isinstance(of.type, ListType) else None)
    return of.items or NOTHING


def part(of: Fact, name: str) -> Fact:
    """A field or key."""
    if of.parts is not None:
        return of.parts.get(name, NOTHING)
    if of.kind == "value":
        return Fact("value", field_type(of.type, name) if isinstance(of.type, StructType | UnionType) else None)
    return of.items or NOTHING


def can_be_none(value: Fact, *, unknown: bool) -> bool:
    """Whether a value may be None when the pipeline runs; ``unknown`` is the answer if its type is not known."""
    type_ = value.type
    return unknown if type_ is None else is_optional(type_) or isinstance(type_, AnyType | NullType)


def inputs_of(ports: Iterable[InputPort]) -> dict[str, Fact]:
    """The parameters of a pipeline or a container component."""
    return {port.name: Fact("value", port.type) for port in ports}


def task_of(callee: Any) -> Fact:
    """A call of a component or a pipeline."""
    known = getattr(callee, "_callee", None) or getattr(callee, "callee", None)
    outputs: Mapping[str, Type] = getattr(known, "outputs", {})
    return Fact("task", parts={name: Fact("value", type_) for name, type_ in outputs.items()})


class Environment:
    """Facts of names. A branch has an environment of its own, which is joined to the outer one at its end."""

    def __init__(self, outer: Environment | None = None, *, own: bool = False) -> None:
        self.outer = outer
        self.own = own
        """Whether it is that of a whole function: names outside it belong to another one."""
        self.names: dict[str, Fact] = {}
        self.outer_names: set[str] = set() if own or outer is None else outer.outer_names
        """Names that the function declares ``nonlocal``."""

    def get(self, name: str) -> Fact | None:
        at = self.holder(name)
        return at.names[name] if at is not None else None

    def holder(self, name: str) -> Environment | None:
        at: Environment | None = self
        while at is not None and name not in at.names:
            at = at.outer
        return at

    def assign(self, name: str, fact: Fact) -> None:
        """Bind a name of the function, or one that is ``nonlocal`` in it."""
        if name in self.outer_names:
            self.change(name, fact)
        else:
            self.names[name] = fact

    def change(self, name: str, fact: Fact) -> None:
        """Change the object that a name stands for, also that of an outer function."""
        at = self
        while name not in at.names and not at.own and at.outer is not None:
            at = at.outer
        own = name in at.names  # a branch has a fact of its own, which is joined later
        holder = self if own or at.outer is None else at.outer.holder(name) or self
        holder.names[name] = fact

    def join(self, branches: list[Environment]) -> None:
        """Continue after one of several branches has run."""
        for name in dict.fromkeys(name for branch in branches for name in branch.names):
            self.names[name] = joined(branch.names.get(name) or self.get(name) or NOTHING for branch in branches)
