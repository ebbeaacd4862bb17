"""Hand-written sources of a checkout, parsed: its modules, the words that they name and the modules that they import.

Hand-written are ``typedpipe/**/*.py`` without ``typedpipe/ir/_pb``, and ``proto/**/*.proto``. A file *names* a word
when the word is an identifier in it (variable, attribute, keyword, parameter, import, definition) or the whole of a
string; comments, docstrings and parts of longer strings do not count.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

GENERATED = "typedpipe/ir/_pb/"


class Unmeasured(Exception):
    """A rule cannot be applied to this checkout."""


@dataclass(frozen=True)
class Module:
    """A hand-written Python file, parsed."""

    file: str
    text: str
    tree: ast.Module

    @cached_property
    def name(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def words(self) -> frozenset[str]:
        """All words that the file names."""
        return frozenset(word for node in self.nodes for word in _words(node))

    @property
    def package(self) -> str:
        """The top-level package, such as ``dsl``; a module of the root is its own."""
        return self.name.partition(".")[2].partition(".")[0]


def _words(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.keyword(arg=str(word)) | ast.arg(arg=word):
            yield word
        case ast.FunctionDef(name=word) | ast.AsyncFunctionDef(name=word) | ast.ClassDef(name=word):
            yield word
        case ast.alias():
            yield from (node.name.rpartition(".")[2], node.asname or "")
        case ast.MatchClass():
            yield from node.kwd_attrs
        case ast.Constant(value=str(word)):
            yield word
        case _:
            pass


class Tree:
    """A checkout, read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modules: dict[str, Module] = {}
        for path in sorted((root / "typedpipe").rglob("*.py")):
            file = path.relative_to(root).as_posix()
            if not file.startswith(GENERATED):
                text = path.read_text("utf-8")
                module = Module(file, text, ast.parse(text))
                self.modules[module.name] = module
        if not self.modules:
            raise Unmeasured(f"{root} has no package typedpipe")
        self.proto_texts = {
            path.relative_to(root).as_posix(): re.sub(r"//.*", "", path.read_text("utf-8"))
            for path in sorted((root / "proto").rglob("*.proto"))
        }
        """Without comments."""
        self.protos = {file: frozenset(re.findall(r"\w+", text)) for file, text in self.proto_texts.items()}
        self.lines = sum(module.lines for module in self.modules.values())

    def naming(self, *words: str) -> list[str]:
        """Files that name each of the words; an unnamed word is an error, because it would look like progress."""
        named = {module.file: module.words for module in self.modules.values()} | self.protos
        for word in words:
            if not any(word in found for found in named.values()):
                raise Unmeasured(f"nothing names `{word}` any more: choose another exemplar in tools/design.py")
        return sorted(file for file, found in named.items() if found.issuperset(words))


def imports(tree: Tree) -> dict[str, set[str]]:
    """Modules that each module imports, at the top, in a function or for type checkers only.

    ``from package import module`` is an import of the module. ``from typedpipe import __version__`` does not count: it
    is a constant, and the root package imports everything for type checkers.
    """
    found: dict[str, set[str]] = {}
    for name, module in tree.modules.items():
        needs = found.setdefault(name, set())
        for node in module.nodes:
            if isinstance(node, ast.Import):
                needs.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = _absolute(module, node)
                for alias in node.names:
                    if f"{base}.{alias.name}" in tree.modules:
                        needs.add(f"{base}.{alias.name}")
                    elif (base, alias.name) != ("typedpipe", "__version__"):
                        needs.add(base)
        needs.intersection_update(tree.modules)
        needs.discard(name)
    return found


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    up = node.level - module.file.endswith("__init__.py")
    return ".".join([*parts[: len(parts) - up], *([node.module] if node.module else [])])
