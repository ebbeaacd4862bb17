"""``Compiler``, the API that compiles a pipeline to a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostic, Diagnostics, Label, Span
from typedpipe.files import write_whole
from typedpipe.ir import nodes as ir


class Compiler:
    """Compiles pipelines to files. It has no state and can be reused."""

    def compile(
        self,
        pipeline_func: Any,
        package_path: str | os.PathLike[str],
        pipeline_name: str | None = None,
        pipeline_parameters: Mapping[str, object] | None = None,
        type_check: bool = True,  # noqa: ARG002 - always done
        **options: object,
    ) -> None:
        """Check a pipeline, compile it and write the result: completely, or not at all if there is an error.

        Args:
            pipeline_func: The result of ``@pipeline``.
            package_path: The file to write.
            pipeline_name: Another name for the pipeline.
            pipeline_parameters: Other defaults for its parameters.
            type_check: Accepted for compatibility with KFP: a pipeline is always checked, which costs next to nothing.
            **options: ``backend=`` (``"argo"``) and the backend's own options.

        Raises:
            PipelineError: all errors of the pipeline.
        """
        from typedpipe.compiler.driver import compile as compile_files

        traced = _traced(pipeline_func)
        if pipeline_name is not None:
            traced = replace(traced, name=pipeline_name)
        if pipeline_parameters:
            traced = _reset_defaults(traced, pipeline_parameters)
        backend = str(options.pop("backend", "argo"))
        files = compile_files(traced, backend, options)
        write_files(files, package_path)


def _traced(handle: Any) -> ir.Pipeline:
    found = handle if isinstance(handle, ir.Pipeline) else getattr(handle, "ir", None)
    if isinstance(found, ir.Pipeline):
        if not isinstance(handle, ir.Pipeline):
            handle._warn_if_outdated()  # noqa: SLF001 - for the toolchain, not for users
        return found
    message = "`pipeline_func` must be a function decorated with `@pipeline`"
    if hasattr(handle, "ir"):
        message = "this pipeline has errors, which were reported when it was defined"
    found_type = type(handle).__name__
    raise PipelineError(
        [Diagnostic("TP392", message, Label(Span("")), (), (f"found `{found_type}`",), "pass the pipeline itself")]
    )


def _reset_defaults(traced: ir.Pipeline, values: Mapping[str, object]) -> ir.Pipeline:
    from typedpipe.types.values import constant

    report = Diagnostics()
    ports = {port.name: port for port in traced.graph.inputs}
    found: dict[str, ir.Const] = {}
    for name, value in values.items():
        if name not in ports:
            known = ", ".join(f"`{each}`" for each in ports) or "none"
            report.error(
                "TP393", f"`{traced.name}` has no parameter `{name}`", traced.span, help=f"the parameters are {known}"
            )
            continue
        found[name] = ir.Const(*constant(value))
    if report.has_errors:
        raise PipelineError(report)
    return with_defaults(traced, found)


def with_defaults(pipeline: ir.Pipeline, defaults: Mapping[str, ir.Const]) -> ir.Pipeline:
    """The pipeline with other defaults for its inputs."""
    if not defaults:
        return pipeline
    inputs = tuple(replace(port, default=defaults.get(port.name, port.default)) for port in pipeline.graph.inputs)
    return replace(pipeline, graph=replace(pipeline.graph, inputs=inputs))


def write_files(files: Mapping[str, str], path: str | os.PathLike[str]) -> None:
    """Write a backend's files: one to ``path``, several into the directory ``path``; each file completely or not at
    all.

    Raises:
        PipelineError: TP322 when a file cannot be written.
    """
    target = Path(path)
    wanted = [(target, text) for text in files.values()] if len(files) == 1 else []
    wanted = wanted or [(target / name, text) for name, text in files.items()]
    for place, text in wanted:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, text)
        except OSError as error:
            why = error.strerror or str(error)
            message = f"`{place}` cannot be written: {why}"
            raise PipelineError(
                [Diagnostic("TP322", message, Label(Span(str(place))), help="choose another path")]
            ) from None
