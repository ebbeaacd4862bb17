"""The text form, digests and the diff."""

from __future__ import annotations

from dataclasses import replace

from tests.ir_samples import COMPONENTS, SAMPLES, Body, branch, chain, const, pipeline
from typedpipe.compiler.driver import check
from typedpipe.diagnostics.model import NOWHERE
from typedpipe.ir.diff import diff
from typedpipe.ir.nodes import Chunk, Component, FromInput, Graph, GraphOutput, InputPort, Pipeline, PythonImpl
from typedpipe.ir.text import digest, dump
from typedpipe.types.model import ANY, NULL, EnumMember, EnumType, ListType, union

BRANCH = """\
graph
  in n: int by value
  in word: str by value
  %0 = %add.return > 10
  %1 = %add.return == $n
  %add = add(a=$n, b=0)
  %if = branch
    if %0:
      %say = say(text="big")
      out oneof-say-return: str = %say.return
    if %1 with (add-return=%add.return):
      in add-return: int by value
      %0 = format("same ", $add-return)
      %say-2 = say(text=%0)
      out oneof-say-return: str = %say-2.return
    else with (word=$word):
      in word: str by value
      %say-3 = say(text=$word)
      out oneof-say-return: str = %say-3.return
  %say-4 = say(text=%if.oneof-say-return)
"""


def test_the_text_of_a_branch() -> None:
    assert dump(check(branch())).endswith(BRANCH)


def test_equal_text_means_equal_programs() -> None:
    texts = {dump(make()) for make in SAMPLES.values()} | {dump(check(make())) for make in SAMPLES.values()}
    assert len(texts) == 2 * len(SAMPLES)


def test_types_are_defined_once_and_two_of_one_name_are_told_apart() -> None:
    colors = [EnumType("Color", (EnumMember("RED", wire),)) for wire in ('"r"', "1")]
    ports = [InputPort("a", ListType(colors[0])), InputPort("b", union(colors[1], NULL)), InputPort("c", colors[0])]
    assert (
        dump(Pipeline("p", Graph(tuple(ports))))
        == """\
pipeline p

type Color = enum(RED="r")
type Color#2 = enum(RED=1)

graph
  in a: list[Color] by value
  in b: Color#2 | None by value
  in c: Color by value
"""
    )


def test_one_true_and_one_point_zero_are_not_the_same() -> None:
    found = {
        digest(Pipeline("p", Graph(outputs=(GraphOutput("o", const(value), ANY),))))
        for value in (1, True, 1.0, "1", [1])
    }
    assert len(found) == 5


def digest_of(component: Component) -> str:
    return digest(Pipeline("p", Graph(), {"add": component}))


def test_places_are_not_in_a_digest() -> None:
    add = COMPONENTS["add"]
    assert isinstance(add.impl, PythonImpl)
    moved = replace(
        add, span=NOWHERE, impl=replace(add.impl, chunks=(Chunk(add.impl.chunks[0].text, "elsewhere.py", 99),))
    )
    assert digest_of(moved) == digest_of(add)
    changed = replace(add, impl=replace(add.impl, chunks=(Chunk("def add(): ..."),)))
    assert digest_of(changed) != digest_of(add)


def test_no_difference() -> None:
    for make in SAMPLES.values():
        assert diff(make(), make()) == []


def test_an_added_task_and_a_changed_output() -> None:
    assert diff(chain(3), chain(4)) == [
        "+ task %add-4 = add(a=%add-3.return, b=1)",
        "~ output total: int = %add-3.return → int = %add-4.return",
    ]


def test_changed_source_is_shown_by_its_lines() -> None:
    before = chain(1)
    python = COMPONENTS["add"].impl
    assert isinstance(python, PythonImpl)
    impl = replace(python, chunks=(Chunk("def add(a, b):\n    return b + a\n", "f.py", 7),))
    after = replace(before, components={"add": replace(COMPONENTS["add"], impl=impl)})
    assert diff(before, after) == [
        "~ component add",
        "    - |     return a + b",
        "    + |     return b + a",
        "    at f.py:7",
    ]


def test_a_condition_is_compared_by_what_it_says_not_by_its_number() -> None:
    def build(extra: bool, limit: int) -> Pipeline:
        b = Body()
        if extra:
            b.compare("==", FromInput("n"), const(99))
        with b.branch(b.compare(">", FromInput("n"), const(limit))) as (body,):
            body.task("prep", n=const(1))
        return pipeline(b.graph({"n": const(1).type}))

    assert diff(build(False, 1), build(True, 1)) == []
    assert diff(build(False, 1), build(True, 2)) == ["~ branch %if", "    ~ branch 1: $n > 1 → $n > 2"]
