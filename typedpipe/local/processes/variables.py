"""Environment variables that the processes of tasks inherit from this process.

Excluded are variables that belong to a notebook's kernel and not to its user, and for a virtual environment those that
configure this process's Python or refer to it: on a cluster, a task has none of them.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from glob import escape, glob
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

_OBJECT = re.compile(r"(module://)?([A-Za-z_]\w*)((?:\.\w+)*)(?::\w+)?")
"""A value that names a module, or an object in a module, such as a matplotlib backend or a Django settings module."""


def inherited(environment: Path | None = None) -> dict[str, str]:
    """The variables of this process that a task gets; ``environment`` is the directory of its virtual environment."""
    found = dict(os.environ)
    for name, before in kernel_variables(found).items():
        if before is None:
            del found[name]
        else:
            found[name] = before
    if environment is not None:
        found = {name: value for name, value in found.items() if not _of_this_python(name, value, environment)}
    return found


def kernel_variables(variables: Mapping[str, str]) -> dict[str, str | None]:
    """Variables that a notebook's kernel set in its process for itself, and the values with which the process started.

    They have changed since then, no cell contains their names, and the kernel's source does.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return {}
    import psutil

    start = psutil.Process().environ()
    # the kernel's own list: the notebook's `In` is a name that a cell can replace, as `from typedpipe import In` does
    cells = "\n".join(shell.history_manager.input_hist_raw)
    own = {name for name, value in variables.items() if start.get(name) != value and name not in cells}
    packages = {cls.__module__.partition(".")[0] for cls in type(shell).__mro__} - {"builtins", "traitlets"}
    return {name: start.get(name) for name in own if _names(name, frozenset(packages))}


@cache
def _names(variable: str, packages: frozenset[str]) -> bool:
    """Whether loaded modules of packages contain the name of a variable as a string."""
    literals = f'"{variable}"', f"'{variable}'"
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in packages and file and file.endswith(".py"):
            try:
                text = Path(file).read_text("utf-8", "replace")
            except OSError:
                continue
            if any(literal in text for literal in literals):
                return True
    return False


def _of_this_python(name: str, value: str, environment: Path) -> bool:
    """Whether a variable configures this Python, is the directory of its environment, or names a module that only it
    can import.
    """
    if name.startswith("PYTHON") or os.path.normpath(value or ".") == sys.prefix:
        return True
    match = _OBJECT.fullmatch(value)
    if match is None or not (match[1] or match[3]) or match[2] in sys.stdlib_module_names:
        return False
    return (bool(match[1]) or _here(match[2])) and not _importable(match[2], str(environment))


@cache
def _here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


@cache
def _importable(module: str, environment: str) -> bool:
    folders = [*glob(f"{escape(environment)}/lib/python*/site-packages"), f"{environment}/Lib/site-packages"]
    return PathFinder.find_spec(module, folders) is not None
