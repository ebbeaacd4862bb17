"""Every construct of closed IR, run locally: values, states, order."""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path

import pytest
from local_samples import (
    ADD,
    BOOM,
    DATASET,
    ECHO,
    MARK,
    READ,
    READ_ALL,
    READ_NESTED,
    SAVE,
    SLEEP,
    STATUS,
    component,
    const,
    graph,
    operands,
    out,
    pipeline,
    task,
)

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir.nodes import (
    And,
    Arm,
    Branch,
    Call,
    Compare,
    Contains,
    Default,
    ExitHandler,
    Field,
    Format,
    FormatPart,
    FromExpr,
    FromInput,
    Graph,
    Importer,
    Index,
    InputPort,
    IsSet,
    Loop,
    MakeDict,
    MakeList,
    Not,
    Operand,
    Options,
    Or,
    Pipeline,
    Retry,
    Task,
)
from typedpipe.local import RunResult, run
from typedpipe.local.options import RunOptions
from typedpipe.local.preparation import prepare
from typedpipe.runs import events
from typedpipe.types.artifacts import Dataset
from typedpipe.types.model import ANY, BOOL, DATETIME, INT, NULL, STATUS_TYPE, STR, ListType, Type, union


def go(ir: Pipeline, folder: Path, **arguments: object) -> RunResult:
    return run(ir, arguments, folder=folder)


def states(result: RunResult) -> dict[str, str]:
    return {name: found.state for name, found in result.tasks.items()}


def test_values_and_artifacts_go_from_task_to_task(tmp_path: Path) -> None:
    body = graph(
        task("s", SAVE, text="hello {{workflow.name}} $$"),
        task("r", READ, data=out("s", "out")),
        outputs={"text": (out("r"), STR), "data": (out("s", "out"), DATASET)},
    )
    result = go(pipeline(body), tmp_path)
    assert result.outputs["text"] == "hello {{workflow.name}} $$26"
    data = result.outputs["data"]
    assert isinstance(data, Dataset)
    assert Path(data.path).read_text() == "hello {{workflow.name}} $$"
    assert data.metadata == {"n": 26}


def test_arguments_and_defaults(tmp_path: Path) -> None:
    ports = (InputPort("a", INT), InputPort("b", INT, const(5)))
    body = graph(task("t", ADD, a=FromInput("a"), b=FromInput("b")), outputs={"x": (out("t"), INT)}, inputs=ports)
    assert go(pipeline(body), tmp_path, a=2**60).outputs == {"x": 2**60 + 5}
    assert go(pipeline(body), tmp_path, a=1, b=1).outputs == {"x": 2}


@pytest.mark.parametrize(
    ("arguments", "code"), [({}, "TP189"), ({"a": "1"}, "TP187"), ({"a": True}, "TP187"), ({"a": 1, "ab": 2}, "TP188")]
)
def test_wrong_arguments_are_coded(arguments: dict[str, object], code: str, tmp_path: Path) -> None:
    body = graph(inputs=(InputPort("a", INT),))
    with pytest.raises(PipelineError) as caught:
        run(pipeline(body), arguments, folder=tmp_path)
    assert [item.code for item in caught.value.diagnostics] == [code]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("n", "want"), [(1, "one"), (2, "two"), (3, None)])
def test_branch_takes_the_first_arm_that_holds(n: int, want: str | None, tmp_path: Path) -> None:
    def arm(value: str) -> Graph:
        return graph(task(f"say-{value}", ECHO, x=value), outputs={"o": (out(f"say-{value}"), STR)})

    body = graph(
        task("n", ECHO, x=n),
        Branch("if-1", (Arm(FromExpr(0), arm("one")), Arm(FromExpr(1), arm("two")))),
        task("after", ECHO, ("if-1",), x=out("if-1", "o")),
        outputs={"o": (out("after"), ANY)},
        exprs=(Compare("==", out("n"), const(1)), Compare("<", out("n"), const(3))),
    )
    result = go(pipeline(body), tmp_path)
    assert result.outputs == {"o": want}
    assert len(result.tasks) == 2 + (want is not None)


