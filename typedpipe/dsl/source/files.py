"""Users' files and notebook cells, parsed once and indexed: functions by line, classes by qualified name, imports.

Beside them, the names that a piece of source takes from outside itself, and the least Python it needs.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import linecache
import opcode
import re
import types
import typing
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeAlias

from typedpipe.diagnostics.model import NOWHERE, Span
from typedpipe.diagnostics.source import NO_FILE, display_path, read_source
from typedpipe.dsl.source.notebook import TIMED, is_notebooks_own, keep_timed_cell, source_name
from typedpipe.dsl.tracing import site_here, span_of
from typedpipe.ir import nodes as ir
from typedpipe.runtime.task import MARKERS, STUB_NAMES

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Definition: TypeAlias = Function | ast.ClassDef | ast.stmt
"""What gives a name its value: a function, a class, or an assignment."""
LONGEST_CONSTANT = 4096
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
    constants: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    """Assignments to one name at the top level that are not calls, and ``type`` statements."""
    problem: SyntaxError | None = None

    def chunk(self, node: Definition) -> ir.Chunk:
        """Lines of the node, including decorators and indentation; only the node if its line has other statements."""
        first = first_line(node)
        text = "".join(self.lines[first - 1 : node.end_lineno])
        if not isinstance(node, Function | ast.ClassDef) and not _is_alone(node, text):
            text = ast.unparse(node)
        return ir.Chunk(text if text.endswith("\n") else text + "\n", display_path(self.name), first)

    def definition(self, name: str) -> Definition | None:
        """The first function, class or call that defines a name at module level; None if there is none."""
        nodes: list[Definition] = [node for (_, own), node in self.functions.items() if own == name]
        nodes += self.classes.get(name, ())
        nodes += [self.assigned[name]] if name in self.assigned else []
        return min((node for node in nodes if not node.col_offset), key=first_line, default=None)

    def constant(self, name: str, value: object) -> ir.Chunk | None:
        """The assignment of a literal to a name, if it still has that value; None if there is no such assignment."""
        for node in self.constants.get(name, ()):
            try:
                literal = ast.literal_eval(node.value) if node.value is not None else None
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                continue
            if node.value is None or not _same_literal(literal, value):
                continue
            chunk: ir.Chunk = self.chunk(node)
            if len(chunk.text) <= LONGEST_CONSTANT:
                return chunk
        return None

    def bindings(self, name: str) -> int:
        """The number of statements that bind a name of the module."""
        return binding_counts("".join(self.lines))[name]

    def span(self, node: Any) -> Span:
        """Span of a node; columns in characters."""
        start, end = self._column(node.lineno, node.col_offset), self._column(node.end_lineno, node.end_col_offset)
        return Span(display_path(self.name), node.lineno, start, node.end_lineno, end)

    def _column(self, line: int, offset: int) -> int:
        return len(self.lines[line - 1].encode()[:offset].decode(errors="replace")) + 1

    def header(self, node: Definition) -> Span:
        """Span of a definition's name."""
        if not isinstance(node, Function | ast.ClassDef):
            return self.span(target_of(node))
        line = self.lines[node.lineno - 1]
        at = line.find(node.name, line.find(" ", node.col_offset + _ASYNC * isinstance(node, ast.AsyncFunctionDef))) + 1
        return Span(display_path(self.name), node.lineno, at, node.lineno, at + len(node.name))


def first_line(node: Definition) -> int:
    """Line of a definition's first decorator, or of the definition itself."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def target_of(node: Any) -> Any:
    """The target of an assignment to one name, or the name of a ``type`` statement."""
    if isinstance(node, ast.Assign):
        return node.targets[0]
    return node.target if isinstance(node, ast.AnnAssign) else node.name


def _same_literal(one: object, other: object) -> bool:
    """Whether two literals are equal in every type in them: 1, 1.0 and True are not."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same_literal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return _same_literal(list(one.items()), list(other.items()))
    if isinstance(one, set) and isinstance(other, set):
        return one == other and {type(item) for item in one} == {type(item) for item in other}
    return repr(one) == repr(other)


