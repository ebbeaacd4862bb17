"""Cache keys: one digest of everything that reaches a task. docs/caching.md lists what is in it, and what cannot be.

The data of a component (source, interface, environment) is computed once; a task adds its parameters, the content of
its artifacts and its environment variables. Nothing here hashes a ``repr``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeAlias

from typedpipe.ir import nodes as ir
from typedpipe.local.caching.imports import Forgetful, Memory, NotContent, content_of
from typedpipe.local.caching.normal_form import digest_of
from typedpipe.local.scheduling.frame import TaskRun
from typedpipe.local.values import NULL_TEXT
from typedpipe.runs.model import ArtifactRef, Value
from typedpipe.runtime.task import WireError, decode, encode
from typedpipe.types.data import TypeData, to_data
from typedpipe.types.json_text import json_text
from typedpipe.types.model import (
    FLOAT,
    INT,
    STR,
    DictType,
    ListType,
    ScalarType,
    StructType,
    Type,
    UnionType,
    is_artifact,
)

FORMAT = 1
"""Part of each key: a change of the key format invalidates all old keys."""
UNIONS = "own type first"
"""Part of the keys of components with a union: before, a value could be stored as another member."""
SHARED_NAME = "own code"
"""Part of the keys of components that share a name: before, the code of another one could run."""
LONG = 1000
"""Longer texts are represented in the data by their digest."""
_text = json.JSONEncoder(separators=(",", ":")).encode
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,14})")

Facts: TypeAlias = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class KeyParts:
    """A task's cache key and its parts as JSON data: ``explain-cache`` compares two of them."""

    key: str
    data: dict[str, Any]


class NotKeyed(Exception):
    """No key can be computed for the task; the message is the reason."""


def enabled(node: ir.Task, component: ir.Component, run_default: bool | None) -> bool:
    """Whether a task may be read from the cache and written to it.

    Args:
        node: The task; options set in the DSL take precedence.
        component: Its component; one without outputs runs for its side effects.
        run_default: False switches the cache off for the whole run; True is for tasks without a setting in the DSL.

    >>> component = ir.Component("a", (), (), ir.ContainerImpl(), "busybox")
    >>> enabled(ir.Task("t", "a"), component, None), enabled(ir.Task("t", "a"), component, True)
    (False, True)
    """
    if run_default is False or node.options.caching is False:
        return False
    return bool(node.options.caching or run_default or component.outputs)


@dataclass(slots=True)
class _Known:
    """Data shared by all tasks of a component."""

    component: ir.Component
    data: dict[str, Any]
    digest: str
    parameters: list[tuple[str, Type, TypeData]]
    artifacts: list[str]
    why_not: str
    contained: bool


