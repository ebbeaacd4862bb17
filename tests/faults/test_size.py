"""Large runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from local_samples import ADD, ECHO, const, graph, out, pipeline

from typedpipe.ir.nodes import FromInput, InputPort, Loop, Node, Pipeline, Task
from typedpipe.local import run
from typedpipe.types.model import ANY, INT, ListType


def chain(length: int) -> Pipeline:
    nodes: list[Node] = [Task("t0", "add", (("a", const(0)), ("b", const(1))))]
    nodes += [Task(f"t{i}", "add", (("a", out(f"t{i - 1}")), ("b", const(1)))) for i in range(1, length)]
    return pipeline(graph(*nodes, outputs={"n": (out(f"t{length - 1}"), INT)}), ADD)


def loop(items: int) -> Pipeline:
    ports = (InputPort("item", INT),)
    task = Task("e", "echo", (("x", FromInput("item")),))
    body = graph(task, inputs=ports, outputs={"y": (out("e"), ANY)})
    node = Loop("l", const(list(range(items))), "item", INT, body)
    return pipeline(graph(node, outputs={"all": (out("l", "y"), ListType(ANY))}), ECHO)


def test_a_loop_of_2000_items(tmp_path: Path) -> None:
    result = run(loop(2000), {}, folder=tmp_path)
    assert result.outputs["all"] == list(range(2000))
    assert {task.state for task in result.tasks.values()} == {"SUCCEEDED"}


def test_a_chain_of_500_twice_is_cached(tmp_path: Path) -> None:
    first, second = (run(chain(500), {}, folder=tmp_path) for _ in range(2))
    assert first.outputs == second.outputs == {"n": 500}
    assert {task.attempts for task in second.tasks.values()} == {0}


@pytest.mark.heavy
def test_ten_thousand_tasks(tmp_path: Path) -> None:
    result = run(loop(10_000), {}, folder=tmp_path)
    assert result.outputs["all"] == list(range(10_000))
