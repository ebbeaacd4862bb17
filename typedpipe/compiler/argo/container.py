"""Template of a container component: its command, with the placeholders in Argo's syntax."""

from __future__ import annotations

import json
from collections.abc import Iterator

from typedpipe.compiler.argo.leaf import (
    Variant,
    artifact_location,
    environment,
    interface,
    new_leaf,
    object_key,
    pod_patch,
    resource_patch,
)
from typedpipe.compiler.argo.shapes import KEY
from typedpipe.compiler.argo.templates import Leaf, esc, string, tag
from typedpipe.compiler.argo.wire import RAW_BRACE, raw, raw_expr
from typedpipe.compiler.pod import OUT, OUT_MOUNT, artifact_path, input_path, kind_of, parameter_path
from typedpipe.ir import nodes as ir
from typedpipe.ir.taskspec import port_key
from typedpipe.runtime.task import descriptor_key
from typedpipe.types.model import (
    AnyType,
    ArtifactType,
    NullType,
    Type,
    UnionType,
    artifact_of,
    is_artifact,
    without_none,
)
from typedpipe.types.values import safe

NOT_HASHED = "-"
"""The digest of content that was not read: its URI identifies it."""


def container_leaf(name: str, component: ir.Component, variant: Variant) -> Leaf:
    """Template of a container component."""
    impl = component.impl
    assert isinstance(impl, ir.ContainerImpl)
    leaf = new_leaf(name, component, variant)
    container = leaf.container
    read = _read(component, variant)
    interface(component, variant, leaf, read)
    for port in component.outputs:
        key = port_key(port.name)
        artifact = artifact_of(port.type)
        if artifact is not None:
            default = descriptor_text(artifact, port.name, object_key(key))
            name = descriptor_key(key)
            leaf.outputs.append({"name": name, "valueFrom": {"path": parameter_path(name), "default": default}})
            leaf.output_artifacts.append(artifact_location(key))
        else:
            leaf.outputs.append({"name": key, "valueFrom": {"path": parameter_path(key)}})
    ports = {port.name: port for port in component.inputs}
    command, args = ([*_arguments(parts, ports, variant)] for parts in (impl.command, impl.args))
    environment(variant, container)
    if any("$(TP_LB)" in text for text in [*command, *args]) and all(e["name"] != RAW_BRACE[0] for e in container.env):
        container.env.insert(0, {"name": RAW_BRACE[0], "value": RAW_BRACE[1]})
    container.command = [*command]
    container.args = [*args]
    container.mounts = [{**OUT_MOUNT, "mountPath": f"{OUT}/{part}", "subPath": part} for part in ("p", "a")]
    leaf.patch = pod_patch(resource_patch(variant), _empty_directories(component, variant, read))
    return leaf


def _read(component: ir.Component, variant: Variant) -> frozenset[str]:
    """Artifacts that the command reads from their paths, so that they must be in the store.

    Others may be at URIs that Argo cannot load.
    """
    undescribed = {name for name, shape in variant.shapes if shape.undescribed}
    paths = {part.name for part in _parts(component) if isinstance(part, ir.Placeholder) and part.kind == "input_path"}
    return frozenset(
        p.name for p in component.inputs if p.name in paths - undescribed and isinstance(p.type, ArtifactType)
    )


def _empty_directories(component: ir.Component, variant: Variant, read: frozenset[str]) -> str:
    """Mounts of empty directories in place of the stand-ins that were loaded, a field of a patch.

    Kubernetes creates the directory of a ``subPath`` that does not exist.
    """
    shapes = dict(variant.shapes)
    tags: list[str] = []
    for port in component.inputs:
        key, shape = port_key(port.name), shapes.get(port.name, KEY)
        text = f'inputs.parameters["{descriptor_key(key)}"]'
        if port.name in read and shape.kind == "key":
            mount = json.dumps({**OUT_MOUNT, "mountPath": input_path(key), "subPath": f"in/{key}"})
            tags.append(f"fromJSON({text}).empty == nil ? \"\" : '{mount},'")
    if not tags:
        return ""
    last = json.dumps({"mountPath": f"{OUT}/p"})  # a mount that exists: the list ends without a comma
    return '"volumeMounts":[' + "".join(f"{{{{={expr}}}}}" for expr in tags) + last + "]"


