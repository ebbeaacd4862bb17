"""Laws over generated pipelines: those that pass the checks can be closed, stay valid, and survive being saved."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from tests.ir_samples import BOOL, INT, Body, const, pipeline
from typedpipe.compiler.driver import check
from typedpipe.compiler.passes.verify import verify
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import wire
from typedpipe.ir.nodes import And, FromInput, MakeList, Not, OneOf, Operand, Pipeline
from typedpipe.ir.text import digest, dump


def values(draw: st.DrawFn, known: list[Operand]) -> Operand:
    return draw(st.sampled_from([const(draw(st.integers(0, 3))), FromInput("n"), *known]))


def fill(draw: st.DrawFn, body: Body, known: list[Operand], depth: int) -> list[Operand]:
    """Write nodes into a body; the values of it that may be used around it once they are collected or chosen."""
    mine: list[Operand] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(
            st.sampled_from(["task", "task", "list", "loop", "branch", "handler"] if depth else ["task", "list"])
        )
        seen = [*known, *mine]
        if kind == "task":
            mine.append(body.task("add", a=values(draw, seen), b=values(draw, seen)))
        elif kind == "list":
            made = body.expr(MakeList((values(draw, seen), values(draw, seen))))
            mine.append(body.task("total", xs=made))
        elif kind == "loop":
            with body.loop(const([1, 2]), INT) as (inner, item):
                inside = fill(draw, inner, [*seen, item], depth - 1)
            mine.append(body.task("total", xs=body.collected(draw(st.sampled_from(inside)))))
        elif kind == "branch":
            condition = body.expr(
                And((body.compare("<", values(draw, seen), const(2)), body.expr(Not(FromInput("go")))))
            )
            with body.branch(condition, None) as (then, other):
                left, right = (fill(draw, arm, seen, depth - 1) for arm in (then, other))
            one = body.expr(OneOf((draw(st.sampled_from(left)), draw(st.sampled_from(right)))))
            mine.append(body.task("add", a=one, b=one))
        else:
            with body.exit_handler("notify", to=const("me")) as inner:
                mine.extend(fill(draw, inner, seen, depth - 1))
    return mine


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    b = Body()
    found = fill(draw, b, [], draw(st.integers(0, 3)))
    return pipeline(b.graph({"n": INT, "go": BOOL}, out=(found[-1], INT)))


@settings(max_examples=60, deadline=None)
@given(pipelines())
def test_passes_keep_pipelines_valid(traced: Pipeline) -> None:
    closed = check(traced)
    report = Diagnostics()
    verify(closed, report, closed=True)
    assert list(report) == []
    assert check(closed) is closed


@settings(max_examples=60, deadline=None)
@given(pipelines())
def test_saving_and_loading_changes_nothing(traced: Pipeline) -> None:
    for each in (traced, check(traced)):
        loaded = wire.decode(wire.encode(each))
        assert loaded == each
        assert dump(loaded) == dump(each)
        assert digest(loaded) == digest(each)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_are_a_traceback(data: bytes) -> None:
    for each in (data, wire.MAGIC + data):
        codes = "TP"
        try:
            check(wire.decode(each))
        except PipelineError as error:
            codes = error.diagnostics[0].code
        assert codes.startswith("TP")
