"""Installed backends: entry points of the group ``typedpipe.backends``; and lookup of entry points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from typedpipe.compiler.backend import Backend
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import NOWHERE, Diagnostic, Label
from typedpipe.diagnostics.words import nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "typedpipe.backends"
BUILTIN = {"argo": "typedpipe.compiler.argo:backend"}
"""Found without a lookup of installed packages, which costs time and fails in a tree that is not installed."""


@cache  # finding out what is installed takes longer than compiling a small pipeline
def backend(name: str = "argo") -> Backend:
    """The backend with this name.

    Raises:
        PipelineError: TP390 if there is none, TP391 if two packages claim the name, TP394 if its package is broken.
    """
    found = place(name, GROUP, BUILTIN, "a backend")
    if found is None:
        installed = known(GROUP, BUILTIN)
        near = nearest(name, installed)
        asked = f"did you mean `{near}`?" if near else "install the package that provides it"
        raise _failed("TP390", f"there is no backend named `{name}`", f"installed: {', '.join(installed)}", asked)
    loaded: Backend = load(found, Backend, f"the backend `{name}`")
    return loaded


def names() -> list[str]:
    """Names of all backends.

    >>> "argo" in names()
    True
    """
    return known(GROUP, BUILTIN)


def place(name: str, group: str, builtin: Mapping[str, str], word: str) -> str | None:
    """The reference (``module:attribute``) of a name in a group of entry points; None if there is none.

    Raises:
        PipelineError: TP391 if two packages claim the name.
    """
    places = {
        point.value: point.dist.name if point.dist else "?" for point in _entry_points(group) if point.name == name
    }
    if name in builtin:
        places.setdefault(builtin[name], "typedpipe")
    if len(places) > 1:
        owners = " and ".join(sorted(f"`{owner}` ({each})" for each, owner in places.items()))
        raise _failed("TP391", f"two packages provide {word} named `{name}`", owners, "uninstall one of them")
    return next(iter(places), None)


def known(group: str, builtin: Mapping[str, str]) -> list[str]:
    """All names of a group."""
    return sorted({*builtin, *(point.name for point in _entry_points(group))})


def load(place: str, kind: Any, what: str) -> Any:
    """Load the object of a reference, an instance of a protocol class.

    Raises:
        PipelineError: TP394 if it cannot be imported, or is not of this kind.
    """
    module, _, attribute = place.partition(":")
    attribute = attribute or "backend"
    word = kind.__name__
    try:
        found: object = getattr(import_module(module), attribute)
    except ImportError as error:
        raise _unusable(what, place, f"the import of `{module}` fails: {error}", word) from error
    except AttributeError:
        raise _unusable(what, place, f"the module `{module}` has no `{attribute}`", word) from None
    if isinstance(found, type) or not isinstance(found, kind):  # a class has the methods of its instances
        got = f"the class `{found.__name__}`" if isinstance(found, type) else f"a `{type(found).__name__}`"
        raise _unusable(what, place, f"`{attribute}` is {got}, not a `{word}`", word)
    return found


def _unusable(what: str, place: str, why: str, word: str) -> PipelineError:
    help_ = f"reinstall or remove the package; its entry point must name an object that implements `{word}`"
    return _failed("TP394", f"{what} cannot be used: {why}", f"its entry point is `{place}`", help_)


def _entry_points(group: str) -> Iterable[EntryPoint]:
    from importlib.metadata import entry_points  # 10 ms: only if a backend is requested

    return entry_points(group=group)


def _failed(code: str, message: str, note: str, help_: str) -> PipelineError:
    return PipelineError([Diagnostic(code, message, Label(NOWHERE), notes=(note,), help=help_)])
