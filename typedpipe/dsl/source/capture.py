"""Source of a component: the code to ship, and a check of the names that it takes from its module.

The function's text is shipped with the classes of its signature and the objects in ``include``; using any other name of
its module is an error that lists all such names. The user's module is neither kept nor executed again here.
"""

from __future__ import annotations

import ast
import inspect
import types
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from typedpipe.diagnostics.model import Diagnostics, Span
from typedpipe.diagnostics.source import display_path
from typedpipe.dsl.source.annotations import inner_annotation_names
from typedpipe.dsl.source.files import (
    MODULE_NAMES,
    Function,
    ParsedFile,
    definition_of,
    is_builtin,
    is_ours,
    is_stand_in,
    names_of,
    outside_names,
    source_of,
    span_of_function,
    stored_names,
)
from typedpipe.dsl.source.needs import Bundle
from typedpipe.dsl.source.outside import report_outside
from typedpipe.dsl.source.versions import least_python
from typedpipe.ir import nodes as ir

_KEEP_INSIDE = "write a plain `def` at module level"


@dataclass(frozen=True, slots=True)
class Source:
    """The shipped source of a component: chunks that run in order in one module."""

    chunks: tuple[ir.Chunk, ...]
    entry: str
    min_python: tuple[int, int] = (3, 8)


def capture(
    fn: Callable[..., Any],
    *,
    include: Sequence[Any] = (),
    shipped: Sequence[type] = (),
    undefined: Collection[str] = (),
    report: Diagnostics,
) -> Source | None:
    """The source to ship for a function, or None if an error was added to ``report``.

    ``include`` are helpers that the user passed, ``shipped`` the classes of the signature; both include their
    dependencies. ``undefined`` are names that were reported as such.

    >>> from typedpipe.diagnostics.model import Diagnostics
    >>> capture(len, report=Diagnostics()) is None
    True
    """
    if not _is_plain_function(fn, report) or not isinstance(fn, types.FunctionType):
        return None
    found = _find(fn, report)
    if found is None:
        return None
    file, node = found
    ok = _check_decorators(fn, file, node, report)
    bundle = None
    nested = any(isinstance(constant, types.CodeType) for constant in fn.__code__.co_consts)
    evaluated = inner_annotation_names(node) if nested else ()
    if shipped or include or evaluated:
        bundle = Bundle(file, fn.__globals__, file.header(node), report)
        for cls in shipped:
            bundle.add_class(cls)
        for item in include:
            bundle.add_included(item)
        for name in evaluated:
            bundle.supply_annotation(name)
        bundle.finish(stored_names(fn.__code__))
    entry = file.chunk(node)
    outside = _outside(fn, entry, bundle)
    if outside:
        bundle = bundle or Bundle(file, fn.__globals__, file.header(node), report)
        outside = [name for name in outside if not bundle.supply_constant(name)]
    refused = bundle.refused if bundle is not None else []
    new = [n for n in outside if n not in undefined and not any(item is fn.__globals__.get(n) for item in refused)]
    if new:
        report_outside(fn, file, node, new, report)
    if outside or not ok or (bundle is not None and bundle.failed):
        return None
    least = least_python(entry.text)
    if bundle is None:
        return Source((entry,), node.name, least)
    return Source((*bundle.chunks, entry), node.name, max(least, bundle.min_python))


def _is_plain_function(fn: Any, report: Diagnostics) -> bool:
    """Reject objects without source of their own, before looking for a file."""
    name = getattr(fn, "__name__", type(fn).__name__)
    if not isinstance(fn, types.FunctionType):
        method = isinstance(fn, types.MethodType | staticmethod | classmethod)
        code = "TP135" if method else "TP130"
        what = "is a method" if method else "has no Python source"
        whole: Any = fn
        at = _where(whole.__func__) if method else Span("")
        report.error(code, f"`{name}` {what}, but a component must be a function", at, help=_KEEP_INSIDE)
        return False
    flags = fn.__code__.co_flags
    asynchronous = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    parts = fn.__qualname__.split(".")
    if name == "<lambda>":
        report.error("TP107", "a lambda cannot be a component", _where(fn), help=_KEEP_INSIDE)
    elif flags & asynchronous:
        text = "use a plain `def`, and call `asyncio.run(...)` inside it"
        report.error("TP133", f"`{name}` is an `async` function", _where(fn), help=text)
    elif flags & inspect.CO_GENERATOR:
        report.error("TP134", f"`{name}` is a generator: it has a `yield`", _where(fn), help="return a list")
    elif len(parts) > 1 and parts[-2] != "<locals>" and not _is_static(fn):
        text = f"`{name}` is a method of `{parts[-2]}`, but a component must be a function"
        report.error("TP135", text, _where(fn), help=f"{_KEEP_INSIDE}, or put `@staticmethod` above `@component`")
    elif hasattr(fn, "__wrapped__"):
        inner = inspect.unwrap(fn)
        text = f"a decorator below `@component` wraps `{name}`, but it is not available in the container"
        report.error("TP136", text, _where(inner), help="remove it, or move its effect into the function")
    elif fn.__code__.co_freevars:
        names = ", ".join(f"`{free}`" for free in fn.__code__.co_freevars)
        text = f"`{name}` uses {names} from the enclosing function"
        report.error("TP132", text, _where(fn), help="make it a parameter, or define the component at module level")
    else:
        return True
    return False


