"""Conditions as questions: which task is asked, what it is given, how the answer travels; and what the controller keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.argo_schema import valid
from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.runtime.task import Names, ask

ON_ARGO = "python:3.11-slim"


@dsl.component
def number(n: int = 1) -> int:
    return n


@dsl.component
def facts() -> dict[str, Any]:
    return {}


@dsl.component
def say(text: str) -> str:
    return text


@dsl.container_component
def typed(out: dsl.OutputPath[int]) -> dsl.ContainerSpec:
    return dsl.ContainerSpec("image", ["sh", "-c", 'echo 1 > "$0"', out])


@dsl.pipeline
def judge(n: int, limit: int = 5) -> str:
    with dsl.If(n > limit):
        above = say(text="above")
    with dsl.Elif(n == 2**53):
        equal = say(text="equal")
    with dsl.Else():
        below = say(text="below")
    return dsl.OneOf(above.output, equal.output, below.output)


@dsl.pipeline
def inspect(found: dict[str, Any] = {}) -> None:  # noqa: B006  # a default of a pipeline is a constant
    with dsl.If((found["a"]["b"] == 1) | (found["a"]["c"] == 1)):
        say(text="a")


class Compiled:
    """The templates of a pipeline, by name."""

    def __init__(self, pipeline: Any, **options: object) -> None:
        (self.text,) = driver.compile(pipeline.ir, "argo", options).values()
        found = valid(self.text)["spec"]["templates"]
        self.templates = {template["name"]: template for template in found}
        tasks = [(t["name"], task) for t in found for task in t.get("dag", {}).get("tasks", [])]
        self.tasks = {f"{template}/{task['name']}": task for template, task in tasks}

    def given(self, task: str) -> dict[str, str]:
        return {p["name"]: p["value"] for p in self.tasks[task].get("arguments", {}).get("parameters", [])}

    def answers(self, task: str, out: dict[str, Any], **given: object) -> dict[str, str]:
        """The answers of a task that made these outputs, if these were the values from before it."""
        before = Names()
        names = [line.partition(" = ")[0] for line in self.given(task).get("tp-given", "").split("\n") if line]
        assert sorted(names) == sorted(given)
        for name, value in given.items():
            before.put(name, json.dumps(value))
        return ask(self.given(task)["tp-ask"], Names(out), before)

    def whens(self, template: str) -> list[str]:
        return [task["when"] for task in self.templates[template]["dag"]["tasks"]]


def test_a_chain_is_one_question_to_the_task_that_comes_last() -> None:
    @dsl.pipeline
    def chained(limit: int = 3) -> None:
        first = number(n=limit)
        last = number(n=first.output)
        with dsl.If(first.output > last.output):
            say(text="more")
        with dsl.Elif(last.output == limit):
            say(text="same")
        with dsl.Else():
            say(text="less")

    made = Compiled(chained)
    assert "tp-ask" not in made.given("chained/number")
    given = made.given("chained/number-2")["tp-given"].split("\n")
    assert given == [
        "number_Output = {{tasks.number.outputs.parameters.Output}}",
        "limit = {{workflow.parameters.limit}}",
    ]
    for last, arm in ((4, "0"), (3, "2"), (1, "1"), (2**53 + 1, "0")):
        assert made.answers("chained/number-2", {"Output": last}, number_Output=2, limit=3) == {"tp-e1": arm}
    assert made.answers("chained/number-2", {"Output": 2**53}, number_Output=2**53 + 1, limit=3) == {"tp-e1": "1"}
    assert made.given("chained/if-task") == {"tp-arm": "{{tasks.number-2.outputs.parameters.tp-e1}}"}
    arms = [f"{{{{inputs.parameters.tp-arm}}}} == {number}" for number in (1, 2, 0)]
    assert made.whens("if-task") == arms
    assert "{{=" not in made.text.partition("templates:")[2]


def test_an_error_names_the_line_of_its_own_condition_and_stops_all_arms() -> None:
    @dsl.pipeline
    def wrong() -> None:
        found = facts().output
        with dsl.If(found["a"] == 1):
            say(text="a")
        with dsl.Elif(found["b"] == 1):
            say(text="b")
        with dsl.Else():
            say(text="other")

    made = Compiled(wrong)
    texts = [
        made.answers("wrong/facts", {"Output": value})["tp-e1"] for value in ({}, {"a": 2}, {"a": 1}, {"a": 2, "b": 3})
    ]
    first = wrong.ir.graph.nodes[1].span.line if wrong.ir is not None else 0
    assert texts == [
        f"error TP509: test_asks.py:{first}, If: there is no 'a'",
        f"error TP509: test_asks.py:{first + 2}, Elif: there is no 'b'",
        "1",
        "0",
    ]


def test_a_component_has_one_template_whatever_its_tasks_are_asked() -> None:
    @dsl.pipeline
    def twice() -> None:
        one, two, three = number(n=1), number(n=2), number(n=3)
        with dsl.If(one.output == 1):
            say(text="1")
        with dsl.If(two.output == 1):
            say(text="1")
        with dsl.If(two.output == 2):
            say(text="2")
        with dsl.If(three.output == 1):
            say(text=f"{three.output}")

    made = Compiled(twice)
    template = made.templates["number"]
    assert [port["name"] for port in template["outputs"]["parameters"]] == ["Output", "tp-e1", "tp-e2"]
    defaults = {port["name"]: port.get("default") for port in template["inputs"]["parameters"]}
    assert defaults == {"n": "1", "tp-given": "", "tp-ask": ""}
    assert "{{inputs.parameters}}" in template["script"]["source"]
    assert [made.given(f"twice/{name}").get("tp-given") for name in ("number", "number-2")] == [None, None]
    assert made.answers("twice/number-2", {"Output": 2}) == {"tp-e1": "0", "tp-e2": "1"}
    assert "tp-e" not in str(made.templates["say"])


def test_a_pipeline_receives_the_answer_from_each_of_its_callers() -> None:
    @dsl.pipeline
    def calls(limit: int = 7) -> None:
        found = facts()
        judge(n=number(n=3).output)
        with dsl.ParallelFor([1, 2]):
            judge(n=found.output["n"], limit=limit)
        judge(n=4)

    made = Compiled(calls)
    assert made.answers("calls/number", {"Output": 2**53 + 1}) == {"tp-e1": "1"}
    assert made.answers("calls/number", {"Output": 4}) == {"tp-e1": "0"}
    assert made.answers("calls/facts", {"Output": {"n": 2**53}}, limit=2**53) == {"tp-e1": "2"}
    assert made.given("calls/judge")["tp-arm-1"] == "{{tasks.number.outputs.parameters.tp-e1}}"
    assert made.given("calls/for")["tp-arm-1"] == "{{tasks.facts.outputs.parameters.tp-e1}}"
    assert made.given("for-body/judge-2")["tp-arm-1"] == "{{inputs.parameters.tp-arm-1}}"
    assert made.given("calls/judge-3")["tp-arm-1"] == "0"  # known to the compiler
    assert made.given("judge/if-task") == {"tp-arm": "{{inputs.parameters.tp-arm-1}}"}


def test_questions_to_one_task_share_its_lines_but_not_those_of_other_graphs() -> None:
    @dsl.pipeline
    def shared() -> None:
        found = facts().output
        with dsl.If((found["a"]["b"] == 1) & (found["a"]["c"] == 1)):
            say(text="a")
        inspect(found=found["a"])
        judge(n=found["n"])
        with dsl.If((found["a"]["b"] == 2) & (found["a"]["c"] == 1)):
            say(text="b")

    made = Compiled(shared)
    lines = made.given("shared/facts")["tp-ask"].split("\n")
    names = [line.partition(" = ")[0] for line in lines]
    assert len(set(names)) == len(names)
    out = {"Output": {"a": {"b": 2, "c": 1, "a": {"b": 0, "c": 1}}, "n": 6}}
    assert sorted(made.answers("shared/facts", out).values()) == ["0", "1", "1", "1"]
    assert lines.count("_0 = out['Output']['a']") == 1
    assert sum(line.endswith("['a']") for line in lines) == 2  # the same in the called pipeline, with another name


def test_the_controller_keeps_what_no_single_task_can_answer() -> None:
    @dsl.pipeline
    def kept(root: int = 1) -> None:
        one, two = number(n=1), number(n=2)
        with dsl.If(root == 1):
            say(text="an argument of the run")
        with dsl.If(one.output == two.output):
            say(text="two tasks, neither after the other")
        with dsl.If(typed().output == 1):
            say(text="a container")
        with dsl.ParallelFor([1, 2]) as item, dsl.If(item == root):
            say(text="an item, and an argument of the run")
        ignoring = number(n=two.output).ignore_upstream_failure()
        with dsl.If(ignoring.output == 1):
            say(text="a task that may run although what it reads has failed")

    made = Compiled(kept)
    assert "tp-ask" not in made.text
    assert made.text.count('when: \'{{=inputs.parameters["tp-if-1"] == "true"}}\'') == 5


def test_a_pipeline_keeps_its_conditions_if_one_of_its_callers_cannot_ask() -> None:
    @dsl.pipeline
    def calls(root: int = 1) -> None:
        judge(n=number(n=3).output)
        judge(n=root)

    assert "tp-ask" not in Compiled(calls).text


def test_a_pipeline_that_ignores_failures_cannot_be_passed_an_answer() -> None:
    @dsl.pipeline
    def ignoring() -> None:
        inspect(found=facts().output).ignore_upstream_failure()

    assert "tp-ask" not in Compiled(ignoring).text


def test_a_value_from_before_may_have_failed_if_something_in_between_ignores_it() -> None:
    @dsl.pipeline
    def between() -> None:
        first = number(n=1)
        middle = number(n=first.output).ignore_upstream_failure()
        last = number(n=middle.output)
        with dsl.If(first.output == last.output):
            say(text="both")
        with dsl.If(middle.output == last.output):
            say(text="near")

    made = Compiled(between)
    (line,) = made.given("between/number-3")["tp-ask"].split("\n")
    assert line.startswith("tp-e1 = arm(given['number_2_Output'] == out['Output'])")


def test_an_answer_passes_what_guards_against_failures_and_the_cache() -> None:
    @dsl.component
    def last(text: str = "none") -> None:
        print(text)

    @dsl.pipeline
    def tried() -> None:
        asked = number(n=1).set_caching_options(True)
        last(text=f"{asked.output}").ignore_upstream_failure()
        with dsl.If(asked.output == 1):
            say(text="1")

    made = Compiled(tried)
    cached = made.templates["cached-number"]
    assert '+ "," + inputs.parameters["tp-given"] + "," + inputs.parameters["tp-ask"])' in cached["memoize"]["key"]
    outputs = {port["name"]: port["valueFrom"] for name in made.templates for port in _outputs(made, name)}
    assert outputs["tp-e1"]["default"] == ""
    for template in ("cached-number", "try-number"):
        taken = {port["name"]: port["valueFrom"] for port in _outputs(made, template)}["tp-e1"]
        (task,) = made.templates[template]["dag"]["tasks"]
        assert taken == {"parameter": f"{{{{tasks.{task['name']}.outputs.parameters.tp-e1}}}}", "default": ""}
        assert made.given(f"{template}/{task['name']}")["tp-ask"] == "{{inputs.parameters.tp-ask}}"


def _outputs(made: Compiled, template: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = made.templates[template].get("outputs", {}).get("parameters", [])
    return found


def test_a_question_with_large_constants_is_not_asked() -> None:
    words = [f"word {i}" for i in range(1000)]

    @dsl.pipeline
    def large() -> None:
        with dsl.If(dsl.In(say(text="a").output, words)):
            say(text="known")

    assert "tp-ask" not in Compiled(large).text


def test_a_task_is_asked_a_limited_number_of_times() -> None:
    @dsl.pipeline
    def many() -> None:
        asked = number(n=1)
        for i in range(101):
            with dsl.If(asked.output == i):
                say(text="x")

    made = Compiled(many)
    assert made.given("many/number")["tp-ask"].count("tp-e") == 100
    assert made.text.count("tp-if-1") > 0


@pytest.mark.parametrize("target", ["3.6", "3.7", "4.0"])
def test_answers_cross_the_parts_of_a_graph(target: str) -> None:
    @dsl.pipeline
    def long() -> None:
        first = number(n=1)
        last = first
        for _ in range(205):
            last = number(n=last.output)
        with dsl.If(first.output == 1):
            say(text="1")
        with dsl.If(last.output == first.output):
            judge(n=first.output)

    made = Compiled(long, target=target)
    for task, key, name in (("if-task", "tp-arm", "number--tp-e1"), ("if-2", "tp-arm-1", "number--tp-e2")):
        (part,) = (
            found.partition("/")[0]
            for found in made.tasks
            if found.startswith("long-part-") and found.endswith(f"/{task}")
        )
        assert made.given(f"{part}/{task}")[key] == f"{{{{inputs.parameters.{name}}}}}"
        assert made.given(part.replace("long-", "long/"))[name] == f"{{{{tasks.part-1.outputs.parameters.{name}}}}}"
