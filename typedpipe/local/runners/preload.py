"""Modules that are worth loading once for all tasks and are fork-safe."""

from __future__ import annotations

import ast
import importlib.util
import os
from collections.abc import Iterable, Mapping
from functools import cache
from textwrap import dedent

from typedpipe.ir import nodes as ir

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
THREADS = ("_NUM_THREADS", "OMP_", "MKL_", "OPENBLAS_", "KMP_", "NUMEXPR_")
"""Source that mentions these variables sets them before an import, and must not find the modules already loaded."""


def preloads(
    uses: Mapping[str, int], components: Mapping[str, ir.Component], *, here: bool = True
) -> dict[str, tuple[str, ...]]:
    """The modules to preload for each component, as ``zygote.py`` accepts them.

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
    found: dict[str, tuple[str, ...]] = {}
    counts: dict[str, int] = {}
    for key, times in uses.items():
        impl = components[key].impl
        if isinstance(impl, ir.PythonImpl):
            found[key] = imports(tuple(chunk.text for chunk in impl.chunks))
            for top in {_top(module) for module in found[key]}:
                counts[top] = counts.get(top, 0) + times
    wanted = {top for top, times in counts.items() if times > 1 and top in allowed and (not here or importable(top))}
    return {key: worth for key, modules in found.items() if (worth := tuple(m for m in modules if _top(m) in wanted))}


@cache
def imports(texts: tuple[str, ...]) -> tuple[str, ...]:
    r"""Imports of shipped source, in order: ``module`` or ``module:name,name``; none if it configures threads.

    >>> imports(("def f():\n    import os.path\n    from sklearn import svm, datasets\n",))
    ('os.path', 'sklearn:datasets,svm')
    """
    found: dict[str, None] = {}
    for text in texts:
        if any(word in text for word in THREADS):
            return ()
        try:
            tree = ast.parse(dedent(text))
        except (SyntaxError, ValueError, RecursionError):
            continue  # the task will report it
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found.update((alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = sorted(alias.name for alias in node.names if alias.name != "*")
                found[node.module + (":" + ",".join(names) if names else "")] = None
    return tuple(found)


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
