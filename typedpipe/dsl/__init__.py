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

from typing import TYPE_CHECKING

from typedpipe.dsl.component import (
    Component as Component,
    ParamComponent as ParamComponent,
    component as component,
)
from typedpipe.dsl.container import (
    ConcatPlaceholder as ConcatPlaceholder,
    ContainerSpec as ContainerSpec,
    IfPresentPlaceholder as IfPresentPlaceholder,
    container_component as container_component,
)
from typedpipe.dsl.functions import (
    Collected as Collected,
    Contains as Contains,
    In as In,
    Not as Not,
    OneOf as OneOf,
    Some as Some,
)
from typedpipe.dsl.nodes.groups import (
    Condition as Condition,
    Elif as Elif,
    Else as Else,
    ExitHandler as ExitHandler,
    If as If,
    IfSet as IfSet,
    ParallelFor as ParallelFor,
)
from typedpipe.dsl.nodes.importer import importer as importer
from typedpipe.dsl.nodes.task import (
    Outputs as Outputs,
    ParamTask as ParamTask,
    Task as Task,
    UseOutputs as UseOutputs,
)
from typedpipe.dsl.pipeline import Pipeline as Pipeline, pipeline as pipeline
from typedpipe.hooks import HOOKS
from typedpipe.types import artifacts as _artifacts
from typedpipe.types.artifacts import *  # noqa: F403  # all of ours, each named there alone
from typedpipe.types.markers import (
    OUT as OUT,
    STATUS as STATUS,
    Input as Input,
    InputPath as InputPath,
    Output as Output,
    OutputPath as OutputPath,
)

PipelineTask = Task
"""KFP's name for :class:`Task`."""

if not TYPE_CHECKING:  # checkers go by the imports: mypy reads no list with names of another module
    __all__ = [
        "OUT",
        "STATUS",
        "Collected",
        "Component",
        "ConcatPlaceholder",
        "Condition",
        "ContainerSpec",
        "Contains",
        "Elif",
        "Else",
        "ExitHandler",
        "If",
        "IfPresentPlaceholder",
        "IfSet",
        "In",
        "Input",
        "InputPath",
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
        "Some",
        "Task",
        "UseOutputs",
        "component",
        "container_component",
        "importer",
        "pipeline",
    ]
    __all__ += _artifacts.__all__
    HOOKS.names = __all__
