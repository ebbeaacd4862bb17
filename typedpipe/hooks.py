"""Hooks through which a pipeline reaches the layers above the dsl: the compiler, an engine, a notebook's pictures.

The toolchain, ``typedpipe.toolchain``, is imported by its name on first use, because it is above the dsl.
"""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # protocols are for checkers alone, and making one takes time at each import
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Protocol

    from typedpipe.diagnostics.model import Diagnostics
    from typedpipe.ir import nodes as ir

    class Toolchain(Protocol):
        """Compiles, runs and draws the pipelines of a program."""

        def compile(self, handle: Any, path: str) -> None:
            """Write a pipeline for the default backend."""

        def report_errors(self, traced: ir.Pipeline, report: Diagnostics) -> None:
            """Add the errors of a pipeline whose definition has errors already."""

        def check_options(self, options: Mapping[str, Any]) -> None:
            """Raise ``PipelineError`` for an invalid option of a run."""

        def run(
            self,
            traced: ir.Pipeline,
            arguments: Mapping[str, object],
            options: Mapping[str, Any],
            outputs: Callable[[Mapping[str, object]], Any],
        ) -> Any:
            """Start a run and return its handle; ``outputs`` converts its outputs to the function's return value."""

        def draw(self, handle: Any) -> dict[str, str]:
            """A pipeline's graph for a notebook, by MIME type."""
            ...

    class Session(Protocol):
        """Runs each call of a component or a pipeline that is used outside a pipeline; begun by ``local.init``."""

        def call(self, callee: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], site: Any) -> Any:
            """Run the component or pipeline, and wait for its end."""


class Hooks:
    """Registered hooks; one instance per process."""

    session: Session | None = None
    names: Sequence[str] = ()
    """Public names of ``typedpipe.dsl``, for suggestions."""

    @cached_property
    def toolchain(self) -> Toolchain:
        found: Toolchain = import_module("typedpipe.toolchain").TOOLCHAIN
        return found


HOOKS = Hooks()
