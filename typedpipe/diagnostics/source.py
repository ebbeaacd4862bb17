"""The user's source as diagnostics need it: display paths, lines, and spans of instructions and arguments.

Files are read only when something is printed, once for each state of the file. Notebook cells are found in
``linecache``, as in Python's own tracebacks.

Tracing stores ``(code object, offset of the last instruction)`` at each call, which costs next to nothing, and resolves
all spans once at the end: reading a code object's position table at each call would be quadratic.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import TYPE_CHECKING

from typedpipe.diagnostics.model import Span

if TYPE_CHECKING:
    import ast

    from typedpipe.diagnostics.owners import Position

_NARROWS = sys.version_info[:2] > (3, 11)

NO_FILE = "<string>"
"""The file name in `exec`. From 3.13 on `linecache` returns the text of `python -c` for it, whichever code asks."""


LARGEST = 1 << 26
"""Larger files, in bytes, are not read to quote a line of them."""


@dataclass(slots=True)
class Source:
    """The lines of a file, and its calls by their end position (a closing parenthesis belongs to one call only)."""

    lines: tuple[str, ...]
    is_ascii: bool
    _calls: dict[tuple[int, int], ast.Call] | None = field(default=None)
    _owners: dict[Position, Position] | None = field(default=None)

    def line(self, number: int) -> str:
        """Text of a line, counted from 1; "" if the file has no such line."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def column(self, number: int, offset: int) -> int:
        """The column, from 1 in characters, of a UTF-8 byte offset, which is what Python records."""
        if self.is_ascii:
            return offset + 1
        text = self.line(number)
        if text.isascii():
            return offset + 1
        return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "ignore")) + 1

    def calls(self) -> dict[tuple[int, int], ast.Call]:
        """The calls in the file by (last line, last column as a UTF-8 offset); empty if it does not parse."""
        if self._calls is None:
            import ast

            tree = self._parse()
            calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree is not None else []
            self._calls = {(call.end_lineno or 0, call.end_col_offset or 0): call for call in calls}
        return self._calls

    def owners(self) -> dict[Position, Position]:
        """Statements and expressions of the file, by the position of what they test, loop over, enter or format."""
        if self._owners is None:
            from typedpipe.diagnostics.owners import owners_of

            tree = self._parse()
            self._owners = owners_of(tree) if tree is not None else {}
        return self._owners

    def returns(self, line: int) -> list[ast.Return]:
        """The `return` statements of the innermost function around a line."""
        import ast

        tree = self._parse()
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        around = [node for node in ast.walk(tree) if isinstance(node, kinds)] if tree is not None else []
        around = [node for node in around if node.lineno <= line <= (node.end_lineno or 0)]
        pending: list[ast.AST] = list(max(around, key=lambda node: node.lineno).body) if around else []
        found: list[ast.Return] = []
        for node in pending:  # grows
            if isinstance(node, ast.Return):
                found.append(node)
            elif not isinstance(node, (*kinds, ast.Lambda, ast.ClassDef)):
                pending += ast.iter_child_nodes(node)
        return found

    def _parse(self) -> ast.Module | None:
        import ast

        try:
            return ast.parse("\n".join(self.lines))
        except (SyntaxError, ValueError, RecursionError):
            return None


_sources: dict[str, tuple[tuple[int, int], Source]] = {}
_real_paths: dict[str, str] = {}


def display_path(path: str) -> str:
    """A path as displayed: relative to the working directory if inside it.

    >>> import os
    >>> display_path(os.path.join(os.getcwd(), "a", "b.py")) == os.path.join("a", "b.py")
    True
    >>> display_path("<stdin>")
    '<stdin>'
    """
    if not os.path.isabs(path):
        return path
    try:
        start = os.path.join(os.getcwd(), "")
    except OSError:  # the working directory was deleted
        return path
    if not path.startswith(start):
        return path
    shown = path[len(start) :]
    _real_paths[shown] = path
    return shown


def read_source(file: str) -> Source | None:
    """The source of a file as it is on disk now; None if it cannot be read."""
    path = os.path.abspath(file) if "\0" not in file else file
    try:
        try:
            status = os.stat(path)
        except FileNotFoundError:  # the program has changed its working directory since then
            path = _real_paths[file]
            status = os.stat(path)
    except (OSError, KeyError, ValueError):
        return _from_linecache(file)
    if status.st_size > LARGEST or not stat.S_ISREG(status.st_mode):
        return None  # no source: for example, a saved pipeline that was damaged
    state = (status.st_mtime_ns, status.st_size)
    known = _sources.get(path)
    if known is not None and known[0] == state:
        return known[1]
    try:
        with open(path, "rb") as stream:
            text = decode_source(stream.read())
    except OSError:
        return None
    source = _split(text)
    _sources[path] = (state, source)
    return source


