"""Publication of an attempt's artifacts as objects of the store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from typedpipe.local.store.objects import Objects
from typedpipe.runs.model import ArtifactRef, Value


def publish(
    objects: Objects, folder: Path | str, outputs: Mapping[str, Value], stamps: Mapping[str, str]
) -> dict[str, Value]:
    """Move the artifacts of an attempt's directory into the store; those moved before a kill are found there.

    ``stamps`` are those of artifacts, by output, when their digests were computed. Without one, an artifact is not compared.

    Raises:
        StoreRefused: an artifact cannot be stored.
        PipelineError: the store cannot be written.
    """
    inside = f"{folder}{os.sep}"
    return {name: _published(objects, inside, name, value, stamps.get(name, "")) for name, value in outputs.items()}


def _published(objects: Objects, inside: str, name: str, value: Value, seen: str) -> Value:
    if isinstance(value, tuple):
        return tuple(_published(objects, inside, name, item, seen) for item in value)
    if not isinstance(value, ArtifactRef) or value.path is None or not value.path.startswith(inside):
        return value
    digest = str(value.descriptor.get("digest") or "")
    if not digest:
        return value
    place = objects.path(digest)
    here = os.path.lexists(value.path)
    if here and not (os.path.islink(value.path) and os.readlink(value.path) == place):
        place = objects.publish(value.path, digest, seen, name=name)
        with suppress(OSError):  # keep the original path valid: a task may have passed it on
            os.symlink(place, value.path)
    descriptor = dict(value.descriptor)
    if "://" not in str(descriptor.get("uri")):  # a path, of the store's location when the task ran
        descriptor["uri"] = place
    return ArtifactRef(place, descriptor)
