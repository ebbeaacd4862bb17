"""The docker and podman on this machine: whether they answer, and what they are like."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

Engine: TypeAlias = Literal["docker", "podman"]
PATIENCE = 10.0
"""Seconds that a client may take to say whether its engine is there."""


@dataclass(frozen=True, slots=True)
class Client:
    """A command line client whose engine answers."""

    name: Engine
    path: str
    rootless: bool = False
    """Its root is the user, who therefore owns what a container's root writes."""
    desktop: bool = False
    """The engine is in a virtual machine, which gives files of shared folders to the user by itself."""

    @property
    def remove(self) -> tuple[str, ...]:
        """The words that end and remove containers at once; podman would wait ten seconds for each."""
        return ("rm", "-f", "-t", "0") if self.name == "podman" else ("rm", "-f")


@dataclass(frozen=True, slots=True)
class NoClient:
    """Why there is no client, in the words of a message, and what to do."""

    why: str
    help: str


@cache
def client(name: Engine) -> Client | NoClient:
    """The client of that name, asked once a process."""
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
    """What ``info`` tells of an engine: docker and podman say it in different words."""
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
    """The id of an image that is on this machine; "" when it is not."""
    asked = subprocess.run(
        [found.path, "image", "inspect", "--format", "{{.Id}}", image],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return asked.stdout.strip() if asked.returncode == 0 else ""


def pull(found: Client, image: str) -> list[str]:
    """Fetch an image; the last lines of what the client said when it could not."""
    done = subprocess.run(
        [found.path, "pull", "--quiet", image], capture_output=True, stdin=subprocess.DEVNULL, text=True, check=False
    )
    said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return said[-3:] or [f"exit code {done.returncode}"] if done.returncode else []


def remove_labelled(label: str) -> int:
    """Remove the containers that carry a label, in every engine that answers; how many there were."""
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
