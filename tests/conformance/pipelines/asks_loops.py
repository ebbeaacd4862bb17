"""Loops whose items and conditions a task answers: hostile items, big ints, nan, nested, constant, collected and looped again."""

from __future__ import annotations

from typing import Any, NamedTuple

from typedpipe import dsl

HOSTILE = "'\"\\~ {{workflow.name}} {{=1+1}} $$ $(HOME) \x1b\x7f\U000e0067\u2028 <&> ö"


@dsl.component(base_image="python:3.11-slim")
def rows(least: int) -> list[dict[str, Any]]:
    text = "'\"\\~ {{workflow.name}} {{=1+1}} $$ $(HOME) \x1b\x7f\U000e0067\u2028 <&> ö"
    return [
        {"n": 2**53 + least, "text": text, "names": ["~[", text]},
        {"n": float("nan"), "text": "null", "names": []},
        {"n": 2**53, "text": "12", "names": ["[1]"], "more": {"$tp": [1.0]}},
    ]


@dsl.component(base_image="python:3.11-slim")
def anything() -> list[Any]:
    return ["12", 12, [], {"z": 2**60 + 1, "a": [1.0, "]"]}, float("nan"), None, -0.0, "", "{}", True]


@dsl.component(base_image="python:3.11-slim")
def first() -> dict[str, Any]:
    return {"n": 2**53 + 1, "limits": [2, 2**70]}


@dsl.component(base_image="python:3.11-slim")
def same(value: Any) -> Any:
    return value


@dsl.component(base_image="python:3.11-slim")
def shown(value: Any) -> str:
    return repr(value)


@dsl.pipeline
def passed(text: str, never: bool = False) -> str:
    """The same text, without a pod."""
    with dsl.If(never == True):  # noqa: E712 - a value of the pipeline
        ran = shown(value=text)
    return dsl.OneOf(ran.output, text)


@dsl.pipeline
def judged(n: float, text: str) -> str:
    with dsl.If(n == 2**53):
        exact = passed(text="exact")
    with dsl.Elif(dsl.Not(n > 0)):
        nan = passed(text=f"nan {text}")
    with dsl.Else():
        with dsl.If(text == "'\"\\~ {{workflow.name}} {{=1+1}} $$ $(HOME) \x1b\x7f\U000e0067\u2028 <&> ö"):
            hostile = passed(text="hostile")
        with dsl.Else():
            other = passed(text="other")
        rest = dsl.OneOf(hostile.output, other.output)
    return dsl.OneOf(exact.output, nan.output, rest)


class Outputs(NamedTuple):
    judged: list[str]
    names: list[list[str]]
    again: list[str]
    folded: list[str]
    tasks: list[list[str]]
    texts: list[str]
    whole: str


@dsl.pipeline
def main() -> Outputs:
    facts = first().output
    found = rows(least=1)
    with dsl.ParallelFor(found.output) as row:
        verdict = judged(n=row["n"], text=row["text"])
        with dsl.ParallelFor(row["names"]) as name:
            with dsl.If((name == "~[") & (row["n"] == 2**53 + 1)):
                both = passed(text="both")
            with dsl.Elif(name == "[1]"):
                one = passed(text=f"{name}")
            with dsl.Else():
                neither = passed(text=name)
            named = dsl.OneOf(both.output, one.output, neither.output)
        text = f"{row['n']}"
    with dsl.ParallelFor(anything().output) as item:
        kept = same(value=item)
    with dsl.ParallelFor(dsl.Collected(kept.output)) as value:
        repeated = shown(value=value)
    with dsl.ParallelFor(zip([1, 2], [["a", "{{b}}"], []], strict=True)) as (k, letters):
        with dsl.If(k == 2):
            two = passed(text="two")
        with dsl.Else():
            with dsl.ParallelFor(letters) as letter:
                with dsl.If(letter == "{{b}}"):
                    shown(value=f"{k} {letter}")
            not_two = passed(text="not two")
        counted = dsl.OneOf(two.output, not_two.output)
    with dsl.ParallelFor([2, 2**70]) as bound:
        with dsl.ParallelFor(facts["limits"]) as limit:
            with dsl.If((limit == bound) & (facts["n"] == 2**53 + 1)):
                equal = passed(text="equal")
            compared = dsl.OneOf(equal.output, "apart")
    return Outputs(
        dsl.Collected(verdict.output),
        dsl.Collected(dsl.Collected(named)),
        dsl.Collected(repeated.output),
        dsl.Collected(counted),
        dsl.Collected(dsl.Collected(compared)),
        dsl.Collected(text),
        shown(value=[dsl.Collected(kept.output), dsl.Collected(text)]).output,
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "judged": ["hostile", "nan null", "exact"],
        "names": [["both", HOSTILE], [], ["[1]"]],
        "again": [
            "'12'",
            "12",
            "[]",
            "{'z': 1152921504606846977, 'a': [1.0, ']']}",
            "nan",
            "None",
            "-0.0",
            "''",
            "'{}'",
            "True",
        ],
        "folded": ["not two", "two"],
        "tasks": [["equal", "apart"], ["apart", "equal"]],
        "texts": ["9007199254740993", "nan", "9007199254740992"],
        "whole": "[['12', 12, [], {'z': 1152921504606846977, 'a': [1.0, ']']}, nan, None, -0.0, '', '{}', True], "
        "['9007199254740993', 'nan', '9007199254740992']]",
    },
}