def descriptor_text(type_: ArtifactType, name: str, uri: str) -> str:
    """The descriptor of an artifact that typedpipe's runtime did not write; the URI may contain tags."""
    head = safe(json.dumps({"type": type_.title, "version": type_.version, "name": name, "metadata": {}}))
    return f'{head[:-1].replace(": ", ":").replace(", ", ",")},"uri":"{uri}","digest":"{NOT_HASHED}","size":0,"key":"{{{{pod.name}}}}"}}'


def from_raw(text: str, type_: Type) -> str:
    """Convert raw text written by a container, an expression, to wire text."""
    if kind_of(without_none(type_)) == "str":
        return esc(f"toJson({text})")
    return f"trim({text})" if kind_of(type_) in ("int", "float", "bool") else esc(f"trim({text})")


def asked(component: ir.Component) -> frozenset[str]:
    """Inputs whose presence affects the command."""
    return frozenset(part.input for part in _parts(component) if isinstance(part, ir.IfPresent))


def _parts(component: ir.Component) -> Iterator[ir.CommandPart]:
    """All parts of a container's command, also those inside of others."""
    impl = component.impl
    stack: list[ir.CommandPart] = [*impl.command, *impl.args] if isinstance(impl, ir.ContainerImpl) else []
    while stack:
        part = stack.pop()
        yield part
        if isinstance(part, ir.IfPresent):
            stack += [*part.then, *part.otherwise]
        elif isinstance(part, ir.Concat):
            stack += part.items


def _arguments(parts: tuple[ir.CommandPart, ...], ports: dict[str, ir.InputPort], variant: Variant) -> Iterator[str]:
    for part in parts:
        if isinstance(part, ir.IfPresent):
            yield from _arguments(part.then if part.input in variant.given else part.otherwise, ports, variant)
        elif isinstance(part, ir.Concat):
            yield "".join(_arguments(part.items, ports, variant))
        elif isinstance(part, ir.Placeholder):
            yield _placeholder(part, ports)
        else:
            yield raw(part)


def _placeholder(part: ir.Placeholder, ports: dict[str, ir.InputPort]) -> str:
    key = port_key(part.name)
    match part.kind:
        case "input_value":
            return _value(key, ports[part.name].type)
        case "input_path":
            return input_path(key)
        case "input_uri":
            return _tag(f'fromJSON(inputs.parameters["{descriptor_key(key)}"]).uri')
        case "input_metadata":
            return _tag(_metadata(f'inputs.parameters["{descriptor_key(key)}"]'))
        case "output_parameter":
            return parameter_path(key)
        case "output_path":
            return artifact_path(key)
        case "output_uri":
            return object_key(key)


_IN_ORDER, _METADATA = string(r'^\{"(id|type)":'), string(r'^.*?"metadata":(.*),"uri":.*$')
"""Literals of regular expressions: a descriptor whose keys have the order in which it was written; its metadata."""


def _metadata(text: str) -> str:
    """JSON text of the metadata of a descriptor, cut out of its text: decoding it would lose digits."""
    cut = f"sprig.regexReplaceAll({_METADATA},{text},{string('${1}')})"
    return f"{text} matches {_IN_ORDER} ? {cut} : toJson(fromJSON({text}).metadata)"


def reads_metadata(component: ir.Component) -> bool:
    """Whether the command has the metadata of an artifact."""
    return any(isinstance(part, ir.Placeholder) and part.kind == "input_metadata" for part in _parts(component))


def _value(key: str, type_: Type) -> str:
    text = f'inputs.parameters["{key}"]'
    if is_artifact(type_) or not (kind_of(type_) == "str" or _may_be_text(type_)):
        return f"{{{{inputs.parameters.{key}}}}}"  # wire text has no syntax of Argo or Kubernetes
    if kind_of(type_) == "str":
        return _tag(f"fromJSON({text})")
    if kind_of(without_none(type_)) == "str":
        return _tag(f'{text} == "null" ? "" : fromJSON({text})')
    return _tag(f'{text} == "null" ? "" : {text} startsWith "\\"" ? fromJSON({text}) : {text}')


def _may_be_text(type_: Type) -> bool:
    """Whether some values have a text of their own as an argument: a `str`, or None."""
    members = type_.members if isinstance(type_, UnionType) else [type_]
    return any(isinstance(member, AnyType | NullType) or kind_of(member) == "str" for member in members)


def _tag(expr: str) -> str:
    return tag(raw_expr(f"({expr})" if "?" in expr else expr))