def test_skipped_artifact_is_none(tmp_path: Path) -> None:
    arm = graph(task("s", SAVE, text="x"), outputs={"d": (out("s", "out"), DATASET)})
    body = graph(
        Branch("if-1", (Arm(const(False), arm),)),
        outputs={"d": (out("if-1", "d"), union(DATASET, NULL)), "set": (FromExpr(0), BOOL)},
        exprs=(IsSet(out("if-1", "d")),),
    )
    assert go(pipeline(body), tmp_path).outputs == {"d": None, "set": False}


def loop(items: object, *nodes: object, outputs: dict[str, object], parallelism: int = 0, name: str = "for-1") -> Loop:
    body = graph(*nodes, outputs=outputs, inputs=(InputPort("item", ANY), InputPort("k", INT, const(0))))  # type: ignore[arg-type]  # nodes
    (args,) = (operands({"items": items}),)
    return Loop(name, args[0][1], "item", ANY, body, parallelism)


def test_loop_keeps_order_and_may_be_empty(tmp_path: Path) -> None:
    square = loop([3, 1, 2], task("t", ADD, a=FromInput("item"), b=10), outputs={"o": (out("t"), INT)}, parallelism=2)
    empty = loop([], task("u", ADD, a=FromInput("item"), b=1), outputs={"o": (out("u"), INT)}, name="for-2")
    body = graph(
        square, empty, outputs={"x": (out("for-1", "o"), ListType(INT)), "y": (out("for-2", "o"), ListType(INT))}
    )
    result = go(pipeline(body), tmp_path)
    assert result.outputs == {"x": [13, 11, 12], "y": []}
    assert set(result.tasks) == {"for-1[0]/t", "for-1[1]/t", "for-1[2]/t"}


def test_parallelism_bounds_the_bodies(tmp_path: Path) -> None:
    live: list[int] = [0]
    most = 0
    body = graph(loop(list(range(5)), task("t", ECHO, x=1), outputs={}, parallelism=2))

    def note(event: object) -> None:
        nonlocal most
        live[0] += {"TaskStarted": 1, "TaskFinished": -1}.get(type(event).__name__, 0)
        most = max(most, live[0])

    assert run(pipeline(body), {}, folder=tmp_path, on_event=note, cache=False).succeeded
    assert most == 2


def test_collected_artifacts_nested_and_items_of_artifacts(tmp_path: Path) -> None:
    inner = loop(["a", "b"], task("s", SAVE, text=FromExpr(0)), outputs={"d": (out("s", "out"), DATASET)}, name="in")
    inner = Loop(
        "in",
        inner.items,
        "item",
        STR,
        graph(
            task("s", SAVE, text=FromExpr(0)),
            outputs={"d": (out("s", "out"), DATASET)},
            inputs=(InputPort("item", STR), InputPort("outer", STR)),
            exprs=(Format((FormatPart(FromInput("outer")), "-", FormatPart(FromInput("item"), ">2"))),),
        ),
        args=(("outer", FromInput("item")),),
    )
    outer_body = graph(inner, outputs={"d": (out("in", "d"), ListType(DATASET))}, inputs=(InputPort("item", STR),))
    again = graph(
        task("all", READ_ALL, data=FromInput("item")),
        outputs={"o": (out("all"), STR)},
        inputs=(InputPort("item", ListType(DATASET)),),
    )
    body = graph(
        Loop("out", const(["x", "y"]), "item", STR, outer_body),
        task("n", READ_NESTED, data=out("out", "d")),
        Loop("each", out("out", "d"), "item", ListType(DATASET), again),
        outputs={"n": (out("n"), STR), "each": (out("each", "o"), ListType(STR))},
    )
    result = go(pipeline(body), tmp_path)
    assert result.outputs == {"n": "x- a,x- b;y- a,y- b", "each": ["x- a,x- b", "y- a,y- b"]}


def test_call_and_pipelines_in_pipelines(tmp_path: Path) -> None:
    inner = graph(
        task("t", ADD, a=FromInput("a"), b=FromInput("b")),
        outputs={"sum": (out("t"), INT)},
        inputs=(InputPort("a", INT), InputPort("b", INT, const(7))),
    )
    outer = graph(Call("deep", "inner", operands({"a": 1})), outputs={"s": (out("deep", "sum"), INT)})
    body = graph(Call("c", "outer"), outputs={"s": (out("c", "s"), INT)})
    result = go(pipeline(body, pipelines={"inner": inner, "outer": outer}), tmp_path)
    assert result.outputs == {"s": 8}
    assert list(result.tasks) == ["c/deep/t"]


