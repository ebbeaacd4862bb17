"""Tasks in containers, run through the docker and podman command line clients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from typedpipe.ir import nodes as ir
from typedpipe.local.forks import close_in_forks
from typedpipe.local.runners.child import finish, give_copy, lay_out, mount_point
from typedpipe.local.runners.client import Client
from typedpipe.local.runners.command import LABEL, RunCommand, User
from typedpipe.local.runners.launcher import KILL, Exited, Inbox, Launch
from typedpipe.local.runners.orphans import NONCE
from typedpipe.runtime import source_text

GUARD = str(Path(__file__).with_name("guard.py"))
REFUSED = 125
"""Exit code of a client whose engine did not start the container."""
NOT_FOUND = (126, 127)
"""Exit codes of a command that is missing from the image or cannot be executed; or the command's own."""
KILLED = 137
MOUNTS = 200
"""Artifacts that a container component gets as mounts. More of them, which are in lists, are copied: each mount takes time,
and thousands exceed the length of a command line.
"""


class ContainerLauncher:
    """One container per task. A thread follows each client; a watchdog removes the containers if the engine dies."""

    def __init__(
        self,
        client: Client,
        components: Mapping[str, ir.Component],
        nonce: str,
        objects: str,
        inbox: Inbox,
        environment: Mapping[str, str],
    ) -> None:
        self.generation = 0
        self._client = client
        self._components = components
        self._nonce = nonce
        self._objects = objects
        self._inbox = inbox
        self._environment = environment
        self._running: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}
        self._threads: list[threading.Thread] = []
        self._guard: subprocess.Popen[bytes] | None = None

    def fileno(self) -> int:
        return self._inbox.fileno()

    def start(self, launch: Launch) -> None:
        name = f"typedpipe-{self._nonce[:16]}-{launch.ticket}"
        try:
            process = self._started(launch, name)
        except (OSError, ValueError) as error:
            self._inbox.put(Exited(launch.ticket, None, f"the container cannot be started: {error}"))
            return
        self._running[launch.ticket] = name, process
        self._follow(launch, name, process)

    def _started(self, launch: Launch, name: str) -> subprocess.Popen[bytes]:
        with open(launch.job, encoding="utf-8") as file:
            job: dict[str, Any] = json.load(file)
        job["env"] = {**self._environment, **job["env"]}
        component = self._components[launch.component]
        root, mounted = job["root"], list[tuple[str, str]]()
        if isinstance(component.impl, ir.ContainerImpl):
            mounted = job["links"] if len(job["links"]) <= MOUNTS else []
            lay_out(job, mount_point if mounted else give_copy)
            argv, entrypoint = tuple(job["argv"]), bool(component.impl.command)
            job["env"].pop("TYPEDPIPE_TERMINATION_LOG", None)
        else:
            lay_out(job)
            argv, entrypoint = self._runtime(root, job, launch.spec), True
            if component.impl.packages:
                job["env"]["TYPEDPIPE_INSTALL"] = "1"
        run = RunCommand(self._client, name, self._nonce, job, self._objects, argv, entrypoint, User.here(), mounted)
        command, variables = run.build(os.environ, os.cpu_count() or 1)
        self._watch()
        with open(launch.log, "ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**variables, NONCE: f"{self._nonce}.{launch.ticket}"},
            )

    def _runtime(self, root: str, job: Mapping[str, Any], spec: str) -> tuple[str, ...]:
        """Command of a Python component: the packed runtime and the task's data."""
        place, data = os.path.join(root, "runtime.py"), os.path.join(root, "container.json")
        with open(spec, encoding="utf-8") as file:
            given = {"spec": json.load(file), "parameters": job["parameters"], "root": root}
        with open(data, "w", encoding="utf-8") as file:
            json.dump(given, file)
        with open(place, "w", encoding="utf-8") as file:
            file.write(source_text())
        return "python3", "-u", place, data

    def _watch(self) -> None:
        if self._guard is None:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", GUARD, f"{LABEL}={self._nonce}", self._client.path, *self._client.remove],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # without the run's mark: it has to survive the killing of marked processes
            )
            assert self._guard.stdin is not None
            close_in_forks(self._guard.stdin)

    def _follow(self, launch: Launch, name: str, process: subprocess.Popen[bytes]) -> None:
        def follow() -> None:
            code = process.wait()
            message = self._why(launch, name, code) if code else ""
            self._call(*self._client.remove, name)
            if not code:
                finish(os.path.dirname(launch.job))
            self._running.pop(launch.ticket, None)
            self._inbox.put(Exited(launch.ticket, code if code != REFUSED else None, message))

        thread = threading.Thread(target=follow, daemon=True)
        self._threads = [known for known in self._threads if known.is_alive()] + [thread]
        thread.start()

    def _why(self, launch: Launch, name: str, code: int) -> str:
        if code in (REFUSED, *NOT_FOUND):
            said = clients_words(launch.log)
            return f"{self._client.name} could not start the container: {said}" if said or code == REFUSED else ""
        if code == KILLED and "true" in self._call("inspect", "--format", "{{.State.OOMKilled}}", name):
            return "killed: it exceeded its memory limit"
        return ""

    def _call(self, *words: str) -> str:
        done = subprocess.run(
            [self._client.path, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        return done.stdout

    def signal(self, ticket: str, number: int) -> None:
        known = self._running.get(ticket)
        if known is not None:
            threading.Thread(target=self._signal, args=(*known, number), daemon=True).start()

    def _signal(self, name: str, process: subprocess.Popen[bytes], number: int) -> None:
        """Signal a container, which may not exist yet: the client is still requesting it."""
        kill = ("kill", "--signal", str(int(number)), name)
        while process.poll() is None:
            if subprocess.run([self._client.path, *kill], capture_output=True, check=False).returncode == 0:
                return
            if number == KILL:
                process.kill()
            try:
                process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                continue

    def reports(self) -> Iterable[Exited]:
        """Ended tasks; if the inbox is shared, its owner takes them."""
        return self._inbox.take()

    def close(self) -> None:
        left = list(self._running.values())
        if left:
            self._call(*self._client.remove, *(name for name, _ in left))
        for _, process in left:
            process.kill()
        for thread in self._threads:
            thread.join(timeout=10)
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            self._guard.wait()


def clients_words(log: str) -> str:
    """The last line of a log that the client itself wrote: the engine's error."""
    try:
        with open(log, "rb") as file:
            file.seek(max(0, os.path.getsize(log) - 4096))
            lines = [line.strip() for line in file.read().decode("utf-8", "replace").splitlines()]
    except OSError:
        return ""
    said = [line for line in lines if line.startswith(("docker: ", "Error: ", "podman: "))]
    return said[-1].partition(": ")[2] if said else ""