def decode_source(data: bytes) -> str:
    """Decode the text of a Python file by the encoding that it declares, by default as UTF-8; never raises."""
    if any(b"coding" in line for line in data.split(b"\n", 2)[:2]):
        import io
        import tokenize

        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            return data.decode(encoding, "replace")
        except (SyntaxError, LookupError, UnicodeError):
            pass  # Python cannot read the file either
    return data.decode("utf-8-sig", "replace")


def _split(text: str) -> Source:
    """Split into lines as Python counts them: form feeds and the Unicode separators do not end one."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Source(tuple(lines), text.isascii())


def _from_linecache(file: str) -> Source | None:
    linecache = sys.modules.get("linecache")
    if linecache is None or file == NO_FILE:
        return None
    try:
        lines: list[str] = linecache.getlines(file)
    except ValueError:  # not a path at all: it contains a NUL
        return None
    return _split("".join(lines)) if lines else None


def argument_span(call: Span, name: str, position: int | None = None) -> Span:
    """Span of one argument's expression in a call; the call's own span if it cannot be determined.

    Args:
        call: The span of the call, as Python records it for the instruction.
        name: The argument's name; found when it is written as ``name=…``.
        position: Index of the positional argument, if the caller knows it.
    """
    import ast

    source = read_source(call.file)
    node = _find_call(source, call) if source is not None else None
    if source is None or node is None:
        return call
    found: ast.expr | None = next((keyword.value for keyword in node.keywords if keyword.arg == name), None)
    if found is None and position is not None and position < len(node.args):
        before = node.args[: position + 1]
        found = None if any(isinstance(item, ast.Starred) for item in before) else node.args[position]
    return _span_of(source, call.file, found) if found is not None else call


def returned_span(inside: Span, output: str) -> Span:
    """Span of the value that a function returns for an output; ``inside`` itself if it cannot be determined.

    Args:
        inside: A span in the function.
        output: Its name; found when it is written as ``name=…`` in a call. Otherwise it is all that is returned.
    """
    import ast

    source = read_source(inside.file)
    returns = source.returns(inside.line) if source is not None else []
    value = returns[0].value if len(returns) == 1 else None
    if source is None or value is None:
        return inside
    keywords = value.keywords if isinstance(value, ast.Call) else []
    return _span_of(source, inside.file, next((each.value for each in keywords if each.arg == output), value))


def _find_call(source: Source, span: Span) -> ast.Call | None:
    calls = source.calls()
    if span.end_line and span.end_column:
        offset = len(source.line(span.end_line)[: span.end_column - 1].encode("utf-8", "surrogatepass"))
        return calls.get((span.end_line, offset))
    on_line = [call for call in calls.values() if call.lineno == span.line]
    return on_line[0] if len(on_line) == 1 else None


def _span_of(source: Source, file: str, node: ast.expr) -> Span:
    end_line = node.end_lineno or node.lineno
    return Span(
        file,
        node.lineno,
        source.column(node.lineno, node.col_offset),
        end_line,
        source.column(end_line, node.end_col_offset or node.col_offset),
    )


def resolve_spans(sites: Sequence[tuple[CodeType, int]]) -> list[Span]:
    r"""The span of each instruction, in the given order.

    Columns are 0 where Python recorded none (``PYTHONNODEBUGRANGES``); ``end_column`` is one past the last character.

    >>> code = compile("f(1,\n  2)", "example.py", "eval")
    >>> resolve_spans([(code, len(code.co_code) - 4)])
    [Span(file='example.py', line=1, column=1, end_line=2, end_column=5)]
    """
    by_code: dict[int, list[int]] = {}
    for index, (code, _) in enumerate(sites):
        by_code.setdefault(id(code), []).append(index)
    spans: list[Span] = [Span("")] * len(sites)
    for indices in by_code.values():
        code = sites[indices[0]][0]
        positions = list(code.co_positions())
        instructions = code.co_code
        file = display_path(code.co_filename)
        source = read_source(file)
        for index in indices:
            at = sites[index][1] // 2
            inside = 0 <= at < len(positions)
            position = positions[at] if inside else (code.co_firstlineno, None, None, None)
            if _NARROWS and inside and source is not None:
                position = _widened(source, instructions[2 * at], position)
            spans[index] = _span(file, source, position, code.co_firstlineno)
    return spans


def _widened(source: Source, instruction: int, position: Position) -> Position:
    """The position that 3.11 records for the instruction: the whole `if`, `for`, `with` or f-string, not a part."""
    from typedpipe.diagnostics.owners import narrowed_opcodes

    if instruction not in narrowed_opcodes():
        return position
    return source.owners().get(position, position)


def _span(file: str, source: Source | None, position: Position, first_line: int) -> Span:
    line, end_line, start, end = position
    if line is None:
        return Span(file, first_line)
    if start is None or end is None or end_line is None:
        return Span(file, line)
    if source is None:
        return Span(file, line, start + 1, end_line, end + 1)
    return Span(file, line, source.column(line, start), end_line, source.column(end_line, end))