def _is_alone(node: ast.stmt, text: str) -> bool:
    """Whether the lines of a statement have no other one, as in ``a = 1; b = 2`` and ``if c: a = 1``."""
    source = "if 1:\n" + text if text[:1] in " \t" else text
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return False
    found = body[0].body if text[:1] in " \t" and isinstance(body[0], ast.If) else body
    return len(found) == 1 and type(found[0]) is type(node)


_parsed: dict[str, ParsedFile] = {}


def parsed_file(name: str, module_globals: dict[str, Any] | None = None) -> ParsedFile | None:
    """The current version of a file or cell, parsed unless that content was parsed before; None without source."""
    if name == NO_FILE:
        return None
    if name == TIMED:
        keep_timed_cell()
    linecache.checkcache(name)
    lines = linecache.getlines(name, module_globals) or _imported_lines(name)
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


def _imported_lines(name: str) -> list[str]:
    """Lines of a module that is not UTF-8 and declares no encoding: an import accepts such bytes in comments."""
    source = read_source(name) if name.endswith(".py") else None
    return [f"{line}\n" for line in source.lines] if source is not None else []


def source_of(fn: Any) -> ParsedFile | None:
    """The file or cell of a function, parsed; None without source."""
    name = fn.__code__.co_filename
    return parsed_file(source_name(fn.__code__) if name[:1] == "<" else name, fn.__globals__)


def definition_of(fn: Any) -> tuple[ParsedFile, Function] | None:
    """A function's file and its ``def``; None if there is no source, or it was edited since."""
    file = source_of(fn)
    node = file.functions.get((fn.__code__.co_firstlineno, fn.__code__.co_name)) if file is not None else None
    return None if file is None or node is None else (file, node)


def span_of_function(fn: Any) -> Span:
    """The name of a function in its ``def``; nowhere for what a decorator has made of one."""
    if type(fn) is not types.FunctionType:
        return NOWHERE
    code = fn.__code__
    parsed = source_of(fn)
    node = parsed.functions.get((code.co_firstlineno, fn.__name__)) if parsed is not None else None
    if parsed is None or fn.__name__ == "<lambda>":
        return span_of(site_here())  # it has no `def` that can be shown: use the decorator's location
    if node is None:
        return Span(display_path(code.co_filename), code.co_firstlineno)
    return parsed.header(node)


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
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            _index_assignment(node, prefix, found)
        elif type(node).__name__ == "TypeAlias" and not prefix:  # Python 3.12
            found.constants.setdefault(node.name.id, []).append(node)
        elif isinstance(node, ast.Import | ast.ImportFrom) and not prefix:
            _index_import(node, found)
        for block in _BLOCKS:
            stack.extend((child, inner) for child in reversed(getattr(node, block, ())))


def _index_assignment(node: ast.Assign | ast.AnnAssign, prefix: str, found: ParsedFile) -> None:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    if not isinstance(target, ast.Name):
        return
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        found.assigned[prefix + target.id] = node
    elif not prefix and (isinstance(node, ast.AnnAssign) or len(node.targets) == 1):
        found.constants.setdefault(target.id, []).append(node)


def _index_import(node: ast.Import | ast.ImportFrom, found: ParsedFile) -> None:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            found.imports[alias.asname or alias.name] = (node.module or "", alias.name, node.level)
        else:
            found.imports[alias.asname or alias.name.partition(".")[0]] = (alias.name, "", 0)


# -------------------------------------------------------------------------------- names from outside

