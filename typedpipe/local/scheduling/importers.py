"""Local importers: local paths are checked, anything else is imported by reference."""

from __future__ import annotations

import os
from collections.abc import Mapping

from typedpipe.ir import nodes as ir
from typedpipe.runs.locations import described, local_path
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
    descriptor = described(node.type.title, node.type.version, node.name, uri, dict(metadata or {}))
    return ArtifactRef(path, descriptor)
