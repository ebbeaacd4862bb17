"""Rules behind the figures of ``tools/design.py``: one function each, whose docstring states the rule."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.source_tree import Module, Tree, Unmeasured, imports

# Exemplars represent all of their kind. A kind with several is counted by the files that name every one of them, so
# that files that one of them needs for its own meaning (a time limit is enforced somewhere) do not count.
PLAIN_OPTIONS = ("display_name", "timeout_seconds", "retry")
VALUE_OPTIONS = ("cpu_limit", "memory_limit", "accelerator_type")
LIST_OPTION = "env"
EXTENSIONS = "extensions"
ARTIFACTS = ("ClassificationMetrics", "SlicedClassificationMetrics", "Markdown", "HTML")
NODE = "ExitHandler"
COMMANDS = ("explain-cache", "lint")
BACKEND = "typedpipe.compiler.argo"
PATHS = "typedpipe.runs.paths"
BELOW_RUNS = ("runtime", "installed", "diagnostics", "types", "ir", "dsl", "compiler", "kubernetes")
"""Packages that never use the path of a task in a run."""


@dataclass(frozen=True)
class Figure:
    """A number and the items it counts."""

    value: float
    parts: Sequence[str]
    note: str = ""


def _count(parts: Iterable[str], note: str = "") -> Figure:
    found = list(parts)
    return Figure(len(found), found, note)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


# ------------------------------------------------------------------------------------------- files that a change touches


def plain_option(tree: Tree) -> Figure:
    """Files that name each of the options without pipeline values in ``PLAIN_OPTIONS``.

    A ``.proto`` does not count where a new option changes nothing in it: its message with these options has a repeated
    field of a message of texts, one of them ``name``, which takes any option.
    """
    return _count(_unless_by_name(tree, tree.naming(*PLAIN_OPTIONS), _names_a_text))


def value_option(tree: Tree) -> Figure:
    """Files of a plain option, and those that name each of the options with pipeline values in ``VALUE_OPTIONS``.

    A ``.proto`` does not count where its message with the plain options has a repeated field of a message with a ``name``
    and a field of another message, the value.
    """
    files = sorted({*tree.naming(*PLAIN_OPTIONS), *tree.naming(*VALUE_OPTIONS)})
    return _count(_unless_by_name(tree, files, _names_a_value))


_Fields = list[tuple[str, str, str]]


def _unless_by_name(tree: Tree, files: Iterable[str], takes: Callable[[_Fields], bool]) -> list[str]:
    """Files without the ``.proto`` files whose message of options has a repeated field of a message that ``takes`` any."""
    return [file for file in files if file not in tree.proto_texts or not _by_name(tree.proto_texts[file], takes)]


def _by_name(proto: str, takes: Callable[[_Fields], bool]) -> bool:
    messages: dict[str, _Fields] = {
        name: re.findall(r"(?:(repeated|optional)\s+)?(\w+)\s+(\w+)\s*=\s*\d+", body)
        for name, body in re.findall(r"\bmessage\s+(\w+)\s*\{([^{}]*)\}", proto)
    }
    named = {name for name, fields in messages.items() if ("", "string", "name") in fields and takes(fields)}
    owners = [fields for fields in messages.values() if {name for *_, name in fields}.issuperset(PLAIN_OPTIONS)]
    return bool(owners) and all(
        any(label == "repeated" and kind in named for label, kind, _ in fields) for fields in owners
    )


def _names_a_text(fields: _Fields) -> bool:
    return len(fields) == 2 and all(kind == "string" for _, kind, _ in fields)


def _names_a_value(fields: _Fields) -> bool:
    return len(fields) == 2 and any(kind[:1].isupper() for _, kind, _ in fields)


def kubernetes_setting(tree: Tree) -> Figure:
    """The file that owns the setting, and the files of ``ir``, ``dsl`` and ``compiler`` that read one key of
    ``extensions``.

    Before there are ``extensions``, a setting such as a volume mount is a list with pipeline values. A substitute is
    counted: the files of an option with a pipeline value, and those of ``ir``, ``dsl`` and ``compiler`` that name
    ``env``, the one list of settings. The review's own count by hand was 16.
    """
    core = [module for module in tree.modules.values() if module.package in ("ir", "dsl", "compiler")]
    if any(EXTENSIONS in module.words for module in core):
        return _count(["the file that owns the setting", *(m.file for m in core if _asks_for_a_key(m))])
    listed = [module.file for module in core if LIST_OPTION in module.words]
    return _count(sorted({*value_option(tree).parts, *listed}), "a stand-in: there are no extensions")


def _asks_for_a_key(module: Module) -> bool:
    for node in module.nodes:
        match node:
            case ast.Subscript(value=owner, slice=ast.Constant(value=str())):
                pass
            case ast.Call(func=ast.Attribute(value=owner, attr="get"), args=[ast.Constant(value=str()), *_]):
                pass
            case ast.Compare(left=ast.Constant(value=str()), ops=[ast.In() | ast.NotIn()], comparators=[owner]):
                pass
            case _:
                continue
        if EXTENSIONS in (getattr(owner, "attr", None), getattr(owner, "id", None)):
            return True
    return False


def artifact_class(tree: Tree) -> Figure:
    """Files that name each of the artifact classes in ``ARTIFACTS``."""
    return _count(tree.naming(*ARTIFACTS))


def control_flow_node(tree: Tree) -> Figure:
    """The files that name the IR class ``NODE``: those of ``typedpipe.ir``, those that import it from there or reach it through
    a module of ``typedpipe.ir``, and the ``.proto`` files. The class of the same name in ``dsl`` does not count.
    """
    tree.naming(NODE)
    own = [module.file for module in tree.modules.values() if NODE in module.words and _names_the_node(module)]
    return _count(sorted(own) + [file for file, words in tree.protos.items() if NODE in words])


def _names_the_node(module: Module) -> bool:
    if module.package == "ir":
        return True
    bound: set[str] = set()
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom) and re.match(r"typedpipe(\.ir\b|$)", node.module or ""):
            bound.update(alias.asname or alias.name for alias in node.names if alias.name != NODE)
            if node.module != "typedpipe" and any(alias.name == NODE for alias in node.names):
                return True
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == NODE
        and (ast.unparse(node.value) in bound - {"dsl"} or ast.unparse(node.value).startswith("typedpipe.ir."))
        for node in module.nodes
    )


def command(tree: Tree) -> Figure:
    """The most files that name one of the commands in ``COMMANDS``: its own module is among them."""
    files = [tree.naming(name) for name in COMMANDS]
    return _count(max(files, key=len))


def backend(tree: Tree) -> Figure:
    """Modules outside the package ``BACKEND`` that import from it; the registry finds a backend by its entry point."""

    def outside(name: str) -> bool:
        return name != BACKEND and not name.startswith(BACKEND + ".")

    users = {module for module, needs in imports(tree).items() if outside(module) and not all(map(outside, needs))}
    return _count(sorted(tree.modules[name].file for name in users))


# ---------------------------------------------------------------------------------------------------- modules and packages

_PROGRAM = """
import sys
source = sys.stdin.read()
run = lambda: exec(compile(source, sys.argv[1], "exec"), {"__name__": "pipeline", "__file__": sys.argv[1]})
run()
seen = set()
def note(frame, event, argument):
    if event == "call":
        seen.add(frame.f_globals.get("__name__", ""))
