"""Exit handlers read the messages of the tasks in their blocks, under the names that these tasks write."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.argo_schema import valid
from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.dsl import STATUS, PipelineTaskFinalStatus


@dsl.component
def work(n: int) -> int:
    return n


@dsl.component
def told(status: PipelineTaskFinalStatus = STATUS) -> None:
    print(status)


@dsl.container_component
def shell() -> dsl.ContainerSpec:
    return dsl.ContainerSpec("image", ["true"])


@dsl.pipeline
def handled(n: int) -> None:
    with dsl.ExitHandler(told()):
        work(n=n)
        with dsl.If(n > 2):
            work(n=n)


@dsl.pipeline
def plain(n: int) -> None:
    work(n=n)
    handled(n=n)


def templates(pipeline: Any) -> dict[str, Any]:
    (text,) = driver.compile(pipeline.ir, "argo", {}).values()
    return {template["name"]: template for template in valid(text)["spec"]["templates"]}


def walk(all_: dict[str, Any], name: str, path: str, looped: bool) -> Iterator[tuple[str, str, bool]]:
    """What is done with global names in a template, if this is its input `tp-exit`: read, or written; and whether in a loop."""
    template = all_[name]
    for output in template.get("outputs", {}).get("parameters", []):
        if "globalName" in output:
            yield "written", output["globalName"].replace("{{inputs.parameters.tp-exit}}", path), looped
    for task in template.get("dag", {}).get("tasks", []):
        given = {p["name"]: p["value"] for p in task.get("arguments", {}).get("parameters", [])}
        inside = given.get("tp-exit", "none").replace("{{inputs.parameters.tp-exit}}", path)
        yield from walk(all_, task["template"], inside, looped or "withParam" in task)
        hook = task.get("hooks", {}).get("exit")
        for text in [p["value"] for p in hook["arguments"]["parameters"]] if hook else []:
            for start, end in re.findall(r"\?\.\['(tp-error-)'?( \+ inputs\.parameters\['tp-exit'\] \+ ')?", text):
                assert start
                assert end in ("", " + inputs.parameters['tp-exit'] + '")
            for rest in re.findall(r"\?\.\['([^']*)'\]", text):
                yield "read", rest, looped
            for rest in re.findall(r"\?\.\['tp-error-' \+ inputs\.parameters\['tp-exit'\] \+ '([^']*)'\]", text):
                if path != "none":
                    yield "read", f"tp-error-{path}{rest}", looped


def found(pipeline: Any) -> tuple[list[str], Counter[str]]:
    """The names that are read, and those that are written outside loops, with their numbers."""
    all_ = templates(pipeline)
    steps = list(walk(all_, pipeline.ir.name, "none", False))
    return (
        [name for what, name, _ in steps if what == "read"],
        Counter(name for what, name, looped in steps if what == "written" and not looped),
    )


def test_each_message_is_read_under_the_name_of_its_task_alone() -> None:
    @dsl.pipeline
    def main(a: int = 1) -> None:
        work(n=1)
        with dsl.ExitHandler(told()):
            first = work(n=1)
            with dsl.If(first.output == 1):
                work(n=2)
            with dsl.Else():
                work(n=3).set_caching_options(True)
                handled(n=a)
            with dsl.ExitHandler(told()):
                plain(n=4)
                work(n=4).set_retry(2)
            shell()
            work(n=first.output)
        handled(n=5)
        plain(n=6)

    read, written = found(main)
    # outer block: 4 tasks of its own, 2 of `handled`, 1 + 2 of `plain`, 1 in the inner block; the inner block: 4; handled: four uses
    assert len(read) == 10 + 4 + 4 * 2
    assert set(read) <= set(written)
    assert all(written[name] == 1 for name in read)


def test_the_tasks_of_loops_share_a_name_that_nobody_reads() -> None:
    @dsl.pipeline
    def main() -> None:
        with dsl.ExitHandler(told()):
            before = work(n=1)
            with dsl.ParallelFor([1, 2]) as item:
                work(n=item)
                handled(n=item)
                with dsl.ExitHandler(told()):
                    work(n=before.output)
        handled(n=1)

    read, written = found(main)
    assert len(read) == 1 + 2
    assert all(written[name] == 1 for name in read)
    assert "tp-error-none" not in read


def test_a_pipeline_without_exit_handlers_tells_nothing() -> None:
    @dsl.pipeline
    def main() -> None:
        work(n=1)

    assert "tp-exit" not in str(templates(main))


@pytest.mark.parametrize(("tasks", "read"), [(40, 40), (41, 40), (230, 40)])
def test_an_exit_handler_reads_forty_messages(tasks: int, read: int) -> None:
    @dsl.pipeline
    def main() -> None:
        with dsl.ExitHandler(told()):
            for _ in range(tasks):
                work(n=1)

    names, written = found(main)
    assert len(names) == read
    assert set(names) <= set(written)
