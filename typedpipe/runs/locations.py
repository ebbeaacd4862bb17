"""Existing artifacts by path or URI: arguments of a run, and what importers import."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from typedpipe.ir import nodes as ir
from typedpipe.runs.forms import NotOfType, WireText
from typedpipe.runs.model import ArtifactRef, Value
from typedpipe.types.artifacts import Artifact
from typedpipe.types.json_text import json_data, json_text
from typedpipe.types.model import ListType, artifact_of, is_optional, without_none
from typedpipe.types.values import safe


def from_location(value: object, port: ir.InputPort) -> WireText:
    """Wire text of an artifact at a path or URI, of a list of them, or of None.

    Raises:
        NotOfType: nothing exists at a local path, or the value is no path.

    >>> from typedpipe.types.model import ArtifactType
    >>> from_location("s3://data/x", ir.InputPort("d", ArtifactType("system.Dataset")))[:24]
    '{"type":"system.Dataset"'
    """
    if value is None or (value == "null" and is_optional(port.type)):
        if is_optional(port.type):
            return "null"
        raise NotOfType("it cannot be None")
    if not isinstance(without_none(port.type), ListType):
        return safe(_json(_descriptor(value, port)))
    given = _listed(value) if isinstance(value, str) else value
    if not isinstance(given, (list, tuple)):
        raise NotOfType("it is not a list of paths or URIs")
    return safe(_json([_descriptor(item, port) for item in cast("Sequence[object]", given)]))


def _listed(text: str) -> object:
    try:
        return json_data(text)
    except ValueError:
        raise NotOfType("it is not a JSON list of paths or URIs") from None


def _json(data: object) -> str:
    return json_text(data, separators=(",", ":"))


def _descriptor(value: object, port: ir.InputPort) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if isinstance(value, Artifact):
        metadata = dict(value.metadata)
        value = value.uri or value.path
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise NotOfType("it is not a path or URI")
    uri = str(os.fspath(value))
    path = local_path(uri)
    if path is not None and not Path(path).exists():
        raise NotOfType(f"there is no file or directory {path}")
    type_ = artifact_of(port.type)
    assert type_ is not None
    return described(type_.title, type_.version, port.name, uri, metadata)


def described(title: str, version: str, name: str, uri: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """The descriptor of an artifact that no task of the run creates; a local path becomes absolute."""
    path = local_path(uri)
    return {
        "type": title,
        "version": version,
        "name": name,
        "metadata": metadata,
        "uri": uri if path is None or uri.startswith("file:") else path,
        "digest": "",  # by reference: its content does not belong to this run
        "size": 0,
        "key": name,
    }


def at_location(text: WireText) -> Value:
    """The inverse of :func:`from_location`: the artifact, a tuple of them, or None."""
    data = json_data(text)
    if isinstance(data, list):
        return tuple(_reference(item) for item in cast("list[dict[str, Any]]", data))
    return None if data is None else _reference(data)


def _reference(descriptor: dict[str, Any]) -> ArtifactRef:
    return ArtifactRef(local_path(descriptor["uri"]), descriptor)


def local_path(uri: str) -> str | None:
    """The absolute local path of a URI; None if it is not local.

    >>> local_path("file:///a%20b"), local_path("s3://bucket/key")
    ('/a b', None)
    """
    if uri.startswith("file:"):
        parts = urlsplit(uri)
        return unquote(parts.path) if parts.netloc in ("", "localhost") else None
    return None if "://" in uri else os.path.abspath(uri)  # noqa: PTH100 - `resolve` would follow links