sys.setprofile(note)
run()
sys.setprofile(None)
print("\\n".join(sorted(name for name in seen if name.partition(".")[0] == "typedpipe")))
"""
_PIPELINE = """
from typedpipe import dsl
from typedpipe.compiler import Compiler
@dsl.component
def double(n: int) -> int:
    return 2 * n
@dsl.component
def add(n: int) -> int:
    return n + 1
@dsl.pipeline
def p(n: int = 1) -> int:
    return add(n=double(n=n).output).output
Compiler().compile(p, FILE)
"""


def entered(tree: Tree) -> Figure:
    """Modules with a function called while a file with a pipeline of two calls is run and compiled to YAML.

    The file is run twice in one process, and the second time is counted, without imports.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pipeline.py"
        text = _PIPELINE.replace("FILE", repr(str(Path(folder) / "p.yaml")))
        file.write_text(text, "utf-8")
        environment = {**os.environ, "PYTHONPATH": str(tree.root), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-c", _PROGRAM, str(file)]
        done = subprocess.run(
            command, input=text, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
    if done.returncode:
        raise Unmeasured(f"the pipeline of two calls failed:\n{done.stderr}")
    return _count(done.stdout.split())


def largest_folder(tree: Tree) -> Figure:
    """Lines of the largest directory, without subdirectories, as a share of all lines of ``typedpipe``."""
    return _largest(tree, lambda module: module.file.rpartition("/")[0])


def largest_package(tree: Tree) -> Figure:
    """Lines of the largest top-level package, including subpackages, as a share of all lines of ``typedpipe``."""
    return _largest(tree, lambda module: f"typedpipe/{module.package}")


def _largest(tree: Tree, key: Callable[[Module], str]) -> Figure:
    lines: dict[str, int] = {}
    files: dict[str, int] = {}
    for module in tree.modules.values():
        lines[key(module)] = lines.get(key(module), 0) + module.lines
        files[key(module)] = files.get(key(module), 0) + 1
    order = sorted(lines, key=lambda name: -lines[name])
    parts = [f"{name}: {files[name]} files, {lines[name]:,} lines, {lines[name] / tree.lines:.1%}" for name in order]
    return Figure(_percent(lines[order[0]], tree.lines), parts, parts[0])


def circles(tree: Tree) -> Figure:
    """Groups of modules in which each imports each other, directly or through others (strongly connected components)."""
    needs = imports(tree)
    below = {name: _reached(needs, name) for name in needs}
    groups = {frozenset(other for other in below[name] if name in below[other]) for name in needs}
    return _count(sorted(f"{len(group)} modules: {', '.join(sorted(group))}" for group in groups if group))


def _reached(needs: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    stack = [start]
    while stack:
        new = needs[stack.pop()] - seen
        seen |= new
        stack.extend(new)
    return seen


# ------------------------------------------------------------------------------------------------------- paths and docstrings

_TAKES_APART = frozenset({"split", "rsplit", "partition", "rpartition", "find", "rfind", "index", "rindex", "count"})
_ITEM = re.compile(r"\\\[[^\]]*(\\d|0-9)")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def path_readers(tree: Tree) -> Figure:
    r"""Functions that parse a path such as ``for-1[2]/train``; the module ``PATHS`` counts as one, if it has any.

    A function parses a path if it calls ``split``, ``partition``, ``find``, ``count`` or a method like these with
    ``"/"`` or ``"["``, or uses a regular expression with ``\[`` and digits (its own, or a constant of its module).
    Packages in ``BELOW_RUNS`` are ignored, as are arguments of ``os.path.join``: these are paths in a file system.
    """
    found: list[str] = []
    for module in tree.modules.values():
        if module.package not in BELOW_RUNS:
            own = [f"{module.file}:{line} {name}" for line, name in _readers(module)]
            found.extend(own[:1] if module.name == PATHS else own)
    return _count(found)


def _readers(module: Module) -> Iterator[tuple[int, str]]:
    constants = {
        target.id
        for node in module.tree.body
        if isinstance(node, ast.Assign) and _has_item_pattern(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in module.nodes:
        if isinstance(node, _FUNCTIONS):
            body = list(_own(node))
            joined = {id(part) for each in body for part in _joined(each)}
            if any(_reads(each, constants) and id(each) not in joined for each in body):
                yield node.lineno, node.name


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a function without those of nested functions."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, _FUNCTIONS):
            yield child
            yield from _own(child)


def _joined(node: ast.AST) -> list[ast.expr]:
    """Arguments that a call of ``os.path.join`` or ``Path`` unpacks."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func) not in ("os.path.join", "Path"):
        return []
    return [argument.value for argument in node.args if isinstance(argument, ast.Starred)]


def _reads(node: ast.AST, constants: set[str]) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr=method), args=[ast.Constant(value="/" | "["), *_]):
            return method in _TAKES_APART
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re"))):
            return _has_item_pattern(node)
        case ast.Name(id=name, ctx=ast.Load()):
            return name in constants
        case _:
            return False


def _has_item_pattern(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call) or not ast.unparse(node.func).startswith("re."):
        return False
    return any(isinstance(a, ast.Constant) and isinstance(a.value, str) and _ITEM.search(a.value) for a in node.args)


def docstrings(tree: Tree) -> Figure:
    """The share of docstrings whose first word is What, Where, How or Which.

    Docstrings are those of modules, classes and functions, and strings that follow an assignment in a module or class.
    """
    found = [(module, line, text) for module in tree.modules.values() for line, text in _docstrings(module)]
    opening = [each for each in found if re.match(r"\W*(What|Where|How|Which)\b", each[2])]
    parts = [f"{module.file}:{line}: {text.strip().splitlines()[0]}" for module, line, text in opening]
    return Figure(_percent(len(opening), len(found)), parts, f"{len(opening)} of {len(found):,}")


def _docstrings(module: Module) -> Iterator[tuple[int, str]]:
    for node in module.nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            previous: ast.AST | None = None
            for statement in node.body:
                documents = previous is None or isinstance(previous, ast.Assign | ast.AnnAssign)
                match statement:
                    case ast.Expr(value=ast.Constant(value=str(text))) if documents and text.strip():
                        yield statement.lineno, text
                    case _:
                        pass
                previous = statement
