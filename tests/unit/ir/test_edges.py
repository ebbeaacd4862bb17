"""Regions of nodes, and the edges between nodes."""

from __future__ import annotations

import copy
import pickle

import pytest

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import decisions, leaves, map_node, needed, node_operands, producers, regions_in, upstream
from typedpipe.ir.scopes import rebuild_graph, with_regions
from typedpipe.types.model import ARTIFACT, INT

A, B, C = ir.FromTask("a", "x"), ir.FromTask("b", "x"), ir.FromTask("c", "x")
N = ir.FromInput("n")
BODY = ir.Graph((ir.InputPort("p", INT),), (ir.Task("inner", "do", (("x", ir.FromInput("p")),)),))
OTHER = ir.Graph((ir.InputPort("p", INT),), (ir.Task("other", "do", (("x", ir.FromInput("p")),)),))
EXIT = ir.Task("bye", "do", (("x", C),), after=("d",))
BRANCH = ir.Branch("if", (ir.Arm(A, BODY, (("p", B),)), ir.Arm(None, OTHER, (("p", C),))))
LOOP = ir.Loop("each", A, "item", INT, BODY, args=(("p", B),))
HANDLER = ir.ExitHandler("try", BODY, EXIT, (("p", A),))
IMPORTER = ir.Importer("get", A, ARTIFACT, B)
GROUPS = [pytest.param(node, id=node.name) for node in (BRANCH, LOOP, HANDLER)]


def test_regions_say_how_they_run() -> None:
    assert [(each.role, each.condition) for each in BRANCH.regions()] == [("arm", A), ("arm", None)]
    assert [(each.role, each.item, each.item_type) for each in LOOP.regions()] == [("item", "item", INT)]
    assert [(each.role, each.args) for each in HANDLER.regions()] == [("body", (("p", A),))]
    assert IMPORTER.regions() == () and EXIT.regions() == ()
    assert HANDLER.exits() == (EXIT,) and LOOP.exits() == ()


@pytest.mark.parametrize("node", GROUPS)
def test_what_has_regions_is_a_group(node: ir.Group) -> None:
    assert node.is_group and node.regions()
    assert isinstance(node, ir.Group)
    assert not IMPORTER.is_group and not EXIT.is_group


@pytest.mark.parametrize("node", GROUPS)
def test_a_group_with_its_own_regions_is_the_same(node: ir.Group) -> None:
    assert node.with_regions(node.regions(), node.exits()) == node
    assert with_regions(node, node.regions(), node.exits()) is node


@pytest.mark.parametrize("node", GROUPS)
def test_regions_that_were_asked_for_are_no_part_of_a_node(node: ir.Group) -> None:
    fresh = node.with_regions(node.regions(), node.exits())
    node.regions()
    assert fresh == node and hash(fresh) == hash(node) and repr(fresh) == repr(node)
    assert copy.deepcopy(node) == node
    assert pickle.loads(pickle.dumps(node)).regions() == node.regions()


def test_a_call_has_the_pipeline_that_it_calls_as_region() -> None:
    call = ir.Call("sub", "other", (("p", A),))
    (region,) = regions_in(call, {"other": BODY})
    assert (region.role, region.body, region.args) == ("body", BODY, call.args)
    assert regions_in(LOOP, {}) == LOOP.regions()


@pytest.mark.parametrize(
    ("node", "decided", "all_operands"),
    [
        (BRANCH, [A], [A, B, C]),
        (LOOP, [A], [A, B]),
        (HANDLER, [], [A, C]),
        (IMPORTER, [A, B], [A, B]),
        (ir.Task("t", "do", (("x", A),), options=ir.Options(image=B, env=(("K", C),))), [], [A, B, C]),
    ],
)
def test_operands_of_a_node(node: ir.Node, decided: list[ir.Operand], all_operands: list[ir.Operand]) -> None:
    assert decisions(node) == decided
    assert node_operands(node) == all_operands


@pytest.mark.parametrize("node", [*GROUPS, pytest.param(IMPORTER, id="importer"), pytest.param(EXIT, id="task")])
def test_a_node_over_other_operands(node: ir.Node) -> None:
    mapped = map_node(node, {A: N, C: N})
    assert node_operands(mapped) == [N if operand in (A, C) else operand for operand in node_operands(node)]
    assert map_node(node, {N: A}) is node


def test_a_mapped_group_keeps_its_bodies() -> None:
    mapped = map_node(BRANCH, {A: N})
    assert [each.body for each in mapped.regions()] == [BODY, OTHER]


TABLE = (ir.Not(A), ir.And((ir.FromExpr(0), B)), ir.Or((ir.FromExpr(1), ir.FromExpr(0))))


def test_leaves_are_found_once_an_expression() -> None:
    assert list(leaves(TABLE, [N, ir.FromExpr(2), ir.FromExpr(1)])) == [N, A, B]
    assert list(producers(TABLE, [ir.FromExpr(2)])) == ["a", "b"]
    assert needed(TABLE, [ir.FromExpr(1)]) == [0, 1]


def test_who_waits_for_whom() -> None:
    task = ir.Task("t", "do", (("x", ir.FromExpr(1)), ("y", C)), after=("z",))
    assert list(upstream(ir.Graph(exprs=TABLE), task)) == ["z", "b", "a", "c"]
    assert list(upstream(ir.Graph(), HANDLER)) == ["a", "c", "d"]


def test_rebuilding_reaches_bodies_and_exits() -> None:
    def renamed(node: ir.Node) -> ir.Node:
        return ir.Task(node.name, "new", node.args, node.after) if isinstance(node, ir.Task) else node

    made = rebuild_graph(ir.Graph(nodes=(HANDLER,)), renamed)
    (handler,) = made.nodes
    assert isinstance(handler, ir.ExitHandler)
    components = [node.component for node in (*handler.body.nodes, handler.exit) if isinstance(node, ir.Task)]
    assert components == ["new", "new"]
