"""The template of a Python component: the user's source to read, its interface as data, and the runtime that runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from typedpipe.compiler.argo.shapes import KEY, ArtifactLocation
from typedpipe.compiler.argo.wire import RAW_BRACE, raw, raw_expr, safe
from typedpipe.compiler.argo.yaml import Data, flow, literal
from typedpipe.ir import nodes as ir
from typedpipe.ir.options import RESOURCES
from typedpipe.ir.taskspec import port_key, task_spec
from typedpipe.types.data import to_data
from typedpipe.types.model import ListType, Type, artifact_of, is_artifact, is_optional, without_none

LIB, OUT, IN = "/tp/lib", "/tp/out", "/tp/in"
MOUNTS = f"volumeMounts: [{{name: tp-lib, mountPath: {LIB}}}, {{name: tp-out, mountPath: {OUT}}}]"
_SCALARS = frozenset(("int", "float", "bool", "str", "datetime"))


@dataclass(frozen=True, slots=True)
class Variant:
    """What tells two templates of one component apart."""

    options: ir.Options = ir.DEFAULT_OPTIONS
    shapes: tuple[tuple[str, ArtifactLocation], ...] = ()
    boxed: bool = False
    given: frozenset[str] = frozenset()
    """Of a container: the inputs that it was given, of those that its command asks for."""
    kinds: tuple[tuple[str, str], ...] = ()
    """Of what is known when the task runs only: the option's parameter and the kind of its values."""


@dataclass(slots=True)
class Fields:
    """The parts of a leaf template while it is put together."""

    inputs: list[dict[str, Data]] = field(default_factory=list)
    in_artifacts: list[dict[str, Data]] = field(default_factory=list)
    outputs: list[dict[str, Data]] = field(default_factory=list)
    out_artifacts: list[dict[str, Data]] = field(default_factory=list)
    env: list[dict[str, Data]] = field(default_factory=list)

    def lines(self) -> list[str]:
        out = []
        for word, parameters, artifacts in (
            ("inputs", self.inputs, self.in_artifacts),
            ("outputs", self.outputs, self.out_artifacts),
        ):
            if parameters or artifacts:
                out.append(f"{word}:")
            for kind, ports in (("parameters", parameters), ("artifacts", artifacts)):
                if ports:
                    out += [f"  {kind}:", *(f"  - {flow(port)}" for port in ports)]
        return out


def python_leaf(component: ir.Component, variant: Variant) -> list[str]:
    """The lines of the template of a Python component."""
    fields = Fields()
    interface(component, variant, fields)
    for port in component.outputs:
        key = port_key(port.name)
        if is_artifact(port.type):
            _artifact_output(key, port.type, variant, fields)
        else:
            box = ".box" if variant.boxed and is_boxed(port.type) else ""
            fields.outputs.append({"name": key, "valueFrom": {"path": f"{OUT}/p/{key}{box}"}})
    spec = task_spec(component)
    if spec.get("packages"):
        fields.env.append({"name": "TYPEDPIPE_INSTALL", "value": "1"})
    environment(variant, fields)
    text = "{{inputs.parameters}}" if fields.inputs else "[]"
    return [
        *settings(component, variant),
        *fields.lines(),
        *resource_patch(variant),
        "script:",
        f"  image: {image(component, variant)}",
        "  command: [python3, -u]",
        *([f"  env: {flow(fields.env)}"] if fields.env else []),
        *([f"  resources: {flow(resources)}"] if (resources := static_resources(variant.options)) else []),
        f"  {MOUNTS}",
        *("  source: " + literal(script(spec, text), "    ")).split("\n"),
    ]


def is_boxed(type_: Type) -> bool:
    """Whether a loop must hand the values on in wire text of wire text, for the controller reads lists and maps."""
    data = to_data(type_)
    return not isinstance(data, str) or data not in _SCALARS


