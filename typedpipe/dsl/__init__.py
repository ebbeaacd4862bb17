"""The language of pipelines: components, pipelines, control flow, artifacts and annotations.

>>> from typedpipe import dsl
>>> @dsl.component
... def add(a: int, b: int) -> int:
...     return a + b
>>> @dsl.pipeline
... def sums(n: int = 1) -> int:
...     return add(a=add(a=n, b=1).output, b=2).output
"""

from __future__ import annotations

from typedpipe.dsl.absent import NAMES
from typedpipe.dsl.component import Component, ParamComponent, component
from typedpipe.dsl.container import ConcatPlaceholder, ContainerSpec, IfPresentPlaceholder, container_component
from typedpipe.dsl.functions import Collected, Contains, In, Not, OneOf, Some
from typedpipe.dsl.nodes.groups import Condition, Elif, Else, ExitHandler, If, IfSet, ParallelFor
from typedpipe.dsl.nodes.importer import importer
from typedpipe.dsl.nodes.task import Outputs, ParamTask, Task, UseOutputs
from typedpipe.dsl.pipeline import Pipeline, pipeline
from typedpipe.types.artifacts import (
    HTML,
    Artifact,
    ClassificationMetrics,
    Dataset,
    Markdown,
    Metrics,
    Model,
    SlicedClassificationMetrics,
    TFModel,
    get_uri,
)
from typedpipe.types.markers import OUT, STATUS, Input, InputPath, Output, OutputPath, PipelineTaskFinalStatus

PipelineTask = Task
"""KFP's name for :class:`Task`."""

__all__ = [
    "HTML",
    "OUT",
    "STATUS",
    "Artifact",
    "ClassificationMetrics",
    "Collected",
    "Component",
    "ConcatPlaceholder",
    "Condition",
    "ContainerSpec",
    "Contains",
    "Dataset",
    "Elif",
    "Else",
    "ExitHandler",
    "If",
    "IfPresentPlaceholder",
    "IfSet",
    "In",
    "Input",
    "InputPath",
    "Markdown",
    "Metrics",
    "Model",
    "Not",
    "OneOf",
    "Output",
    "OutputPath",
    "Outputs",
    "ParallelFor",
    "ParamComponent",
    "ParamTask",
    "Pipeline",
    "PipelineTask",
    "PipelineTaskFinalStatus",
    "SlicedClassificationMetrics",
    "Some",
    "TFModel",
    "Task",
    "UseOutputs",
    "component",
    "container_component",
    "get_uri",
    "importer",
    "pipeline",
]

NAMES.extend(__all__)