def _where(fn: Any) -> Span:
    code, found = fn.__code__, definition_of(fn)
    return found[0].header(found[1]) if found else Span(display_path(code.co_filename), code.co_firstlineno)


def _is_static(fn: Any) -> bool:
    """Whether a function in a class needs neither the class nor an instance."""
    found = definition_of(fn)
    return found is not None and any(map(_is_staticmethod, found[1].decorator_list))


def _is_staticmethod(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id == "staticmethod"


def _find(fn: types.FunctionType, report: Diagnostics) -> tuple[ParsedFile, Function] | None:
    code = fn.__code__
    span = Span(display_path(code.co_filename), code.co_firstlineno)
    file = source_of(fn)
    if file is None:
        text = f"the source of `{fn.__name__}` cannot be found"
        label = f"defined in {code.co_filename}, which cannot be read"
        span = span_of_function(fn)
        report.error(
            "TP130", text, span, label, help="define it in a file or a notebook cell: a component is shipped as source"
        )
        return None
    if file.problem is not None:
        text = f"the cell or file of `{fn.__name__}` cannot be read as Python: {file.problem.msg}"
        at = Span(span.file, file.problem.lineno or 0)
        report.error("TP140", text, at, help="move `%` and `!` lines into a separate cell")
        return None
    node = file.functions.get((code.co_firstlineno, code.co_name))
    if node is None:
        text = f"`{fn.__name__}` is no longer at line {code.co_firstlineno}: the file was edited after it was imported"
        report.error("TP130", text, span, help="import the file again")
        return None
    return file, node


def _check_decorators(fn: types.FunctionType, file: ParsedFile, node: Function, report: Diagnostics) -> bool:
    """Report a decorator between typedpipe's and the function, even one that returned the function unchanged."""
    ours = [i for i, decorator in enumerate(node.decorator_list) if _decorator_is_ours(fn, decorator)]
    below = node.decorator_list[ours[-1] + 1 :] if ours else []
    below = [decorator for decorator in below if not _is_staticmethod(decorator)]
    for decorator in below:
        text = f"`{node.name}` has a decorator below `@component`, which is not available in the container"
        report.error("TP136", text, file.span(decorator), help="remove it, or move its effect into the function")
    return not below


def _decorator_is_ours(fn: types.FunctionType, decorator: ast.expr) -> bool:
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and is_ours(fn.__globals__.get(node.id))


def _outside(fn: types.FunctionType, entry: ir.Chunk, bundle: Bundle | None) -> list[str]:
    """Names that the body takes from its module and that will be missing in the container, constants included."""
    found = [name for name in outside_names(fn.__code__) if not _arrives(name, fn, bundle)]
    if not found:
        return []
    needed = names_of(_without_interface(entry.text))  # names in annotations of inner functions are not needed
    own = stored_names(fn.__code__) - fn.__globals__.keys()
    return [name for name in found if name in needed and name not in own]


def _arrives(name: str, fn: types.FunctionType, bundle: Bundle | None) -> bool:
    space = fn.__globals__
    if name == fn.__name__ or name in MODULE_NAMES or is_builtin(name, space):
        return True
    if name not in space and is_stand_in(name, None, absent=True):
        return True
    if bundle is not None and bundle.supply(name):
        return True
    return name in space and is_stand_in(name, space[name], absent=False)


def _without_interface(text: str) -> str:
    tree = ast.parse("if 1:\n" + text if text[:1] in " \t" else text)
    body = tree.body[0].body if isinstance(tree.body[0], ast.If) else tree.body
    for node in body:
        if isinstance(node, ast.FunctionDef):
            node.decorator_list, node.returns = [], None
            without: list[ast.expr | None] = [None for _ in node.args.kwonlyargs]
            node.args.defaults, node.args.kw_defaults = [], without
    return ast.unparse(ast.Module(body, []))
