"""Normal form of shipped source: without comments, layout, quote style, and the docstring of a component that reads none.

Two sources with the same normal form behave the same, so cache keys are computed from it; a change is shown in its
lines, each with the corresponding line of the user's file. Docstrings of classes and functions are data to libraries:
pydantic puts them into a schema, argparse and doctest read them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from typedpipe.ir import nodes as ir

_READERS = ("__doc__", "getdoc", "pydoc", "inspect", "doctest", "globals(", "sys.modules")
"""Source that contains one of these words may read the docstring of the component's own function."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the normal form, and its line number in the user's file; 0 if unknown."""

    text: str
    file: str = ""
    number: int = 0


def digest_of(chunks: Sequence[ir.Chunk], entry: str = "") -> str:
    """Digest of the normal form of the source of a component with the function ``entry``.

    >>> digest_of([ir.Chunk("x = 1_000  # many")]) == digest_of([ir.Chunk("x = (1000)")])
    True
    """
    found = sha256()
    for chunk, unread in zip(chunks, _unread(chunks, entry), strict=True):
        text = _dump(chunk.text, unread) + (f"\0{chunk.module}" if chunk.module else "")
        found.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return found.hexdigest()


def lines_of(chunks: Sequence[ir.Chunk], entry: str = "") -> list[Line]:
    r"""The normal form as text, as hashed by :func:`digest_of`.

    >>> [line.text for line in lines_of([ir.Chunk("def f( ):  # nothing\n    'docs'\n    return (1)")], "f")]
    ['def f():', '    return 1']
    """
    found: list[Line] = []
    module = ""
    for chunk, unread in zip(chunks, _unread(chunks, entry), strict=True):
        if chunk.module != module:
            module = chunk.module
            found.append(Line(f"# the module {module or 'of the component'}"))
        found += _lines(chunk, unread)
    return found


def trees_of(chunks: Sequence[ir.Chunk]) -> Iterator[ast.Module]:
    """The chunks as parsed by this Python; those that it cannot parse are omitted."""
    for chunk in chunks:
        try:
            yield _parse(chunk.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue


def _parse(text: str) -> ast.Module:
    if text[:1] not in (" ", "\t"):
        return ast.parse(text)
    block = ast.parse("if 1:\n" + text).body[0]
    assert isinstance(block, ast.If)
    return ast.Module(block.body, [])


@lru_cache(maxsize=4096)
def _dump(text: str, unread: str) -> str:
    """Text of the source's tree; the source itself if it has a newer Python's syntax or is nested too deeply."""
    try:
        return ast.dump(_stripped(_parse(text), unread), annotate_fields=False)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text


def _unread(chunks: Sequence[ir.Chunk], entry: str) -> Sequence[str]:
    """For each chunk the name of the function in it whose docstring nothing reads: the component's own, or none."""
    if any(word in chunk.text for chunk in chunks for word in _READERS):
        return [""] * len(chunks)
    return ["" if chunk.module else entry for chunk in chunks]


def _stripped(tree: ast.Module, unread: str) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.kind = None  # the u of u"text"
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == unread:
            _strip(statement)
    return tree


def _strip(node: ast.FunctionDef) -> None:
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        del node.body[0]
        if not node.body:
            node.body.append(ast.copy_location(ast.Pass(), first))


def _lines(chunk: ir.Chunk, unread: str) -> list[Line]:
    offset = chunk.line - 1 - (chunk.text[:1] in (" ", "\t"))
    try:
        tree = _stripped(_parse(chunk.text), unread)
        text = ast.unparse(tree)
        numbers = _line_numbers(tree, ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [Line(text, chunk.file, chunk.line + i) for i, text in enumerate(chunk.text.splitlines())]
    found: list[Line] = []
    number = 1
    for index, line in enumerate(text.splitlines(), start=1):
        number = numbers.get(index, number)
        if line:
            found.append(Line(line, chunk.file, number + offset))
    return found


def _line_numbers(original: ast.Module, printed: ast.Module) -> dict[int, int]:
    """Map each printed line that begins a statement to the original's line: the trees have the same shape."""
    found: dict[int, int] = {}
    for old, new in zip(ast.walk(original), ast.walk(printed), strict=False):
        if isinstance(old, ast.stmt | ast.expr) and isinstance(new, ast.stmt | ast.expr):
            found.setdefault(new.lineno, old.lineno)
    return found
