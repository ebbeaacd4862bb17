"""Hooks through which a pipeline reaches what stands above the dsl: the compiler, an engine, a notebook's pictures.

Python imports the package itself before any module in it, so ``typedpipe/__init__.py`` registers the toolchain; it loads each
part when that part is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typedpipe.ir import nodes as ir


class Toolchain(Protocol):
    """Compiles, runs and draws the pipelines of a program."""

    def compile(self, handle: Any, path: str) -> None:
        """Write a pipeline for the default backend."""

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raise ``PipelineError`` for an option of a run that does not fit."""

    def run(
        self,
        traced: ir.Pipeline,
        arguments: Mapping[str, object],
        options: Mapping[str, Any],
        outputs: Callable[[Mapping[str, object]], Any],
    ) -> Any:
        """Start a run and give its handle; ``outputs`` makes of its outputs what the pipeline's function returns."""

    def draw(self, handle: Any) -> dict[str, str]:
        """A pipeline's graph by kind of content, as a notebook takes it."""
        ...


class Session(Protocol):
    """Runs each call of a component or a pipeline that is used outside a pipeline; begun by ``local.init``."""

    def call(self, callee: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], site: Any) -> Any:
        """Run the component or pipeline, and wait for its end."""


class Hooks:
    """What is registered; one instance a process."""

    toolchain: Toolchain
    session: Session | None = None


HOOKS = Hooks()