def _artifact_output(key: str, type_: Type, variant: Variant, fields: Fields) -> None:
    box = ".box" if variant.boxed else ""
    fields.outputs.append({"name": f"tp-{key}", "valueFrom": {"path": f"{OUT}/p/tp-{key}{box}"}})
    artifact = artifact_location(key)
    fields.out_artifacts.append({**artifact, "optional": True} if is_optional(type_) else artifact)


def artifact_location(key: str) -> dict[str, Data]:
    """An output artifact: its place in this pod and in the store."""
    return {
        "name": key,
        "path": f"{OUT}/a/{key}",
        "archive": {"none": {}},
        "s3": {"key": f"{{{{inputs.parameters.tp-path}}}}/{key}/{{{{pod.name}}}}"},
    }


def interface(component: ir.Component, variant: Variant, fields: Fields) -> None:
    """The inputs of a component, of what kind it may be."""
    shapes = dict(variant.shapes)
    for port in component.inputs:
        key = port_key(port.name)
        artifact = is_artifact(port.type)
        entry: dict[str, Data] = {"name": f"tp-{key}" if artifact else key}
        if port.default is not None:
            entry["default"] = safe(port.default.text)
        elif port.how == "status" or (is_optional(port.type)):
            entry["default"] = "null"
        fields.inputs.append(entry)
        if artifact:
            _artifact_input(key, port.type, shapes.get(port.name, KEY), fields)
    if any(is_artifact(port.type) for port in component.outputs):
        fields.inputs.append({"name": "tp-path", "default": "{{workflow.uid}}/" + key_part(component.name)})
        fields.env.append({"name": "TYPEDPIPE_POD", "value": "{{pod.name}}"})
        fields.env.append({"name": "TYPEDPIPE_KEY", "value": "{{inputs.parameters.tp-path}}/{output}/{{pod.name}}"})
    fields.inputs.extend({"name": name} for name, _ in variant.kinds)


def key_part(name: str) -> str:
    """A name as part of an object's key."""
    return port_key(name)


def _artifact_input(key: str, type_: Type, shape: ArtifactLocation, fields: Fields) -> None:
    listed = isinstance(without_none(type_), ListType)
    text = f'inputs.parameters["tp-{key}"]'
    base: dict[str, Data] = {"optional": True, "archive": {"none": {}}}
    if listed and shape.kind == "list":
        for i, item in enumerate(shape.items):
            descriptor = f'fromJSON({text})["\\u0024tp"][1][{i}]'
            place = {"name": f"{key}-{i}", "path": f"{IN}/{key}/{i}", **base}
            fields.in_artifacts.append({**place, **location(f"{descriptor} == nil", f"{descriptor}.uri", item.kind)})
    elif listed:
        fields.inputs.append({"name": f"tp-at-{key}", "default": "tp-absent"})
        place = {"name": key, "path": f"{IN}/{key}", **base}
        fields.in_artifacts.append({**place, "s3": {"key": f"{{{{inputs.parameters.tp-at-{key}}}}}"}})
    else:
        place = {"name": key, "path": f"{IN}/{key}", **base}
        absent = f'{text} == "null"' if is_optional(type_) else ""
        fields.in_artifacts.append({**place, **location(absent, f"fromJSON({text}).uri", shape.kind)})


def location(absent: str, uri: str, kind: str) -> dict[str, Data]:
    """Where the content lies that a descriptor's URI names."""

    def tag(expr: str, otherwise: str) -> str:
        text = f'sprig.replace("{{"+"{{","{{%7B",{expr})'
        return f'{{{{={absent} ? "{otherwise}" : {text}}}}}' if absent else f"{{{{={text}}}}}"

    bucket, key = f'split({uri},"/")[2]', f'join(split({uri},"/")[3:],"/")'
    if kind == "http":
        return {"http": {"url": tag(uri, "http://localhost/tp-absent")}}
    if kind == "gcs":
        return {"gcs": {"bucket": tag(bucket, "tp-absent"), "key": tag(key, "tp-absent")}}
    if kind == "s3":
        place = {"bucket": tag(bucket, "tp-absent"), "key": tag(key, "tp-absent")}
        return {"s3": {"endpoint": "s3.amazonaws.com", **place, "useSDKCreds": True}}
    return {"s3": {"key": tag(f'({uri} contains "://" ? {key} : {uri})', "tp-absent")}}


