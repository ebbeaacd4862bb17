"""Source that only computes and defines: after it, an import has the same result as at the start of the program."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable

_PURE = frozenset(
    [
        *("abs", "all", "any", "bool", "bytes", "dict", "divmod", "enumerate", "float", "format", "frozenset", "hash"),
        *("int", "isinstance", "len", "list", "max", "min", "ord", "chr", "pow", "print", "range", "repr", "reversed"),
        *("round", "set", "sorted", "str", "sum", "tuple", "zip"),
        *(name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)),
    ]
)
"""Builtins whose call changes nothing but its result; ``print`` also writes. Any other call may do anything."""
_DECORATORS = frozenset(
    [
        *("cache", "classmethod", "contextmanager", "dataclass", "final", "lru_cache", "overload", "runtime_checkable"),
        *("staticmethod", "total_ordering", "unique", "wraps"),
    ]
)
"""Decorators that only define. Any other may do anything, as may a property, which looks like an attribute."""
_CALLED = frozenset(["__init__", "__post_init__"])
"""Special methods that run only in a call; Python itself runs others, in an expression or a definition of a class."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def defined(trees: Iterable[ast.AST]) -> frozenset[str]:
    """Names that source binds other than by an import: they are not what Python, or a package, calls so."""
    found: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, _Function | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                found.add(node.id)
            elif isinstance(node, ast.arg):
                found.add(node.arg)
    return frozenset(found)


def inert(node: ast.AST | None, own: frozenset[str]) -> bool:
    """Whether a statement or expression only computes and defines. ``own`` are the names of :func:`defined`.

    >>> [inert(ast.parse(text).body[0], frozenset()) for text in ("n = len(rows) + 1", "os.chdir('x')", "a.b = 1")]
    [True, False, False]
    """
    match node:
        case None:
            return True
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return all(_decorates(each, own) for each in node.decorator_list) and _all(_defaults(node.args), own)
        case ast.ClassDef():
            plain = not node.keywords and all(_decorates(each, own) for each in node.decorator_list)
            return plain and not any(map(_is_special, node.body)) and _all([*node.bases, *node.body], own)
        case ast.Lambda():
            return _all(_defaults(node.args), own)
        case ast.AnnAssign():  # annotations are not evaluated
            return inert(node.target, own) and inert(node.value, own)
        case ast.Call(func=ast.Name(id=name)):
            calls = any(word.arg == "key" for word in node.keywords)  # `sorted(rows, key=f)` calls `f`
            return name in _PURE and name not in own and not calls and _all([*node.args, *node.keywords], own)
        case ast.Attribute() | ast.Subscript():
            return isinstance(node.ctx, ast.Load) and _all(ast.iter_child_nodes(node), own)
        case (
            ast.Expr() | ast.Assign() | ast.Assert() | ast.Return() | ast.Raise() | ast.Pass()
            | ast.If() | ast.For() | ast.While() | ast.Break() | ast.Continue() | ast.Global() | ast.Nonlocal()
        ):  # fmt: skip
            return _all(ast.iter_child_nodes(node), own)
        case ast.stmt() | ast.Call() | ast.Await() | ast.Yield() | ast.YieldFrom():
            return False
        case _:
            return _all(ast.iter_child_nodes(node), own)


def _all(nodes: Iterable[ast.AST | None], own: frozenset[str]) -> bool:
    return all(inert(node, own) for node in nodes)


def _defaults(arguments: ast.arguments) -> list[ast.expr | None]:
    return [*arguments.defaults, *arguments.kw_defaults]


def _is_special(node: ast.stmt) -> bool:
    return isinstance(node, _Function) and node.name.startswith("__") and node.name not in _CALLED


def _decorates(node: ast.expr, own: frozenset[str]) -> bool:
    """Whether a decorator only defines, such as ``@dataclass(frozen=True)``."""
    if isinstance(node, ast.Call):
        return _decorates(node.func, own) and _all([*node.args, *node.keywords], own)
    last = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return last in _DECORATORS and last not in own
