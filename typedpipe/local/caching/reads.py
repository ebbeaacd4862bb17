"""Files, programs, variables and modules that shipped source reads without declaring them, as far as the text shows."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

_OPEN = frozenset({"open", "fdopen", "FileIO"})
_READERS = frozenset(
    {
        *("load", "loadtxt", "genfromtxt", "fromfile", "memmap", "imread", "safe_open"),
        *("listdir", "scandir", "walk", "glob", "iglob", "copy", "copyfile", "copytree", "ZipFile", "stat", "exists"),
        *("isfile", "isdir", "getsize", "getmtime", "run_path", "fileinput"),
    }
)
"""Functions whose first argument is a path, if it is a text; and so are those that begin with ``read_`` or ``open``."""
_PATHS = frozenset({"Path", "PurePath", "PosixPath", "join", "abspath", "expanduser", "normpath", "realpath", "fspath"})
_OF_PATH = frozenset(
    {"read_text", "read_bytes", "open", "glob", "rglob", "iterdir", "exists", "stat", "is_file", "is_dir", "resolve"}
)
_PROGRAMS = frozenset(
    {
        *("run", "call", "check_call", "check_output", "Popen", "getoutput", "getstatusoutput", "system", "popen"),
        *("execv", "execve", "execvp", "spawnv", "spawnvp", "posix_spawn", "startfile"),
        *("create_subprocess_exec", "create_subprocess_shell"),
    }
)
_STARTERS = frozenset({"subprocess", "os", "asyncio", "pexpect", "sh"})
_DATABASES = frozenset({"sqlite3", "duckdb"})
_TEMPORARY = frozenset(
    {"mkdtemp", "mkstemp", "TemporaryDirectory", "NamedTemporaryFile", "TemporaryFile", "gettempdir"}
)


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that a task depends on and that is not in its cache key."""

    what: str
    """In the line that reports a cache hit."""
    why: str = ""
    """The rest of its line where each is listed: how the task comes to depend on it."""
    variable: str = ""
    """The environment variable that it is; the task may set it."""

    def __str__(self) -> str:
        return self.what + self.why


def gaps_in(trees: Sequence[ast.Module], given: Iterable[str]) -> list[Gap]:
    r"""Data that the source reads besides its inputs.

    Args:
        trees: The shipped source.
        given: Names that hold inputs and outputs.

    >>> [str(gap) for gap in gaps_in([ast.parse("p = 'a.txt'\nopen(p)\nopen(data)")], ["data"])]
    ['the file `a.txt`, which the task reads by path']
    """
    whole = ast.Module([statement for tree in trees for statement in tree.body], [])
    return list(dict.fromkeys(_Source(frozenset(given), _passed_on(trees)).of(whole)))


def _passed_on(trees: Sequence[ast.Module]) -> dict[str, int]:
    """Helpers that open one of their parameters, with its position: a call of one opens its argument."""
    found: dict[str, int] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [argument.arg for argument in node.args.args]
                for call in ast.walk(node):
                    argument = call.args[0] if isinstance(call, ast.Call) and call.args else None
                    if not isinstance(call, ast.Call) or not isinstance(argument, ast.Name):
                        continue
                    if argument.id in names and _reads_path(call, {}):
                        found[node.name] = names.index(argument.id)
    return found


def called(function: ast.expr) -> str:
    """The last name of a function that is called."""
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _reads_path(call: ast.Call, passed: dict[str, int]) -> bool:
    name = called(call.func)
    return name in _OPEN or name in _READERS or name in passed or name.startswith(("read_", "open_"))


