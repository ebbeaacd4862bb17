"""The toolchain of a program: what a pipeline reaches through :mod:`typedpipe.hooks`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes


class Toolchain:
    """The compiler, the local engine and the pictures, each loaded on first use."""

    def compile(self, handle: Any, path: str) -> None:
        from typedpipe.compiler import Compiler

        Compiler().compile(handle, path)

    def report_errors(self, traced: nodes.Pipeline, report: Diagnostics) -> None:
        from typedpipe.compiler import driver

        driver.report_errors(traced, report)

    def check_options(self, options: Mapping[str, Any]) -> None:
        from typedpipe.local.startup import run_options

        run_options(options)

    def run(
        self,
        traced: nodes.Pipeline,
        arguments: Mapping[str, object],
        options: Mapping[str, Any],
        outputs: Callable[[Mapping[str, object]], Any],
    ) -> Any:
        from typedpipe.local.startup import run_traced

        return run_traced(traced, arguments, options, outputs)

    def draw(self, handle: Any) -> dict[str, str]:
        from typedpipe.local.notebook import pipeline_bundle

        return pipeline_bundle(handle)


TOOLCHAIN = Toolchain()
