"""Notebooks: the executed cells in order, the source of a timed cell, and the names that IPython itself defines."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

from typedpipe.diagnostics.source import NO_FILE

TIMED = "<timed exec>"
"""The file name of a cell below ``%%time``; IPython keeps no source for it."""
_MAGICS = ("%%time", "%%prun", "%%debug")
"""Magics that run a cell as it is: others run no Python code, keep its source, or leave no definitions."""


def _shell() -> Any:
    module: Any = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def cells() -> list[str]:
    """Names of the executed cells, the one that ran last at the end."""
    found = [name for name in linecache.cache if name.startswith("<ipython") or "ipykernel_" in name]
    numbers: Mapping[str, int] = getattr(getattr(_shell(), "compile", None), "_filename_map", {})
    below = {_keep(number, text): number for number, text in _below_magics()}
    return sorted([*found, *below], key=lambda name: below.get(name, numbers.get(name, 0)))


def cell_number(code: CodeType) -> int:
    """The number of the cell, as in ``In [3]``, that a code object is from; 0 if it is from no cell."""
    name = source_name(code)
    numbers: Mapping[str, int] = getattr(getattr(_shell(), "compile", None), "_filename_map", {})
    below = {_keep(number, text): number for number, text in _below_magics()} if name.startswith("<cell") else {}
    return below.get(name, numbers.get(name, 0))


def source_name(code: CodeType) -> str:
    """The file of a code object; for one of a cell below a magic, the name under which the source of the cell is kept.

    All such cells have the same file name, so the cell is the last one that has this code.
    """
    if code.co_filename in (TIMED, NO_FILE):
        for number, text in reversed(_below_magics()):
            if code in _codes(text):
                return _keep(number, text)
    return code.co_filename


def keep_timed_cell() -> None:
    """Put the source of the last cell below ``%%time`` into ``linecache``, where that of other cells is."""
    for number, text in reversed(_below_magics()):
        linecache.cache[TIMED] = linecache.cache[_keep(number, text)]
        return


def _below_magics() -> list[tuple[int, str]]:
    """Numbers and source of the executed cells below magics for whose Python code IPython keeps no source."""
    shell = _shell()
    inputs: list[str] = getattr(getattr(shell, "history_manager", None), "input_hist_raw", [])
    found: list[tuple[int, str]] = []
    for number, text in enumerate(inputs):
        body, magic = text, ""
        while body.startswith("%%"):
            line, _, body = body.partition("\n")
            magic = line.split()[0]
        if magic in _MAGICS:
            found.append((number, shell.transform_cell(body) if magic != "%%debug" else f"\n{body}"))
    return found


def _keep(number: int, text: str) -> str:
    """Put the source of a cell into ``linecache``; its name there."""
    name = f"<cell {number}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    return name


@lru_cache(maxsize=256)
def _codes(text: str) -> frozenset[CodeType]:
    """Code objects of a cell. They are equal to those of the cell that ran, whatever their file names are."""
    try:
        pending = [compile(text, TIMED, "exec", dont_inherit=True)]
    except SyntaxError:
        return frozenset()
    for code in pending:  # grows
        pending += [part for part in code.co_consts if isinstance(part, CodeType)]
    return frozenset(pending)


def is_notebooks_own(name: str, value: object) -> bool:
    """Whether IPython defines a name in the user's namespace, such as its own ``open``, and the user did not."""
    hidden: Mapping[str, object] = getattr(_shell(), "user_ns_hidden", {})
    return hidden.get(name) is value and value is not None