def settings(component: ir.Component, variant: Variant) -> list[str]:
    """Names to show, tries and time limits."""
    options = variant.options
    out = []
    annotations: dict[str, Data] = {}
    if options.display_name:
        annotations["workflows.argoproj.io/display-name"] = display_name(options.display_name)
    source = str(component.span) if component.span.file else ""
    if source.startswith("/"):  # compiled from another folder: the same text on every machine
        source = source.rpartition("/")[2]
    if source and source.isprintable() and "{{" not in source:
        annotations["typedpipe.dev/source"] = source
    if annotations:
        # Never `metadata: {annotations}`: Argo 3.7 writes spec.podMetadata, the runtime, into each such map it finds,
        # in the stored workflow, and 60 templates are more than it may hold (run, and read).
        out.append(f"annotations: {flow(annotations)}")
    metadata: dict[str, Data] = {"labels": {"typedpipe.dev/component": port_key(component.name)[:63].strip("-_.")}}
    out.append(f"metadata: {flow(metadata)}")
    if options.retry is not None and options.retry.limit > 0:
        out.append(f"retryStrategy: {flow(_retry(options))}")
    if options.timeout_seconds is not None:
        seconds = max(1, -int(-options.timeout_seconds // 1))
        out.append(f"activeDeadlineSeconds: {seconds}")  # `timeout` beside it would take its place (run, and read)
    return out


def _retry(options: ir.Options) -> dict[str, Data]:
    retry = options.retry
    assert retry is not None
    out: dict[str, Data] = {
        "limit": str(retry.limit),
        "retryPolicy": "Always",
        "expression": "asInt(lastRetry.exitCode) != 2",
    }
    if retry.backoff_seconds > 0:
        backoff: dict[str, Data] = {"duration": f"{retry.backoff_seconds:g}s", "factor": f"{retry.factor:g}"}
        if retry.backoff_seconds * retry.factor ** max(retry.limit - 1, 0) > retry.max_seconds:
            backoff["cap"] = f"{retry.max_seconds:g}s"
        out["backoff"] = backoff
    return out


def display_name(text: str) -> str:
    """A name that Argo shows: it refuses the node of any other.

    >>> display_name("Train: größe!"), display_name("!")
    ('Train-gr-e', 'task')
    """
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-.") else "-" for c in text)
    short = "-".join(part for part in kept.split("-") if part)[:63].strip("-.")
    return short if len(short) > 1 else "task"


# ------------------------------------------------------------------------------------- what is set on the task


def hidden(options: ir.Options) -> list[tuple[str, ir.Operand]]:
    """The parameters that carry settings which are known only when the pipeline runs."""
    found: list[tuple[str, ir.Operand]] = []
    for name, _, _ in RESOURCES:
        value = getattr(options, name)
        if value is not None and not isinstance(value, ir.Const):
            found.append(("tp-" + name.replace("_", "-"), value))
    if options.accelerator_count is not None and not isinstance(options.accelerator_count, ir.Const):
        found.append(("tp-accelerator-count", options.accelerator_count))
    for i, (_, value) in enumerate(options.env):
        if not isinstance(value, ir.Const):
            found.append((f"tp-env-{i}", value))
    if options.image is not None and not isinstance(options.image, ir.Const):
        found.append(("tp-image", options.image))
    return found


def _text(value: ir.Operand | None) -> str | None:
    if not isinstance(value, ir.Const):
        return None
    data = json.loads(value.text)
    return None if data is None else str(data)


def accelerator(options: ir.Options) -> str:
    """The name of the resource that an accelerator is."""
    return _text(options.accelerator_type) or "nvidia.com/gpu"


def static_resources(options: ir.Options) -> dict[str, Data]:
    """Requests and limits that are known now."""
    out: dict[str, dict[str, Data]] = {}
    for name, side, resource in RESOURCES:
        text = _text(getattr(options, name))
        if text is not None:
            out.setdefault(side, {})[resource] = text
    asked = options.accelerator_count is None and options.accelerator_type is not None
    count = "1" if asked else _text(options.accelerator_count)
    if count is not None and count != "0":
        out.setdefault("limits", {})[accelerator(options)] = count
    return dict(out)


def resource_patch(variant: Variant) -> list[str]:
    """Requests and limits that are known when the task runs only: the fields themselves take no tags."""
    names = [name for name, _ in variant.kinds]
    sides: dict[str, list[str]] = {}
    rows = [("tp-" + name.replace("_", "-"), side, resource) for name, side, resource in RESOURCES]
    rows.append(("tp-accelerator-count", "limits", accelerator(variant.options)))
    for parameter, side, resource in rows:
        if parameter in names:
            sides.setdefault(side, []).append(f"{json.dumps(resource)}:{{{{inputs.parameters.{parameter}}}}}")
    if not sides:
        return []
    body = ",".join(f'"{side}":{{{",".join(values)} }}' for side, values in sides.items())
    patch = '{"containers":[{"name":"main","resources":{' + body + " } }]}"
    return [f"podSpecPatch: {flow(patch)}"]


def environment(variant: Variant, fields: Fields) -> None:
    """The user's environment variables, whose text arrives as it is."""
    kinds = dict(variant.kinds)
    entries: list[dict[str, Data]] = []
    brace = False
    for i, (name, value) in enumerate(variant.options.env):
        text = _text(value)
        if text is None:
            parameter = f'inputs.parameters["tp-env-{i}"]'
            expr = f"fromJSON({parameter})" if kinds.get(f"tp-env-{i}") == "str" else parameter
            entries.append({"name": name, "value": f"{{{{={raw_expr(expr)}}}}}"})
            brace = True
        else:
            entries.append({"name": name, "value": raw(text)})
            brace = brace or "{{" in text
    if brace:
        fields.env.append({"name": RAW_BRACE[0], "value": RAW_BRACE[1]})
    fields.env.extend(entries)


def image(component: ir.Component, variant: Variant) -> str:
    """The image, written."""
    if variant.options.image is None:
        return flow(component.image)
    text = _text(variant.options.image)
    expr = 'sprig.replace("{"+"{","",fromJSON(inputs.parameters["tp-image"]))'
    return flow(f"{{{{={expr}}}}}" if text is None else text)


# ------------------------------------------------------------------------------------------------------- source


def script(spec: Mapping[str, Any], parameters: str) -> str:
    """The program of a pod."""
    chunks = ",\n".join(f"({python(file)}, {line}, {source(text)})" for file, line, text in spec["chunks"])
    rest = python({key: value for key, value in spec.items() if key != "chunks"})
    return (
        f'import sys; sys.path.insert(0, "{LIB}")\n'
        "from typedpipe_task import main\n"
        f"SOURCE = [\n{chunks},\n]\n"
        f"SPEC = {rest}\n"
        f"main(dict(SPEC, chunks=SOURCE), {parameters})\n"
    )


def python(value: object) -> str:
    """A Python literal in ASCII, with nothing in it that Argo or Kubernetes reads."""
    return ascii(value).replace("{{", "{\\x7b").replace("$", "\\x24")


def source(text: str) -> str:
    r"""The user's source as a literal: as it stands where that is safe, else line by line with escapes.

    >>> print(source("def f():\n    return 1\n"))
    r'''
    def f():
        return 1
    '''[1:]
    >>> print(source("x = '{{y}}'"))
    ("x = '{\x7by}}'")
    """
    unsafe = ("{{", "$$", "$(", "'''")
    plain = text.replace("\n", "").replace("\t", "")
    if plain.isprintable() and not any(mark in text for mark in unsafe) and text[-1:] not in ("'", "\\", ""):
        return f"r'''\n{text}'''[1:]"
    lines = "\n ".join(python(line) for line in text.splitlines(keepends=True)) or '""'
    return f"({lines})"


__all__ = ["Variant", "artifact_of", "hidden", "python_leaf"]
