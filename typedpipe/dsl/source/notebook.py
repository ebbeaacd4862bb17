"""Notebooks: the executed cells in order, the source of a timed cell, and the names that IPython itself defines."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Mapping
from typing import Any

TIMED = "<timed exec>"
"""The file name of a cell below ``%%time``; IPython keeps no source for it."""


def _shell() -> Any:
    module: Any = sys.modules.get("IPython")
    return module.get_ipython() if module is not None else None


def cells() -> list[str]:
    """Names of the executed cells, the one that ran last at the end."""
    found = [name for name in linecache.cache if name.startswith("<ipython") or "ipykernel_" in name or name == TIMED]
    numbers: Mapping[str, int] = getattr(getattr(_shell(), "compile", None), "_filename_map", {})
    return sorted(found, key=lambda name: numbers.get(name, 0))


def keep_timed_cell() -> None:
    """Put the source of the last cell below ``%%time`` into ``linecache``, where that of other cells is."""
    shell = _shell()
    inputs: list[str] = getattr(getattr(shell, "history_manager", None), "input_hist_raw", [])
    for text in reversed(inputs):
        magic, _, body = text.partition("\n")
        if magic.split()[:1] == ["%%time"]:
            lines = shell.transform_cell(body).splitlines(keepends=True)
            linecache.cache[TIMED] = (len(body), None, lines, TIMED)
            return


def is_notebooks_own(name: str, value: object) -> bool:
    """Whether IPython defines a name in the user's namespace, such as its own ``open``, and the user did not."""
    hidden: Mapping[str, object] = getattr(_shell(), "user_ns_hidden", {})
    return hidden.get(name) is value and value is not None
