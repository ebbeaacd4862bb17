"""Each error has its code, once, with locations; correct programs have none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.ir_samples import COMPONENTS, INT, SAMPLES, Body, const, pipeline
from typedpipe.compiler.driver import check
from typedpipe.compiler.passes.check_scopes import check_scopes
from typedpipe.compiler.passes.check_types import check_types
from typedpipe.compiler.passes.prune import dedupe, prune
from typedpipe.compiler.passes.verify import verify
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostic, Diagnostics
from typedpipe.ir.nodes import (
    Default,
    Field,
    Format,
    FormatPart,
    FromInput,
    FromTask,
    Graph,
    Index,
    OneOf,
    Options,
    Pipeline,
    Task,
    Unwrap,
)

LATER = Options(display_name="x")


def found(traced: Pipeline) -> list[Diagnostic]:
    report = Diagnostics()
    for each in (verify, check_types, check_scopes):
        each(traced, report)
    return list(report)


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_is_wrong_with_the_samples(name: str) -> None:
    assert found(SAMPLES[name]()) == []


def wrong(code: str) -> Callable[[Callable[[Body], None]], Callable[[Body], None]]:
    def keep(build: Callable[[Body], None]) -> Callable[[Body], None]:
        WRONG.append((code, build))
        return build

    return keep


WRONG: list[tuple[str, Callable[[Body], None]]] = []


@wrong("TP201")
def edge(b: Body) -> None:
    b.task("add", a=b.task("say", text=const("a")), b=const(1))


@wrong("TP201")
def constant_is_not_bool(b: Body) -> None:
    b.task("add", a=const(True), b=const(1))


@wrong("TP201")
def artifact_for_parameter(b: Body) -> None:
    b.task("add", a=b.task("prep", n=const(1)), b=const(1))


@wrong("TP201")
def maybe_none(b: Body) -> None:
    b.task("say", text=b.task("find", n=const(1)))


@wrong("TP203")
def condition(b: Body) -> None:
    with b.branch(b.task("add", a=const(1), b=const(2))):
        pass


@wrong("TP204")
def compare(b: Body) -> None:
    with b.branch(b.compare("<", FromInput("n"), const("a"))):
        pass


@wrong("TP205")
def items(b: Body) -> None:
    with b.loop(FromInput("n"), INT):
        pass


@wrong("TP206")
def one_of_types(b: Body) -> None:
    with b.branch(b.compare("<", FromInput("n"), const(1)), None) as (then, other):
        x = then.task("add", a=const(1), b=const(2))
        y = other.task("say", text=const("a"))
    b.expr(OneOf((x, y)))


@wrong("TP207")
def field(b: Body) -> None:
    b.expr(Field(b.task("add", a=const(1), b=const(2)), "x"))


@wrong("TP208")
def index(b: Body) -> None:
    b.expr(Index(b.task("count", n=const(1)), const("x")))


@wrong("TP209")
def piece(b: Body) -> None:
    b.task("say", text=b.expr(Format((FormatPart(b.task("prep", n=const(1))),))))


@wrong("TP211")
def default(b: Body) -> None:
    b.expr(Default(b.task("find", n=const(1)), const(3)))


@wrong("TP212")
def option(b: Body) -> None:
    b.task("prep", n=const(1), options=Options(image=const(3)))


@wrong("TP301")
def missing(b: Body) -> None:
    b.task("add", a=const(1))


@wrong("TP302")
def unknown(b: Body) -> None:
    b.task("prep", n=const(1), m=const(1))


@wrong("TP303")
def cycle(b: Body) -> None:
    b.task("prep", n=const(1), after=("prep-2",))
    b.task("prep", n=const(1), after=("prep",))


@wrong("TP303")
def cycle_through_groups(b: Body) -> None:
    with b.loop(const([1]), INT) as (body, item):
        body.task("prep", n=item, after=("prep-2",))
    b.task("prep", n=const(1), after=("prep",))


@wrong("TP310")
def unset(b: Body) -> None:
    with b.branch(b.compare("<", FromInput("n"), const(1))) as (then,):
        x = then.task("add", a=const(1), b=const(2))
    b.task("prep", n=x)


@wrong("TP310")
def unwrapped_outside(b: Body) -> None:
    b.task("say", text=b.expr(Unwrap(b.task("find", n=const(1)))))


@wrong("TP310")
def collected_in_a_branch(b: Body) -> None:
    with b.branch(b.compare("<", FromInput("n"), const(1))) as (then,), then.loop(const([1]), INT) as (body, item):
        x = body.task("add", a=item, b=item)
    b.task("total", xs=b.collected(x))


@wrong("TP311")
def uncollected(b: Body) -> None:
    with b.loop(const([1]), INT) as (body, item):
        x = body.task("add", a=item, b=item)
    b.task("prep", n=x)


@wrong("TP311")
def sibling_loop(b: Body) -> None:
    with b.loop(const([1]), INT) as (body, item):
        x = body.task("add", a=item, b=item)
    with b.loop(const([1]), INT) as (other, _):
        other.task("prep", n=x)


@wrong("TP312")
def nothing_to_collect(b: Body) -> None:
    b.task("total", xs=b.collected(b.task("add", a=const(1), b=const(2))))


@wrong("TP312")
def collected_inside(b: Body) -> None:
    with b.loop(const([1]), INT) as (body, item):
        body.task("total", xs=body.collected(body.task("add", a=item, b=item)))


@wrong("TP313")
def one_of_without_else(b: Body) -> None:
    with b.branch(b.compare("<", FromInput("n"), const(1))) as (then,):
        x = then.task("add", a=const(1), b=const(2))
    b.task("prep", n=b.expr(OneOf((x,))))


@wrong("TP313")
def one_of_two_chains(b: Body) -> None:
    with b.branch(b.compare("<", FromInput("n"), const(1)), None) as (then, _):
        x = then.task("add", a=const(1), b=const(2))
    with b.branch(b.compare("<", FromInput("n"), const(1)), None) as (_, other):
        y = other.task("add", a=const(1), b=const(2))
    b.task("prep", n=b.expr(OneOf((x, y))))


@wrong("TP314")
def exit_uses_body(b: Body) -> None:
    with b.exit_handler("notify", to=FromTask("say", "return")) as body:
        body.task("say", text=const("a"))


@wrong("TP316")
def item_outside(b: Body) -> None:
    with b.loop(const([1]), INT) as (_, item):
        pass
    b.task("prep", n=item)


@wrong("TP317")
def after_in_another_arm(b: Body) -> None:
    with b.branch(b.compare("<", FromInput("n"), const(1)), None) as (then, other):
        then.task("prep", n=const(1))
        other.task("prep", n=const(1), after=("prep",))


@wrong("TP902")
def no_such_task(b: Body) -> None:
    b.nodes.append(Task("x", "prep", (("n", FromTask("nobody", "return")),)))


@wrong("TP902")
def same_name(b: Body) -> None:
    b.task("prep", n=const(1))
    b.nodes.append(b.nodes[0])


@pytest.mark.parametrize(("code", "build"), WRONG, ids=[f"{code}-{build.__name__}" for code, build in WRONG])
def test_one_mistake_gives_one_error(code: str, build: Callable[[Body], None]) -> None:
    b = Body()
    build(b)
    traced = pipeline(b.graph({"n": INT}))
    report = Diagnostics()
    verify(traced, report)
    if not report.has_errors:
        check_types(traced, report)
        check_scopes(traced, report)
    assert [item.code for item in report] == [code]
    assert code == "TP902" or all(item.primary.span.line for item in report)
    with pytest.raises(PipelineError):
        check(traced)


def test_all_errors_come_at_once() -> None:
    b = Body()
    edge(b)
    unset(b)
    with pytest.raises(PipelineError) as caught:
        check(pipeline(b.graph({"n": INT})))
    assert [item.code for item in caught.value.diagnostics] == ["TP201", "TP310"]


def test_the_output_is_checked() -> None:
    b = Body()
    x = b.task("say", text=const("a"))
    assert [item.code for item in found(pipeline(b.graph(out=(x, INT))))] == ["TP202"]


def test_recursion_of_pipelines_is_found() -> None:
    b = Body()
    b.call("again")
    graph = b.graph()
    assert [item.code for item in found(pipeline(graph, again=graph))] == ["TP304"]


def test_equal_components_become_one_with_a_readable_name() -> None:
    b = Body()
    b.task("add", a=const(1), b=const(2))
    task = b.nodes[0]
    assert isinstance(task, Task)
    b.nodes.append(replace(task, name="x", component="key2"))
    b.nodes.append(replace(task, name="y", component="key3"))
    other = replace(COMPONENTS["add"], image="other")
    p = Pipeline(
        "p", b.graph(), {"key1": COMPONENTS["add"], "key2": COMPONENTS["add"], "key3": other, "add": COMPONENTS["add"]}
    )
    one = prune(dedupe(p, Diagnostics()), Diagnostics())
    assert [getattr(node, "component", "") for node in one.graph.nodes] == ["add", "add", "add-2"]
    assert list(one.components) == ["add", "add-2"]


def test_what_nothing_uses_is_taken_out() -> None:
    p = replace(SAMPLES["chain"](), components=COMPONENTS, pipelines={"unused": Graph()})
    pruned = prune(p, Diagnostics())
    assert list(pruned.components) == ["add"]
    assert pruned.pipelines == {}
    assert prune(pruned, Diagnostics()) is pruned
