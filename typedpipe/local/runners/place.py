"""Which way each component is run, and what is refused because it cannot be run here."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from shutil import which
from typing import Literal, TypeAlias, cast

from typedpipe.diagnostics.model import Diagnostics, Label
from typedpipe.ir.nodes import Component, ContainerImpl, Pipeline, PythonImpl, Task
from typedpipe.local.options import Runner
from typedpipe.local.runners.calls import first_calls, uses
from typedpipe.local.runners.packages import installed
from typedpipe.local.runners.placement import Placement
from typedpipe.local.runners.preload import preloads

Containers: TypeAlias = Literal["", "host", "docker", "podman"]


def placements(
    pipeline: Pipeline,
    runner: Runner | None,
    report: Diagnostics,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Placement]:
    """Where each component that is used runs. What cannot run is reported at the place of its first call.

    Environments are made here, before anything starts; ``progress`` is told what takes long.

    >>> from typedpipe.ir.nodes import Graph
    >>> placements(Pipeline("p", Graph()), None, Diagnostics())
    {}
    """
    found: dict[str, Placement] = {}
    for task in first_calls(pipeline):
        component = pipeline.components[task.component]
        placed = _Place(task, component, runner, report).found()
        if placed is not None:
            found[task.component] = placed
    here = {key: count for key, count in uses(pipeline).items() if key in found and found[key].runner == "process"}
    loaded = preloads(here, pipeline.components)
    return {key: replace(place, preload=loaded.get(key, ())) for key, place in found.items()}


def containers_mode() -> Containers:
    """What TYPEDPIPE_CONTAINERS says: ``host`` runs commands of containers without their images."""
    mode = os.environ.get("TYPEDPIPE_CONTAINERS", "")
    return cast("Containers", mode) if mode in ("host", "docker", "podman") else ""


@dataclass(slots=True)
class _Place:
    """Finds the place of one component."""

    task: Task
    component: Component
    runner: Runner | None
    report: Diagnostics

    def found(self) -> Placement | None:
        impl = self.component.impl
        if isinstance(impl, ContainerImpl):
            return self._container(impl)
        return self._python(impl)

    def _declared(self, text: str) -> tuple[Label, ...]:
        span = self.component.span
        return (Label(span, text),) if span.line else ()

    def _container(self, impl: ContainerImpl) -> Placement | None:
        name, image = self.component.name, self.component.image
        declared = self._declared(f"`{name}` is declared here")
        if containers_mode() != "host":
            self.report.error(
                "TP195",
                f"`{name}` is a container component, and containers do not run on this machine yet",
                self.task.span,
                f"this task needs the image {image}",
                others=declared,
                help="compile and run it on a cluster, or set TYPEDPIPE_CONTAINERS=host to run its command here without the image",
            )
            return None
        first = (*impl.command, *impl.args)[:1]
        command = first[0] if first and isinstance(first[0], str) else None
        if first and (command is None or which(command) is not None):
            return Placement(self.component, "process")
        what = f"the command `{command}` is not on this machine" if command else "it has no command of its own"
        self.report.error(
            "TP195",
            f"`{name}` cannot run without its image: {what}",
            self.task.span,
            f"this task needs the image {image}",
            others=declared,
            help=f"install `{command}`, or run it on a cluster" if command else "give it `command=[...]`",
        )
        return None

    def _python(self, impl: PythonImpl) -> Placement | None:
        missing = [package for package in impl.packages if not installed(package)]
        if not missing:
            return Placement(self.component, self.runner or "process")
        names = ", ".join(f"`{package}`" for package in missing)
        self.report.error(
            "TP196",
            f"`{self.component.name}` needs packages that this Python does not have: {names}",
            self.task.span,
            "this task needs them",
            others=self._declared(f"`{self.component.name}` asks for them here"),
            help=f"pip install {' '.join(repr(package) if set(package) & set('<>!~; ') else package for package in missing)}",
        )
        return None
