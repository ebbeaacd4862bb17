"""Pipelines with options for their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from typedpipe.dsl.direct import start
from typedpipe.dsl.tracing import TracedPipeline

if TYPE_CHECKING:
    from typedpipe.local.handle import Run

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Configured(Generic[P, R_co]):
    """A pipeline with options for its runs. Created by :meth:`Pipeline.options`."""

    def __init__(self, pipeline: TracedPipeline, options: dict[str, Any]) -> None:
        self._pipeline = pipeline
        self._options = options

    def run(self, /, *args: P.args, **kwargs: P.kwargs) -> Run[R_co]:
        """See :meth:`Pipeline.run`; each keyword is a parameter of the pipeline."""
        handle: Run[R_co] = start(self._pipeline, args, kwargs, self._options)
        return handle

    def local(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """See :meth:`Pipeline.local`."""
        outputs: R_co = start(self._pipeline, args, kwargs, self._options).outputs
        return outputs

    def __repr__(self) -> str:
        return f"<pipeline {self._pipeline.name} with {self._options}>"
