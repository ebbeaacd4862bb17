"""Comparisons of every scalar type, In, Contains, Not, & and |, and conditions on fields and on extreme values."""

from __future__ import annotations

from typing import Any, NamedTuple, TypedDict

from typedpipe import dsl


class Limits(TypedDict):
    low: float
    names: list[str]


class Facts(NamedTuple):
    n: int
    x: float
    text: str
    flag: bool
    limits: Limits


@dsl.component(base_image="python:3.11-slim")
def facts(start: int) -> Facts:
    return Facts(start, start / 4, "it's {{x}}", True, {"low": 0.5, "names": ["a", "{{b}}"]})


@dsl.component(base_image="python:3.11-slim")
def extremes(after: int) -> dict[str, Any]:
    return {"id": 2**53 + 1, "huge": 2**70, "nan": float("nan"), "zero": -0.0, "$tp": after, "text": "hello wörld"}


@dsl.component(base_image="python:3.11-slim")
def mark() -> bool:
    return True


class Outputs(NamedTuple):
    compared: bool
    wrong: bool
    text: bool
    inside: bool
    contains: bool
    negated: bool
    field: bool
    mixed: bool
    extreme: bool
    never: bool


@dsl.pipeline
def marked(never: bool = False) -> bool:
    """True, without a pod."""
    with dsl.If(never == True):  # noqa: E712 - a value of the pipeline
        ran = mark()
    return dsl.OneOf(ran.output, True)


@dsl.pipeline
def main(n: int = 3, wanted: list[str] = ["x", "it's {{x}}"], big: int = 2**53 + 1) -> Outputs:
    fact = facts(start=n).outputs
    with dsl.If((fact.n >= 3) & (fact.x < 0.8) & (fact.flag == True)):  # noqa: E712
        compared = marked()
    with dsl.If((fact.n != 3) | (fact.x > n)):
        wrong = marked()
    with dsl.If(fact.text == "it's {{x}}"):
        text = marked()
    with dsl.If(dsl.In(fact.text, wanted)):
        inside = marked()
    with dsl.If(dsl.Contains(fact.limits["names"], "{{b}}")):
        contains = marked()
    with dsl.If(dsl.Not(dsl.In(fact.n, [1, 2])) & dsl.Not(fact.x == 1)):
        negated = marked()
    with dsl.If(fact.limits["low"] <= fact.x):
        field = marked()
    with dsl.If((big == 2**53 + 1) & ((fact.n == 1) | dsl.Not(fact.flag == False))):  # noqa: E712
        mixed = marked()
    odd = extremes(after=fact.n).output
    with dsl.If((odd["id"] > 2**53) & (odd["huge"] == 2**70) & (odd["zero"] == 0) & dsl.Contains(odd["text"], "wö")):
        with dsl.If((odd["nan"] != odd["nan"]) & (odd["$tp"] == fact.n) & (odd["$tp"] == n)):
            both = marked()
        extreme = dsl.OneOf(both.output, False)
    with dsl.If((odd["id"] == 2**53) | (odd["nan"] == odd["nan"]) | dsl.Contains("hello", odd["text"])):
        never = marked()
    return Outputs(
        dsl.OneOf(compared.output, False),
        dsl.OneOf(wrong.output, False),
        dsl.OneOf(text.output, False),
        dsl.OneOf(inside.output, False),
        dsl.OneOf(contains.output, False),
        dsl.OneOf(negated.output, False),
        dsl.OneOf(field.output, False),
        dsl.OneOf(mixed.output, False),
        dsl.OneOf(extreme, False),
        dsl.OneOf(never.output, False),
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "compared": True,
        "wrong": False,
        "text": True,
        "inside": True,
        "contains": True,
        "negated": True,
        "field": True,
        "mixed": True,
        "extreme": True,
        "never": False,
    },
}