PACKAGE = "typedpipe"
_OPS = opcode.opmap
_GLOBAL = {_OPS[name] for name in ("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL")}
_BY_NAME = {_OPS[name] for name in ("LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS") if name in _OPS}
_LOAD_GLOBAL, _STORE_NAME, _EXTENDED = _OPS["LOAD_GLOBAL"], _OPS["STORE_NAME"], _OPS["EXTENDED_ARG"]
_STORE_GLOBAL = _OPS["STORE_GLOBAL"]
_FUTURE = __future__.annotations.compiler_flag
_NOTEBOOK = {"display", "get_ipython", "__IPYTHON__"}
_HIDDEN = {"exit", "quit"}
"""Builtins that IPython removes while a cell runs."""
MODULE_NAMES = frozenset({"__name__", "__doc__", "__annotations__", "__conditional_annotations__", "__builtins__"})
BUILTINS = (frozenset(vars(builtins)) - _NOTEBOOK) | _HIDDEN | {"__module__", "__qualname__", "__class__"}


def outside_names(code: types.CodeType) -> dict[str, None]:
    """Global names that code, including nested code, loads, stores or deletes, in order.

    >>> list(outside_names((lambda: undefined + len([])).__code__))
    ['undefined', 'len']
    """
    found: dict[str, None] = {}
    pending = [code]
    for item in pending:
        local: set[str] = set()
        for op, arg in _instructions(item.co_code):
            if op in _GLOBAL:
                found[item.co_names[arg >> 1 if op == _LOAD_GLOBAL else arg]] = None
            elif op == _STORE_NAME:
                local.add(item.co_names[arg])
            elif op in _BY_NAME and item.co_names[arg] not in local:
                found[item.co_names[arg]] = None
        pending.extend(constant for constant in item.co_consts if isinstance(constant, types.CodeType))
    return found


def stored_names(code: types.CodeType) -> set[str]:
    r"""Global names that functions in code assign.

    >>> space = {}
    >>> exec("def f():\n    global N\n    N = 1", space)
    >>> stored_names(space["f"].__code__)
    {'N'}
    """
    found: set[str] = set()
    pending = [code]
    for item in pending:
        found.update(item.co_names[arg] for op, arg in _instructions(item.co_code) if op == _STORE_GLOBAL)
        pending.extend(constant for constant in item.co_consts if isinstance(constant, types.CodeType))
    return found


