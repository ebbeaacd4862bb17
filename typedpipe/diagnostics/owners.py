"""Owners of source positions: from 3.12 on Python records the position of `n` in `if n:`, 3.11 that of the whole `if`.

Diagnostics must show the same line in every Python version, so the narrower position is widened to what 3.11 records.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

Position = tuple[int | None, int | None, int | None, int | None]
"""Line, last line, column and end column, as returned by ``co_positions``: columns are UTF-8 offsets from 0."""


@cache
def narrowed_opcodes() -> frozenset[int]:
    """Instructions that test, loop, enter or format: their positions depend on the Python version."""
    from opcode import opname

    starts = (
        "POP_JUMP_IF_",
        "TO_BOOL",
        "GET_ITER",
        "FOR_ITER",
        "BEFORE_WITH",
        "LOAD_SPECIAL",
        "FORMAT_",
        "CONVERT_VALUE",
    )
    return frozenset(number for number, name in enumerate(opname) if name.startswith(starts))


def owners_of(tree: ast.Module) -> dict[Position, Position]:
    """Map each position that an instruction of :func:`narrowed_opcodes` may have to the position of its statement.

    >>> owners_of(ast.parse("while n: pass"))
    {(1, 1, 6, 7): (1, 1, 0, 13)}
    """
    found: dict[Position, Position] = {}
    for node in ast.walk(tree):  # outer ones come first and win
        if isinstance(node, ast.stmt | ast.expr):
            for part in _parts(node):
                found.setdefault(_position(part), _position(node))
    return found


def _parts(node: ast.stmt | ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.If() | ast.While() | ast.Assert() | ast.IfExp():
            yield from _tested(node.test)
        case ast.For():
            yield node.iter
        case ast.With():
            yield from (item.context_expr for item in node.items)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            for loop in node.generators:
                yield loop.iter
                for test in loop.ifs:
                    yield from _tested(test)
        case ast.JoinedStr():
            yield from _formatted(node)
        case _:
            pass


def _tested(test: ast.expr) -> Iterator[ast.expr]:
    """Expressions whose truth is tested; a comparison has its own position in every Python version."""
    match test:
        case ast.BoolOp():
            for value in test.values:
                yield from _tested(value)
        case ast.UnaryOp(op=ast.Not()):
            yield from _tested(test.operand)
        case ast.IfExp():
            for value in (test.test, test.body, test.orelse):
                yield from _tested(value)
        case ast.Compare():
            pass
        case _:
            yield test


def _formatted(text: ast.JoinedStr) -> Iterator[ast.expr]:
    for value in text.values:
        if isinstance(value, ast.FormattedValue):
            yield value
            if isinstance(value.format_spec, ast.JoinedStr):
                yield from _formatted(value.format_spec)


def _position(node: ast.stmt | ast.expr) -> Position:
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset
