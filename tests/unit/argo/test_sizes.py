"""Sizes that are known when a pipeline is compiled: of runs by reference, and of arguments."""

from __future__ import annotations

from typing import Any

import pytest

from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics


@dsl.component
def say(text: str) -> None:
    print(text)


def branches(count: int) -> Any:
    @dsl.pipeline
    def many(number: int = 1) -> None:
        for i in range(count):
            with dsl.If(number == i):
                say(text="a")

    return many


def found(pipeline: Any, kind: str) -> list[tuple[str, str, str]]:
    report = Diagnostics()
    options = {"kind": kind, **({"schedule": "@daily"} if kind == "CronWorkflow" else {})}
    try:
        driver.compile(pipeline.ir, "argo", options, report=report)
    except PipelineError as error:
        return [(each.code, each.message, each.help) for each in error.diagnostics]
    return [(each.code, each.message, each.help) for each in report]


def test_a_run_of_a_workflow_template_has_one_runtime_for_each_template() -> None:
    """Tried on Argo 3.7.18: with 18 templates it runs, with 34 it stays without a status."""
    assert not found(branches(8), "WorkflowTemplate")
    ((code, message, help_),) = found(branches(16), "WorkflowTemplate")
    assert code == "TP407"
    assert "by default does not start a workflow that exceeds 1024 KiB" in message
    assert "compile with `--kind Workflow` or `CronWorkflow`" in help_
    ((code, message, _),) = found(branches(30), "WorkflowTemplate")
    assert code == "TP407"
    assert message.startswith("a run of this WorkflowTemplate has ")
    for kind in ("Workflow", "CronWorkflow"):
        assert not found(branches(60), kind)


@pytest.mark.parametrize(("size", "readers", "codes"), [(250, 1, []), (250, 4, ["TP407"]), (450, 3, ["TP404"])])
def test_a_default_argument_is_stored_for_each_task_that_reads_it(size: int, readers: int, codes: list[str]) -> None:
    text = "a" * size * 1024

    @dsl.pipeline
    def large(text: str = text) -> None:
        for _ in range(readers):
            say(text=text)

    assert [code for code, _, _ in found(large, "Workflow")] == codes
