"""Facts about the expressions of a pipeline's function, and the environments that hold those of its names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from typedpipe.diagnostics.model import Span
from typedpipe.ir.nodes import InputPort
from typedpipe.ir.typing import field_type
from typedpipe.types.model import AnyType, ListType, NullType, StructType, Type, UnionType, is_optional

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


class Fact(NamedTuple):
    """The known facts of an expression before the function runs."""

    kind: Kind = ""
    type: Type | None = None
    """The type of a value."""
    items: Fact | None = None
    """The items of a list, or the values of a dict."""
    parts: Mapping[str, Fact] | None = None
    """Values of known keys or fields, or the outputs of a task."""
    thing: object = NOT_RESOLVED
    """The object itself: a module, a function, a component."""
    origin: Span | None = None
    """The place where text is made, in the caller of a helper function."""

    @property
    def holds_text(self) -> bool:
        """Whether an item is text with a value."""
        return self.items is not None and (self.items.kind == "text" or self.items.holds_text)

    @property
    def is_late(self) -> bool:
        """Whether it is, or contains, something that is known only when the pipeline runs."""
        parts = [*(self.parts or {}).values(), *([self.items] if self.items is not None else [])]
        return self.kind in ("value", "text") or (self.kind != "task" and any(part.is_late for part in parts))


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
    same = all(fact.type == most.type for fact in found if fact.kind == "value")
    return Fact(most.kind, most.type if same else None, joined(items) if items else None, origin=most.origin)


def list_of(items: Iterable[Fact]) -> Fact:
    return Fact(items=joined(items))


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

    def __init__(self, outer: Environment | None = None) -> None:
        self.outer = outer
        self.names: dict[str, Fact] = {}

    def get(self, name: str) -> Fact | None:
        at: Environment | None = self
        while at is not None:
            if name in at.names:
                return at.names[name]
            at = at.outer
        return None

    def join(self, branches: list[Environment]) -> None:
        """Continue after one of several branches has run."""
        for name in dict.fromkeys(name for branch in branches for name in branch.names):
            self.names[name] = joined(branch.names.get(name) or self.get(name) or NOTHING for branch in branches)
