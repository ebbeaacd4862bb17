"""Untracked dependencies of a task, which no cache key can see, found in its source and its inputs."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from typedpipe.installed.distributions import importable, normal_name
from typedpipe.installed.packages import imported, name_in
from typedpipe.installed.references import direct_reference
from typedpipe.ir import nodes as ir
from typedpipe.local.caching.normal_form import trees_of
from typedpipe.local.caching.reads import Gap, gaps_in
from typedpipe.local.store.cache_table import artifacts_of
from typedpipe.local.values import load
from typedpipe.runs.model import Value
from typedpipe.runtime.task import MODULE

ALWAYS = "the clock, the network, random numbers without a seed"
NAMED = 2
"""Number of gaps that the line of a cache hit names."""


def untracked(
    component: ir.Component,
    inputs: Mapping[str, Value],
    declared_env: Iterable[str] = (),
    key_parts: Mapping[str, Any] | None = None,
) -> list[str]:
    """Descriptions of the untracked dependencies of a task.

    Args:
        component: The component.
        inputs: Its inputs.
        declared_env: Environment variables that are part of the key.
        key_parts: The parts of its key, which name the packages that are tracked.

    >>> from typedpipe.ir.nodes import ContainerImpl
    >>> untracked(ir.Component("a", (), (), ContainerImpl(), "busybox:1"), {})[1]
    'the content of the image `busybox:1`, if its tag moved and its digest is unknown'
    """
    gaps = [*component_gaps(component, key_parts or {}), *input_gaps(inputs)]
    return list(dict.fromkeys([ALWAYS, *map(str, _unset(gaps, declared_env))]))


def hit_note(gaps: Iterable[Gap], declared_env: Iterable[str]) -> str:
    """The dependencies that a cache hit could not check, in a few words; "" if nothing is known.

    >>> hit_note([Gap("the file `a`"), Gap("the file `b`"), Gap("the file `c`")], ())
    'not tracked: the file `a`, the file `b` and 1 more'
    """
    found = list(dict.fromkeys(gap.what for gap in _unset(gaps, declared_env)))
    if not found:
        return ""
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"not tracked: {', '.join(found[:NAMED])}{more}"


def _unset(gaps: Iterable[Gap], declared_env: Iterable[str]) -> list[Gap]:
    declared = frozenset(declared_env)
    return [gap for gap in gaps if not gap.variable or gap.variable not in declared]


def component_gaps(component: ir.Component, key_parts: Mapping[str, Any]) -> list[Gap]:
    """Gaps that all tasks of a component have."""
    impl = component.impl
    if not isinstance(impl, ir.PythonImpl):
        why = ", if its tag moved and its digest is unknown"
        return [] if key_parts.get("image_id") else [Gap(f"the content of the image `{component.image}`", why)]
    given = [*(port.name for port in component.inputs), *(port.name for port in component.outputs)]
    return [*_modules(impl, key_parts), *gaps_in(list(trees_of(impl.chunks)), given)]


def _modules(impl: ir.PythonImpl, key_parts: Mapping[str, Any]) -> Iterator[Gap]:
    """Imports that are neither in the standard library nor tracked."""
    tracked = {
        normal_name(str(text).partition("==")[0].partition(" @")[0]) for text in key_parts.get("requirements", ())
    }
    tracked.update(normal_name(name) for name in key_parts.get("contents", ()))
    tracked.update(_declared(impl.packages))
    names = {name: None for chunk in impl.chunks for name in sorted(imported(chunk.text))}
    for name in names:
        if name in sys.stdlib_module_names or name in ("typedpipe", "kfp", MODULE) or normal_name(name) in tracked:
            continue
        if not _in_site(name):
            if not impl.packages or _found_here(name):  # what is only in the environment of the task is tracked there
                yield Gap(f"the imported module `{name}`", ", which is your own file or is not installed")
            continue
        owners = _owners(name, tracked)
        if tracked.isdisjoint(map(normal_name, owners)):
            yield Gap(f"the version of `{owners[0]}`", ", which is imported but not listed in `packages_to_install`")


def _declared(packages: Sequence[str]) -> Iterator[str]:
    return (normal_name(name) for text in packages if not direct_reference(text) and (name := name_in(text)))


def _in_site(module: str) -> bool:
    """Whether a module belongs to an installed distribution, or is next to some."""
    known = importable()
    if normal_name(module) in known:
        return True
    sites = {os.path.realpath(found.site) for found in known.values()}
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return False
    places = [] if spec is None else [*(spec.submodule_search_locations or ()), *filter(None, [spec.origin])]
    return any(os.path.realpath(os.path.dirname(place)) in sites for place in places)


def _owners(module: str, tracked: Collection[str]) -> Sequence[str]:
    """Names of the distributions of an installed module. To look into all of them takes long: only if it matters."""
    if normal_name(module) in importable() or not tracked:
        return [module]
    return _modules_here().get(module) or [module]


@cache
def _modules_here() -> Mapping[str, list[str]]:
    from importlib.metadata import packages_distributions

    return packages_distributions()


def _found_here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def input_gaps(inputs: Mapping[str, Value]) -> Iterator[Gap]:
    """Gaps in the inputs of one task."""
    for name, value in inputs.items():
        if isinstance(value, str):
            text = load(value) if value.startswith('"') and os.sep in value else None
            if isinstance(text, str) and os.path.exists(text):
                yield Gap(f"the content of {text}", f", the path in the parameter `{name}`")
            continue
        for item in artifacts_of(value):
            if item.path is None:
                yield Gap(f"the content of {item.uri}", f" (input `{name}`): only its URI is part of the cache key")
