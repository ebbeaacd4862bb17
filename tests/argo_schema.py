"""Argo's types per version, for validating manifests, with unknown keys rejected; and the references inside them."""

from __future__ import annotations

import gzip
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from tests.argo_references import faults

SCHEMAS = Path(__file__).parent / "schema"
VERSIONS = {"3.6": "3.6.19", "3.7": "3.7.18", "4.0": "4.0.5", "4.1": "4.0.5"}
"""Schema for each target: none for 4.1 is available, so its manifests are validated with 4.0's."""
PREFIX = "io.argoproj.workflow.v1alpha1."


@lru_cache(maxsize=16)
def validator(kind: str, target: str) -> jsonschema.Draft202012Validator:
    schema = json.loads(gzip.decompress((SCHEMAS / f"argo-{VERSIONS[target]}.json.gz").read_bytes()))
    return jsonschema.Draft202012Validator({**schema, "$ref": f"#/definitions/{PREFIX}{kind}"})


class Loader(yaml.CSafeLoader):
    """A reader that takes a plain ``y`` or ``n`` for a bool, as kubectl does, and PyYAML does not."""

    bool_values = {**yaml.CSafeLoader.bool_values, "y": True, "n": False}  # noqa: RUF012 - PyYAML's own form


Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^[yYnN]$"), list("yYnN"))


def valid(text: str, target: str = "3.7") -> dict[str, Any]:
    """The last document of a text, all of which Argo of that version takes as they are."""
    documents: list[dict[str, Any]] = list(yaml.load_all(text, Loader))
    for data in documents:
        found = validator(data["kind"], target).iter_errors(data)
        errors = [f"{list(error.absolute_path)}: {error.message}" for error in found]
        assert not errors, "\n".join(errors[:5])
    broken = faults(documents)
    assert not broken, "\n".join(broken[:5])
    return documents[-1]
