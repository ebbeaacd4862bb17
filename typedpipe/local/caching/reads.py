"""Files, programs, variables and modules that shipped source reads without declaring them, as far as the text shows."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from typedpipe.runtime.task import ARTIFACTS

_OPEN = frozenset({"open", "fdopen", "FileIO"})
_READERS = frozenset(
    {
        *("load", "loadtxt", "genfromtxt", "fromfile", "memmap", "imread", "safe_open"),
        *("listdir", "scandir", "walk", "glob", "iglob", "ZipFile", "stat", "exists", "isfile", "isdir", "getsize"),
        *("copy", "copy2", "copyfile", "copytree", "move", "link", "symlink", "getmtime", "run_path", "FileInput"),
        *("getline", "getlines", "urlopen", "urlretrieve", "read"),
    }
)
"""Functions whose first argument is a path, if it is a text; and so are those that begin with ``read_`` or ``open``."""
_KEYWORDS = frozenset(
    {
        *("f", "file", "files", "filename", "filenames", "fname", "filepath", "filepath_or_buffer", "path_or_buf"),
        *("path", "path_name", "pathname", "io", "src", "source", "top", "uri", "url", "database"),
    }
)
"""Names of these arguments."""
_PATHS = frozenset(
    {
        *("Path", "PurePath", "PosixPath", "join", "abspath", "expanduser", "expandvars", "normpath", "realpath"),
        *("fspath", "joinpath"),
    }
)
_OF_PATH = frozenset(
    {"read_text", "read_bytes", "open", "glob", "rglob", "iterdir", "exists", "stat", "is_file", "is_dir", "resolve"}
)
_SAME_PATH = frozenset({"joinpath", "with_suffix", "with_name", "with_stem", "expanduser", "absolute", "resolve"})
"""Methods of a path that return a path."""
_FOLDERS = {"home": "~", "cwd": ""}
"""Class methods of ``Path``, with the text of the path that they return."""
_ARTIFACTS = frozenset(cls.__name__ for cls in ARTIFACTS)
_VARIABLES = frozenset({"get", "pop", "setdefault"})
"""Methods of the environment that read a variable."""
_SETTERS = frozenset({"update", "clear"})
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


def _passed_on(trees: Sequence[ast.Module]) -> dict[str, tuple[int, str]]:
    """Helpers that open one of their parameters, with its position and name: a call of one opens its argument."""
    found: dict[str, tuple[int, str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [argument.arg for argument in node.args.args]
                for call in ast.walk(node):
                    argument = _argument(call) if isinstance(call, ast.Call) else None
                    if not isinstance(call, ast.Call) or not isinstance(argument, ast.Name):
                        continue
                    if argument.id in names and _is_reader(called(call.func)):
                        found[node.name] = names.index(argument.id), argument.id
    return found


def called(function: ast.expr) -> str:
    """The last name of a function that is called."""
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _is_reader(name: str) -> bool:
    return name in _OPEN or name in _READERS or name.startswith(("read_", "open_"))


def _argument(call: ast.Call, position: int = 0, keywords: Iterable[str] = _KEYWORDS) -> ast.expr | None:
    """The argument that is the path: the one at a position, or with one of the names."""
    if len(call.args) > position:
        return call.args[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg and keyword.arg in keywords), None)


@dataclass(slots=True)
class _Source:
    """One tree. Names are not told apart by function: a note too many is better than a stale result without one."""

    given: frozenset[str]
    passed: dict[str, tuple[int, str]]
    texts: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    """Names that are assigned once, with a text; None if the text is not known."""
    paths: set[str] = field(default_factory=set[str])
    """Names of paths of ``pathlib``."""
    own: set[str] = field(default_factory=set[str])
    """Names that are derived from inputs, outputs, open files and temporary files."""
    written: set[str] = field(default_factory=set[str])
    starters: dict[str, str] = field(default_factory=dict[str, str])
    """Names of functions and modules that start programs, as imported."""
    aliases: dict[str, str] = field(default_factory=dict[str, str])
    """Functions that have another name here."""
    artifacts: set[str] = field(default_factory=lambda: set(_ARTIFACTS))
    """Names of classes of artifacts."""

    def of(self, tree: ast.Module) -> Iterator[Gap]:
        self.own = set(self.given)
        for node in ast.walk(tree):
            self._imported(node)
            if isinstance(node, ast.ClassDef) and any(called(base) in self.artifacts for base in node.bases):
                self.artifacts.add(node.name)
        for _ in range(2):  # a name may be derived from one that is assigned further down
            self.texts = {}
            for node in ast.walk(tree):
                self._assigned(node)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        for call in calls:
            self._writes(call)
        yield from self._environment(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from self._call(node)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Attribute) and target.attr in ("path", "uri"):
                        yield from self._refers(node.value)

    def _environment(self, tree: ast.Module) -> Iterator[Gap]:
        """Variables that are read: by name, or all of them, where the environment is more than asked for a name."""
        asked: set[int] = set()
        for node in ast.walk(tree):
            match node:
                case ast.Subscript(value=value, slice=key, ctx=context) if _is_environment(value):
                    asked.add(id(value))
                    yield from () if isinstance(context, ast.Store) else self._variable(key, node)
                case ast.Call(func=ast.Attribute(value=value, attr=name)) if _is_environment(value):
                    if name in _VARIABLES or name in _SETTERS:
                        asked.add(id(value))
                    if name in _VARIABLES:
                        yield from self._variable(_argument(node, 0, ("key",)), node)
                case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[value]) if _is_environment(value):
                    asked.add(id(value))
                    yield from self._variable(key, node)
                case ast.Call(func=function) if self._name(function) == "getenv":
                    yield from self._variable(_argument(node, 0, ("key",)), node)
                case _:
                    pass
        if any(_is_environment(node) and id(node) not in asked for node in ast.walk(tree)):
            yield Gap("all environment variables", ", which the component reads together")

    def _variable(self, key: ast.expr | None, node: ast.expr) -> Iterator[Gap]:
        name = self._text(key)
        if name:
            why = ", which the component reads but the task does not set"
            yield Gap(f"the environment variable `{name}`", why, name)
        elif name is None and key is not None:
            yield Gap(f"the environment variable that `{_shown(node)}` reads")

    def _name(self, function: ast.expr) -> str:
        """The name of a function that is called, as it was defined."""
        name = called(function)
        return self.aliases.get(name, name) if isinstance(function, ast.Name) else name

    def _imported(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in _STARTERS:
                    self.starters[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module in _STARTERS:
            for alias in node.names:
                if alias.name in _PROGRAMS:
                    self.starters[alias.asname or alias.name] = alias.name
        if isinstance(node, ast.ImportFrom):
            self.aliases.update((alias.asname, alias.name) for alias in node.names if alias.asname)
            if node.module == "fileinput":
                self.aliases.update((alias.asname or alias.name, "FileInput") for alias in node.names)

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
                if self._path(value):
                    self.paths.add(target.id)
                if _is_reader(called(value)) and not isinstance(value, ast.Call):
                    self.aliases[target.id] = called(value)
                text = None if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) else self._text(value)
                known = self.texts.get(target.id, text)
                self.texts[target.id] = text if known == text else None

    def _is_own(self, value: ast.expr) -> bool:
        for node in ast.walk(value):
            if isinstance(node, ast.Name) and node.id in self.own:
                return True
            if isinstance(node, ast.Call) and called(node.func) in _TEMPORARY:
                return True
        return isinstance(value, ast.Call) and self._name(value.func) in _OPEN

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
                join = "".join if isinstance(operator, ast.Add) else lambda texts: os.path.join(*texts)
                return join(known) if len(known) == len(parts) else None
            case ast.Call(func=ast.Attribute(value=ast.Name(id="Path"), attr=method)) if method in _FOLDERS:
                return _FOLDERS[method]
            case ast.Call(
                func=ast.Attribute(value=base, attr="joinpath" | "expanduser" | "absolute" | "resolve"), args=args
            ) if self._path(base):
                parts = [self._text(argument) for argument in (base, *args)]
                known = [part for part in parts if part is not None]
                return os.path.join(*known) if len(known) == len(parts) else None
            case ast.Call(func=function, args=args) if called(function) in _PATHS and args:
                parts = [self._text(argument) for argument in args]
                known = [part for part in parts if part is not None]
                return os.path.join(*known) if len(known) == len(parts) else None
            case _:
                return None

    def _writes(self, call: ast.Call) -> None:
        name = self._name(call.func)
        if name in ("write_text", "write_bytes", "touch", "mkdir") and isinstance(call.func, ast.Attribute):
            text = self._text(call.func.value)
        elif name in _OPEN or name in ("makedirs", "mkdir") or name.startswith(("to_", "save", "dump")):
            text = self._text(_argument(call)) if name not in _OPEN or _for_writing(call) else None
        else:
            return
        if text:
            self.written.add(text)

    def _call(self, call: ast.Call) -> Iterator[Gap]:
        name = self._name(call.func)
        first = call.args[0] if call.args else None
        on = call.func.value if isinstance(call.func, ast.Attribute) else None
        if name in ("import_module", "__import__") and first is not None and self._text(first) is None:
            yield Gap(f"the module that `{_shown(call)}` imports")
        elif self._starts_program(call):
            program = self._program(first)
            yield Gap(f"the program `{program}`", ", which the task starts, and the files that it reads")
        elif on is not None and name in _OF_PATH and self._path(on):
            yield from self._read(on, call)
        elif name in self.passed:
            position, keyword = self.passed[name]
            yield from self._read(_argument(call, position, (keyword,)), call)
        elif (_is_reader(name) and not (name in _OPEN and _for_writing(call))) or (
            name == "input" and on is not None and called(on) == "fileinput"
        ):
            path = _argument(call)
            number = name == "read" and isinstance(path, ast.BinOp) and self._text(path) is None  # of characters
            if not number and not (name == "read" and on is not None and self._is_own(on)):
                yield from self._read(path, call, sure=name in _OPEN)
        elif name == "connect" and on is not None and called(on) in _DATABASES:
            yield from self._read(_argument(call), call)
        elif name in self.artifacts or name == "set_path":
            yield from self._refers(_argument(call))

    def _refers(self, path: ast.expr | None) -> Iterator[Gap]:
        """An artifact that refers to a file. A relative path is one of the task's own files."""
        text = self._text(path)
        if path is not None and text and (text.startswith("~") or os.path.isabs(text.removeprefix("file://"))):
            yield from self._read(path, path)

    def _path(self, value: ast.expr) -> bool:
        """Whether a value is a path of ``pathlib`` that the source builds."""
        match value:
            case ast.Name(id=name):
                return name in self.paths or self.texts.get(name) is not None
            case ast.BinOp(left=left, op=ast.Div()):
                return self._path(left)
            case ast.Attribute(value=base, attr="parent"):
                return self._path(base)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="Path"), attr=method)) if method in _FOLDERS:
                return True
            case ast.Call(func=ast.Attribute(value=base, attr=method)) if method in _SAME_PATH:
                return self._path(base)
            case ast.Call(func=function):
                return called(function) in ("Path", "PosixPath", "PurePath")
            case _:
                return False

    def _read(self, path: ast.expr | None, call: ast.expr, *, sure: bool = True) -> Iterator[Gap]:
        if path is None or self._is_own(path):
            return
        if isinstance(path, ast.List | ast.Tuple):
            for item in path.elts:
                yield from self._read(item, call, sure=sure)
            return
        text = self._text(path)
        if text:
            text = text.removeprefix("file://")
            inside = any(text == known or text.startswith(f"{known}/") for known in self.written)
            if not inside and "://" not in text:
                yield Gap(f"the file `{text}`", ", which the task reads by path")
        elif (
            isinstance(path, ast.BinOp | ast.JoinedStr)
            or (isinstance(path, ast.Call) and (sure or called(path.func) in _PATHS))
            or (sure and isinstance(path, ast.Name) and path.id in self.texts)
            or self._path(path)
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


def _is_environment(value: ast.AST) -> bool:
    return isinstance(value, ast.Name | ast.Attribute) and called(value) == "environ"


def _shown(call: ast.expr) -> str:
    text = ast.unparse(call)
    return text if len(text) <= 40 else f"{text[:39]}…"
