"""Placements of components: decided, and rejected, before anything starts."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typedpipe.installed.distributions import edited_since_loaded
from typedpipe.installed.packages import environment_facts
from typedpipe.ir import nodes as ir
from typedpipe.local.options import Runner
from typedpipe.local.processes.preload import Preload

if TYPE_CHECKING:
    from typedpipe.local.runners.client import Client
    from typedpipe.local.runners.environments import Environment


@dataclass(frozen=True, slots=True)
class Placement:
    """The way to run the tasks of a component. A container component with runner ``process`` runs its bare command."""

    component: ir.Component
    runner: Runner
    environment: Environment | None = None
    """The Python and packages of a ``venv`` placement."""
    client: Client | None = None
    """The container client, for ``docker`` and ``podman``."""
    image_id: str = ""
    """The image's digest or id, if known."""
    preload: Preload = field(default=Preload())
    """Modules that are loaded once for all tasks of the component."""


def facts(placement: Placement, digests: dict[str, str] | None = None) -> dict[str, Any]:
    """The part of a cache key that depends on the placement, as JSON data: results may differ between placements.

    Args:
        placement: Of one component.
        digests: Digests of installed packages, shared by the components of a pipeline.

    >>> from typedpipe.ir.nodes import Chunk, PythonImpl
    >>> facts(Placement(ir.Component("a", (), (), PythonImpl("a", (Chunk(""),)), "python:3.11"), "process"))["requirements"]
    []
    """
    component = placement.component
    if placement.client is not None:
        return {"image": component.image, "image_id": placement.image_id}
    where: dict[str, Any] = {"platform": f"{platform.system()} {platform.machine()}"}
    if not isinstance(component.impl, ir.PythonImpl):
        return where
    environment = placement.environment
    where["python"] = ".".join(map(str, sys.version_info[:2]))
    if environment is None:
        where |= environment_facts(component.impl.packages, [chunk.text for chunk in component.impl.chunks], digests)
        changed = edited_since_loaded(where.get("contents", ())) if placement.runner == "inprocess" else []
        if changed:
            where["why_not"] = f"the package `{changed[0]}` was edited after this process had started"
        return where
    where["requirements"] = list(environment.resolved)
    if environment.contents:
        where["contents"] = dict(environment.contents)
    return where


def places(found: Mapping[str, Placement]) -> list[str]:
    """Kinds of placements in use, sorted: for messages and for the run record."""
    return sorted({placement.runner for placement in found.values()})
