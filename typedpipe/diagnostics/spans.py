"""From instructions to places in the source, for many at a time.

Tracing keeps ``(code object, offset of the last instruction)`` at each call, which costs next to nothing, and asks here
once at the end: reading a code object's table of positions at each call would be quadratic.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import CodeType

from typedpipe.diagnostics.model import Span
from typedpipe.diagnostics.source import Source, display_path, read_source

__all__ = ["display_path", "resolve_spans"]


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
        file = display_path(code.co_filename)
        source = read_source(file)
        for index in indices:
            at = places[index][1] // 2
            position = positions[at] if 0 <= at < len(positions) else (code.co_firstlineno, None, None, None)
            spans[index] = _span(file, source, position, code.co_firstlineno)
    return spans


def _span(
    file: str, source: Source | None, position: tuple[int | None, int | None, int | None, int | None], first_line: int
) -> Span:
    line, end_line, start, end = position
    if line is None:
        return Span(file, first_line)
    if start is None or end is None or end_line is None:
        return Span(file, line)
    if source is None:
        return Span(file, line, start + 1, end_line, end + 1)
    return Span(file, line, source.column(line, start), end_line, source.column(end_line, end))
