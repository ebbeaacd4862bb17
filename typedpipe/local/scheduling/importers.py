"""Local importers: local paths are checked, anything else is imported by reference."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from typedpipe.ir import nodes as ir
from typedpipe.runs.model import ArtifactRef


class CannotImport(Exception):
    """Nothing exists at the location."""


def imported(node: ir.Importer, uri: object, metadata: Mapping[str, object] | None) -> ArtifactRef:
    """The artifact at a URI.

    Raises:
        CannotImport: it is a local path that does not exist.
    """
    if not isinstance(uri, str) or not uri:
        raise CannotImport(f"importer `{node.name}`: the URI is empty")
    path = local_path(uri)
    if path is not None and not os.path.exists(path):
        raise CannotImport(f"importer `{node.name}`: there is no file or directory {path}")
    descriptor = {
        "type": node.type.title,
        "version": node.type.version,
        "name": node.name,
        "metadata": dict(metadata or {}),
        "uri": uri if path is None or uri.startswith("file:") else path,
        "digest": "",  # by reference: its content does not belong to this run
        "size": 0,
        "key": node.name,
    }
    return ArtifactRef(path, descriptor)


def local_path(uri: str) -> str | None:
    """The absolute local path of a URI; None if it is not local.

    >>> local_path("file:///a%20b"), local_path("s3://bucket/key")
    ('/a b', None)
    """
    if uri.startswith("file:"):
        parts = urlsplit(uri)
        return unquote(parts.path) if parts.netloc in ("", "localhost") else None
    return None if "://" in uri else os.path.abspath(uri)
