"""A single launcher for all placements of a run."""

from __future__ import annotations

import select
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from typedpipe.local.processes.preload import union
from typedpipe.local.runners.launcher import (
    HERE,
    Exited,
    Inbox,
    Interpreter,
    Launch,
    Launcher,
    SpawnLauncher,
    ZygoteLauncher,
)
from typedpipe.local.runners.placement import Placement

if TYPE_CHECKING:
    from typedpipe.local.runners.environments import Environment


@dataclass(slots=True)
class _Used:
    """A launcher in use, and the descriptor to listen on."""

    launcher: Launcher
    fd: int = -1
    generation: int = 0


class Composite:
    """Passes each task to the launcher of its component's placement; launchers are created on first use."""

    def __init__(
        self,
        placements: Mapping[str, Placement],
        nonce: str,
        environment: Mapping[str, str],
        objects: str,
        debug: bool,
        zygotes: bool,
    ) -> None:
        self.generation = 0
        """Never grows: what is listened to inside changes, the one descriptor outside does not."""
        self._placements = placements
        self._nonce = nonce
        self._variables = environment
        self._objects = objects
        self._debug = debug
        self._zygotes = zygotes
        self._inbox = Inbox()
        self._epoll = many()
        if self._epoll is not None:
            self._epoll.register(self._inbox.fileno(), select.EPOLLIN)
        self._used: dict[str, _Used] = {}
        self._owners: dict[str, Launcher] = {}

    def fileno(self) -> int:
        return self._inbox.fileno() if self._epoll is None else self._epoll.fileno()

    def start(self, launch: Launch) -> Exited | None:
        launcher = self._launcher(launch)
        self._owners[launch.ticket] = launcher
        ended = launcher.start(launch)
        if ended is not None:
            del self._owners[launch.ticket]
        return ended

    def signal(self, ticket: str, number: int) -> None:
        owner = self._owners.get(ticket)
        if owner is not None:
            owner.signal(ticket, number)

    def reports(self) -> Iterable[Exited]:
        found = list(self._inbox.take())
        for used in list(self._used.values()):
            if used.fd >= 0:
                found.extend(used.launcher.reports())
                if used.launcher.generation != used.generation:
                    self._listen(used)
        for exited in found:
            self._owners.pop(exited.ticket, None)
        return found

    def close(self) -> None:
        for used in self._used.values():
            used.launcher.close()
        self._inbox.close()
        if self._epoll is not None:
            self._epoll.close()

    # --------------------------------------------------------------------------------- which, and making it

    def _launcher(self, launch: Launch) -> Launcher:
        placement = self._placements[launch.component]
        if placement.runner == "inprocess":
            from typedpipe.local.runners.inprocess import InProcessLauncher

            return self._use("inprocess", lambda: InProcessLauncher(self._debug, self._variables))
        client = placement.client
        if client is not None:
            from typedpipe.local.runners.containers import ContainerLauncher

            components = {key: placed.component for key, placed in self._placements.items()}
            make = partial(
                ContainerLauncher, client, components, self._nonce, self._objects, self._inbox, self._variables
            )
            return self._use(client.name, make)
        environment = placement.environment
        place = environment.key if environment else "here"
        preload = placement.preload
        if preload.modules and self._zygotes and not launch.own_env:
            modules = preload.modules if preload.alone else self._modules(environment)
            which = f" {' '.join(modules)}" if preload.alone else ""
            warm = self._use(f"{place} warm{which}", lambda: self._zygote(environment, modules))
            if isinstance(warm, ZygoteLauncher) and warm.ready:
                return warm
        return self._use(place, lambda: self._processes(environment))

    def _use(self, name: str, make: Callable[[], Launcher]) -> Launcher:
        used = self._used.get(name)
        if used is None:
            used = self._used[name] = _Used(make())
            if isinstance(used.launcher, ZygoteLauncher):
                self._listen(used)
        return used.launcher

    def _listen(self, used: _Used) -> None:
        assert self._epoll is not None
        used.fd, used.generation = used.launcher.fileno(), used.launcher.generation
        self._epoll.register(used.fd, select.EPOLLIN)  # a closed one has unregistered itself

    def _processes(self, environment: Environment | None) -> Launcher:
        if self._zygotes:
            return self._zygote(environment, ())
        return SpawnLauncher(self._mark(), interpreter(environment, self._variables), self._inbox)

    def _zygote(self, environment: Environment | None, modules: tuple[str, ...]) -> Launcher:
        return ZygoteLauncher(self._mark(), interpreter(environment, self._variables), modules)

    def _modules(self, environment: Environment | None) -> tuple[str, ...]:
        placed = (p for p in self._placements.values() if p.environment == environment)
        return union(p.preload.modules for p in placed if not p.preload.alone)

    def _mark(self) -> str:
        return f"{self._nonce}.{len(self._used)}"


def many() -> select.epoll | None:
    """A descriptor that polls several others; where this is not available, threads report everything to the inbox."""
    return select.epoll() if sys.platform == "linux" else None


def interpreter(environment: Environment | None, variables: Mapping[str, str]) -> Interpreter:
    """The Python of a virtual environment; otherwise this Python."""
    if environment is None:
        return replace(HERE, variables=variables)
    return Interpreter((environment.python, "-I", "-u"), str(environment.folder), variables)


def launcher_for(
    placements: Mapping[str, Placement],
    *,
    nonce: str,
    environment: Mapping[str, str] | None = None,
    objects: Path | None = None,
    debug: bool = False,
    zygotes: bool = sys.platform == "linux",
) -> Launcher:
    """The launcher of a run.

    Args:
        placements: From :func:`placements`.
        nonce: Marks every process and container of the run, so that orphans of a double kill can be found.
        environment: Environment variables of all tasks; those of a task take precedence.
        objects: The directory of stored artifacts, mounted read-only in containers.
        debug: With ``inprocess``: a debugger opens where an exception is raised.
        zygotes: Fork tasks from warm processes; False starts an interpreter per task, as on macOS and Windows.
    """
    return Composite(placements, nonce, environment or {}, "" if objects is None else str(objects), debug, zygotes)
