"""Plain Argo Workflows from a checked pipeline: one pod per task, one template per distinct component."""

from __future__ import annotations

from dataclasses import dataclass

from typedpipe.compiler.argo import support as _support
from typedpipe.compiler.backend import Option, Options, Support
from typedpipe.compiler.support import check
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir


@dataclass(frozen=True, slots=True)
class ArgoBackend:
    """The backend ``argo``.

    >>> backend.name, backend.options[0].name
    ('argo', 'kind')
    """

    name: str = "argo"
    support: Support = _support.SUPPORT
    options: tuple[Option, ...] = _support.OPTIONS

    def check_target(self, pipeline: ir.Pipeline, options: Options, report: Diagnostics) -> None:
        """Report features that Argo, or the requested version of it, does not support."""
        check(pipeline, _support.table(_support.settings(options, report, pipeline.span)), "Argo", report)

    def legalise(self, pipeline: ir.Pipeline, options: Options, report: Diagnostics) -> ir.Pipeline:  # noqa: ARG002 - the protocol's
        """Return the closed IR unchanged: it is what the backend lowers."""
        return pipeline

    def lower(self, pipeline: ir.Pipeline, options: Options, report: Diagnostics) -> dict[str, str]:
        """One file, named after the pipeline; none if an error was reported."""
        from typedpipe.compiler.argo.workflow import lower
        from typedpipe.compiler.pod import slug

        text = lower(pipeline, _support.settings(options, Diagnostics(), pipeline.span), report)
        return {f"{slug(pipeline.name)}.yaml": text} if text else {}


backend = ArgoBackend()
