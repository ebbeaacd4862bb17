"""An expression without a value: whoever requires it fails with its message, everything else goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from local_samples import DATASET, ECHO, READ_ALL, SAVE, component, const, graph, out, pipeline, task

from typedpipe.diagnostics.model import Span
from typedpipe.diagnostics.record import replace
from typedpipe.ir.nodes import (
    Arm,
    Branch,
    Call,
    Compare,
    Default,
    Expr,
    Field,
    Format,
    FormatPart,
    FromExpr,
    FromInput,
    Graph,
    Index,
    InputPort,
    IsSet,
    Loop,
    MakeList,
    Node,
    Not,
    Options,
)
from typedpipe.local import RunResult, run
from typedpipe.runtime.task import Names, ask
from typedpipe.types.model import ANY, NULL, STR, DictType, union

LOAD = component("load", "def load() -> dict:\n    return {'n': 3}\n", {}, DictType(ANY))
LOADED = task("load", LOAD)
MISSING, PRESENT = Field(out("load"), "zz"), Field(out("load"), "n")
WHERE = Span("/home/me/train.py", 12, 5)
NO_ZZ = "there is no 'zz'"


def go(folder: Path, body: Graph, **pipelines: Graph) -> RunResult:
    return run(pipeline(body, LOAD, pipelines=pipelines), {}, folder=folder)


def states(result: RunResult) -> dict[str, str]:
    return {name: found.state for name, found in result.tasks.items()}


def echo(name: str, value: object, **more: object) -> Node:
    return replace(task(name, ECHO, x=value), span=WHERE, **more)


def one(*nodes: Node, exprs: Sequence[Expr]) -> Graph:
    return graph(LOADED, *nodes, exprs=tuple(exprs))


def test_the_task_that_requires_it_fails_and_the_others_go_on(tmp_path: Path) -> None:
    result = go(
        tmp_path,
        one(echo("bad", FromExpr(0)), echo("good", FromExpr(1)), echo("late", out("bad")), exprs=[MISSING, PRESENT]),
    )
    assert result.state == "FAILED"
    assert states(result) == {"load": "SUCCEEDED", "bad": "FAILED", "good": "SUCCEEDED", "late": "OMITTED"}
    assert result.tasks["bad"].message == f"error TP509: train.py:12, argument x: {NO_ZZ}"


def test_the_line_is_that_of_the_expression_if_it_is_known(tmp_path: Path) -> None:
    body = replace(one(echo("bad", FromExpr(0)), exprs=[MISSING]), expr_spans=(Span("C:\\me\\load.py", 3, 1),))
    assert go(tmp_path, body).tasks["bad"].message == f"error TP509: load.py:3, argument x: {NO_ZZ}"


def arm(name: str, condition: FromExpr | None) -> Arm:
    return Arm(condition, graph(task(name, ECHO, x=1)), span=WHERE)


def test_an_elif_is_evaluated_only_if_it_is_reached(tmp_path: Path) -> None:
    exprs: list[Expr] = [
        PRESENT,
        Compare("==", FromExpr(0), const(3)),
        Not(FromExpr(1)),
        MISSING,
        Compare("<", FromExpr(3), const(1)),
    ]
    taken = Branch("taken", (arm("first", FromExpr(1)), arm("second", FromExpr(4)), arm("third", None)))
    reached = Branch("reached", (arm("fourth", FromExpr(2)), arm("fifth", FromExpr(4)), arm("sixth", None)))
    result = go(tmp_path, one(taken, reached, exprs=exprs))
    assert states(result) == {"load": "SUCCEEDED", "taken/first": "SUCCEEDED", "reached": "FAILED"}
    assert result.tasks["reached"].message == f"error TP509: train.py:12, Elif: {NO_ZZ}"


@pytest.mark.parametrize(("value", "shown"), [(1, "`int` 1"), ("true", "`str` 'true'"), (None, "`None`")])
def test_a_condition_is_a_bool(value: object, shown: str, tmp_path: Path) -> None:
    given = task("given", ECHO, x=value)
    bare, negated = (Arm(test, graph(), span=WHERE) for test in (out("given"), FromExpr(0)))
    body = graph(given, Branch("bare", (bare,)), Branch("not", (negated,)), exprs=(Not(out("given")),))
    tasks = go(tmp_path, body).tasks
    expected = f"error TP509: train.py:12, If: expected `bool`, found {shown}"
    assert (tasks["bare"].message, tasks["not"].message) == (expected, expected)


def test_items_of_a_loop(tmp_path: Path) -> None:
    loop = Loop("for", FromExpr(0), "item", ANY, graph(task("t", ECHO, x=1)), span=WHERE)
    result = go(tmp_path, one(loop, exprs=[MISSING]))
    assert result.tasks["for"].message == f"error TP509: train.py:12, ParallelFor: {NO_ZZ}"


@pytest.mark.parametrize(
    ("value", "shown"), [(1, "`int` 1"), ("[1]", "`str` '[1]'"), (None, "`None`"), ({}, "`dict` {}")]
)
def test_items_of_a_loop_are_a_list(value: object, shown: str, tmp_path: Path) -> None:
    loop = Loop("for", out("given"), "item", ANY, graph(task("t", ECHO, x=1)), span=WHERE)
    expected = f"error TP509: train.py:12, ParallelFor: expected `list[Any]`, found {shown}"
    assert go(tmp_path, graph(task("given", ECHO, x=value), loop)).tasks["for"].message == expected
    assert ask("tp-e1 = items(out['x'])  # train.py:12, ParallelFor", Names(x=value), Names()) == {"tp-e1": expected}


def test_a_value_of_options_and_importers(tmp_path: Path) -> None:
    options = Options(env=(("A", FromExpr(0)),))
    result = go(tmp_path, one(echo("t", 1, options=options), exprs=[MISSING]))
    assert result.tasks["t"].message == f"error TP509: train.py:12, variable A: {NO_ZZ}"


INSIDE = (InputPort("v", ANY), InputPort("w", ANY))
USER, OTHER = task("user", ECHO, x=FromInput("v")), task("other", ECHO, x=FromInput("w"))


@pytest.mark.parametrize("kind", ["branch", "loop", "call"])
def test_a_value_that_is_passed_into_a_group_fails_only_its_users(kind: str, tmp_path: Path) -> None:
    args = (("v", FromExpr(0)), ("w", FromExpr(1)))
    body = graph(USER, OTHER, inputs=INSIDE)
    group: dict[str, Node] = {
        "branch": Branch("g", (Arm(const(True), body, args, WHERE),)),
        "loop": Loop("g", const([0]), "item", ANY, body, args=args, span=WHERE),
        "call": Call("g", "inner", args, span=WHERE),
    }
    result = go(tmp_path, one(group[kind], exprs=[MISSING, PRESENT]), inner=body)
    place = "g[0]" if kind == "loop" else "g"
    assert states(result) == {"load": "SUCCEEDED", f"{place}/user": "FAILED", f"{place}/other": "SUCCEEDED"}
    where = "train.py:12, argument v" if kind == "call" else "train.py:12"
    assert result.tasks[f"{place}/user"].message == f"error TP509: {where}: {NO_ZZ}"


@pytest.mark.parametrize("kind", ["branch", "loop", "call"])
def test_an_output_of_a_group_fails_only_its_users(kind: str, tmp_path: Path) -> None:
    body = graph(LOADED, outputs={"bad": (FromExpr(0), ANY), "good": (FromExpr(1), ANY)}, exprs=(MISSING, PRESENT))
    group: dict[str, Node] = {
        "branch": Branch("g", (Arm(const(True), body, (), WHERE),)),
        "loop": Loop("g", const([0, 1]), "item", ANY, body, span=WHERE),
        "call": Call("g", "inner", span=WHERE),
    }
    shown = Format(("got ", FormatPart(out("g", "bad"))))
    users = [echo("user", out("g", "bad")), echo("shows", FromExpr(0)), echo("other", out("g", "good"))]
    result = go(tmp_path, graph(group[kind], *users, exprs=(shown,)), inner=body)
    found = states(result)
    assert (found["user"], found["shows"], found["other"]) == ("FAILED", "FAILED", "SUCCEEDED")
    expected = f"error TP509: output bad: {NO_ZZ}"
    assert result.tasks["user"].message == expected
    assert result.tasks["shows"].message == expected, "the error is handed on as it is"


def test_an_output_of_the_pipeline_fails_the_run(tmp_path: Path) -> None:
    result = go(tmp_path, graph(LOADED, outputs={"o": (FromExpr(0), ANY)}, exprs=(MISSING,)))
    assert result.state == "FAILED"
    assert result.tasks["p"].message == f"error TP509: output o: {NO_ZZ}"


def test_artifacts_are_chosen_by_expressions(tmp_path: Path) -> None:
    skipped = Branch(
        "no", (Arm(const(False), graph(task("c", SAVE, text="c"), outputs={"d": (out("c", "out"), DATASET)})),)
    )
    made = [task(name, SAVE, text=name) for name in "ab"]
    exprs = (
        MakeList((out("a", "out"), out("b", "out"))),
        Index(FromExpr(0), const(-1)),
        Default(out("no", "d"), FromExpr(1)),
        MakeList((FromExpr(2), out("no", "d"), FromExpr(1))),
        IsSet(out("no", "d")),
        Not(FromExpr(4)),
    )
    body = graph(
        *made, skipped, task("all", READ_ALL, data=FromExpr(3)), task("unset", ECHO, x=FromExpr(5)),
        outputs={"all": (out("all"), STR), "unset": (out("unset"), ANY), "one": (FromExpr(1), union(DATASET, NULL))}, exprs=exprs,
    )  # fmt: skip
    result = go(tmp_path, body)
    assert (result.outputs["all"], result.outputs["unset"]) == ("b,-,b", True)
    assert Path(result.outputs["one"].path).read_text() == "b"  # type: ignore[attr-defined]  # an artifact
