"""Kinds of objects that a component's function may use: those that can be shipped as source, and the others."""

from __future__ import annotations

import functools
import os
import sys
import types
from typing import Any, Literal, TypeAlias, TypeGuard

_INSTALLED = (f"site-packages{os.sep}", f"dist-packages{os.sep}")
Kind: TypeAlias = Literal[
    "class",
    "function",
    "lambda",
    "decorated function",
    "closure",
    "partial",
    "component",
    "pipeline",
    "module",
    "value",
]


def is_installed(module: str) -> bool:
    """Whether a module comes with Python or from a package, so that an import in the container may find it."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names and top != "__main__":
        return True
    loaded = sys.modules.get(module) or sys.modules.get(top)
    file = getattr(loaded, "__file__", None) or next(iter(getattr(loaded, "__path__", ())), None)
    return file is not None and any(part in file + os.sep for part in _INSTALLED)


def is_function(value: object) -> TypeGuard[types.FunctionType]:
    """Whether an object is a function itself: components and pipelines pass for the functions that they decorate."""
    return type(value) is types.FunctionType


def kind_of(value: Any) -> Kind:
    """The kind of an object, as messages name it.

    >>> kind_of(lambda: 1), kind_of(kind_of), kind_of(3)
    ('lambda', 'function', 'value')
    """
    if is_function(value):
        if value.__name__ == "<lambda>":
            return "lambda"
        if hasattr(value, "__wrapped__"):
            return "decorated function"
        return "closure" if value.__code__.co_freevars else "function"
    if isinstance(value, type):
        return "class"
    if isinstance(value, types.ModuleType):
        return "module"
    if isinstance(value, functools.partial):
        return "partial"
    if hasattr(value, "python_func") or hasattr(value, "_callee"):
        return "component"
    if hasattr(value, "callee") and hasattr(value, "traced"):
        return "pipeline"
    return "decorated function" if is_function(getattr(value, "__wrapped__", None)) else "value"  # `lru_cache`


def refusal(item: Any) -> tuple[str, str]:
    """The reason why ``include`` cannot ship an object, and the remedy."""
    kind = kind_of(item)
    name = getattr(item, "__name__", "") or repr(item)
    what = (
        f"the {kind} `{name}`"
        if kind in REMEDIES and kind != "lambda"
        else "a lambda"
        if kind == "lambda"
        else f"`{name}`"
    )
    remedy = REMEDIES.get(kind, "remove it from `include`, and create it inside the function").format(name=name)
    if isinstance(item, _LITERALS):
        remedy = (
            "remove it from `include`: a constant that is assigned a literal is shipped with the function that uses it"
        )
    return f"`include` supports only functions and classes, not {what}", remedy


_LITERALS = (int, float, str, bytes, type(None), list, tuple, dict, set)
REMEDIES: dict[Kind, str] = {
    "lambda": "write it as a `def` at module level, and include that",
    "decorated function": "include the function without its decorator, or do the decorator's work in the function",
    "closure": "write it as a `def` at module level that uses no variables of an enclosing function",
    "partial": "write a `def` at module level that calls the function with these arguments, and include that",
    "component": "a component cannot call another one: call `{name}` in the pipeline, and pass its output",
    "pipeline": "a component cannot call a pipeline: call `{name}` in another pipeline, and pass its output",
    "module": "include the functions and classes of the module that the component uses: `include=[{name}.…]`",
}
