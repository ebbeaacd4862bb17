"""The traced IR: flat tables, spans, shared state, and work that grows linearly with the tasks."""

from __future__ import annotations

import sys
from pathlib import Path

from typedpipe import dsl
from typedpipe.ir import nodes as ir


@dsl.component
def step(a: int, b: int = 2) -> int:
    return a + b


def chain(count: int) -> int:
    """Number of Python lines executed to trace a chain of tasks."""
    lines = 0

    def count_lines(frame, event, arg):
        nonlocal lines
        lines += event == "line"
        return count_lines

    sys.settrace(count_lines)
    try:

        @dsl.pipeline
        def p(n: int = 1) -> int:
            task = step(a=n)
            for _ in range(count - 1):
                task = step(a=task.output, b=3)
            return task.output
    finally:
        sys.settrace(None)
    assert p.ir is not None
    assert len(p.ir.graph.nodes) == count
    return lines


def test_the_work_is_linear_in_the_tasks():
    chain(10)
    short, long = chain(200), chain(2000)
    assert long < 10.5 * short


def test_ten_thousand_tasks_are_traced():
    @dsl.pipeline
    def p(n: int = 1) -> int:
        task = step(a=n)
        for _ in range(9_999):
            task = step(a=task.output)
        return task.output

    assert p.ir is not None
    assert len(p.ir.graph.nodes) == 10_000
    assert p.ir.graph.outputs[0].value == ir.FromTask("step-10000", "Output")


def test_every_node_has_the_users_line(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1, é: int = 2) -> int:
            with If((n == 1) & (é == 2)):
                add(a=n,
                    b=é)
            with ParallelFor([1, 2]) as x: t = add(a=x)
            return dsl.Collected(t.output)[0]
        """
    )
    graph = found.pipelines[0].ir.graph
    branch, loop = graph.nodes
    source = Path("pipeline.py").read_text(encoding="utf-8").split("\n")
    call = branch.arms[0].body.nodes[0].span
    assert source[branch.span.line - 1].strip().startswith("with If")
    assert source[call.line - 1].strip() == "add(a=n,"
    assert source[call.end_line - 1].strip() == "b=é)"
    assert source[loop.span.line - 1].strip().startswith("with ParallelFor")
    assert branch.span.file == "pipeline.py"
    compare = graph.expr_spans[1]
    assert source[compare.line - 1][compare.column - 1 : compare.end_column - 1] == "(é == 2)"[1:-1]


def test_expressions_stand_once_in_the_table_of_each_graph_that_uses_them(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1):
            big = n > 3
            with If(big):
                say(s=f"{n}")
            with If(big & (n < 9)):
                add(a=1)
        """
    )
    assert found.graph.count("$n > 3") == 1


def test_names_of_nodes_are_unique_in_the_pipeline(program):
    found = program(
        """
        @dsl.component
        def add_2(a: int) -> int: return a
        @dsl.pipeline
        def p(n: int = 1):
            add(a=1)
            add_2(a=2)
            add(a=3)
            with ParallelFor([1], name="add") as x:
                add(a=x)
            with ParallelFor([1], name="for") as x:
                add(a=x)
        """
    )
    names = [
        line.split(" = ")[0].strip()
        for line in found.graph.split("\n")
        if line.strip().startswith("%") and "%0" not in line
    ]
    assert len(names) == len(set(names)), names