def test_after_a_failure_the_rest_goes_on_and_exits_run(tmp_path: Path) -> None:
    said = tmp_path / "said"
    boom = graph(task("boom", BOOM, x=1), task("next", ECHO, ("boom",), x=1), task("other", ECHO, x=1))
    inner = ExitHandler("inner", boom, task("bye", STATUS, path=str(said)))
    body = graph(
        ExitHandler("outer", graph(inner), task("failing-exit", BOOM, x=1)),
        task("dependent", ECHO, ("outer",), x=1),
        task("free-1", ECHO, x=1),
        task("free-2", ECHO, ("free-1",), x=1),
    )
    result = go(pipeline(body), tmp_path)
    assert result.state == "FAILED"
    assert "no" in result.message
    assert states(result) == {
        "outer/inner/boom": "FAILED",
        "outer/inner/next": "OMITTED",
        "outer/inner/other": "SUCCEEDED",
        "outer/bye": "SUCCEEDED",
        "failing-exit": "FAILED",
        "dependent": "OMITTED",
        "free-1": "SUCCEEDED",
        "free-2": "SUCCEEDED",
    }
    assert said.read_text().startswith("FAILED|boom: ValueError: no")


def test_the_status_of_a_block_has_the_messages_of_its_tasks_in_the_order_of_the_pipeline(tmp_path: Path) -> None:
    late = component(
        "late", "def late(x):\n    import time\n    time.sleep(x)\n    raise ValueError(x)\n", {"x": ANY}, INT
    )

    def said(name: str) -> Task:
        return task(name, STATUS, path=str(tmp_path / name))

    inner = graph(task("slow", late, x=0.3), task("fast", late, x=0.0))
    block = graph(
        ExitHandler("first", inner, said("first-exit")),
        ExitHandler("second", graph(task("ok", ECHO, x=1)), task("exit-fails", BOOM, x=1)),
        loop([1, 2], task("t", BOOM, x=FromInput("item")), outputs={}),
    )
    body = graph(
        task("outside", BOOM, x=1),
        ExitHandler("whole", block, said("whole-exit")),
        ExitHandler("good", graph(task("fine", ECHO, x=1)), said("good-exit")),
    )
    assert go(pipeline(body, late), tmp_path).state == "FAILED"
    found = {path.name: re.sub(r" \(.*?\)", "", path.read_text()) for path in tmp_path.glob("*-exit")}
    slow, fast, boom = "slow: ValueError: 0.3", "fast: ValueError: 0.0", "t: ValueError: no"
    assert found == {
        "first-exit": f"FAILED|{slow}\n{fast}",
        "whole-exit": f"FAILED|{slow}\n{fast}\n{boom}\n{boom}",
        "good-exit": "SUCCEEDED|",
    }


def test_failing_exit_does_not_change_success(tmp_path: Path) -> None:
    body = graph(
        ExitHandler("h", graph(task("t", ECHO, x=4), outputs={"o": (out("t"), INT)}), task("e", BOOM, x=1)),
        outputs={"o": (out("h", "o"), INT)},
    )
    result = go(pipeline(body), tmp_path)
    assert (result.state, result.outputs) == ("SUCCEEDED", {"o": 4})


def test_exit_may_be_a_pipeline_with_the_status(tmp_path: Path) -> None:
    said = tmp_path / "said"
    # the pipeline's own input has the status, and its task is given it as a plain value
    tell = component("tell", "def tell(path, s):\n    open(path, 'w').write(s['state'])\n", {"path": STR, "s": ANY})
    exits = graph(
        task("tell", tell, path=str(said), s=FromInput("s")), inputs=(InputPort("s", STATUS_TYPE, how="status"),)
    )
    body = graph(ExitHandler("h", graph(task("t", ECHO, x=1)), Call("end", "exits")))
    assert go(pipeline(body, tell, pipelines={"exits": exits}), tmp_path).succeeded
    assert said.read_text() == "SUCCEEDED"


def test_a_loop_goes_on_with_its_other_items_and_fails(tmp_path: Path) -> None:
    odd = component("odd", "def odd(x):\n    assert x % 2\n    return x\n", {"x": ANY}, ANY)
    body = graph(
        loop([1, 2, 3], task("t", odd, x=FromInput("item")), outputs={"o": (out("t"), ANY)}),
        task("use", ECHO, x=out("for-1", "o")),
    )
    result = go(pipeline(body, odd), tmp_path)
    assert result.state == "FAILED"
    assert states(result) == {
        "for-1[0]/t": "SUCCEEDED",
        "for-1[1]/t": "FAILED",
        "for-1[2]/t": "SUCCEEDED",
        "use": "OMITTED",
    }


