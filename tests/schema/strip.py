"""Argo's types as one small, strict JSON schema: run as ``python tests/schema/strip.py VERSION SOURCE``.

``SOURCE`` is where a version's types can be had:

* a file, ``api/jsonschema/schema.json`` of the Go module github.com/argoproj/argo-workflows/v3 (3.7.18);
* ``argo_workflows``, Argo's Python client, made by its own OpenAPI generator: PyPI's 6.6.19 is Argo 3.6.19;
* ``hera``, whose models are made from Argo's OpenAPI: hera 7.1.0 is Argo 4.0.5.

What users' tools say of it ("additional keys are fine", "a number is no string") would let mistakes of ours through or
refuse what Argo takes, so unknown keys become errors, and int-or-string is both.
"""

from __future__ import annotations

import gzip
import inspect
import json
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOTS = ("Workflow", "WorkflowTemplate", "CronWorkflow")
PREFIX = "io.argoproj.workflow.v1alpha1."
BOTH = ("IntOrString", "Quantity")
PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
DROPPED = ("description", "format", "title", "default")


def from_client() -> dict[str, Any]:
    """Types of Argo's Python client: ``openapi_types`` of each model."""
    models: Any = import_module("argo_workflows.models")
    definitions = {
        name.replace("IoArgoprojWorkflowV1alpha1", PREFIX): _model(model)
        for name, model in vars(models).items()
        if hasattr(model, "openapi_types")
    }
    return {"definitions": definitions}


def _model(model: Any) -> dict[str, Any]:
    names: dict[str, str] = getattr(model, "attribute_map", {})
    if not names:  # a name for a list or a string
        return _typed(model.openapi_types["value"])
    asked = inspect.signature(model._from_openapi_data).parameters.values()
    required = [names[p.name] for p in asked if p.name in names and p.kind is p.POSITIONAL_OR_KEYWORD]
    properties = {names[key]: _typed(type_) for key, type_ in model.openapi_types.items()}
    for key in properties.keys() & _int_or_string():
        properties[key] = {"type": ["integer", "string"]}
    return {"type": "object", "properties": properties, "required": required}


@cache
def _int_or_string() -> frozenset[str]:
    """The fields that are int-or-string, of which the client says string: by 3.7's schema."""
    schema = json.loads(gzip.decompress((Path(__file__).parent / "argo-3.7.18.json.gz").read_bytes()))
    return frozenset(
        key
        for definition in schema["definitions"].values()
        for key, field in definition.get("properties", {}).items()
        if field.get("$ref", "").endswith(".IntOrString")
    )


def _typed(types: Any) -> dict[str, Any]:
    first = types[0] if isinstance(types, (tuple, list)) else types
    if isinstance(first, list):
        return {"type": "array", "items": _typed(first)}
    if isinstance(first, dict):
        return {"type": "object", "additionalProperties": _typed(first[str])}
    if first in PLAIN and len(types) == 1:
        return {"type": PLAIN[first]}
    if first.__module__.startswith("argo_workflows"):
        return {"$ref": "#/definitions/" + first.__name__.replace("IoArgoprojWorkflowV1alpha1", PREFIX)}
    return {}


def from_hera() -> dict[str, Any]:
    """Types of hera: pydantic models, whose optional fields may also be null, unlike Argo's."""
    models: Any = import_module("hera.workflows.models")
    definitions: dict[str, Any] = {}
    for root in ROOTS:
        schema = getattr(models, root).model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
        definitions |= schema.pop("$defs") | {PREFIX + root: schema}
    return {"definitions": _without_null(definitions)}


def _without_null(data: Any) -> Any:
    if isinstance(data, list):
        return [_without_null(item) for item in data]
    if not isinstance(data, dict):
        return data
    out = {key: _without_null(value) for key, value in data.items()}
    choices = out.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        (kept,) = (choice for choice in choices if choice != {"type": "null"})
        out = {**{key: value for key, value in out.items() if key != "anyOf"}, **kept}
    return out


def strip(schema: dict[str, Any]) -> dict[str, Any]:
    """Only what the three kinds need, without descriptions, closed."""
    definitions: dict[str, Any] = schema["definitions"]
    kept: dict[str, Any] = {}
    stack = [PREFIX + root for root in ROOTS]
    while stack:
        name = stack.pop()
        if name in kept:
            continue
        both = name.rpartition(".")[2] in BOTH
        kept[name] = {"type": ["integer", "string"]} if both else _clean(definitions[name], stack)
    return {"definitions": dict(sorted(kept.items()))}


def _clean(data: Any, stack: list[str]) -> Any:
    if isinstance(data, list):
        return [_clean(item, stack) for item in data]
    if not isinstance(data, dict):
        return data
    out = {key: value for key, value in data.items() if key not in DROPPED or isinstance(value, dict)}
    if "$ref" in out:
        stack.append(str(out["$ref"]).removeprefix("#/definitions/"))
    out = {key: _clean(value, stack) for key, value in out.items()}
    if isinstance(data.get("properties"), dict) and "additionalProperties" not in data:
        out["additionalProperties"] = False
    return out


def main(version: str, source: str) -> None:
    """Write ``argo-VERSION.json.gz`` beside this file."""
    if source == "argo_workflows":
        schema = from_client()
    else:
        schema = from_hera() if source == "hera" else json.loads(Path(source).read_text("utf-8"))
    text = json.dumps(strip(schema), separators=(",", ":"))
    (Path(__file__).parent / f"argo-{version}.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    _, its_version, its_source = sys.argv
    main(its_version, its_source)
