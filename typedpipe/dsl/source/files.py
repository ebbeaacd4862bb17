"""Users' files and notebook cells, parsed once and indexed: functions by line, classes by qualified name, imports."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from typedpipe.diagnostics.model import NOWHERE, Span
from typedpipe.diagnostics.source import NO_FILE, display_path
from typedpipe.dsl.tracing import site_here, span_of
from typedpipe.ir import nodes as ir

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Definition: TypeAlias = Function | ast.ClassDef | ast.Assign
_ASYNC = len("async ")
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(slots=True)
class ParsedFile:
    """One version of a file or cell. ``problem`` is the reason why it does not parse."""

    name: str
    lines: list[str]
    functions: dict[tuple[int, str], Function] = field(default_factory=dict[tuple[int, str], Function])
    classes: dict[str, list[ast.ClassDef]] = field(default_factory=dict[str, list[ast.ClassDef]])
    assigned: dict[str, ast.Assign] = field(default_factory=dict[str, ast.Assign])
    imports: dict[str, tuple[str, str, int]] = field(default_factory=dict[str, tuple[str, str, int]])
    """Name → (module, name in it or "", level of a relative import)."""
    problem: SyntaxError | None = None

    def chunk(self, node: Definition) -> ir.Chunk:
        """Lines of the node, including decorators and indentation."""
        first = first_line(node)
        text = "".join(self.lines[first - 1 : node.end_lineno])
        return ir.Chunk(text if text.endswith("\n") else text + "\n", display_path(self.name), first)

    def span(self, node: Any) -> Span:
        """Span of a node; columns in characters."""
        start, end = self._column(node.lineno, node.col_offset), self._column(node.end_lineno, node.end_col_offset)
        return Span(display_path(self.name), node.lineno, start, node.end_lineno, end)

    def _column(self, line: int, offset: int) -> int:
        return len(self.lines[line - 1].encode()[:offset].decode(errors="replace")) + 1

    def header(self, node: Definition) -> Span:
        """Span of a definition's name."""
        if isinstance(node, ast.Assign):
            return self.span(node.targets[0])
        line = self.lines[node.lineno - 1]
        at = line.find(node.name, line.find(" ", node.col_offset + _ASYNC * isinstance(node, ast.AsyncFunctionDef))) + 1
        return Span(display_path(self.name), node.lineno, at, node.lineno, at + len(node.name))


def first_line(node: Definition) -> int:
    """Line of a definition's first decorator, or of the definition itself."""
    decorators = [] if isinstance(node, ast.Assign) else node.decorator_list
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


_parsed: dict[str, ParsedFile] = {}


def parsed_file(name: str, module_globals: dict[str, Any] | None = None) -> ParsedFile | None:
    """The current version of a file or cell, parsed unless that content was parsed before; None without source."""
    if name == NO_FILE:
        return None
    linecache.checkcache(name)
    lines = linecache.getlines(name, module_globals)
    if not lines:
        return None
    known = _parsed.get(name)
    if known is not None and (known.lines is lines or known.lines == lines):
        return known
    found = _parsed[name] = ParsedFile(name, lines)
    try:
        tree = ast.parse("".join(lines), name)
    except SyntaxError as error:
        found.problem = error
    else:
        _index(tree, found)
    return found


def span_of_function(fn: Any) -> Span:
    """The name of a function in its ``def``."""
    code = getattr(fn, "__code__", None)
    if code is None:
        return NOWHERE
    parsed = parsed_file(code.co_filename, fn.__globals__)
    node = parsed.functions.get((code.co_firstlineno, fn.__name__)) if parsed is not None else None
    if parsed is None or fn.__name__ == "<lambda>":
        return span_of(site_here())  # it has no `def` that can be shown: use the decorator's location
    if node is None:
        return Span(display_path(code.co_filename), code.co_firstlineno)
    return parsed.header(node)


def cells() -> Iterable[str]:
    """Names of the executed notebook cells, oldest first."""
    return [name for name in linecache.cache if name.startswith("<ipython") or "ipykernel_" in name]


def _index(tree: ast.Module, found: ParsedFile) -> None:
    stack: list[tuple[Any, str]] = [(node, "") for node in reversed(tree.body)]
    while stack:
        node, prefix = stack.pop()
        inner = prefix
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.functions[first_line(node), node.name] = node
            inner = f"{prefix}{node.name}.<locals>."
        elif isinstance(node, ast.ClassDef):
            found.classes.setdefault(prefix + node.name, []).append(node)
            inner = f"{prefix}{node.name}."
        elif isinstance(node, ast.Assign):
            _index_assignment(node, prefix, found)
        elif isinstance(node, ast.Import | ast.ImportFrom) and not prefix:
            _index_import(node, found)
        for block in _BLOCKS:
            stack.extend((child, inner) for child in reversed(getattr(node, block, ())))


def _index_assignment(node: ast.Assign, prefix: str, found: ParsedFile) -> None:
    target = node.targets[0]
    if isinstance(target, ast.Name) and isinstance(node.value, ast.Call):
        found.assigned[prefix + target.id] = node


def _index_import(node: ast.Import | ast.ImportFrom, found: ParsedFile) -> None:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            found.imports[alias.asname or alias.name] = (node.module or "", alias.name, node.level)
        else:
            found.imports[alias.asname or alias.name.partition(".")[0]] = (alias.name, "", 0)
