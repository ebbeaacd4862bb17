"""Cache keys that users set: each stands for one component, which engines know by its name."""

from __future__ import annotations

from collections.abc import Iterable

from typedpipe.diagnostics.model import Diagnostics, Label
from typedpipe.ir import nodes as ir


def check_cache_keys(tasks: Iterable[ir.Task], pipeline: ir.Pipeline, report: Diagnostics) -> None:
    """Report a key that two components with the same name would share.

    >>> report = Diagnostics()
    >>> check_cache_keys([], ir.Pipeline("p", ir.Graph()), report)
    >>> report.has_errors
    False
    """
    first: dict[tuple[str, str], ir.Task] = {}
    for task in tasks:
        component = pipeline.components[task.component]
        known = first.setdefault((component.name, task.options.cache_key), task)
        if pipeline.components[known.component] != component:
            report.error(
                "TP318",
                f"two components named `{component.name}` have the cache key {task.options.cache_key!r}, "
                "so one would get the results of the other",
                task.span,
                others=[Label(known.span, "the other component")] if known.span.file else (),
                help="set different keys, or give one of the components another name: `@dsl.component(name=...)`",
            )
