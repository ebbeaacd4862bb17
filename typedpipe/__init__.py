"""typedpipe: typed machine-learning pipelines.

Plain functions with type hints become components, a function that calls them becomes a pipeline. The editor rejects a
wrong edge, the compiler checks every edge again and writes plain Argo Workflows YAML, and the same checked pipeline
runs locally.

All names of :mod:`typedpipe.dsl` can be imported from here too: ``from typedpipe import component, pipeline``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typedpipe import compiler as compiler, dsl as dsl
    from typedpipe.dsl import (
        OUT as OUT,
        STATUS as STATUS,
        Collected as Collected,
        Component as Component,
        ConcatPlaceholder as ConcatPlaceholder,
        Condition as Condition,
        ContainerSpec as ContainerSpec,
        Contains as Contains,
        Elif as Elif,
        Else as Else,
        ExitHandler as ExitHandler,
        If as If,
        IfPresentPlaceholder as IfPresentPlaceholder,
        IfSet as IfSet,
        In as In,
        Input as Input,
        InputPath as InputPath,
        Not as Not,
        OneOf as OneOf,
        Output as Output,
        OutputPath as OutputPath,
        Outputs as Outputs,
        ParallelFor as ParallelFor,
        ParamComponent as ParamComponent,
        ParamTask as ParamTask,
        Pipeline as Pipeline,
        PipelineTask as PipelineTask,
        Some as Some,
        Task as Task,
        UseOutputs as UseOutputs,
        container_component as container_component,
    )

    # Not through `typedpipe.dsl`: in an import cycle, mypy may resolve it to the submodule with the same name.
    from typedpipe.dsl.component import component as component
    from typedpipe.dsl.nodes.importer import importer as importer
    from typedpipe.dsl.pipeline import pipeline as pipeline
    from typedpipe.types.artifacts import *  # noqa: F403  # all of ours, each named there alone
    from typedpipe.version import __version__ as __version__
else:
    _MODULES = frozenset({"cli", "compiler", "dsl", "ir", "local", "types"})

    def __getattr__(name: str) -> object:
        """Load attributes on first access: importing typedpipe costs nothing."""
        from importlib import import_module

        if name in _MODULES:
            return import_module(f"typedpipe.{name}")
        if name == "__version__":
            return import_module("typedpipe.version").__version__
        if name == "__all__":
            return ["__version__", "compiler", "dsl", *import_module("typedpipe.dsl").__all__]
        if not name.startswith("_"):
            dsl = import_module("typedpipe.dsl")
            if name in dsl.__all__:
                return getattr(dsl, name)
        raise AttributeError(f"module 'typedpipe' has no attribute {name!r}", name=name, obj=import_module("typedpipe"))

    def __dir__() -> list[str]:
        from typedpipe import dsl

        return ["__all__", "__version__", *globals(), *dsl.__all__]
