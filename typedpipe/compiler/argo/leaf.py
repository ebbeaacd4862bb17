"""Template of a Python component: the user's source as readable text, its interface as data, and the runtime."""

from __future__ import annotations

import json
from dataclasses import dataclass

from typedpipe.compiler.argo.messages import ERROR, EXIT, NOWHERE
from typedpipe.compiler.argo.read.asks import ASK, GIVEN, answer_key
from typedpipe.compiler.argo.read.late import ENV
from typedpipe.compiler.argo.shapes import KEY, ArtifactLocation
from typedpipe.compiler.argo.templates import Container, Data, Leaf, Written
from typedpipe.compiler.argo.wire import RAW_BRACE, is_boxed, raw, raw_expr
from typedpipe.compiler.pod import (
    LIB_MOUNT,
    OUT_MOUNT,
    artifact_path,
    default_text,
    input_path,
    parameter_path,
    script,
    wire_key,
)
from typedpipe.ir import nodes as ir
from typedpipe.ir.options import RESOURCES
from typedpipe.ir.taskspec import port_key, task_spec
from typedpipe.runtime.task import descriptor_key
from typedpipe.types.json_text import json_data, json_text
from typedpipe.types.model import ListType, Type, is_artifact, is_optional, without_none


@dataclass(frozen=True, slots=True)
class Variant:
    """Properties that distinguish two templates of one component."""

    options: ir.Options = ir.DEFAULT_OPTIONS
    shapes: tuple[tuple[str, ArtifactLocation], ...] = ()
    boxed: bool = False
    given: frozenset[str] = frozenset()
    """For a container: the inputs that were passed, of those that its command tests."""
    kinds: tuple[tuple[str, str], ...] = ()
    """For values known only at run time: the option's parameter and the kind of its values."""


def python_leaf(
    name: str,
    component: ir.Component,
    variant: Variant,
    *,
    stand_ins: bool,
    answers: int,
    variables: bool,
    tells: bool,
) -> Leaf:
    """Template of a Python component; with ``stand_ins``, it stores a file for each empty directory.

    ``answers`` is the number of outputs for answers to questions, which its tasks may be asked. ``variables``: some of
    its tasks have environment variables that are known only at run time. If it ``tells``, it has an output for the
    message of a failed task.
    """
    leaf = new_leaf(name, component, variant)
    container = leaf.container
    interface(component, variant, leaf)
    for port in component.outputs:
        if is_artifact(port.type):
            _artifact_output(port_key(port.name), port.type, variant, leaf)
            if stand_ins:
                leaf.output_artifacts.append(_stand_in(port_key(port.name)))
        else:
            _output(port_key(port.name), variant.boxed and is_boxed(port.type), leaf)
    if variables:
        leaf.inputs.append({"name": ENV, "default": ""})
    if tells:
        leaf.inputs.append({"name": EXIT, "default": NOWHERE})
        said: Data = {"path": parameter_path(ERROR), "default": "null"}
        name = f"{ERROR}-{{{{inputs.parameters.{EXIT}}}}}"
        leaf.outputs.insert(0, {"name": ERROR, "valueFrom": said, "globalName": name})
    if answers:
        leaf.inputs += [{"name": key, "default": ""} for key in (GIVEN, ASK)]
    for key in map(answer_key, range(1, answers + 1)):
        leaf.outputs.append({"name": key, "valueFrom": {"path": parameter_path(key), "default": ""}})
    if any(is_artifact(port.type) for port in component.outputs):
        container.env.append({"name": "TYPEDPIPE_POD", "value": "{{pod.name}}"})
        container.env.append({"name": "TYPEDPIPE_KEY", "value": object_key("{output}")})
        if stand_ins:
            container.env.append({"name": "TYPEDPIPE_EMPTY", "value": _stand_in_key("{output}")})
    undescribed = [
        port_key(name) for name, shape in variant.shapes if shape.undescribed or any(i.undescribed for i in shape.items)
    ]
    if undescribed:
        container.env.append({"name": "TYPEDPIPE_UNDESCRIBED", "value": " ".join(undescribed)})
    spec = task_spec(component)
    if spec.get("packages"):
        container.env.append({"name": "TYPEDPIPE_INSTALL", "value": "1"})
    environment(variant, container)
    container.command = ["python3", Written("-u")]
    container.mounts = [LIB_MOUNT, OUT_MOUNT]
    container.source = script(spec, "{{inputs.parameters}}" if leaf.inputs else "[]")
    return leaf


