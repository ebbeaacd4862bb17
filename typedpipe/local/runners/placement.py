"""Where each component runs: decided, and refused, before anything starts."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typedpipe.ir import nodes as ir
from typedpipe.local.options import Runner
from typedpipe.local.runners.packages import versions

if TYPE_CHECKING:
    from typedpipe.local.runners.client import Client
    from typedpipe.local.runners.environments import Environment


@dataclass(frozen=True, slots=True)
class Placement:
    """How the tasks of one component are run. A container component with runner ``process`` runs its bare command."""

    component: ir.Component
    runner: Runner
    environment: Environment | None = None
    """The Python and packages of a ``venv`` placement."""
    client: Client | None = None
    """What talks to containers, for ``docker`` and ``podman``."""
    image_id: str = ""
    """The image's digest or id, when it is known."""
    preload: tuple[str, ...] = field(default=())
    """Modules that are loaded once for all tasks of the component."""


def facts(placement: Placement) -> dict[str, Any]:
    """What the place adds to a cache key, as JSON data: tasks in different places may give different results.

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
    where["requirements"] = versions(component.impl.packages) if environment is None else list(environment.resolved)
    return where


def places(found: Mapping[str, Placement]) -> list[str]:
    """The kinds of places that are used, sorted: for messages and for what is written down of a run."""
    return sorted({placement.runner for placement in found.values()})
