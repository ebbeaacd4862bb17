"""Docker and podman clients on this machine: availability and properties."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

Engine: TypeAlias = Literal["docker", "podman"]
PATIENCE = 10.0
"""Seconds that a client may take to report whether its engine is running."""


@dataclass(frozen=True, slots=True)
class Client:
    """A command line client whose engine responds."""

    name: Engine
    path: str
    rootless: bool = False
    """Its root is the user, who therefore owns the files that a container's root writes."""
    desktop: bool = False
    """The engine is in a virtual machine, which gives the user ownership of files in shared directories."""

    @property
    def remove(self) -> tuple[str, ...]:
        """Arguments that stop and remove containers immediately; podman would wait ten seconds for each."""
        return ("rm", "-f", "-t", "0") if self.name == "podman" else ("rm", "-f")


@dataclass(frozen=True, slots=True)
class NoClient:
    """The reason why there is no client, as a message, and a suggested fix."""

    why: str
    help: str


@cache
def client(name: Engine) -> Client | NoClient:
    """The client with that name, checked once per process."""
    path = shutil.which(name)
    if path is None:
        return NoClient(f"`{name}` is not on this machine", f"install {name}")
    try:
        asked = subprocess.run(
            [path, "info", "--format", "{{json .}}"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return NoClient(f"`{name}` did not respond within {PATIENCE:g} s", f"check the output of `{name} info`")
    except OSError as error:
        return NoClient(f"`{path}` cannot be started: {error.strerror}", f"reinstall {name}")
    try:
        data: Any = json.loads(asked.stdout or b"{}")
    except ValueError:
        data = {}
    return judged(name, path, data, asked.stderr.decode("utf-8", "replace"))


def judged(name: Engine, path: str, data: dict[str, Any], said: str) -> Client | NoClient:
    """Interpret the output of ``info``: docker and podman use different keys."""
    if name == "podman" and data.get("host"):
        security = data["host"].get("security") or {}
        return Client("podman", path, bool(security.get("rootless")), bool(data["host"].get("serviceIsRemote")))
    if name == "docker" and data.get("ServerVersion") and not data.get("ServerErrors"):
        options = " ".join(data.get("SecurityOptions") or ())
        system = str(data.get("OperatingSystem", ""))
        return Client("docker", path, "rootless" in options, "Docker Desktop" in system)
    lines = [str(line) for line in data.get("ServerErrors") or ()] + said.strip().splitlines()
    start = "start Docker Desktop, or `sudo systemctl start docker`" if name == "docker" else "`podman machine start`"
    return NoClient(
        f"the {name} engine does not respond: {lines[0].strip()}" if lines else f"the {name} engine does not respond",
        f"start it ({start}), and check that `{name} info` succeeds",
    )


def image_id(found: Client, image: str) -> str:
    """Id of a local image; "" if it is not present."""
    asked = subprocess.run(
        [found.path, "image", "inspect", "--format", "{{.Id}}", image],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return asked.stdout.strip() if asked.returncode == 0 else ""


def pull(found: Client, image: str) -> list[str]:
    """Pull an image; return the last lines of the client's output if it failed."""
    done = subprocess.run(
        [found.path, "pull", "--quiet", image], capture_output=True, stdin=subprocess.DEVNULL, text=True, check=False
    )
    said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return said[-3:] or [f"exit code {done.returncode}"] if done.returncode else []


def remove_labelled(label: str) -> int:
    """Remove the containers with a label, in every engine that responds; return their number."""
    count = 0
    names: tuple[Engine, ...] = ("docker", "podman")
    for name in names:
        found = client(name)
        if isinstance(found, Client):
            listed = [found.path, "ps", "-aq", "--filter", f"label={label}"]
            left = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.split()
            if left:
                subprocess.run([found.path, *found.remove, *left], capture_output=True, check=False)
            count += len(left)
    return count