def new_leaf(name: str, component: ir.Component, variant: Variant) -> Leaf:
    """A leaf with the fields that do not depend on the component's interface."""
    leaf = Leaf(name, Container(image(component, variant)))
    leaf.pod.labels["typedpipe.dev/component"] = port_key(component.name)[:63].strip("-_.")
    leaf.source = _source(component)
    if variant.options.display_name:
        leaf.annotations["workflows.argoproj.io/display-name"] = display_name(variant.options.display_name)
    leaf.container.resources = static_resources(variant.options)
    leaf.patch = pod_patch(resource_patch(variant))
    if variant.options.retry is not None and variant.options.retry.limit > 0:
        leaf.retry = _retry(variant.options.retry)
        if isinstance(component.impl, ir.PythonImpl):  # the exit codes and the messages of a container are the user's
            leaf.retry["expression"] = _NOT_A_TYPE_ERROR
    if variant.options.timeout_seconds is not None:
        leaf.deadline = max(1, -int(-variant.options.timeout_seconds // 1))
    if variant.options.extensions:
        from typedpipe.compiler.extensions import merge

        merge(variant.options, leaf.pod)
    return leaf


def _output(key: str, boxed: bool, leaf: Leaf) -> None:
    leaf.outputs.append({"name": key, "valueFrom": {"path": parameter_path(key) + (".box" if boxed else "")}})


def _artifact_output(key: str, type_: Type, variant: Variant, leaf: Leaf) -> None:
    _output(descriptor_key(key), variant.boxed, leaf)
    artifact = artifact_location(key)
    leaf.output_artifacts.append({**artifact, "optional": True} if is_optional(type_) else artifact)


def artifact_location(key: str) -> dict[str, Data]:
    """An output artifact: its path in the pod and its key in the store."""
    return {"name": key, "path": artifact_path(key), "archive": {"none": {}}, "s3": {"key": object_key(key)}}


def _stand_in(key: str) -> dict[str, Data]:
    """The file that a container's template loads in place of an output that is an empty directory: stores keep only files."""
    place: dict[str, Data] = {
        "name": f"tp-empty-{key}",
        "path": parameter_path(descriptor_key(key) + ".empty"),
        "optional": True,
    }
    return {**place, "archive": {"none": {}}, "s3": {"key": _stand_in_key(key)}}


def _stand_in_key(output: str) -> str:
    """Key of the stand-in, outside the directory that contains the entries of `Collected`."""
    return f"{{{{inputs.parameters.tp-path}}}}/tp-empty/{output}/{{{{pod.name}}}}"


def object_key(output: str) -> str:
    """Key in the store of the content of this pod's output."""
    return f"{{{{inputs.parameters.tp-path}}}}/{output}/{{{{pod.name}}}}"


def interface(component: ir.Component, variant: Variant, leaf: Leaf, required: frozenset[str] = frozenset()) -> None:
    """Add the inputs of a component of any kind. Argo fails the task if an artifact in ``required`` is not in the store."""
    shapes = dict(variant.shapes)
    for port in component.inputs:
        entry: dict[str, Data] = {"name": wire_key(port.name, port.type)}
        default = default_text(port)
        if default is not None:
            entry["default"] = default
        leaf.inputs.append(entry)
        if is_artifact(port.type):
            _artifact_input(port_key(port.name), port.type, shapes.get(port.name, KEY), leaf, port.name in required)
    if any(is_artifact(port.type) for port in component.outputs):
        leaf.inputs.append({"name": "tp-path", "default": "{{workflow.uid}}/" + port_key(component.name)})
    leaf.inputs.extend({"name": name} for name, _ in variant.kinds)


def _artifact_input(key: str, type_: Type, shape: ArtifactLocation, leaf: Leaf, required: bool) -> None:
    listed = isinstance(without_none(type_), ListType)
    text = f'inputs.parameters["{descriptor_key(key)}"]'
    optional: dict[str, Data] = {} if required else {"optional": True}
    base: dict[str, Data] = {**optional, "archive": {"none": {}}}
    if listed and shape.kind == "list":
        for i, item in enumerate(shape.items):
            descriptor = f'fromJSON({text})["\\u0024tp"][1][{i}]'
            place = {"name": f"{key}-{i}", "path": f"{input_path(key)}/{i}", **base}
            leaf.input_artifacts.append({**place, **location(f"{descriptor} == nil", f"{descriptor}.uri", item.kind)})
        return
    place = {"name": key, "path": input_path(key), **base}
    if listed:
        leaf.inputs.append({"name": f"tp-at-{key}", "default": "tp-absent"})
        leaf.input_artifacts.append({**place, "s3": {"key": f"{{{{inputs.parameters.tp-at-{key}}}}}"}})
    else:
        absent = f'{text} == "null"' if is_optional(type_) else ""
        uri = f"fromJSON({text}).uri"
        if required and shape.kind == "key":
            uri = f"(fromJSON({text}).empty ?? {uri})"
        leaf.input_artifacts.append({**place, **location(absent, uri, shape.kind)})


def location(absent: str, uri: str, kind: str) -> dict[str, Data]:
    """Location of the content of a descriptor's URI."""

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


def _source(component: ir.Component) -> str:
    """The file and line of a component."""
    source = str(component.span) if component.span.file else ""
    if source.startswith("/"):  # compiled from another directory: the same text on every machine
        source = source.rpartition("/")[2]
    return source if source.isprintable() else ""


_NOT_A_TYPE_ERROR = 'asInt(lastRetry.exitCode) != 2 || !(lastRetry.message contains "error[TP")'
"""A type error would recur; the exit code alone does not tell, because a user's program may end with 2, too."""


def _retry(retry: ir.Retry) -> dict[str, Data]:
    out: dict[str, Data] = {
        "limit": str(retry.limit),
        "retryPolicy": "Always",
    }
    if retry.backoff_seconds > 0:
        backoff: dict[str, Data] = {"duration": f"{retry.backoff_seconds:g}s", "factor": f"{retry.factor:g}"}
        if retry.backoff_seconds * retry.factor ** max(retry.limit - 1, 0) > retry.max_seconds:
            backoff["cap"] = f"{retry.max_seconds:g}s"
        out["backoff"] = backoff
    return out


def display_name(text: str) -> str:
    """A name that Argo displays: it rejects a node with any other.

    >>> display_name("Train: größe!"), display_name("!")
    ('Train-gr-e', 'task')
    """
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-.") else "-" for c in text)
    short = "-".join(part for part in kept.split("-") if part)[:63].strip("-.")
    return short if len(short) > 1 else "task"


# ------------------------------------------------------------------------------------- what is set on the task


def _text(value: ir.Operand | None) -> str | None:
    if not isinstance(value, ir.Const):
        return None
    data = json_data(value.text)
    return data if data is None or isinstance(data, str) else json_text(data)


def accelerator(options: ir.Options) -> str:
    """Resource name of an accelerator."""
    return _text(options.accelerator_type) or "nvidia.com/gpu"


def static_resources(options: ir.Options) -> dict[str, Data]:
    """Requests and limits that are known at compile time."""
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


def resource_patch(variant: Variant) -> str:
    """Requests and limits that are known only at run time, a field of a patch: the fields themselves do not accept tags."""
    names = [name for name, _ in variant.kinds]
    sides: dict[str, list[str]] = {}
    rows = [("tp-" + name.replace("_", "-"), side, resource) for name, side, resource in RESOURCES]
    rows.append(("tp-accelerator-count", "limits", accelerator(variant.options)))
    for parameter, side, resource in rows:
        if parameter in names:
            sides.setdefault(side, []).append(f"{json.dumps(resource)}:{{{{inputs.parameters.{parameter}}}}}")
    if not sides:
        return ""
    body = ",".join(f'"{side}":{{{",".join(values)} }}' for side, values in sides.items())
    return f'"resources":{{{body} }}'


def pod_patch(*fields: str) -> str:
    """A patch of the task's container; "" if no field is to be patched."""
    given = [field for field in fields if field]
    return f'{{"containers":[{{"name":"main",{",".join(given)} }}]}}' if given else ""


def environment(variant: Variant, container: Container) -> None:
    """Environment variables of the user, passed unchanged."""
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
        container.env.append({"name": RAW_BRACE[0], "value": RAW_BRACE[1]})
    container.env.extend(entries)


def image(component: ir.Component, variant: Variant) -> str:
    """The image, or the tag that evaluates to it."""
    if variant.options.image is None:
        return component.image
    text = _text(variant.options.image)
    expr = 'sprig.replace("{"+"{","",fromJSON(inputs.parameters["tp-image"]))'
    return f"{{{{={expr}}}}}" if text is None else text
