"""Closing of scopes: captures become inputs, Collected and OneOf outputs, and the result is valid."""

from __future__ import annotations

import pytest

from tests.ir_samples import (
    DATASET,
    INT,
    SAMPLES,
    Body,
    after_across,
    branch_default,
    branch_in_loop,
    chain,
    const,
    loop,
    nested_loops,
    pipeline,
)
from typedpipe.compiler.driver import check
from typedpipe.compiler.passes.close_scopes import close_scopes
from typedpipe.compiler.passes.verify import verify
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir.nodes import Branch, FromInput, FromTask, Loop, OneOf
from typedpipe.ir.text import dump
from typedpipe.ir.typing import output_type
from typedpipe.types.model import NULL, ListType, UnionType


@pytest.mark.parametrize("name", SAMPLES)
def test_a_closed_sample_is_valid_and_closing_it_again_changes_nothing(name: str) -> None:
    report = Diagnostics()
    closed = close_scopes(SAMPLES[name](), report)
    verify(closed, report, closed=True)
    assert list(report) == []
    assert close_scopes(closed, report) is closed


def test_the_body_of_a_loop_takes_each_captured_value_once() -> None:
    closed = check(loop())
    body = next(node for node in closed.graph.nodes if isinstance(node, Loop))
    assert [port.name for port in body.body.inputs] == ["item", "add-return", "n"]
    assert body.args == (("add-return", FromTask("add", "return")), ("n", FromInput("n")))


def test_captures_go_through_every_level_and_names_stay_unique() -> None:
    text = dump(check(nested_loops()))
    assert "with (add-return=%add.return)" in text
    assert "with (item-2=$item, add-return=$add-return)" in text


def test_one_collected_closes_as_many_loops_as_it_takes() -> None:
    closed = check(nested_loops())
    outer = closed.graph.nodes[1]
    assert {output_type(closed, outer, o.name) for o in outer.body.outputs} == {ListType(ListType(INT))}  # type: ignore[union-attr]  # a loop


def test_what_is_collected_from_a_branch_may_be_none() -> None:
    closed = check(branch_in_loop())
    node = closed.graph.nodes[0]
    assert isinstance(node, Loop)
    assert output_type(closed, node, node.body.outputs[0].name) == ListType(UnionType((INT, NULL)))


def test_a_missing_else_is_made_for_the_value_from_outside() -> None:
    closed = check(branch_default())
    node = next(node for node in closed.graph.nodes if isinstance(node, Branch))
    assert node.arms[-1].condition is None
    assert node.arms[-1].body.nodes == ()
    assert node.arms[-1].args == (("say-return", FromTask("say", "return")),)


def test_two_oneofs_of_one_chain_share_the_else() -> None:
    b = Body()
    with b.branch(b.compare("==", const(1), FromInput("n"))) as (body,):
        x = body.task("add", a=const(1), b=const(2))
        y = body.task("add", a=const(3), b=const(4))
    b.task("add", a=b.expr(OneOf((x, const(0)))), b=b.expr(OneOf((y, FromInput("n")))))
    closed = check(pipeline(b.graph({"n": INT})))
    node = closed.graph.nodes[0]
    assert isinstance(node, Branch)
    assert [len(arm.body.outputs) for arm in node.arms] == [2, 2]


def test_after_is_lifted_to_the_groups() -> None:
    closed = check(after_across())
    assert [node.after for node in closed.graph.nodes] == [(), ("for-each",), ("for-each",)]


def test_a_chain_is_the_same_graph() -> None:
    traced = chain(5)
    assert close_scopes(traced, Diagnostics()).graph is traced.graph


def test_groups_nest_deeper_than_python_recurses() -> None:
    b = Body()
    bodies = [b]
    managers = []
    for _ in range(600):
        manager = bodies[-1].loop(const([1]), INT)
        inner, _item = manager.__enter__()
        managers.append(manager)
        bodies.append(inner)
    bodies[-1].task("add", a=FromInput("n"), b=const(1))
    for manager in reversed(managers):
        manager.__exit__(None, None, None)
    closed = check(pipeline(b.graph({"n": INT})))
    assert dump(closed).count(" = for item") == 600


def test_a_dataset_is_captured_as_an_artifact() -> None:
    closed = check(SAMPLES["artifacts"]())
    body = next(node for node in closed.graph.nodes if isinstance(node, Loop)).body
    assert [(port.type, port.how) for port in body.inputs][1] == (DATASET, "artifact")
