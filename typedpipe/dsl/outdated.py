"""Notebooks: pipelines that still call the definitions of cells that ran again since."""

from __future__ import annotations

import sys
from typing import Any

from typedpipe.diagnostics.model import Diagnostic, Label
from typedpipe.diagnostics.text import render
from typedpipe.dsl.nodes.callee import Decorated
from typedpipe.dsl.source.files import definition_of, span_of_function
from typedpipe.dsl.source.notebook import cell_number


def warn(pipeline: Any) -> None:
    """Write a warning for each component and pipeline that a pipeline calls as an earlier cell defined it."""
    for found in outdated(pipeline):
        print(render(found), end="", file=sys.stderr)


def outdated(pipeline: Any) -> list[Diagnostic]:
    """A warning for each definition that a pipeline calls, and for which another one has taken its name since."""
    found: dict[str, Diagnostic] = {}
    _look(pipeline, [], found)
    return list(found.values())


def _look(pipeline: Any, above: list[Any], found: dict[str, Diagnostic]) -> None:
    around = [*above, pipeline]
    for key, old in pipeline.called.items():
        new = _successor(old)
        if new is not None and key not in found and _differ(old, new):
            found[key] = _warning(old, new, around)
        if hasattr(old, "called"):
            _look(old, around, found)


def _successor(old: Any) -> Any:
    """What has the name of a definition now, if they are of different cells; None if it still has its name."""
    new: Any = old.__globals__.get(old.__name__) if old.__qualname__ == old.__name__ else None
    if new is old or not issubclass(type(new), Decorated):
        return None
    cells = cell_number(old.__code__), cell_number(new.__code__)
    return new if all(cells) and len(set(cells)) > 1 else None


def _differ(old: Any, new: Any) -> bool:
    """Whether two definitions differ in more than their place: a cell that ran again unchanged is no news."""
    if hasattr(old, "called") != hasattr(new, "called"):
        return True
    if hasattr(old, "called"):  # what it calls is compared by itself
        return _text(old) != _text(new)
    return bool(old.definition != new.definition)


def _text(pipeline: Any) -> str:
    known = definition_of(pipeline.__wrapped__)
    return known[0].chunk(known[1]).text if known is not None else ""


def _warning(old: Any, new: Any, around: list[Any]) -> Diagnostic:
    again = [each for each in reversed(around) if each is around[0] or each.__globals__.get(each.__name__) is each]
    cells = [f"In [{cell_number(each.__code__)}], which defines `{each.__name__}`" for each in again]
    help_ = f"to use it, run {cells[0]}, again" if len(cells) == 1 else f"to use it, run again: {'; then '.join(cells)}"
    return Diagnostic(
        "TP141",
        f"`{around[0].__name__}` still calls the `{old.__name__}` of In [{cell_number(old.__code__)}]",
        Label(span_of_function(new.__wrapped__), f"In [{cell_number(new.__code__)}] defines another `{new.__name__}`"),
        help=help_,
        severity="warning",
    )