def test_ignore_upstream_failure_takes_the_default(tmp_path: Path) -> None:
    calm = component("calm", "def calm(x, y=7):\n    return [x, y]\n", {"x": ANY, "y": INT}, ANY)
    port = InputPort("y", INT, const(7))
    from dataclasses import replace

    calm = replace(calm, inputs=(calm.inputs[0], port))
    body = graph(
        task("boom", BOOM, x=1),
        task("ok", ECHO, x=3),
        task("calm", calm, (), Options(ignore_upstream_failure=True), x=out("ok"), y=out("boom")),
        outputs={"o": (out("calm"), ANY)},
    )
    result = go(pipeline(body, calm), tmp_path)
    assert (result.state, result.outputs) == ("SUCCEEDED", {"o": [3, 7]})  # as Argo's try wrapper
    strict = graph(*body.nodes, task("strict", ECHO, x=out("boom")))
    assert go(pipeline(strict, calm), tmp_path).state == "FAILED"


def test_expressions(tmp_path: Path) -> None:
    ports = (InputPort("n", INT, const(3)), InputPort("none", union(INT, NULL), const(None)))
    exprs = (
        Field(const({"k": {"$tp": 1}}), "k"),  # 0
        Index(const([1, 2, 3]), const(-1)),  # 1
        Default(FromInput("none"), const(9)),  # 2
        MakeList((FromInput("n"), FromExpr(2))),  # 3
        MakeDict((("a", FromExpr(3)), ("$tp", const(1)))),  # 4
        Contains(FromExpr(3), const(9)),  # 5
        Index(const([]), const(0)),  # 6: has no value
        And((const(False), FromExpr(6))),  # 7
        Or((const(False), FromExpr(5), FromExpr(6))),  # 8
        Not(FromExpr(7)),  # 9
        Format(("{{", FormatPart(const(2.5), ".2f"), "|", FormatPart(const("x"), "", "r"))),  # 10
        Compare("<", const("2026-01-01T00:00:00.000000Z"), const("2026-01-01T00:00:00+02:00")),  # 11
    )
    outputs: dict[str, tuple[Operand, Type]] = {f"o{i}": (FromExpr(i), ANY) for i in range(11) if i != 6}
    result = go(pipeline(graph(outputs=outputs, inputs=ports, exprs=exprs)), tmp_path)
    assert list(result.outputs.values()) == [
        {"$tp": 1}, 3, 9, [3, 9], {"a": [3, 9], "$tp": 1}, True, False, True, True, "{{2.50|'x'",
    ]  # fmt: skip


def test_instants_compare_as_instants(tmp_path: Path) -> None:
    ports = tuple(InputPort(name, DATETIME) for name in "ab")
    exprs = (Compare("<", FromInput("a"), FromInput("b")),)
    body = graph(task("a", ECHO, x=FromExpr(0)), outputs={"o": (out("a"), BOOL)}, inputs=ports, exprs=exprs)
    from datetime import datetime, timedelta, timezone

    early = datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=5)))
    assert go(pipeline(body), tmp_path, a=early, b=datetime(2025, 12, 31, 23, tzinfo=UTC)).outputs == {"o": True}


def test_a_value_that_cannot_be_worked_out_fails_its_node(tmp_path: Path) -> None:
    body = graph(task("t", ECHO, x=FromExpr(0)), exprs=(Index(const([1]), const(4)),))
    result = go(pipeline(body), tmp_path)
    assert result.tasks["t"].state == "FAILED"
    assert "index" in result.tasks["t"].message


def test_a_deep_expression_is_no_recursion(tmp_path: Path) -> None:
    depth = 5000
    exprs = (Not(const(True)), *(Not(FromExpr(i)) for i in range(depth)))
    assert go(pipeline(graph(outputs={"o": (FromExpr(depth), BOOL)}, exprs=exprs)), tmp_path).outputs == {"o": False}


