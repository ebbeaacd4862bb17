"""From instructions to places in the source, for many at a time.

Tracing keeps ``(code object, offset of the last instruction)`` at each call, which costs next to nothing, and asks here
once at the end: reading a code object's table of positions at each call would be quadratic.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import CodeType
from typing import TYPE_CHECKING

from typedpipe.diagnostics.model import Span
from typedpipe.diagnostics.source import Source, display_path, read_source

if TYPE_CHECKING:
    from typedpipe.diagnostics.owners import Place

__all__ = ["display_path", "resolve_spans"]

_NARROWS = sys.version_info[:2] > (3, 11)


def resolve_spans(places: Sequence[tuple[CodeType, int]]) -> list[Span]:
    r"""The span of each instruction, in the order given.

    Columns are 0 where Python recorded none (``PYTHONNODEBUGRANGES``); ``end_column`` is one past the last character.

    >>> code = compile("f(1,\n  2)", "example.py", "eval")
    >>> resolve_spans([(code, len(code.co_code) - 4)])
    [Span(file='example.py', line=1, column=1, end_line=2, end_column=5)]
    """
    by_code: dict[int, list[int]] = {}
    for index, (code, _) in enumerate(places):
        by_code.setdefault(id(code), []).append(index)
    spans: list[Span] = [Span("")] * len(places)
    for indices in by_code.values():
        code = places[indices[0]][0]
        positions = list(code.co_positions())
        instructions = code.co_code
        file = display_path(code.co_filename)
        source = read_source(file)
        for index in indices:
            at = places[index][1] // 2
            inside = 0 <= at < len(positions)
            position = positions[at] if inside else (code.co_firstlineno, None, None, None)
            if _NARROWS and inside and source is not None:
                position = _widened(source, instructions[2 * at], position)
            spans[index] = _span(file, source, position, code.co_firstlineno)
    return spans


def _widened(source: Source, instruction: int, position: Place) -> Place:
    """What 3.11 records for the instruction: the whole `if`, `for`, `with` or f-string, not what stands in it."""
    from typedpipe.diagnostics.owners import narrowed_opcodes

    if instruction not in narrowed_opcodes():
        return position
    return source.owners().get(position, position)


def _span(file: str, source: Source | None, position: Place, first_line: int) -> Span:
    line, end_line, start, end = position
    if line is None:
        return Span(file, first_line)
    if start is None or end is None or end_line is None:
        return Span(file, line)
    if source is None:
        return Span(file, line, start + 1, end_line, end + 1)
    return Span(file, line, source.column(line, start), end_line, source.column(end_line, end))
