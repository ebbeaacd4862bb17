"""Global names that a piece of source uses, and the minimum Python version that it needs."""

from __future__ import annotations
import __future__

import ast
import builtins
import opcode
import re
import types
import typing
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from typedpipe.runtime.task import MARKERS, STUB_NAMES

PACKAGE = "typedpipe"
_OPS = opcode.opmap
_GLOBAL = {_OPS[name] for name in ("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL")}
_BY_NAME = {_OPS[name] for name in ("LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS") if name in _OPS}
_LOAD_GLOBAL, _STORE_NAME, _EXTENDED = _OPS["LOAD_GLOBAL"], _OPS["STORE_NAME"], _OPS["EXTENDED_ARG"]
_FUTURE = __future__.annotations.compiler_flag
_NOTEBOOK = {"display", "get_ipython", "__IPYTHON__"}
MODULE_NAMES = frozenset({"__name__", "__doc__", "__annotations__", "__conditional_annotations__", "__builtins__"})
BUILTINS = (frozenset(vars(builtins)) - _NOTEBOOK) | {"__module__", "__qualname__", "__class__"}


def outside_names(code: types.CodeType) -> dict[str, None]:
    """Global names that code, including nested code, loads, stores or deletes, in order.

    >>> list(outside_names((lambda: undefined + len([])).__code__))
    ['undefined', 'len']
    """
    found: dict[str, None] = {}
    pending = [code]
    for item in pending:
        local: set[str] = set()
        for op, arg in _instructions(item.co_code):
            if op in _GLOBAL:
                found[item.co_names[arg >> 1 if op == _LOAD_GLOBAL else arg]] = None
            elif op == _STORE_NAME:
                local.add(item.co_names[arg])
            elif op in _BY_NAME and item.co_names[arg] not in local:
                found[item.co_names[arg]] = None
        pending.extend(constant for constant in item.co_consts if isinstance(constant, types.CodeType))
    return found


_BLOCKS_AND_TEXTS = {
    number for name, number in _OPS.items() if name.startswith(("BEFORE_WITH", "LOAD_SPECIAL", "FORMAT_"))
}


def has_blocks_or_texts(code: types.CodeType) -> bool:
    """Whether code, including nested code, has a ``with`` block or an f-string with a value in it.

    >>> has_blocks_or_texts((lambda n: f"{n}").__code__), has_blocks_or_texts((lambda n: n).__code__)
    (True, False)
    """
    if not _BLOCKS_AND_TEXTS.isdisjoint(code.co_code[::2]):
        return True
    return any(has_blocks_or_texts(inner) for inner in code.co_consts if isinstance(inner, types.CodeType))


def _instructions(code: bytes) -> Iterator[tuple[int, int]]:
    extended = 0
    for op, arg in zip(code[::2], code[1::2], strict=True):
        value = extended | arg
        extended = value << 8 if op == _EXTENDED else 0
        if op != _EXTENDED:
            yield op, value


def is_ours(value: Any) -> bool:
    """Whether a value belongs to typedpipe (or kfp), whatever name it is bound to."""
    module = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
    return isinstance(module, str) and module.partition(".")[0] in (PACKAGE, "kfp")


def is_stand_in(name: str, value: Any, *, absent: bool) -> bool:
    """Whether the container has a stand-in for the name: only if the user's is absent, typedpipe's or typing's."""
    if name not in STUB_NAMES:
        return False
    if absent or is_ours(value) or (value is None and name in ("OUT", "STATUS")):
        return True
    return getattr(typing, name, None) is value or (name in MARKERS and typing.get_origin(value) is typing.Annotated)


@lru_cache(maxsize=4096)
def names_of(text: str) -> dict[str, None]:
    """Names that a chunk needs when it runs in a container: its annotations are never evaluated there."""
    source = "if 1:\n" + text if text[:1] in " \t" else text
    code = compile(source, "<chunk>", "exec", _FUTURE, dont_inherit=True)
    return outside_names(code)


def annotation_names(node: ast.ClassDef) -> dict[str, None]:
    """Names in the annotations of a class's fields: pydantic evaluates them."""
    found: dict[str, None] = {}
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign):
            for part in _with_texts(statement.annotation):
                if isinstance(part, ast.Name):
                    found[part.id] = None
    return found


def _with_texts(annotation: ast.expr) -> Iterable[ast.AST]:
    for part in ast.walk(annotation):
        yield part
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            try:
                yield from ast.walk(ast.parse(part.value, mode="eval"))
            except SyntaxError:
                continue  # the string of a Literal


_GENERICS = frozenset({"list", "dict", "tuple", "set", "frozenset", "type"})
_WORTH_A_LOOK = re.compile(
    r"\b(?:list|dict|tuple|set|frozenset|type)\[|\bmatch\b|\bexcept\s*\*|\btype\s+\w|removeprefix|removesuffix"
    r"|strict=|slots=|kw_only=|StrEnum|tomllib|zoneinfo|graphlib|\bUTC\b|(?:def|class)\s+\w+\[|\|"
)
_KEYWORDS = {"strict": (3, 10), "slots": (3, 10), "kw_only": (3, 10)}
_NAMES = {"removeprefix": (3, 9), "removesuffix": (3, 9), "StrEnum": (3, 11), "UTC": (3, 11)}
_MODULES = {"zoneinfo": (3, 9), "graphlib": (3, 9), "tomllib": (3, 11)}
_NODES = {"Match": (3, 10), "TryStar": (3, 11), "TypeAlias": (3, 12), "TypeVar": (3, 12)}


@lru_cache(maxsize=4096)
def least_python(text: str, *, evaluated: bool = False) -> tuple[int, int]:
    r"""The minimum Python version for a chunk. ``evaluated``: its annotations are evaluated too (pydantic).

    >>> least_python("def f(x):\n    match x:\n        case 1: pass\n")
    (3, 10)
    """
    if not _WORTH_A_LOOK.search(text):
        return (3, 8)
    least = (3, 8)
    tree = ast.parse("if 1:\n" + text if text[:1] in " \t" else text)
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        least = max(least, _needs(node))
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns") and not evaluated:
                continue
            children: list[Any] = value if isinstance(value, list) else [value]
            if evaluated and name == "annotation" and _is_union(value):
                least = max(least, (3, 10))
            stack.extend(child for child in children if isinstance(child, ast.AST))
    return least


def _is_union(annotation: Any) -> bool:
    return (
        any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.BitOr) for n in ast.walk(annotation))
        if annotation
        else False
    )


def _needs(node: ast.AST) -> tuple[int, int]:
    match node:
        case ast.Subscript(value=ast.Name(id=name)) if name in _GENERICS:
            return (3, 9)
        case ast.keyword(arg=str(name)):
            return _KEYWORDS.get(name, (3, 8))
        case ast.Attribute(attr=name) | ast.ImportFrom(names=[ast.alias(name=name)]) if name in _NAMES:
            return _NAMES[name]
        case ast.ImportFrom(module=str(name)) | ast.Import(names=[ast.alias(name=name)]):
            return _MODULES.get(name, (3, 8))
        case _:
            return _NODES.get(type(node).__name__, (3, 8))
