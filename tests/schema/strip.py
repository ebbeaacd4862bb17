"""Argo's JSON schema made smaller and strict: run as ``python tests/schema/strip.py SCHEMA.json VERSION``.

``SCHEMA.json`` is ``api/jsonschema/schema.json`` of the Go module github.com/argoproj/argo-workflows/v3. What users'
tools say of it ("additional keys are fine", "a number is no string") would let mistakes of ours through or refuse what
Argo takes, so unknown keys become errors, and int-or-string is both.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

ROOTS = ("Workflow", "WorkflowTemplate", "CronWorkflow")
PREFIX = "io.argoproj.workflow.v1alpha1."
STRINGS = ("io.k8s.apimachinery.pkg.util.intstr.IntOrString", "io.k8s.apimachinery.pkg.api.resource.Quantity")


def strip(schema: dict[str, Any]) -> dict[str, Any]:
    """Only what the three kinds need, without descriptions, closed."""
    definitions: dict[str, Any] = schema["definitions"]
    kept: dict[str, Any] = {}
    stack = [PREFIX + root for root in ROOTS]
    while stack:
        name = stack.pop()
        if name not in kept:
            kept[name] = _clean(definitions[name], stack)
    for name in STRINGS:
        kept[name] = {"type": ["integer", "string"]}
    return {"definitions": dict(sorted(kept.items()))}


def _clean(data: Any, stack: list[str]) -> Any:
    if isinstance(data, list):
        return [_clean(item, stack) for item in data]
    if not isinstance(data, dict):
        return data
    out = {key: value for key, value in data.items() if key not in ("description", "format") or isinstance(value, dict)}
    if "$ref" in out:
        stack.append(str(out["$ref"]).removeprefix("#/definitions/"))
    out = {key: _clean(value, stack) for key, value in out.items()}
    if isinstance(data.get("properties"), dict) and "additionalProperties" not in data:
        out["additionalProperties"] = False
    return out


if __name__ == "__main__":
    text = json.dumps(strip(json.loads(Path(sys.argv[1]).read_text("utf-8"))), separators=(",", ":"))
    target = Path(__file__).parent / f"argo-{sys.argv[2]}.json.gz"
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