@dataclass(slots=True)
class Fingerprints:
    """Computes the keys of one run's tasks.

    Args:
        pipeline: Closed IR.
        facts: For each component that is used, by its key, what its environment adds (``runners.facts``).
        environment: Environment variables of every task of the run.
        memory: Remembers the content of imported files.
    """

    pipeline: ir.Pipeline
    facts: Facts = field(default_factory=dict[str, Mapping[str, Any]])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    memory: Memory = field(default_factory=Forgetful)
    _known: dict[str, _Known] = field(default_factory=dict[str, _Known])
    _importers: dict[str, bool] | None = None

    def parts(self, run: TaskRun) -> KeyParts | None:
        """The key of a task with its values; None if there is none: :meth:`why_not` returns the reason."""
        try:
            return self._parts(run)
        except NotKeyed:
            return None

    def why_not(self, run: TaskRun) -> str:
        """The reason, for the user, why there is no key for the task; "" if there is one."""
        try:
            self._parts(run)
        except NotKeyed as reason:
            return str(reason)
        return ""

    def _parts(self, run: TaskRun) -> KeyParts:
        known = self._known.get(run.node.component) or self._component(run.node.component)
        if known.why_not:
            raise NotKeyed(known.why_not)
        if run.node.options.cache_key:
            return _replaced(known.component, run.node.options.cache_key)
        own: dict[str, Any] = {"parameters": {}}
        parameters = own["parameters"]
        for name, type_, data in known.parameters:
            value = run.values.get(name)
            if value is not None and not isinstance(value, str):
                raise NotKeyed(f"its parameter `{name}` received an artifact")
            parameters[name] = coerced(NULL_TEXT if value is None else value, type_, data)
        if known.artifacts:
            own["inputs"] = {name: self._identity(name, run.values.get(name)) for name in known.artifacts}
        if self.environment or run.env:
            own["environment"] = dict(sorted({**self.environment, **run.env}.items()))
        image = run.settings.get("image")
        if known.contained and image:
            own["image"] = str(image)
        text = _text(own)
        key = sha256(f"{known.digest}\n{text}".encode()).hexdigest()
        shown = {**known.data, **own, "parameters": {n: short(v) for n, v in parameters.items()}}
        if self.environment:
            shown["environment"] = self.variables(run)
        return KeyParts(key, shown)

    def variables(self, run: TaskRun) -> dict[str, str]:
        """Environment variables of a task as recorded: those of the run may be secrets, and are digests."""
        return {
            name: value if name in run.env else f"sha256:{sha256(value.encode()).hexdigest()}"
            for name, value in sorted({**self.environment, **run.env}.items())
        }

    def surroundings(self, run: TaskRun) -> dict[str, Any]:
        """The parts of the key of a task that do not depend on its inputs or its code."""
        variables = self.variables(run)
        found = dict(self.facts.get(run.node.component, {}))
        return found | {"environment": variables} if variables else found

    def _component(self, name: str) -> _Known:
        component = self.pipeline.components[name]
        facts = self.facts.get(name, {})
        data = component_data(component, facts)
        if sum(each.name == component.name for each in self.pipeline.components.values()) > 1:
            data["format"] = f"{data['format']}, {SHARED_NAME}"
        keyed = {part: value for part, value in data.items() if part != "component"}  # the task cannot see this name
        text = json.dumps(keyed, sort_keys=True, separators=(",", ":"))
        known = self._known[name] = _Known(
            component,
            data,
            sha256(text.encode()).hexdigest(),
            [(p.name, p.type, to_data(p.type)) for p in component.inputs if not is_artifact(p.type)],
            [port.name for port in component.inputs if is_artifact(port.type)],
            _why_not(component.inputs) or str(facts.get("why_not", "")),
            "image" in data,
        )
        return known

    def _identity(self, name: str, value: Value) -> Any:
        """Properties of an artifact that a component can see, except its location: content, type, name and metadata."""
        if isinstance(value, tuple):
            return [self._identity(name, item) for item in value]
        if not isinstance(value, ArtifactRef):
            return [] if value == "[]" else None
        descriptor = value.descriptor
        found = {key: descriptor.get(key) for key in ("type", "version", "name")}
        found["metadata"] = _metadata(descriptor.get("metadata") or {})
        content = descriptor.get("digest")
        found["content"] = content or self._reference(name, value)
        return found

    def imported(self, value: ArtifactRef) -> bool:
        """Whether an artifact comes from an importer or is an argument of the run: no task may write to it."""
        return not value.digest and ("://" not in value.uri or bool(self._importer(value)))  # a task's has a scheme

    def _importer(self, value: ArtifactRef) -> str:
        """The importer or artifact input of a pipeline that an artifact comes from; "" if a task created it."""
        if self._importers is None:
            self._importers = _importers(self.pipeline)
        node = str(value.descriptor.get("key"))
        return node if node == value.descriptor.get("name") and node in self._importers else ""

    def _reference(self, name: str, value: ArtifactRef) -> str:
        """Identity of an artifact that no run produced: its URI, and for a local file its content."""
        node = self._importer(value)
        if not node:
            raise NotKeyed(
                f"its input `{name}` is stored by reference ({value.uri}), so the task that created it can change it"
            )
        if value.path is not None:
            return f"{value.uri} {_content(value.path, self.memory)}"
        if self._importers is not None and self._importers[node]:
            raise NotKeyed(f"its input `{name}` is imported again for every run (`reimport=True`)")
        return value.uri


