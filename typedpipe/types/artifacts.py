"""Artifact classes, and the type of each: title, version and bases."""

from __future__ import annotations

from typedpipe.runtime.task import (
    HTML,
    Artifact,
    ClassificationMetrics,
    Dataset,
    Markdown,
    Metrics,
    Model,
    PipelineTaskFinalStatus,
    SlicedClassificationMetrics,
    TFModel,
    get_uri,
)
from typedpipe.types.model import ArtifactType

__all__ = [
    "HTML",
    "Artifact",
    "ClassificationMetrics",
    "Dataset",
    "Markdown",
    "Metrics",
    "Model",
    "PipelineTaskFinalStatus",
    "SlicedClassificationMetrics",
    "TFModel",
    "get_uri",
]


def artifact_type(cls: type[Artifact]) -> ArtifactType:
    """The type of an artifact class. A class without its own ``schema_title`` has its name as title.

    >>> artifact_type(Dataset)
    ArtifactType(title='system.Dataset', version='0.0.1', bases=('system.Artifact',))
    """
    own, version = cls.schema_title, str(cls.schema_version)
    titles = [base.schema_title for base in cls.__mro__[1:] if issubclass(base, Artifact)]
    return ArtifactType(own, version, tuple(dict.fromkeys(title for title in titles if title != own)))
