"""Modules that are worth loading once for all tasks and are fork-safe."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from textwrap import dedent

from typedpipe.ir import nodes as ir
from typedpipe.local.processes.inert import defined, inert

SAFE = frozenset(
    [
        "numpy",
        "scipy",
        "pandas",
        "sklearn",
        "joblib",
        "matplotlib",
        "seaborn",
        "statsmodels",
        "xgboost",
        "lightgbm",
        "networkx",
        "sympy",
        "nltk",
        "PIL",
        "skimage",
        "openpyxl",
        "lxml",
        "bs4",
        "requests",
        "httpx",
        "jinja2",
        "yaml",
        "pydantic",
        "sqlalchemy",
        "boto3",
        "botocore",
        "cloudpickle",
        "tqdm",
        "tabulate",
    ]
)
"""Imported only in the parent, these work in a forked child. torch, tensorflow, jax, ray, polars and similar packages
start threads or access a device on import, and are never preloaded; a user's own package may do anything.
"""
HARMLESS = sys.stdlib_module_names | {"typedpipe"}
"""Modules that change no environment variable when they are imported, in addition to those above."""
CHANGING = frozenset(["environb", "putenv", "unsetenv", "setenv", "import_module", "run_path", "run_module"])
"""Names whose use may change environment variables, or run source that does; so do these builtins."""
RUNNING = frozenset(["exec", "eval", "__import__"])
MENTION = re.compile(r"\b(environb?|putenv|unsetenv|setenv)\b")


@dataclass(frozen=True, slots=True)
class Preload:
    """Modules to load once for the tasks of a component, as ``zygote.py`` accepts them."""

    modules: tuple[str, ...] = ()
    alone: bool = False
    """The process that loads them must not load modules of other components: their import is visible to the task."""


@dataclass(frozen=True, slots=True)
class Imports:
    """Imports of a component's source, in order: ``module`` or ``module:name,name``."""

    modules: tuple[str, ...]
    first: tuple[str, ...]
    """Those that run before anything else."""
    free: bool
    """All of them are ``first``, and nothing in the source can change environment variables, which modules that others
    import later read when they are imported.
    """


def preloads(
    uses: Mapping[str, int], components: Mapping[str, ir.Component], *, here: bool = True
) -> dict[str, Preload]:
    """The modules to preload for each component.

    What a module does when it is imported can depend on anything that the task does before: variables, ``sys.path``, the
    working directory and files in it, filters of warnings. So a component only gets modules that it imports before it does
    anything.

    Args:
        uses: Static number of tasks of each component; a loop counts as several.
        components: Components by key.
        here: They run in this Python, which can find its modules; in a virtual environment the loading shows it.

    TYPEDPIPE_PRELOAD names further top-level modules, or is ``none``.
    """
    setting = os.environ.get("TYPEDPIPE_PRELOAD", "")
    if setting == "none":
        return {}
    allowed = SAFE | {name.strip() for name in setting.split(",") if name.strip()}
    free: dict[str, tuple[str, ...]] = {}
    found: dict[str, Preload] = {}
    counts: dict[str, int] = {}
    for key, times in uses.items():
        impl = components[key].impl
        if not isinstance(impl, ir.PythonImpl):
            continue
        source = imports(tuple(chunk.text for chunk in impl.chunks), impl.entry, allowed)
        if source.free:
            free[key] = source.first
            for top in {_top(module) for module in source.first}:
                counts[top] = counts.get(top, 0) + times
        elif times > 1:
            found[key] = Preload(_usable(source.first, allowed, here), alone=True)
    wanted = {top for top, times in counts.items() if times > 1}
    for key, modules in free.items():
        found[key] = Preload(_usable((m for m in modules if _top(m) in wanted), allowed, here))
    return {key: preload for key, preload in found.items() if preload.modules}


def _usable(modules: Iterable[str], allowed: frozenset[str], here: bool) -> tuple[str, ...]:
    return tuple(m for m in modules if _top(m) in allowed and (not here or importable(_top(m))))


@cache
def imports(texts: tuple[str, ...], entry: str, known: frozenset[str] = SAFE) -> Imports:
    r"""Imports of shipped source.

    Args:
        texts: The source.
        entry: The function that a task calls.
        known: Top-level modules that do not change environment variables when they are imported.

    >>> imports(("def f():\n    import os.path\n    from sklearn import svm, datasets\n",), "f").modules
    ('os.path', 'sklearn:datasets,svm')
    """
    found: dict[str, None] = {}
    trees: list[ast.Module] = []
    for text in texts:
        try:
            tree = ast.parse(dedent(text))
        except (SyntaxError, ValueError, RecursionError):
            continue  # the task will report it
        trees.append(tree)
        for node in ast.walk(tree):
            found.update((module, None) for module in _imported(node))
    first = tuple(dict.fromkeys(_first(trees, entry, known)))
    free = all(module in first or _top(module) in HARMLESS for module in found)
    return Imports(tuple(found), first, free and not any(map(_changes_variables, trees)))


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        names = sorted(alias.name for alias in node.names if alias.name != "*")
        return [node.module + (":" + ",".join(names) if names else "")]
    return []


def _changes_variables(tree: ast.AST) -> bool:
    """Whether source may change environment variables: it mentions them other than to read one, or runs other source."""
    reads = {id(child) for node in ast.walk(tree) for child in _read(node)}
    for node in ast.walk(tree):
        word = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if word in CHANGING or (word == "environ" and id(node) not in reads):
            return True
        if isinstance(node, ast.Name) and word in RUNNING:
            return True
        if isinstance(node, ast.ImportFrom) and any(alias.name == "environ" and alias.asname for alias in node.names):
            return True
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and MENTION.search(node.value):
            return True
    return False


def _read(node: ast.AST) -> list[ast.AST]:
    """Children of a node that it only reads, if they are mappings."""
    match node:
        case ast.Subscript(value=mapping, ctx=ast.Load()):
            return [mapping]
        case ast.Call(func=ast.Attribute(value=mapping, attr="get" | "items" | "keys" | "values" | "copy")):
            return [mapping]
        case ast.Call(func=ast.Name(id="dict"), args=args, keywords=keywords):
            return [*args, *(word.value for word in keywords if word.arg is None)]
        case ast.Dict(keys=keys, values=values):
            return [value for key, value in zip(keys, values, strict=True) if key is None]
        case ast.Compare(comparators=comparators):
            return list(comparators)
        case _:
            return []


def _first(trees: list[ast.Module], entry: str, known: frozenset[str]) -> Iterator[str]:
    """Imports of known modules that run before anything else, except what is inert: of all source, then of the function."""
    own = defined(trees)
    entries = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == entry]
    if len(entries) != 1:
        return
    others = [node for tree in trees for node in tree.body if node is not entries[0]]
    for statement in (*others, *entries[0].body):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            names = _imported(statement)
            if not names or not all(_top(name) in known or _top(name) in HARMLESS for name in names):
                return
            yield from names
        elif not inert(statement, own):
            return


def union(sets: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """All modules of several components, each once, in order."""
    return tuple(dict.fromkeys(module for modules in sets for module in modules))


@cache
def importable(top: str) -> bool:
    """Whether this Python finds the module, without loading it."""
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _top(module: str) -> str:
    return module.partition(":")[0].partition(".")[0]