@dataclass(slots=True)
class _Source:
    """One tree. Names are not told apart by function: a note too many is better than a stale result without one."""

    given: frozenset[str]
    passed: dict[str, int]
    texts: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    """Names that are assigned once, with a text; None if the text is not known."""
    own: set[str] = field(default_factory=set[str])
    """Names that are derived from inputs, outputs, open files and temporary files."""
    written: set[str] = field(default_factory=set[str])
    starters: dict[str, str] = field(default_factory=dict[str, str])
    """Names of functions and modules that start programs, as imported."""

    def of(self, tree: ast.Module) -> Iterator[Gap]:
        self.own = set(self.given)
        for node in ast.walk(tree):
            self._imported(node)
        for _ in range(2):  # a name may be derived from one that is assigned further down
            self.texts = {}
            for node in ast.walk(tree):
                self._assigned(node)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        for call in calls:
            self._writes(call)
        for node in ast.walk(tree):
            if isinstance(node, ast.Subscript) and called(node.value) == "environ":
                yield from _variable(node.slice)
            elif isinstance(node, ast.Call):
                yield from self._call(node)

    def _imported(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in _STARTERS:
                    self.starters[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module in _STARTERS:
            for alias in node.names:
                if alias.name in _PROGRAMS:
                    self.starters[alias.asname or alias.name] = alias.name

    def _assigned(self, node: ast.AST) -> None:
        pairs: list[tuple[ast.expr, ast.expr]] = []
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            pairs = [(node.target, node.value)]
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            pairs = [(node.target, node.iter)]
        elif isinstance(node, ast.With | ast.AsyncWith):
            pairs = [(item.optional_vars, item.context_expr) for item in node.items if item.optional_vars is not None]
        for target, value in pairs:
            names = [name.id for name in ast.walk(target) if isinstance(name, ast.Name)]
            if self._is_own(value) or isinstance(node, ast.With | ast.AsyncWith):
                self.own.update(names)
            elif isinstance(target, ast.Name):
                text = None if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) else self._text(value)
                known = self.texts.get(target.id, text)
                self.texts[target.id] = text if known == text else None

    def _is_own(self, value: ast.expr) -> bool:
        for node in ast.walk(value):
            if isinstance(node, ast.Name) and node.id in self.own:
                return True
            if isinstance(node, ast.Call) and called(node.func) in _TEMPORARY:
                return True
        return isinstance(value, ast.Call) and called(value.func) in _OPEN

    def _text(self, value: ast.expr | None) -> str | None:
        """The text of a path, if it is in the source."""
        match value:
            case ast.Constant(value=str() as text):
                return text
            case ast.Name(id=name):
                return self.texts.get(name)
            case ast.BinOp(left=left, op=ast.Add() | ast.Div() as operator, right=right):
                parts = [self._text(left), self._text(right)]
                known = [part for part in parts if part is not None]
                gap = "" if isinstance(operator, ast.Add) else "/"
                return gap.join(known) if len(known) == len(parts) else None
            case ast.Call(func=function, args=args) if called(function) in _PATHS and args:
                parts = [self._text(argument) for argument in args]
                known = [part for part in parts if part is not None]
                return os.path.join(*known) if len(known) == len(parts) else None
            case _:
                return None

    def _writes(self, call: ast.Call) -> None:
        name = called(call.func)
        if name in ("write_text", "write_bytes", "touch", "mkdir") and isinstance(call.func, ast.Attribute):
            text = self._text(call.func.value)
        elif name in _OPEN or name in ("makedirs", "mkdir") or name.startswith(("to_", "save", "dump")):
            text = self._text(call.args[0]) if call.args and (name not in _OPEN or _for_writing(call)) else None
        else:
            return
        if text:
            self.written.add(text)

    def _call(self, call: ast.Call) -> Iterator[Gap]:
        name = called(call.func)
        first = call.args[0] if call.args else None
        if name == "getenv" or (
            name in ("get", "pop") and isinstance(call.func, ast.Attribute) and called(call.func.value) == "environ"
        ):
            yield from _variable(first)
        elif name in ("import_module", "__import__") and first is not None and self._text(first) is None:
            yield Gap(f"the module that `{_shown(call)}` imports")
        elif self._starts_program(call):
            program = self._program(first)
            yield Gap(f"the program `{program}`", ", which the task starts, and the files that it reads")
        elif isinstance(call.func, ast.Attribute) and name in _OF_PATH and self._path(call.func.value):
            yield from self._read(call.func.value, call)
        elif _reads_path(call, self.passed) and call.args and not (name in _OPEN and _for_writing(call)):
            at = self.passed.get(name, 0)
            yield from self._read(
                call.args[min(at, len(call.args) - 1)], call, sure=name in _OPEN or name in self.passed
            )
        elif name == "connect" and isinstance(call.func, ast.Attribute) and called(call.func.value) in _DATABASES:
            yield from self._read(call.args[0], call) if call.args else ()

    def _path(self, value: ast.expr) -> bool:
        """Whether a value is a path of ``pathlib`` that the source builds."""
        if isinstance(value, ast.Name):
            return self.texts.get(value.id) is not None
        if isinstance(value, ast.BinOp):
            return isinstance(value.op, ast.Div) and self._path(value.left)
        return isinstance(value, ast.Call) and called(value.func) in ("Path", "PosixPath", "PurePath")

    def _read(self, path: ast.expr, call: ast.Call, *, sure: bool = True) -> Iterator[Gap]:
        if self._is_own(path):
            return
        text = self._text(path)
        if text:
            inside = any(text == known or text.startswith(f"{known}/") for known in self.written)
            if not inside and "://" not in text:
                yield Gap(f"the file `{text}`", ", which the task reads by path")
        elif (
            isinstance(path, ast.BinOp | ast.JoinedStr)
            or (isinstance(path, ast.Call) and (sure or called(path.func) in _PATHS))
            or (sure and isinstance(path, ast.Name) and path.id in self.texts)
        ):
            yield Gap(f"the file that `{_shown(call)}` reads")

    def _starts_program(self, call: ast.Call) -> bool:
        function = call.func
        if isinstance(function, ast.Name):
            return self.starters.get(function.id, "") in _PROGRAMS
        return (
            isinstance(function, ast.Attribute)
            and function.attr in _PROGRAMS
            and isinstance(function.value, ast.Name)
            and function.value.id in self.starters
        )

    def _program(self, command: ast.expr | None) -> str:
        if isinstance(command, ast.List | ast.Tuple) and command.elts:
            command = command.elts[0]
        text = self._text(command)
        return text.split()[0] if text and text.split() else "…"


def _for_writing(call: ast.Call) -> bool:
    keywords = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    mode = [*call.args[1:2], *keywords]
    value = mode[0].value if mode and isinstance(mode[0], ast.Constant) else "r"
    return isinstance(value, str) and "r" not in value and "+" not in value


def _variable(key: ast.expr | None) -> Iterator[Gap]:
    if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value:
        why = ", which the component reads but the task does not set"
        yield Gap(f"the environment variable `{key.value}`", why, key.value)


def _shown(call: ast.Call) -> str:
    text = ast.unparse(call)
    return text if len(text) <= 40 else f"{text[:39]}…"