def test_importer(tmp_path: Path) -> None:
    (tmp_path / "d ä.csv").write_text("1,2")
    here = Importer("i", const((tmp_path / "d ä.csv").as_uri()), DATASET, const({"n": 2}))
    far = Importer("far", const("s3://bucket/key"), DATASET, const({"n": 0}))
    uri = component("uri", "def uri(data):\n    return data.uri\n", {"data": DATASET}, STR)
    body = graph(
        here,
        far,
        task("r", READ, data=out("i", "artifact")),
        task("u", uri, data=out("far", "artifact")),
        outputs={"r": (out("r"), STR), "u": (out("u"), STR)},
    )
    assert go(pipeline(body, uri), tmp_path).outputs == {"r": "1,22", "u": "s3://bucket/key"}
    wanted = go(pipeline(graph(far, task("r", READ, data=out("far", "artifact")))), tmp_path)
    assert "s3://bucket/key" in wanted.message and "not on this machine" in wanted.message
    missing = go(pipeline(graph(Importer("i", const("/no/such/file"), DATASET))), tmp_path)
    assert "/no/such/file" in missing.message


def test_retry_and_env(tmp_path: Path) -> None:
    count = tmp_path / "count"
    flaky = component(
        "flaky",
        """
        def flaky(path):
            import os
            open(path, "a").write("x")
            n = len(open(path).read())
            if n < 3:
                raise ValueError(n)
            return [n, os.environ["A"], os.getcwd().endswith("work")]
        """,
        {"path": STR},
        ANY,
    )
    options = Options(retry=Retry(3, 0.01), env=(("A", const("ä $b {{c}}")),))
    body = graph(task("f", flaky, (), options, path=str(count)), outputs={"o": (out("f"), ANY)})
    result = go(pipeline(body, flaky), tmp_path)
    assert result.outputs == {"o": [3, "ä $b {{c}}", True]}
    assert result.tasks["f"].attempts == 3
    once = Options(retry=Retry(1))
    assert go(pipeline(graph(task("b", BOOM, (), once, x=1))), tmp_path).tasks["b"].attempts == 2


def test_a_task_writes_where_it_was_told(tmp_path: Path) -> None:
    path = tmp_path / "m"
    result = go(pipeline(graph(task("m", MARK, path=str(path), text="hi"))), tmp_path)
    assert result.tasks["m"].folder is not None
    assert path.read_text() == "hi"


@pytest.mark.parametrize(
    ("reason", "block", "state"),
    [("cancel", "CANCELLED", "CANCELED"), ("fail_fast", "FAILED", "FAILED")],  # a timeout: tests/faults/test_tasks.py
)
def test_the_status_of_a_block_that_was_stopped(tmp_path: Path, reason: str, block: str, state: str) -> None:
    """The words of a status are KFP's, and differ from the states of runs and tasks in one letter."""
    said, last, inner = (str(tmp_path / name) for name in ("said", "last", "inner"))
    nested = graph(ExitHandler("own", graph(task("boom", BOOM, x=1)), task("bye", STATUS, path=inner)))
    body = graph(
        ExitHandler("first", graph(task("s", SLEEP, s=60.0)), task("bye", STATUS, path=said)),
        ExitHandler("second", graph(task("s", SLEEP, s=60.0)), Call("end", "exits")),
        ExitHandler("done", graph(task("t", ECHO, x=1)), task("bye-3", STATUS, path=last)),
        *([task("boom", BOOM, x=1)] if reason == "fail_fast" else []),
    )

    def on_event(event: events.Event) -> None:
        if isinstance(event, events.TaskFinished) and event.task == "bye-3" and reason == "cancel":
            prepared.cancel()

    options = RunOptions(folder=tmp_path / "store", jobs=8, fail_fast=reason == "fail_fast")
    prepared = prepare(pipeline(body, pipelines={"exits": nested}), {}, options, on_event=on_event)
    result = prepared.execute()
    assert result.state == state
    assert Path(said).read_text().startswith(block)
    assert ("the run was canceled" in Path(said).read_text()) == (reason == "cancel")
    assert Path(inner).read_text().startswith("FAILED"), "it failed in an exit, which is not canceled"
    assert Path(last).read_text().startswith("SUCCEEDED") or reason == "fail_fast"
    assert {name: found.state for name, found in result.tasks.items() if name.endswith("/s")} == {
        "first/s": "CANCELED",
        "second/s": "CANCELED",
    }
