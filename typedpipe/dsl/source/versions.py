"""The minimum Python version that a piece of source needs."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import Any

_GENERICS = frozenset({"list", "dict", "tuple", "set", "frozenset", "type"})
_WORTH_A_LOOK = (
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
    if not re.search(_WORTH_A_LOOK, text):
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
