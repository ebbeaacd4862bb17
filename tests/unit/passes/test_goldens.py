"""The IR after each pass, for pipelines that every pass changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.ir_samples import FIND, SAY, Body, const, pipeline
from typedpipe.compiler import driver
from typedpipe.ir.nodes import Default, Format, FormatPart, FromInput, Graph, IsSet, OneOf, Pipeline, Unwrap
from typedpipe.ir.text import dump
from typedpipe.types.model import INT, STR


def everything() -> Pipeline:
    """A nested pipeline, a loop with a branch that gives one value, collected, in an exit handler.

    `say-again` equals `say`; the pipeline `spare` and the component `find` are used by nothing.
    """
    double, b = Body(), Body()
    twice = double.task("add", a=FromInput("x"), b=FromInput("x"))
    base = b.call("double", "doubled", x=FromInput("n"))
    with b.exit_handler("notify", to=FromInput("to")) as body:
        with body.loop(body.task("count", n=base), INT, parallelism=2) as (each, item):
            part = each.task("add", a=item, b=base)
            with each.branch(each.compare(">", part, FromInput("n")), None) as (big, small):
                one = big.task("add", a=part, b=const(1))
                two = small.call("double", "doubled", x=item)
            chosen = each.expr(OneOf((one, two)))
            result = each.task("add", a=chosen, b=const(0))
        total = body.task("total", xs=body.collected(result))
    b.task("say-again", text=b.expr(Format(("total ", FormatPart(total)))))
    doubled = double.graph({"x": INT}, doubled=(twice, INT))
    graphs = {"double": doubled, "spare": doubled}
    made = pipeline(Graph((), tuple(node for node in b.nodes if node.name != "say-again")), "everything", **graphs)
    used = {**made.components, "say": SAY, "say-again": SAY, "find": FIND}
    return replace(made, graph=b.graph({"n": INT, "to": STR}, total=(total, INT)), components=used)


def across() -> Pipeline:
    """Values of outer scopes in inner ones: through two loops, a branch, an optional value, `after`."""
    b = Body()
    found = b.task("find", n=FromInput("n"))
    with b.loop(const([1, 2]), INT) as (outer, x):
        with outer.loop(const([3, 4]), INT) as (inner, y):
            part = inner.task("add", a=x, b=y)
            known = inner.expr(Default(found, const("none")))
            inner.task("say", text=inner.expr(Format(("found ", FormatPart(known)))))
        with outer.branch(outer.expr(IsSet(found))) as (then,):
            then.task("say", text=then.expr(Unwrap(found)), after=(part.task,))
        outer.task("total", xs=outer.collected(part))
    b.task("flatten", xss=b.collected(b.collected(part)))
    return pipeline(b.graph({"n": INT}), "across")


@pytest.mark.parametrize("sample", [everything, across])
def test_the_ir_after_each_pass(sample: Callable[[], Pipeline], golden: Callable[[str, str], None]) -> None:
    before = dump(sample())
    parts = [f"# traced\n{before}"]

    def note(name: str, made: Pipeline) -> None:
        nonlocal before
        text = dump(made)
        parts.append(f"# after {name}: unchanged\n" if text == before else f"# after {name}\n{text}")
        before = text

    driver.compile(sample(), "argo", {}, print_after=note)
    golden(f"passes/{sample.__name__}.ir", "\n".join(parts))


def test_each_rewrite_has_something_to_do() -> None:
    changed = set[str]()
    for sample in (everything, across):
        last = [sample()]

        def note(name: str, made: Pipeline, last: list[Pipeline] = last) -> None:
            if made is not last[-1]:
                changed.add(name)
            last.append(made)

        driver.check(last[0], print_after=note)
    assert changed == set(driver.REWRITES)
