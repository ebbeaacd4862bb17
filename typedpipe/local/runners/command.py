"""Command line that runs a job in a container."""

from __future__ import annotations

import csv
import io
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from typedpipe.ir.images import is_image
from typedpipe.local.runners.client import Client
from typedpipe.local.scheduling.resources import quantity

LABEL = "typedpipe.run"
CLIENTS_OWN = ("DOCKER", "CONTAINER", "PODMAN", "BUILDAH", "XDG_", "LD_", "HTTP", "NO_PROXY", "ALL_PROXY", "TMP")
"""Variables with such names affect the client, so they are passed to the container in another way."""


@dataclass(frozen=True, slots=True)
class User:
    """User and group of a container's process, so that its files belong to the user; None on systems without ids."""

    uid: int | None
    gid: int | None

    @classmethod
    def here(cls) -> User:
        """The user of this process."""
        if sys.platform == "win32":
            return cls(None, None)
        return cls(os.getuid(), os.getgid())


@dataclass(frozen=True, slots=True)
class RunCommand:
    """The command to run in a container and its settings. ``objects`` is the directory of stored artifacts."""

    client: Client
    name: str
    nonce: str
    job: Mapping[str, Any]
    objects: str = ""
    argv: tuple[str, ...] = ()
    entrypoint: bool = True
    """The first word of ``argv`` replaces the image's entrypoint; False: all words are its arguments."""
    user: User = User(None, None)
    mounted: Sequence[tuple[str, str]] = ()
    """Inputs, and their paths in the attempt's directory, that are mounted there instead of linked."""

    def build(self, variables: Mapping[str, str], cores: int) -> tuple[list[str], dict[str, str]]:
        """Build the command, and the client's environment variables, which hold the values for the container.

        No shell reads any of it, and values that may be secret do not appear in the process list.

        Raises:
            ValueError: a resource is not a quantity, or the image is not the name of one.
        """
        image = str(self.job["image"])
        if not is_image(image):
            raise ValueError(f"`{image}` is not the name of an image")
        root = str(self.job["root"])
        command = [self.client.path, "run", "--name", self.name, "--label", f"{LABEL}={self.nonce}"]
        command += ["--cidfile", os.path.join(root, "cid"), "--security-opt", "label=disable"]
        command += self._identity()
        for source, target, readonly in self._mounts(root):
            command += ["--mount", mount(source, target, readonly=readonly)]
        flags, given = self._environment(root, variables)
        command += flags
        command += limits(self.client, self.job.get("settings") or {}, cores)
        command += shlex.split(variables.get("TYPEDPIPE_CONTAINER_ARGS", ""))
        if self.entrypoint and self.argv:
            return [*command, "--entrypoint", self.argv[0], image, *self.argv[1:]], given
        return [*command, image, *self.argv], given

    def _identity(self) -> list[str]:
        uid, gid = self.user.uid, self.user.gid
        if uid is None or self.client.desktop:
            return []
        if not self.client.rootless:
            return ["--user", f"{uid}:{gid}"]
        return ["--userns", "keep-id", "--user", f"{uid}:{gid}"] if self.client.name == "podman" else ["--user", "0:0"]

    def _mounts(self, root: str) -> list[tuple[str, str, bool]]:
        """Mounts of the attempt's directory, the store, and inputs stored elsewhere, each under its local path.

        A tool also gets its inputs in its own directory: there it may look for files without following links.
        """
        found = [(root, root, False)]
        if self.objects:
            found.append((self.objects, self.objects, True))
        inside = [os.path.join(place, "") for place, _, _ in found]
        links: list[tuple[str, str]] = self.job["links"]
        sources = dict.fromkeys(source for source, _ in links)
        found += [(s, s, True) for s in sources if not any(s.startswith(place) for place in inside)]
        return found + [(source, os.path.join(root, target), True) for source, target in self.mounted]

    def _environment(self, root: str, variables: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        wanted: dict[str, str] = dict(self.job["env"])
        if self.user.uid and not self.client.desktop:
            wanted.setdefault("HOME", os.path.join(root, "work"))  # the image does not know this user
        flags: list[str] = []
        given = dict(variables)
        for name, value in wanted.items():
            if name in variables or name.upper().startswith(CLIENTS_OWN) or "=" in name:
                flags += ["--env", f"{name}={value}"]
            else:
                flags += ["--env", name]
                given[name] = value
        return flags, given


def mount(source: str, target: str, *, readonly: bool) -> str:
    """The value of ``--mount``: CSV, so that a comma in a path does not end it.

    >>> mount("/a,b", "/a,b", readonly=True)
    'type=bind,"source=/a,b","target=/a,b",readonly'
    """
    text = io.StringIO()
    fields = ["type=bind", f"source={source}", f"target={target}", *(["readonly"] if readonly else [])]
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()


def limits(client: Client, settings: Mapping[str, object], cores: int) -> list[str]:
    """Options for a task's resources: limits are limits, requests are shares, as on a cluster.

    >>> limits(Client("docker", "docker"), {"cpu_limit": "500m", "memory_limit": "1Gi"}, 2)
    ['--cpus', '0.5', '--memory', '1073741824']
    """
    found: list[str] = []
    if settings.get("cpu_limit"):
        found += ["--cpus", f"{min(quantity('cpu', settings['cpu_limit']), cores):g}"]
    if settings.get("cpu_request"):
        found += ["--cpu-shares", str(max(2, int(1024 * quantity("cpu", settings["cpu_request"]))))]
    if settings.get("memory_limit"):
        found += ["--memory", str(int(quantity("memory", settings["memory_limit"])))]
    if settings.get("memory_request"):
        found += ["--memory-reservation", str(int(quantity("memory", settings["memory_request"])))]
    devices = int(quantity("accelerator", settings.get("accelerator_count") or "0"))
    if devices and client.name == "docker":
        found += ["--gpus", str(devices)]
    for device in range(devices if client.name == "podman" else 0):
        found += ["--device", f"nvidia.com/gpu={device}"]
    return found
