"""Commands of container components, run directly on this machine on request (``TYPEDPIPE_CONTAINERS=host``).

There is no image and no isolation: the command must be installed locally. This module renders the command line that a
container would get.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from typedpipe.ir import nodes as ir
from typedpipe.ir.taskspec import port_key
from typedpipe.local.values import is_none, raw_text
from typedpipe.runs.model import ArtifactRef, Value
from typedpipe.types.json_text import json_text


@dataclass(slots=True)
class HostCommand:
    """Renders one component's command for one attempt."""

    component: ir.Component
    values: Mapping[str, Value]
    folder: str

    def argv(self) -> list[str]:
        """The command and its arguments."""
        impl = self.component.impl
        if not isinstance(impl, ir.ContainerImpl):
            raise TypeError("not a container component")
        return self._render((*impl.command, *impl.args))

    def _render(self, parts: tuple[ir.CommandPart, ...]) -> list[str]:
        found: list[str] = []
        for part in parts:
            match part:
                case str():
                    found.append(part)
                case ir.Placeholder():
                    found.append(self._placeholder(part))
                case ir.Concat():
                    found.append("".join(self._render(part.items)))
                case ir.IfPresent():
                    present = not is_none(self.values.get(part.input))
                    found.extend(self._render(part.then if present else part.otherwise))
        return found

    def _placeholder(self, part: ir.Placeholder) -> str:
        key = port_key(part.name)
        value = self.values.get(part.name)
        match part.kind:
            case "input_value":
                return raw_text(value)
            case "input_path":
                return self._input_path(key, value)
            case "input_uri":
                return value.uri if isinstance(value, ArtifactRef) else ""
            case "input_metadata":
                return json_text(value.descriptor.get("metadata", {})) if isinstance(value, ArtifactRef) else "{}"
            case "output_parameter":
                return os.path.join(self.folder, "out", "raw", key)
            case "output_path" | "output_uri":
                return os.path.join(self.folder, "out", "a", key)

    def _input_path(self, key: str, value: Value) -> str:
        path = os.path.join(self.folder, "in", key)
        if isinstance(value, str):  # a parameter that the command reads from a file
            path = os.path.join(self.folder, f"value-{key}")
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(raw_text(value))
        return path
