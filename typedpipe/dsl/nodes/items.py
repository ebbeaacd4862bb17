"""Items of a loop: what a user may loop over, and the type of each item."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, Set as AbstractSet, ValuesView
from itertools import islice
from typing import Any

from typedpipe.diagnostics.record import replace
from typedpipe.dsl.nodes.task import Task
from typedpipe.dsl.tracing import Trace, error
from typedpipe.dsl.values.lifting import lift, type_of
from typedpipe.dsl.values.value import PipelineValue, poison
from typedpipe.ir import nodes as ir
from typedpipe.types.model import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NULL,
    STR,
    ListType,
    LiteralType,
    StructField,
    StructType,
    Type,
    UnionType,
    union,
)

MOST_LITERALS = 32
"""Up to this many distinct constants, a loop item is typed as a ``Literal`` of them; beyond, as their plain type."""
MOST_ENTRIES = 32
"""Up to this many entries, each entry of a row has a type of its own."""
MOST_ITEMS = 100_000
"""Most items of an iterator, which may have no end."""
_NESTED = (list, tuple, dict)
_FINITE = (Sequence, KeysView, ValuesView, ItemsView)


def loop_items(items: object, trace: Trace) -> tuple[PipelineValue | ir.Const, Type]:
    """The list to loop over and the type of its items; poison if an error was reported."""
    given: object = items
    if not isinstance(items, PipelineValue):
        given = _listed(items)
    made = None if given is None else lift(given, "the list to loop over")
    if made is None:
        return poison(trace), ANY
    type_ = type_of(made)
    if not isinstance(type_, ListType):
        return made, ANY  # reported by `check_types`
    return made, _type_of_items(given, type_.item) if isinstance(given, list) else type_.item


def _listed(items: object) -> list[object] | None:
    """The items that Python would loop over, as a list; None after an error was reported."""
    help_ = "pass a list, or an output or parameter whose type is a list"
    what = f"`{type(items).__name__}`"
    if isinstance(items, Iterator):
        found: list[object] = list(islice(items, MOST_ITEMS + 1))
        if len(found) <= MOST_ITEMS:
            return found
        what, help_ = f"more than {MOST_ITEMS} items", "create the list in a component, and loop over its output"
    elif isinstance(items, str):
        what, help_ = "a string", 'use a list of strings: `["a", "b"]`'
    elif isinstance(items, Task):
        what, help_ = "a task", "loop over its output: `task.output`"
    elif isinstance(items, _FINITE) and not isinstance(items, (bytes, bytearray, memoryview)):
        return list(items)
    elif isinstance(items, Mapping):
        what, help_ = "a dict", "use `.items()` for pairs, `.keys()` or `.values()`"
    elif isinstance(items, AbstractSet):
        what, help_ = "a set, which has no order", "use a list, such as `sorted(items)`"
    elif isinstance(items, int) and not isinstance(items, bool):
        what, help_ = "a number", f"use `range({items})`"
    elif hasattr(items, "tolist"):  # an array of numpy, torch or pandas
        help_ = "pass `items.tolist()`"
    elif callable(items):
        what = f"`{getattr(items, '__name__', type(items).__name__)}` itself"
        help_ = "call it, and loop over the result: the `.output` of a component or a pipeline"
    elif items is None:
        what = "None"
    error("TP164", f"`dsl.ParallelFor` cannot loop over {what}", help=help_)
    return None


# ------------------------------------------------------------------------------------------------ types of items


def _type_of_items(items: Sequence[object], item: Type) -> Type:
    """One type for the items of a list that was written in the pipeline; ``item`` is the union of their own types."""
    nested = [each for each in items if isinstance(each, _NESTED)]
    rows = [each for each in nested if not isinstance(each, dict) and not hasattr(each, "_fields")]
    dicts = [each for each in nested if isinstance(each, dict)]
    if not rows and not dicts:
        return _widened(_members(item))
    rest = [each for each in items if not isinstance(each, _NESTED) or hasattr(each, "_fields")]
    types = [_row(rows)] if rows else []
    return _without_narrower([*types, *_structs(dicts), *_own_types(rest)])


def _own_types(items: list[object]) -> Sequence[Type]:
    type_ = _item_of(items)
    return (_widened(_members(type_)),) if items else ()


def _item_of(items: list[object]) -> Type:
    """The union of the types of values, whose errors have been reported before."""
    made = lift(items, "the list to loop over")
    type_ = ANY if made is None else type_of(made)
    return type_.item if isinstance(type_, ListType) else ANY


def _row(rows: Sequence[Sequence[object]]) -> ListType:
    """The type of rows: of any entry, and of each position if all rows have the same number of entries."""
    every = [entry for row in rows for entry in row]
    count = len(rows[0])
    columns: tuple[Type, ...] = ()
    if count <= MOST_ENTRIES and all(len(row) == count for row in rows):
        columns = tuple(_column([row[at] for row in rows]) for at in range(count))
    return ListType(_column(every), columns)


def _column(values: list[object]) -> Type:
    return _type_of_items(values, _item_of(values))


def _structs(dicts: Sequence[dict[Any, object]]) -> list[Type]:
    """One type of all dicts with the same keys."""
    alike: dict[tuple[Any, ...], list[dict[Any, object]]] = {}
    for each in dicts:
        alike.setdefault(tuple(each), []).append(each)
    return [
        StructType(
            "dict", "literal", tuple(StructField(name, _column([each[name] for each in same])) for name in names)
        )
        for names, same in alike.items()
    ]


def _without_narrower(types: Sequence[Type]) -> Type:
    """The union of types, without those whose values another one describes as well."""
    from typedpipe.types.assignable import mismatch

    kept: list[Type] = []
    for one in (part for type_ in types for part in _members(type_)):
        if isinstance(one, ListType):
            lists = [other for other in kept if isinstance(other, ListType)]
            if any(mismatch(one, other) is None for other in lists):
                continue
            kept = [other for other in kept if other not in lists or mismatch(other, one) is not None]
        kept.append(one)
    return union(*kept)


def _widened(members: Sequence[Type]) -> Type:
    """Keep few literals as a ``Literal``; widen many to the plain type, so that types do not grow with the data."""
    texts = [text for m in members if isinstance(m, LiteralType) for text in m.values]
    rest = [_object(m) if isinstance(m, StructType) else m for m in members if not isinstance(m, LiteralType)]
    if not texts:
        return union(*rest)
    if len(texts) <= MOST_LITERALS:
        literal = LiteralType(tuple(dict.fromkeys(texts)))
        return union(literal, *rest) if rest else literal
    return union(*dict.fromkeys(_plain(text) for text in texts), *rest)


def _object(type_: StructType) -> StructType:
    """The type of objects of one class, each field of which is widened."""
    fields = tuple(replace(field, type=_widened(_members(field.type))) for field in type_.fields)
    return replace(type_, fields=fields)


def _members(type_: Type) -> Sequence[Type]:
    return type_.members if isinstance(type_, UnionType) else (type_,)


def _plain(text: str) -> Type:
    if text.startswith('"'):
        return STR
    if text in {"true", "false"}:
        return BOOL
    if text == "null":
        return NULL
    return INT if text.lstrip("-").isdigit() else FLOAT
