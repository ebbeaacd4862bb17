"""Syntax checks of a pipeline function, for constructs that Python evaluates without tracing.

``return`` in ``with dsl.If(...)`` drops the rest of the function (``__exit__`` sees no exception), and ``best =
"tuned"`` in a branch always takes effect.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from typedpipe.diagnostics.model import Diagnostics, Label
from typedpipe.dsl.source.files import ParsedFile, source_of

GROUPS = frozenset({"If", "Elif", "Else", "Condition", "IfSet", "ParallelFor", "ExitHandler"})
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_LEAVING: dict[type[ast.AST], str] = {ast.Return: "return", ast.Break: "break", ast.Continue: "continue"}
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def check(fn: Any, report: Diagnostics) -> None:
    """Report ``return``, ``break`` and ``continue`` out of a group, and plain values rebound in one and read later."""
    code = fn.__code__
    parsed = source_of(fn)
    if parsed is None:
        return
    node = parsed.functions.get((code.co_firstlineno, fn.__name__))
    if node is None:
        return
    _Leaving(parsed, report).visit(node.body)
    _rebound(node, parsed, report)


class _Leaving:
    def __init__(self, parsed: ParsedFile, report: Diagnostics) -> None:
        self.parsed = parsed
        self.report = report

    def visit(self, statements: list[ast.stmt]) -> None:
        stack: list[tuple[ast.AST, ast.With | None, bool]] = [(s, None, False) for s in statements]
        while stack:
            node, group, in_loop = stack.pop()
            if isinstance(node, _NESTED):
                continue
            if group is not None:
                self._leaves(node, group, in_loop=in_loop)
            if isinstance(node, ast.With) and is_group(node):
                group, in_loop = node, False
            elif isinstance(node, _LOOPS):
                in_loop = True
            stack.extend((child, group, in_loop) for child in ast.iter_child_nodes(node))

    def _leaves(self, node: ast.AST, group: ast.With, *, in_loop: bool) -> None:
        word = _LEAVING.get(type(node))
        if word is None or (in_loop and word != "return"):
            return
        self.report.error(
            "TP165",
            f"`{word}` leaves the block when the pipeline is defined, so the tasks after it are never part of the pipeline",
            self.parsed.span(node),
            others=[Label(self.parsed.span(group.items[0].context_expr), "this control-flow block")],
            help="put the alternative into `with dsl.Else():`, and return after the last block"
            if word == "return"
            else "put the tasks of the other case into a separate block",
        )


def is_group(node: ast.With) -> bool:
    """Whether one of the ``with`` items is a call of a group."""
    return any(_group_name(item.context_expr) in GROUPS for item in node.items)


def _group_name(node: ast.expr) -> str:
    if not isinstance(node, ast.Call):
        return ""
    target = node.func
    return target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""


def _rebound(function: ast.AST, parsed: ParsedFile, report: Diagnostics) -> None:
    """Follow each name in source order: a read after a plain binding in a group that does not contain the read."""
    last: dict[str, tuple[ast.stmt, tuple[ast.With, ...]] | None] = {}
    reported: set[ast.stmt] = set()
    for event, name, node, groups in _events(function, ()):
        if event == "plain":
            last[name] = (node, groups)
        elif event == "bind":
            last[name] = None
        else:
            bound = last.get(name)
            if bound is not None and bound[1] and groups[: len(bound[1])] != bound[1] and bound[0] not in reported:
                reported.add(bound[0])
                report.error(
                    "TP166",
                    f"`{name}` is assigned in a control-flow block when the pipeline is defined, so it has this value whichever branch runs",
                    parsed.span(bound[0]),
                    others=[Label(parsed.span(node), "used here")],
                    help="return the value from a component in each branch, and combine them with `dsl.OneOf(...)`",
                )


def _events(node: ast.AST, groups: tuple[ast.With, ...]) -> Iterator[tuple[str, str, Any, tuple[ast.With, ...]]]:
    """Bindings and reads of names, in the order of execution."""
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        if node.value is not None:
            yield from _events(node.value, groups)
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        plain = isinstance(node, ast.AugAssign) or (node.value is not None and _is_plain(node.value))
        for target in targets:
            if isinstance(target, ast.Name):
                if isinstance(node, ast.AugAssign):
                    yield "read", target.id, target, groups
                yield ("plain" if plain else "bind"), target.id, node, groups
            else:
                yield from _events(target, groups)
        return
    if isinstance(node, ast.Name):
        yield ("read" if isinstance(node.ctx, ast.Load) else "bind"), node.id, node, groups
        return
    if isinstance(node, _NESTED) and groups:
        return
    inner = (*groups, node) if isinstance(node, ast.With) and is_group(node) else groups
    for child in ast.iter_child_nodes(node):
        yield from _events(child, inner)


def _is_plain(node: ast.expr) -> bool:
    return all(
        isinstance(
            part, (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.UnaryOp, ast.unaryop, ast.expr_context)
        )
        for part in ast.walk(node)
    )
