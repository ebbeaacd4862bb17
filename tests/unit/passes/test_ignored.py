"""A task that ignores failures takes its defaults for missing outputs of upstream tasks."""

from __future__ import annotations

from typedpipe import dsl
from typedpipe.compiler.driver import check
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics


@dsl.component
def count() -> int:
    return 3


@dsl.component
def strict(rows: int) -> None: ...


@dsl.component
def lenient(rows: int = -1, note: str | None = None) -> None: ...


@dsl.pipeline
def wrong() -> None:
    strict(rows=count().output).ignore_upstream_failure()


@dsl.pipeline
def right(n: int = 1) -> None:
    lenient(rows=count().output).ignore_upstream_failure()
    strict(rows=n).after(count()).ignore_upstream_failure()


def test_an_input_without_default_is_reported() -> None:
    report = Diagnostics()
    assert wrong.ir is not None
    try:
        check(wrong.ir, report)
    except PipelineError:
        pass
    assert [item.code for item in report] == ["TP323"]


def test_defaults_and_the_pipelines_own_values_are_fine() -> None:
    assert right.ir is not None
    assert check(right.ir).closed
