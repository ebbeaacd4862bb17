"""Values that are known only when the pipeline runs, and that the controller puts into pods and artifact locations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from typedpipe.compiler.pod import kind_of
from typedpipe.ir import nodes as ir
from typedpipe.ir.options import RESOURCES
from typedpipe.types.model import is_artifact

ENV: Final = "tp-env"
"""Parameter with the environment variables of a Python task that are known only at run time: its runtime sets them."""
URI: Final = "uri"
METADATA: Final = "metadata"


@dataclass(frozen=True, slots=True)
class LateValue:
    """A value of a node: the parameter that carries it, its name in messages, and its form as wire text."""

    key: str
    what: str
    operand: ir.Operand
    form: Literal["text", "wire"]
    """``text``: always the text of a string, as an option requires it, whatever the type of the value."""


def late_variables(options: ir.Options) -> ir.Args:
    """Environment variables that are known only when the pipeline runs."""
    return tuple((name, value) for name, value in options.env if not isinstance(value, ir.Const))


def late_settings(options: ir.Options, *, is_container: bool) -> list[LateValue]:
    """Settings that are part of the pod; of a container, also its environment variables."""
    found: list[LateValue] = []
    for name in (*(name for name, _, _ in RESOURCES), "accelerator_count"):
        value = getattr(options, name)
        if value is not None and not isinstance(value, ir.Const):
            found.append(LateValue("tp-" + name.replace("_", "-"), name, value, "wire"))
    for i, (name, value) in enumerate(options.env if is_container else ()):
        if not isinstance(value, ir.Const):
            found.append(LateValue(f"tp-env-{i}", f"variable {name}", value, "text"))
    if options.image is not None and not isinstance(options.image, ir.Const):
        found.append(LateValue("tp-image", "image", options.image, "text"))
    return found


def late_values(node: ir.Task | ir.Importer, component: ir.Component | None, *, metadata: bool) -> Iterator[LateValue]:
    """All such values of a node. ``metadata``: some container reads the metadata of artifacts."""
    if isinstance(node, ir.Importer):
        yield LateValue(URI, "artifact_uri", node.uri, "text")
        if node.metadata is not None and metadata:
            yield LateValue(METADATA, METADATA, node.metadata, "wire")
        return
    is_container = component is not None and isinstance(component.impl, ir.ContainerImpl)
    if component is not None and is_container:
        ports = {port.name: port for port in component.inputs}
        for name, operand in node.args:
            type_ = ports[name].type
            if not is_artifact(type_) and not isinstance(operand, ir.Const):
                yield LateValue(name, f"argument {name}", operand, "text" if kind_of(type_) == "str" else "wire")
    if node.options is not ir.DEFAULT_OPTIONS:
        yield from late_settings(node.options, is_container=is_container)
