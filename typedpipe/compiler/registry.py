"""The backends that are installed: entry points of the group ``typedpipe.backends``."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

from typedpipe.compiler.backend import Backend
from typedpipe.diagnostics.model import NOWHERE, Diagnostic, Label, PipelineError
from typedpipe.diagnostics.words import nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "typedpipe.backends"
BUILTIN = {"argo": "typedpipe.compiler.argo:backend"}
"""Found without looking at what is installed, which costs time and fails in a tree that is not installed."""


def backend(name: str = "argo") -> Backend:
    """The backend of this name.

    Raises:
        PipelineError: TP390 when there is none, TP391 when two packages claim the name.
    """
    places = {place: owner for owner, place in _owners(name, _entry_points())}
    if name in BUILTIN:
        places.setdefault(BUILTIN[name], "typedpipe")
    if len(places) > 1:
        owners = " and ".join(sorted(f"`{owner}` ({place})" for place, owner in places.items()))
        raise _failed("TP391", f"two packages provide a backend named `{name}`", owners, "uninstall one of them")
    if not places:
        known = sorted({*BUILTIN, *(point.name for point in _entry_points())})
        near = nearest(name, known)
        asked = f"did you mean `{near}`?" if near else "install the package that provides it"
        raise _failed("TP390", f"there is no backend named `{name}`", f"installed: {', '.join(known)}", asked)
    return _load(next(iter(places)))


def names() -> list[str]:
    """The names of all backends.

    >>> "argo" in names()
    True
    """
    return sorted({*BUILTIN, *(point.name for point in _entry_points())})


def _entry_points() -> Iterable[EntryPoint]:
    from importlib.metadata import entry_points  # 10 ms: only when a backend is asked for

    return entry_points(group=GROUP)


def _owners(name: str, points: Iterable[EntryPoint]) -> list[tuple[str, str]]:
    return [(point.dist.name if point.dist else "?", point.value) for point in points if point.name == name]


def _load(place: str) -> Backend:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute or "backend")
    assert isinstance(found, Backend), f"{place} is not a backend"
    return found


def _failed(code: str, message: str, note: str, help_: str) -> PipelineError:
    return PipelineError([Diagnostic(code, message, Label(NOWHERE), notes=(note,), help=help_)])
