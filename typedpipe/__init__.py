"""typedpipe: typed machine-learning pipelines.

Plain functions with type hints become components, a function that calls them becomes a pipeline. The editor refuses a
wrong edge, the compiler checks every edge again and writes plain Argo Workflows YAML, and the same checked pipeline runs
on this machine.

Everything of :mod:`typedpipe.dsl` can be taken from here too: ``from typedpipe import component, pipeline``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from typedpipe import compiler as compiler
    from typedpipe import dsl as dsl
    from typedpipe.dsl import (
        HTML as HTML,
    )
    from typedpipe.dsl import (
        OUT as OUT,
    )
    from typedpipe.dsl import (
        STATUS as STATUS,
    )
    from typedpipe.dsl import (
        Artifact as Artifact,
    )
    from typedpipe.dsl import (
        ClassificationMetrics as ClassificationMetrics,
    )
    from typedpipe.dsl import (
        Collected as Collected,
    )
    from typedpipe.dsl import (
        Component as Component,
    )
    from typedpipe.dsl import (
        ConcatPlaceholder as ConcatPlaceholder,
    )
    from typedpipe.dsl import (
        Condition as Condition,
    )
    from typedpipe.dsl import (
        ContainerSpec as ContainerSpec,
    )
    from typedpipe.dsl import (
        Contains as Contains,
    )
    from typedpipe.dsl import (
        Dataset as Dataset,
    )
    from typedpipe.dsl import (
        Elif as Elif,
    )
    from typedpipe.dsl import (
        Else as Else,
    )
    from typedpipe.dsl import (
        ExitHandler as ExitHandler,
    )
    from typedpipe.dsl import (
        If as If,
    )
    from typedpipe.dsl import (
        IfPresentPlaceholder as IfPresentPlaceholder,
    )
    from typedpipe.dsl import (
        IfSet as IfSet,
    )
    from typedpipe.dsl import (
        In as In,
    )
    from typedpipe.dsl import (
        Input as Input,
    )
    from typedpipe.dsl import (
        InputPath as InputPath,
    )
    from typedpipe.dsl import (
        Markdown as Markdown,
    )
    from typedpipe.dsl import (
        Metrics as Metrics,
    )
    from typedpipe.dsl import (
        Model as Model,
    )
    from typedpipe.dsl import (
        Not as Not,
    )
    from typedpipe.dsl import (
        OneOf as OneOf,
    )
    from typedpipe.dsl import (
        Output as Output,
    )
    from typedpipe.dsl import (
        OutputPath as OutputPath,
    )
    from typedpipe.dsl import (
        Outputs as Outputs,
    )
    from typedpipe.dsl import (
        ParallelFor as ParallelFor,
    )
    from typedpipe.dsl import (
        ParamComponent as ParamComponent,
    )
    from typedpipe.dsl import (
        ParamTask as ParamTask,
    )
    from typedpipe.dsl import (
        Pipeline as Pipeline,
    )
    from typedpipe.dsl import (
        PipelineTask as PipelineTask,
    )
    from typedpipe.dsl import (
        PipelineTaskFinalStatus as PipelineTaskFinalStatus,
    )
    from typedpipe.dsl import (
        SlicedClassificationMetrics as SlicedClassificationMetrics,
    )
    from typedpipe.dsl import (
        Some as Some,
    )
    from typedpipe.dsl import (
        Task as Task,
    )
    from typedpipe.dsl import (
        TFModel as TFModel,
    )
    from typedpipe.dsl import (
        UseOutputs as UseOutputs,
    )
    from typedpipe.dsl import (
        container_component as container_component,
    )
    from typedpipe.dsl import (
        get_uri as get_uri,
    )

    # Not by way of `typedpipe.dsl`: in a cycle of imports, mypy may take the submodule of the same name.
    from typedpipe.dsl.component import component as component
    from typedpipe.dsl.importer import importer as importer
    from typedpipe.dsl.pipeline import pipeline as pipeline
else:
    _MODULES = frozenset({"cli", "compiler", "dsl", "ir", "local", "types"})

    def __getattr__(name: str) -> object:
        """Load what is asked for when it is asked for: an import of typedpipe costs nothing."""
        from importlib import import_module

        if name in _MODULES:
            return import_module(f"typedpipe.{name}")
        if not name.startswith("_"):
            dsl = import_module("typedpipe.dsl")
            if name in dsl.__all__:
                return getattr(dsl, name)
        raise AttributeError(f"module 'typedpipe' has no attribute {name!r}", name=name, obj=import_module("typedpipe"))

    def __dir__() -> list[str]:
        from typedpipe import dsl

        return [*globals(), *dsl.__all__]


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
    "__version__",
    "compiler",
    "component",
    "container_component",
    "dsl",
    "get_uri",
    "importer",
    "pipeline",
]
