"""Placement of each component, and errors for those that cannot run locally."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from shutil import which
from typing import Literal, TypeAlias, cast

from typedpipe.diagnostics.model import Diagnostic, Diagnostics, Label
from typedpipe.installed.packages import installed
from typedpipe.installed.references import local_path
from typedpipe.ir import nodes as ir
from typedpipe.ir.images import is_image
from typedpipe.ir.options import set_options
from typedpipe.local.options import Runner
from typedpipe.local.processes.preload import Preload, preloads
from typedpipe.local.runners.calls import calls_of, first_calls, tasks_of, uses
from typedpipe.local.runners.client import Client, Engine as EngineName, NoClient, client, image_id, pull
from typedpipe.local.runners.placement import Placement

Containers: TypeAlias = Literal["", "host", "docker", "podman"]


def placements(
    pipeline: ir.Pipeline,
    runner: Runner | None,
    report: Diagnostics,
    progress: Callable[[str], None] | None = None,
    *,
    ready: bool = True,
) -> dict[str, Placement]:
    """The placement of each component that is used. A component that cannot run is reported at its first call.

    Virtual environments are created and images pulled here, before anything starts; ``progress`` is called for slow
    steps. If not ``ready``, nothing is created or pulled, and what is missing is assumed to be available.

    >>> from typedpipe.ir.nodes import Graph
    >>> placements(ir.Pipeline("p", Graph()), None, Diagnostics())
    {}
    """
    found: dict[str, Placement] = {}
    places = _Places(runner, report, progress, ready)
    for task in first_calls(pipeline):
        component = pipeline.components[task.component]
        placed = _Place(task, component, places).found()
        if placed is not None:
            found[task.component] = placed
    if runner == "inprocess":
        _warn_of_timeouts(pipeline, found, report)
    _warn_of_ignored_options(pipeline, report)
    times, loaded = uses(pipeline), dict[str, Preload]()
    for runner_of in ("process", "venv"):
        counts = {key: times[key] for key, placed in found.items() if placed.runner == runner_of}
        loaded |= preloads(counts, pipeline.components, here=runner_of == "process")
    return {key: replace(placed, preload=loaded.get(key, Preload())) for key, placed in found.items()}


def containers_mode() -> Containers:
    """The value of TYPEDPIPE_CONTAINERS: ``host`` runs commands of containers without their images."""
    mode = os.environ.get("TYPEDPIPE_CONTAINERS", "")
    return cast("Containers", mode) if mode in ("host", "docker", "podman") else ""


def _warn_of_timeouts(pipeline: ir.Pipeline, found: dict[str, Placement], report: Diagnostics) -> None:
    for task in tasks_of([pipeline.graph, *pipeline.pipelines.values()]):
        place = found.get(task.component)
        if place is not None and place.runner == "inprocess" and task.options.timeout_seconds is not None:
            message = f"`{task.name}` has a timeout, but a task in this process cannot be stopped"
            advice = "remove `--runner inprocess` to enforce timeouts"
            label = Label(task.span, "the timeout of this task is not enforced")
            report.add(Diagnostic("TP622", message, label, help=advice, severity="warning"))


def _warn_of_ignored_options(pipeline: ir.Pipeline, report: Diagnostics) -> None:
    """Note each option that local runs ignore, and each package whose settings they ignore, at its first task."""
    said: set[str] = set()
    for call in calls_of([pipeline.graph, *pipeline.pipelines.values()]):
        for row, value in set_options(call.options):
            if row.local != "ignored":
                continue
            names = [f"settings of `{key}`" for key, _ in value] if row.kind == "extensions" else [f"`{row.name}`"]
            for name in names:
                if name not in said:
                    said.add(name)
                    verb = "have" if row.kind == "extensions" else "has"
                    label = Label(call.span, "first set here")
                    message = f"{name} {verb} no effect on this machine"
                    report.add(Diagnostic("TP623", message, label, severity="warning"))


def _pip_argument(package: str) -> str:
    """A requirement as an argument of ``pip install``. A directory is editable: what it would build is not known."""
    path = local_path(package)
    word = f"./{os.path.relpath(path)}" if path and not os.path.isabs(package) and "@" not in package else package
    return f"-e {shlex.quote(path and word)}" if path and os.path.isdir(path) else shlex.quote(package)


@dataclass(slots=True)
class _Places:
    """State shared by all components: the settings, and the findings about this machine."""

    runner: Runner | None
    report: Diagnostics
    progress: Callable[[str], None] | None
    ready: bool
    images: dict[str, str] = field(default_factory=dict[str, str])
    """Id of each image that was looked up; "" if it is not available, which has been reported."""

    def client(self) -> Client | NoClient:
        """The client for container components: the requested one, otherwise the first that responds."""
        chosen: str = self.runner if self.runner in ("docker", "podman") else containers_mode()
        names: tuple[EngineName, ...] = ("docker", "podman")
        tried = [client(name) for name in names if chosen in ("", "host", name)]
        answer = next((found for found in tried if isinstance(found, Client)), None)
        return answer or next((t for t in tried if isinstance(t, NoClient) and "not on this" not in t.why), tried[0])


@dataclass(slots=True)
class _Place:
    """Determines the placement of one component."""

    task: ir.Task
    component: ir.Component
    places: _Places

    def found(self) -> Placement | None:
        impl = self.component.impl
        in_container = self.places.runner in ("docker", "podman")
        if isinstance(impl, ir.ContainerImpl):
            return self._on_host(impl) if containers_mode() == "host" and not in_container else self._container()
        return self._container() if in_container else self._python(impl)

    def _declared(self, text: str) -> tuple[Label, ...]:
        span = self.component.span
        return (Label(span, text),) if span.line else ()

    def _refuse(self, code: str, message: str, label: str, *, notes: tuple[str, ...] = (), help: str) -> None:
        declared = self._declared(f"`{self.component.name}` is declared here")
        self.places.report.error(code, message, self.task.span, label, others=declared, notes=notes, help=help)

    # ----------------------------------------------------------------------------------------- containers

    def _container(self) -> Placement | None:
        name, image = self.component.name, self.component.image
        found = self.places.client()
        needs = f"this task requires the image {image}"
        if isinstance(found, NoClient):
            what = (
                "is a container component, but" if isinstance(self.component.impl, ir.ContainerImpl) else "cannot run:"
            )
            host = ", run the pipeline on a cluster, or set TYPEDPIPE_CONTAINERS=host to run the command locally without the image"
            hint = host if isinstance(self.component.impl, ir.ContainerImpl) else ", or choose another `--runner`"
            self._refuse("TP195", f"`{name}` {what} {found.why}", needs, help=found.help + hint)
            return None
        if (
            self.task.options.image is not None or not self.places.ready
        ):  # the task's own may be known only when it starts
            return Placement(self.component, found.name, client=found)
        known = self._image(found, image)
        return Placement(self.component, found.name, client=found, image_id=known) if known else None

    def _image(self, found: Client, image: str) -> str:
        images = self.places.images
        if image in images:
            return images[image]
        if not is_image(image):  # from a saved pipeline: it would be an option of the client
            images[image] = ""
            self._refuse(
                "TP621",
                f"`{image}` is not the name of an image",
                f"`{self.component.name}` runs in it",
                help="check the name of the image of the component",
            )
            return ""
        images[image] = image_id(found, image)
        if not images[image]:
            if self.places.progress is not None:
                self.places.progress(f"pulling the image {image}")
            said = pull(found, image)
            images[image] = "" if said else image_id(found, image)
            if said:
                self._refuse(
                    "TP621",
                    f"the image {image} is not on this machine, and {found.name} cannot pull it",
                    f"`{self.component.name}` runs in it",
                    notes=tuple(said),
                    help=f"check the name, or build the image: `{found.name} build -t {image} .`",
                )
        return images[image]

    def _on_host(self, impl: ir.ContainerImpl) -> Placement | None:
        first = (*impl.command, *impl.args)[:1]
        command = first[0] if first and isinstance(first[0], str) else None
        if first and (command is None or which(command) is not None):
            return Placement(self.component, "process")
        what = f"the command `{command}` is not installed" if command else "it has no command"
        self._refuse(
            "TP195",
            f"`{self.component.name}` cannot run without its image: {what}",
            f"this task requires the image {self.component.image}",
            help=f"install `{command}`, or run the pipeline on a cluster" if command else "add `command=[...]`",
        )
        return None

    # --------------------------------------------------------------------------------------------- Python

    def _python(self, impl: ir.PythonImpl) -> Placement | None:
        runner = self.places.runner
        missing = [package for package in impl.packages if not installed(package)]
        if runner == "venv" or (runner is None and missing):
            return self._environment(impl)
        if not missing:
            return Placement(self.component, runner or "process")
        names = ", ".join(f"`{package}`" for package in missing)
        install = " ".join(map(_pip_argument, missing))
        self.places.report.error(
            "TP196",
            f"`{self.component.name}` requires packages that are missing from this Python: {names}",
            self.task.span,
            "this task requires them",
            others=self._declared(f"`{self.component.name}` declares them here"),
            help=f"remove `--runner {runner}` to run the task in a virtual environment with these packages, or run `pip install {install}`",
        )
        return None

    def _environment(self, impl: ir.PythonImpl) -> Placement | None:
        if not self.places.ready:
            return Placement(self.component, "venv")
        from typedpipe.local.runners.environments import EnvironmentFailed, Wanted, environment

        wanted = Wanted(impl.packages, impl.pip_index_urls, impl.pip_trusted_hosts)
        try:
            made = environment(wanted, self.places.progress)
        except EnvironmentFailed as error:
            self._refuse(
                "TP620",
                f"the packages of `{self.component.name}` cannot be installed: {error}",
                f"this task requires {', '.join(f'`{package}`' for package in impl.packages) or 'a virtual environment'}",
                notes=error.said,
                help="check `packages_to_install`, the package index and the network",
            )
            return None
        return Placement(self.component, "venv", environment=made)