def component_data(component: ir.Component, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a key that a component contributes for all its tasks, as JSON data.

    >>> shell = ir.Component("sh", (), (), ir.ContainerImpl(("sh",), ("-c", "true")), "busybox")
    >>> component_data(shell, {"image_id": "sha256:1"})["image_id"]
    'sha256:1'
    """
    impl = component.impl
    data: dict[str, Any] = {
        "format": f"{FORMAT}, unions: {UNIONS}" if any(map(_chooses, _types(component))) else FORMAT,
        "component": component.name,
        "interface": {
            "inputs": [[port.name, port.how, to_data(port.type)] for port in component.inputs],
            "outputs": [[port.name, port.how, to_data(port.type)] for port in component.outputs],
        },
    }
    if isinstance(impl, ir.ContainerImpl):
        data["image"] = component.image
        data["command"] = list(map(_command, impl.command))
        data["args"] = list(map(_command, impl.args))
    else:
        data["source"] = digest_of(impl.chunks, impl.entry)
        data["entry"] = f"{impl.entry} {impl.returns}"
        if "requirements" not in facts and impl.packages:
            data["packages"] = [*sorted(impl.packages), *impl.pip_index_urls]
    return data | dict(facts)


def _types(component: ir.Component) -> list[Type]:
    return [*(port.type for port in component.inputs), *(port.type for port in component.outputs)]


def _chooses(type_: Type) -> bool:
    """Whether a type contains a union of which a value could be stored as another member than its own."""
    match type_:
        case UnionType():
            return _numbers(type_) >= {"int", "float"} or _objects(type_) > 1 or any(map(_chooses, type_.members))
        case ListType():
            return _chooses(type_.item)
        case DictType():
            return _chooses(type_.value)
        case StructType():
            return any(_chooses(field.type) for field in type_.fields)
        case _:
            return False


def _objects(union: UnionType) -> int:
    return sum(isinstance(member, StructType) and member.form != "typeddict" for member in union.members)


def _numbers(type_: Type) -> set[str]:
    """Kinds of numbers in a type."""
    match type_:
        case ScalarType("int" | "float"):
            return {type_.kind}
        case UnionType():
            return set[str]().union(*map(_numbers, type_.members))
        case ListType():
            return _numbers(type_.item)
        case DictType():
            return _numbers(type_.value)
        case StructType():
            return set[str]().union(*(_numbers(field.type) for field in type_.fields))
        case _:
            return set()


def _command(part: ir.CommandPart) -> Any:
    match part:
        case str():
            return part
        case ir.Concat():
            return ["concat", *map(_command, part.items)]
        case ir.IfPresent():
            return ["if", part.input, list(map(_command, part.then)), list(map(_command, part.otherwise))]
        case _:
            return [part.kind, part.name]


def _why_not(inputs: tuple[ir.InputPort, ...]) -> str:
    status = next((port.name for port in inputs if port.how == "status"), None)
    return (
        "" if status is None else f"its input `{status}` is the final status of this run, which differs for every run"
    )


def _replaced(component: ir.Component, cache_key: str) -> KeyParts:
    """The key that the user set, for this component and its outputs only, as on KFP and on Argo."""
    outputs = [[port.name, to_data(port.type)] for port in component.outputs]
    data = {"format": FORMAT, "component": component.name, "cache_key": cache_key, "outputs": outputs}
    return KeyParts(sha256(json_text(data).encode()).hexdigest(), data)


def coerced(text: str, type_: Type, data: TypeData) -> str:
    """Convert wire text to the declared type: equal values have equal text.

    >>> coerced("5", FLOAT, "float"), coerced("5.0", FLOAT, "float"), coerced("5.0", INT, "int")
    ('5.0', '5.0', '5')
    """
    if type_ is STR or type_ == STR:
        return text if text[:1] == '"' else _read(text, data)
    if _INTEGER.fullmatch(text):
        if type_ == INT:
            return text
        if type_ == FLOAT:
            return float.__repr__(float(text))
    return _read(text, data)


def _read(text: str, data: TypeData) -> str:
    try:
        return encode(decode(text, data), "any")
    except (WireError, ValueError):
        return text  # the task will report the error


def short(text: str) -> str:
    """A parameter's text as stored in the key's data: long ones as a digest.

    >>> short("3"), short("x" * 2000)[:14]
    ('3', 'sha256:5c0e0ea')
    """
    return text if len(text) <= LONG else f"sha256:{sha256(text.encode()).hexdigest()}"


def _metadata(metadata: Mapping[str, Any]) -> Any:
    text = json_text(metadata)
    return metadata if len(text) <= LONG else short(text)


def _content(path: str, memory: Memory) -> str:
    try:
        return content_of(path, memory)
    except NotContent as reason:
        raise NotKeyed(str(reason)) from None
    except OSError as error:
        raise NotKeyed(f"{path} cannot be read: {error.strerror}") from None


def _importers(pipeline: ir.Pipeline) -> dict[str, bool]:
    """Importers and artifact inputs of a pipeline, and whether each is imported again; without those named like an
    output.
    """
    outputs = {port.name for component in pipeline.components.values() for port in component.outputs}
    pending = [pipeline.graph, *pipeline.pipelines.values()]
    found = {port.name: False for port in pipeline.graph.inputs if is_artifact(port.type) and port.name not in outputs}
    for graph in pending:  # grows
        for node in graph.nodes:
            if isinstance(node, ir.Importer) and node.name not in outputs:
                found[node.name] = found.get(node.name, False) or node.reimport
            pending.extend(region.body for region in node.regions())
    return found
