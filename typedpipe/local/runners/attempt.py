"""Files of one attempt of one task: the inputs for its process, and the outputs read back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir import nodes as ir
from typedpipe.ir.taskspec import port_key, task_spec
from typedpipe.local.runners.host import HostCommand
from typedpipe.local.store.regular import regular
from typedpipe.local.values import NULL_TEXT, dump, is_none, load, raw_value
from typedpipe.runs.model import ArtifactRef, Value
from typedpipe.runs.paths import file_path
from typedpipe.runtime.task import STAMP, descriptor_key, names_beside
from typedpipe.types.model import is_artifact

MESSAGE = "message"
LOG = "log"


class TaskRefused(Exception):
    """The task cannot start, or ended without a required output; the message is for the user."""


def folder_of(root: Path | str, name: str, attempt: int | None = None) -> str:
    """Directory of a task, or of one of its attempts: its path in the run, with each part made a valid file name."""
    last = "" if attempt is None else f"/{attempt}"
    return f"{root}/{file_path(name)}{last}"


@dataclass(slots=True)
class Attempt:
    """The files of one attempt; ``root`` is its directory."""

    root: str
    component: ir.Component
    values: dict[str, Value]
    env: dict[str, str]
    """The task's own environment variables."""
    settings: dict[str, object] = field(default_factory=dict[str, object])
    """Options of the task that its container is started with: resources and image, as plain values."""
    name: str = ""
    """Path of the task in the run."""
    texts: Mapping[str, str] | None = None
    """The contents of ``out/p``, if kept in memory."""
    _parameters: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    _links: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    _folders: list[str] = field(default_factory=list[str])
    _described: dict[str, tuple[str, tuple[str, int, list[str]]] | Exception] = field(
        default_factory=dict[str, "tuple[str, tuple[str, int, list[str]]] | Exception"]
    )
    stamps: dict[str, str] = field(default_factory=dict[str, str])
    """Stamps of artifacts when their digests were computed, by output; :meth:`outputs` reads them."""

    @property
    def folder(self) -> Path:
        return Path(self.root)

    @property
    def job(self) -> str:
        return f"{self.root}/job.json"

    @property
    def log(self) -> str:
        return f"{self.root}/{LOG}"

    def write(self, spec: str) -> None:
        """Write the job; ``spec`` is the file of the component's spec.

        Raises:
            TaskRefused: an input cannot be provided.
            OSError: the file cannot be written.
        """
        os.makedirs(self.root)
        data = self.data(spec)
        # Variables of the task may be secrets, so only the user may read them. Those of the run are not in the file.
        fd = os.open(self.job, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_CLOEXEC", 0), 0o600)
        with open(fd, "w", encoding="utf-8") as file:
            file.write(json.dumps(data))

    def data(self, spec: str) -> dict[str, Any]:
        """The job as JSON data. The directory must exist if the component is a container.

        Raises:
            TaskRefused: an input cannot be provided.
        """
        for port in self.component.inputs:
            self._give(port)
        argv: list[str] | None = None
        if isinstance(self.component.impl, ir.ContainerImpl):
            command = HostCommand(self.component, self.values, self.root)
            argv = command.argv()
            self._folders += ["out/a", "out/p", "out/raw"]
        env = {"TYPEDPIPE_TERMINATION_LOG": f"{self.root}/{MESSAGE}", **self.env}
        return {
            "spec": spec,
            "parameters": self._parameters,
            "root": self.root,
            "links": self._links,
            "folders": self._folders,
            "env": env,
            "argv": argv,
            "task": self.name,
            "component": self.component.name,
            "image": str(self.settings.get("image") or self.component.image),
            "settings": {key: str(value) for key, value in self.settings.items() if key != "image"},
        }

    def _give(self, port: ir.InputPort) -> None:
        key = port_key(port.name)
        value = self.values.get(port.name)
        if not is_artifact(port.type):
            if value is not None and not isinstance(value, str):
                raise TaskRefused(f"the input `{port.name}` is a parameter, but received an artifact")
            self._parameters.append({"name": key, "value": NULL_TEXT if value is None else value})
            return
        if port.how == "path":
            self._must_be_here(port.name, value)
        descriptor = self._place(value, f"in/{key}", "")
        self._parameters.append({"name": descriptor_key(key), "value": dump(descriptor)})

    def _must_be_here(self, name: str, value: Value) -> None:
        if isinstance(value, ArtifactRef) and value.path is None:
            raise TaskRefused(
                f"the input `{name}` requires the file of {value.uri}, which is not on this machine: "
                "import a local path, or declare the input as `Input[...]` and read `.uri` in the component"
            )

    def _place(self, value: Value, target: str, key: str) -> Any:
        """Link an artifact, or a list of them, into the task's directory; return its descriptor."""
        if isinstance(value, ArtifactRef):
            if value.path is not None:
                self._links.append((value.path, target))
            return {**value.descriptor, "key": key} if key else value.descriptor
        if isinstance(value, tuple):
            self._folders.append(target)
            return [
                self._place(item, f"{target}/{index}", f"{key}/{index}" if key else str(index))
                for index, item in enumerate(value)
            ]
        return [] if value == "[]" else None

    def outputs(self) -> dict[str, Value]:
        """Read the outputs of the finished process.

        Raises:
            TaskRefused: something is missing.
        """
        raw = isinstance(self.component.impl, ir.ContainerImpl)
        found: dict[str, Value] = {}
        for port in self.component.outputs:
            key = port_key(port.name)
            if is_artifact(port.type):
                found[port.name] = self._raw_artifact(port.name, key) if raw else self._artifact(port.name, key)
            elif raw:
                text = self._read(port.name, self.folder / "out" / "raw" / key)
                try:
                    found[port.name] = raw_value(text, port.type)
                except ValueError as error:
                    raise TaskRefused(f"component `{self.component.name}`, output `{port.name}`: {error}") from None
            else:
                found[port.name] = self._written(port.name, key)
        return found

    @property
    def to_be_read(self) -> bool:
        """Whether a container produced artifacts whose digests have not been computed."""
        return isinstance(self.component.impl, ir.ContainerImpl) and any(
            is_artifact(port.type) for port in self.component.outputs
        )

    def read(self) -> None:
        """Compute the digests of a container's artifacts, for :meth:`outputs`. Thread-safe."""
        from typedpipe.local.store.tree import describe_artifact

        for port in self.component.outputs:
            if is_artifact(port.type):
                key = port_key(port.name)
                try:
                    self._described[key] = describe_artifact(str(self.folder / "out" / "a" / key), port.name)
                except (OSError, PipelineError) as error:
                    self._described[key] = error  # :meth:`outputs` raises it, in the engine's thread

    def discard_inputs(self) -> None:
        """Remove the copies of inputs that the command of a container component had; it may have changed them."""
        if self._links and isinstance(self.component.impl, ir.ContainerImpl):
            from typedpipe.local.store.tree import remove

            with suppress(OSError):  # the task failed before they were made; or another user owns what it added
                remove(f"{self.root}/in")

    def _written(self, name: str, key: str) -> str:
        if self.texts is None:
            return self._read(name, self.folder / "out" / "p" / key)
        if key not in self.texts:
            raise TaskRefused(f"component `{self.component.name}` did not write its output `{name}`")
        return self.texts[key]

    def _read(self, name: str, path: Path) -> str:
        if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
            raise TaskRefused(f"component `{self.component.name}`: the output `{name}` is not a file")
        try:
            return path.read_bytes().decode()
        except OSError:
            raise self._unwritten(name, path) from None
        except UnicodeDecodeError:
            raise TaskRefused(f"component `{self.component.name}`: the output `{name}` is not UTF-8 text") from None

    def _unwritten(self, name: str, path: Path) -> TaskRefused:
        """The error for an output without a file; it names a file that was perhaps meant to be it."""
        beside = names_beside(str(path))
        found = f", but `{beside[0]}`, next to its path" if beside else ""
        return TaskRefused(f"component `{self.component.name}` did not write its output `{name}`{found}")

    def _artifact(self, name: str, key: str) -> Value:
        text = self._written(name, descriptor_key(key))
        if is_none(text):
            return None
        descriptor = load(text)
        if descriptor.get("digest") == "":
            return ArtifactRef(None, descriptor)
        self.stamps[name] = self._written(name, descriptor_key(key) + STAMP)
        return ArtifactRef(str(self.folder / "out" / "a" / key), descriptor)

    def _raw_artifact(self, name: str, key: str) -> Value:
        from typedpipe.types.model import artifact_of

        path = self.folder / "out" / "a" / key
        if not os.path.lexists(path):
            raise self._unwritten(name, path)
        port = next(port for port in self.component.outputs if port.name == name)
        type_ = artifact_of(port.type)
        if key not in self._described:
            self.read()
        found = self._described[key]
        if isinstance(found, Exception):
            raise found
        self.stamps[name], (digest, size, dirs) = found
        title, version = (type_.title, type_.version) if type_ else ("system.Artifact", "0.0.1")
        descriptor: dict[str, Any] = {"type": title, "version": version, "name": name, "metadata": {}}
        descriptor |= {"uri": str(path), "digest": digest, "size": size, "key": key}
        return ArtifactRef(str(path), descriptor | ({"dirs": dirs} if dirs else {}))

    def message(self) -> str:
        """The one-line message that the task left about its end."""
        try:
            with open(f"{self.root}/{MESSAGE}", "rb", opener=regular) as file:
                return file.read(4096).decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def referenced(self) -> str:
        """A note for a failure: the inputs that are only by reference."""
        far = [
            f"`{n}` ({v.uri})"
            for n, v in self.values.items()
            if isinstance(v, ArtifactRef) and not os.path.exists(v.path or "")
        ]
        return f"; stored by reference, not on this machine: {', '.join(far)}" if far else ""


class Specs:
    """Specs of components as files of the run, each written once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, str] = {}

    def path(self, key: str, component: ir.Component) -> str:
        """File of the spec of the component with this key; empty for a container."""
        if isinstance(component.impl, ir.ContainerImpl):
            return ""
        known = self._paths.get(key)
        if known is None:
            path = self._folder / f"{len(self._paths)}.json"
            path.write_text(json.dumps(task_spec(component)), encoding="utf-8")
            known = self._paths[key] = str(path)
        return known