@lru_cache(maxsize=64)
def binding_counts(text: str) -> Counter[str]:
    r"""How many statements of a module bind each of its names, those in its functions included.

    >>> binding_counts("N = 1\nfor M in []: pass\ndef f():\n    global N\n    N = 2")["N"]
    2
    """
    code = compile(text, "<module>", "exec", _FUTURE | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    found = Counter(code.co_names[arg] for op, arg in _instructions(code.co_code) if op == _STORE_NAME)
    pending = [code]
    for item in pending:
        found.update(item.co_names[arg] for op, arg in _instructions(item.co_code) if op == _STORE_GLOBAL)
        pending.extend(constant for constant in item.co_consts if isinstance(constant, types.CodeType))
    return found


_BLOCKS_AND_TEXTS = {
    number for name, number in _OPS.items() if name.startswith(("BEFORE_WITH", "LOAD_SPECIAL", "FORMAT_"))
}


def has_blocks_or_texts(code: types.CodeType) -> bool:
    """Whether code, including nested code, has a ``with`` block or an f-string with a value in it.

    >>> has_blocks_or_texts((lambda n: f"{n}").__code__), has_blocks_or_texts((lambda n: n).__code__)
    (True, False)
    """
    if not _BLOCKS_AND_TEXTS.isdisjoint(code.co_code[::2]):
        return True
    return any(has_blocks_or_texts(inner) for inner in code.co_consts if isinstance(inner, types.CodeType))


_CALLS = {
    number
    for name, number in _OPS.items()
    if name.startswith(
        (
            "LOAD_",
            "STORE_",
            "CALL",
            "KW_NAMES",
            "PRECALL",
            "PUSH_NULL",
            "RETURN_",
            "RESUME",
            "CACHE",
            "POP_TOP",
            "COPY_FREE",
        )
    )
    or name in ("BUILD_TUPLE", "BUILD_LIST", "BUILD_MAP", "BUILD_CONST_KEY_MAP", "EXTENDED_ARG", "NOP", "LIST_EXTEND")
}
"""Instructions that call components, and pass their outputs and displays of them."""


def only_calls(fn: types.FunctionType) -> bool:
    """Whether a function only calls components and pipelines, so that Python decides nothing in it.

    >>> only_calls(lambda n: n), only_calls(lambda n: n is None), only_calls(lambda n: str(n)), only_calls(lambda n: n.strip())
    (True, False, False, False)
    """
    code = fn.__code__
    if not _CALLS.issuperset(op for op, _ in _instructions(code.co_code)) or code.co_freevars:
        return False
    instructions = _instructions(code.co_code)
    known = [fn.__globals__.get(code.co_names[arg >> 1], str) for op, arg in instructions if op == _LOAD_GLOBAL]
    return all(is_ours(type(value)) or is_ours(value) for value in known) and not any(
        hasattr(str, name) for name in code.co_names
    )


def _instructions(code: bytes) -> Iterator[tuple[int, int]]:
    extended = 0
    for op, arg in zip(code[::2], code[1::2], strict=True):
        value = extended | arg
        extended = value << 8 if op == _EXTENDED else 0
        if op != _EXTENDED:
            yield op, value


def is_ours(value: Any) -> bool:
    """Whether a value belongs to typedpipe (or kfp), whatever name it is bound to."""
    module = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
    return isinstance(module, str) and module.partition(".")[0] in (PACKAGE, "kfp")


def is_stand_in(name: str, value: Any, *, absent: bool) -> bool:
    """Whether the container has a stand-in for the name: only if the user's is absent, typedpipe's or typing's."""
    if name not in STUB_NAMES:
        return False
    if isinstance(value, type) and is_ours(value):
        return value.__name__ == name
    if absent or is_ours(value) or (value is None and name in ("OUT", "STATUS")):
        return True
    return getattr(typing, name, None) is value or (name in MARKERS and typing.get_origin(value) is typing.Annotated)


def is_builtin(name: str, space: dict[str, Any]) -> bool:
    """Whether a name of a module is Python's own, which the container has too.

    >>> is_builtin("open", {}), is_builtin("open", {"open": 3})
    (True, False)
    """
    return name in BUILTINS and (name not in space or is_notebooks_own(name, space[name]))


def is_only_in_notebooks(name: str, space: dict[str, Any]) -> bool:
    """Whether a name exists only in a notebook: ``display``, ``get_ipython``, ``In``."""
    return name in _NOTEBOOK if name not in space else is_notebooks_own(name, space[name]) and name not in BUILTINS


@lru_cache(maxsize=4096)
def names_of(text: str) -> dict[str, None]:
    """Names that a chunk needs when it runs in a container: its annotations are not evaluated with it."""
    return outside_names(_compiled(text))


@lru_cache(maxsize=4096)
def stored_names_of(text: str) -> frozenset[str]:
    """Global names that functions in a chunk assign."""
    return frozenset(stored_names(_compiled(text))) if "global" in text else frozenset()


@lru_cache(maxsize=4096)
def imports_relatively(text: str) -> bool:
    r"""Whether a chunk has a relative import, which needs the name of the package.

    >>> imports_relatively("def f():\n    from . import b"), imports_relatively("def f():\n    from a import b")
    (True, False)
    """
    if not _RELATIVE.search(text):
        return False
    tree = ast.parse("if 1:\n" + text if text[:1] in " \t" else text)
    return any(isinstance(node, ast.ImportFrom) and node.level > 0 for node in ast.walk(tree))


_RELATIVE = re.compile(r"\bfrom[\s\\]*\.")


def _compiled(text: str) -> types.CodeType:
    source = "if 1:\n" + text if text[:1] in " \t" else text
    code: types.CodeType = compile(source, "<chunk>", "exec", _FUTURE, dont_inherit=True)
    return code
