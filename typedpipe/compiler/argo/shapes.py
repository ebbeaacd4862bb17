"""Locations of artifact content, as far as they are known at compile time.

An artifact is passed only as its descriptor, a parameter; a consumer's template takes the content from the descriptor's
URI. The template must know the kind of location in advance: that is the artifact's shape.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["key", "s3", "gcs", "http", "folder", "list"]


@dataclass(frozen=True, slots=True)
class ArtifactLocation:
    """``key``: one object of the workflow's repository; ``s3``, ``gcs``, ``http``: one elsewhere, by its URI.

    ``folder``: a list, all entries in the directory ``prefix``; ``list``: a list of the single artifacts in ``items``.
    ``prefix`` of a single artifact is its directory, if it is made in a loop. ``undescribed``: a container made it in this run.
    If it is an empty directory, there is nothing in the store, and its descriptor does not say so.
    """

    kind: Kind = "key"
    prefix: str = ""
    items: tuple[ArtifactLocation, ...] = ()
    undescribed: bool = False


KEY = ArtifactLocation()


def collected(shape: ArtifactLocation) -> ArtifactLocation | None:
    """Shape of the list of a loop body's artifacts; None if its entries are not in one directory.

    >>> collected(ArtifactLocation("key", "a/model"))
    ArtifactLocation(kind='folder', prefix='a/model', items=(), undescribed=False)
    """
    return replace(shape, kind="folder") if shape.kind in ("key", "folder") and shape.prefix else None


def entry(shape: ArtifactLocation) -> ArtifactLocation:
    """Shape of an entry of a list.

    >>> entry(ArtifactLocation("folder", "a")).kind
    'key'
    """
    if shape.kind == "list":
        return shape.items[0] if shape.items else KEY
    return replace(shape, kind="key")


def one_of(shapes: list[ArtifactLocation]) -> ArtifactLocation | None:
    """The common shape of values from several branches; None if there is none.

    >>> one_of([ArtifactLocation("key", "a"), ArtifactLocation("key", "b")]), one_of([KEY, ArtifactLocation("gcs")])
    (ArtifactLocation(kind='key', prefix='', items=(), undescribed=False), None)
    """
    kinds = {shape.kind for shape in shapes}
    if len(set(shapes)) == 1:
        return shapes[0]
    return replace(KEY, undescribed=any(shape.undescribed for shape in shapes)) if kinds == {"key"} else None


def of_uri(uri: str | None) -> ArtifactLocation:
    """Shape of an imported artifact; an unknown URI is taken as a key in the workflow's own repository.

    >>> of_uri("gs://bucket/x").kind, of_uri("data/x").kind, of_uri(None).kind
    ('gcs', 'key', 'key')
    """
    scheme = (uri or "").partition("://")[0] if "://" in (uri or "") else ""
    if scheme in ("http", "https"):
        return ArtifactLocation("http")
    return ArtifactLocation("gcs") if scheme in ("gs", "gcs") else ArtifactLocation("s3") if scheme == "s3" else KEY
