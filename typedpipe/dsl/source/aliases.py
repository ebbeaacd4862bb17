"""Type aliases and type variables, which are shipped by the assignment that made them.

Such an object has the ``__module__`` and ``__name__`` of another one (``list[str]`` those of ``list``), so an import
does not give it.
"""

from __future__ import annotations

import ast
import typing
from collections.abc import Iterable
from typing import Any, NewType, ParamSpec, TypeVar, TypeVarTuple

from typedpipe.dsl.source.files import ParsedFile, target_of
from typedpipe.dsl.source.kinds import is_function, is_installed

_MADE = (NewType, TypeVar, ParamSpec, TypeVarTuple, typing.ForwardRef, getattr(typing, "TypeAliasType", NewType))


def is_alias(value: object) -> bool:
    """Whether a value is a type that is made of others, or a type variable.

    >>> is_alias(list[str]), is_alias(int | None), is_alias(NewType("Id", int)), is_alias(list), is_alias(3)
    (True, True, True, False, False)
    """
    if isinstance(value, type) and "[" in value.__qualname__:  # a generic pydantic model with its types
        return True
    return isinstance(value, _MADE) or typing.get_origin(value) is not None


def is_plain(value: TypeVar) -> bool:
    """Whether a type variable has only a name."""
    default = getattr(value, "has_default", bool)()
    marked = value.__covariant__ or value.__contravariant__ or getattr(value, "__infer_variance__", False)
    return not (value.__constraints__ or value.__bound__ is not None or marked or default)


def alias_definition(
    name: str, value: object, files: Iterable[ParsedFile], space: dict[str, Any]
) -> tuple[ParsedFile, ast.stmt] | None:
    """The assignment that gives a name this value; None if this is not certain.

    An expression of names and subscripts is evaluated again and compared. One with a call is not: it is the one, if
    the module binds the name in no other way, each constant that it uses has had one value only, and it calls no
    function of the user's, which may give something else in a task.
    """
    parsed = [file for file in files if file.problem is None]
    found = [(file, node) for file in parsed for node in _assignments(name, file)]
    for file, node in found:
        if not _is_made(node) and _uses(name, node) == 0 and _is_same(_evaluated(node, space), value):
            return file, node
    made = [(file, node) for file, node in found if _is_made(node)]
    texts = {ast.unparse(node) for _, node in made}
    if len(texts) != 1 or sum(file.bindings(name) for file in parsed) != len(made):
        return None
    used = {part.id for part in ast.walk(made[-1][1]) if isinstance(part, ast.Name)}
    once = all(len({ast.unparse(n) for file in parsed for n in _assignments(each, file)}) < 2 for each in used)
    calls = [part.func for part in ast.walk(made[-1][1]) if isinstance(part, ast.Call)]
    own = any(isinstance(func, ast.Name) and _is_users_function(space.get(func.id)) for func in calls)
    return made[-1] if once and not own else None


def has_unions(node: ast.stmt) -> bool:
    """Whether an assignment evaluates ``X | Y``, which Python 3.10 and later do for types."""
    return any(isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr) for part in ast.walk(node))


def _assignments(name: str, file: ParsedFile) -> list[Any]:
    called = file.assigned.get(name)
    return [*file.constants.get(name, ()), *([called] if called is not None and not called.targets[1:] else [])]


def _is_made(node: Any) -> bool:
    """Whether each evaluation of an assignment makes an object that is not equal to the others."""
    is_type = not isinstance(node, ast.Assign | ast.AnnAssign)
    return is_type or any(isinstance(part, ast.Call | ast.Lambda) for part in ast.walk(node))


def _is_users_function(value: object) -> bool:
    return is_function(value) and not is_installed(str(value.__globals__.get("__name__")))


def _uses(name: str, node: Any) -> int:
    return sum(
        isinstance(part, ast.Name) and part.id == name and part is not target_of(node) for part in ast.walk(node)
    )


def _evaluated(node: Any, space: dict[str, Any]) -> object:
    """The value of an expression of types in the user's module; None if it has none now."""
    if node.value is None:
        return None
    code = compile(ast.Expression(node.value), "<alias>", "eval", dont_inherit=True)
    try:
        return eval(code, dict(space))  # noqa: S307  # subscripts of the user's own names
    except Exception:  # noqa: BLE001  # whatever a name that was bound anew raises
        return None


def _is_same(one: object, other: object) -> bool:
    """Whether two aliases are one in all that can be seen: equality ignores the order of a union."""
    return type(one) is type(other) and one == other and repr(one) == repr(other)
