"""Loops as questions: their items, what is asked about each item, inner loops, and what the controller keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from tests.argo_references import faults
from tests.unit.argo.test_asks import Compiled, facts, number, say
from typedpipe import dsl
from typedpipe.runtime.task import Names, ask, decode, encode

ITEM = '{"\\u0024tp":["item","{{item}}"]}'
FIELD = '{"\\u0024tp":["item","{{item.v}}"]}'


@dsl.component
def table(n: int = 1) -> list[dict[str, Any]]:
    return [{"n": n}]


@dsl.component
def words(n: int = 1) -> list[str]:
    return ["a"] * n


@dsl.component
def same(value: Any) -> Any:
    return value


@dsl.container_component
def shell(text: str) -> dsl.ContainerSpec:
    return dsl.ContainerSpec("image", ["sh", "-c", 'echo "$0"', text])


@dsl.pipeline
def judge(n: int) -> None:
    with dsl.If(n > 2):
        say(text="more")


def items_of(answer: str, field: str = "v") -> list[Any]:
    """The items of an answer, as a task decodes them."""
    listed: list[Any] = json.loads(answer)
    codes = [each[field] if isinstance(each, dict) else each for each in listed]
    return [decode(ITEM.replace("{{item}}", code), "any") for code in codes]


def test_the_items_are_asked_of_the_task_that_makes_the_list() -> None:
    @dsl.pipeline
    def looped() -> None:
        with dsl.ParallelFor(words(n=2).output) as word:
            say(text=word)
        with dsl.ParallelFor(facts().output["rows"]) as row:
            same(value=row)

    made = Compiled(looped)
    assert made.given("looped/words")["tp-ask"].startswith("tp-e1 = items(out['Output'])  # test_asks_loops.py:")
    assert made.given("looped/for") == {"tp-items": "{{tasks.words.outputs.parameters.tp-e1}}"}
    assert made.tasks["for/body"]["withParam"] == "{{inputs.parameters.tp-items}}"
    assert made.given("for/body") == {"item": ITEM}
    assert items_of(made.answers("looped/facts", {"Output": {"rows": [1, "[", []]}})["tp-e1"]) == [1, "[", []]
    assert "{{=" not in made.text.partition("templates:")[2]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.text("~'\"\\[{}$"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a~'$tp"), inner, max_size=3),
    max_leaves=8,
)


@dsl.pipeline
def about() -> None:
    limit = number(n=3).output
    with dsl.ParallelFor(table(n=limit).output) as row:
        with dsl.If(row["n"] > limit):
            say(text="large")
        with dsl.Elif(row["value"] == None):  # noqa: E711 - a value of the pipeline
            say(text="none")
        with dsl.ParallelFor(row["few"]) as each, dsl.If((each == row["value"]) & (row["n"] < limit)):
            same(value=each)


@pytest.fixture(scope="module")
def asked() -> Compiled:
    return Compiled(about)


def test_conditions_and_inner_loops_come_with_each_item(asked: Compiled) -> None:
    assert asked.given("about/for")["tp-items"] == "{{tasks.table.outputs.parameters.tp-e1}}"
    body = asked.given("for/body")
    assert body.pop("number-Output") == "{{inputs.parameters.number-Output}}"
    assert body == {"tp-arm-1": "{{item.b1}}", "tp-items-2": "{{item.l2}}", "item": FIELD}
    assert asked.given("for-body/if-task")["tp-arm"] == "{{inputs.parameters.tp-arm-1}}"
    assert asked.given("for-body/for-2")["tp-items"] == "{{inputs.parameters.tp-items-2}}"
    assert asked.tasks["for-2/body"]["withParam"] == "{{inputs.parameters.tp-items}}"
    assert asked.given("for-2/body")["tp-arm-1"] == "{{item.b1}}"
    assert "{{=" not in asked.text.partition("templates:")[2]


@given(
    st.integers(-2, 2),
    st.lists(st.fixed_dictionaries({"n": st.integers(-3, 3), "value": VALUES, "few": st.lists(VALUES, max_size=3)})),
)
@settings(max_examples=100, deadline=None)
def test_items_and_answers_about_them_are_those_of_python(
    asked: Compiled, limit: int, rows: list[dict[str, Any]]
) -> None:
    limit += 2**53
    rows = [{**row, "n": row["n"] + 2**53} for row in rows]
    out, before = Names(), Names()
    out.put("Output", encode(rows, "any"))
    before.put("number_Output", str(limit))
    answer = ask(asked.given("about/table")["tp-ask"], out, before)["tp-e1"]
    records = json.loads(answer)
    assert encode(items_of(answer), "any") == encode(rows, "any")
    assert not set('"\\') & set("".join(texts(records)))
    for record, row in zip(records, rows, strict=True):
        assert record["b1"] == ("1" if row["n"] > limit else "2" if row["value"] is None else "0")
        inner = [
            ("1" if each == row["value"] and row["n"] < limit else "0", encode(each, "any")) for each in row["few"]
        ]
        values = items_of(json.dumps(record["l2"]))
        found = [(each["b1"], encode(value, "any")) for each, value in zip(record["l2"], values, strict=True)]
        assert found == inner


def texts(data: Any) -> list[str]:
    """All texts in JSON data."""
    inner = data.values() if isinstance(data, dict) else data
    return [data] if isinstance(data, str) else [text for each in inner for text in texts(each)]


def test_one_bad_item_fails_alone() -> None:
    found = Names()
    rows: list[dict[str, Any]] = [{"n": 1, "few": [], "value": 0}, {"value": 1, "few": 3}]
    found.put("Output", encode(rows, "any"))
    before = Names(number_Output=0)
    answers = json.loads(ask(Compiled(about).given("about/table")["tp-ask"], found, before)["tp-e1"])
    assert (answers[0]["b1"], answers[0]["l2"]) == ("1", [])
    assert answers[1]["b1"].endswith(", If: there is no 'n'")
    assert answers[1]["l2"].endswith(", ParallelFor: expected `list[Any]`, found `int` 3")
    assert all(text.startswith("error TP509: test_asks_loops.py:") for text in (answers[1]["b1"], answers[1]["l2"]))


def test_items_that_are_too_long_are_an_error() -> None:
    @dsl.pipeline
    def looped() -> None:
        with dsl.ParallelFor(words().output) as word:
            say(text=word)

    made = Compiled(looped)
    line = looped.ir.graph.nodes[1].span.line if looped.ir is not None else 0
    answer = made.answers("looped/words", {"Output": ["a" * 40000]})["tp-e1"]
    assert answer == (f"error TP505: test_asks_loops.py:{line}, ParallelFor: expected at most 32768 bytes, found 40006")


def test_constant_items_are_worked_out_for_each_item() -> None:
    @dsl.pipeline
    def folded() -> None:
        with dsl.ParallelFor(["it's", "[1]"]) as word, dsl.If(word == "[1]"):
            say(text=word)
        with dsl.ParallelFor(zip([1, 2], [["a"], []], strict=True)) as (n, few):
            judge(n=n)
            with dsl.ParallelFor(few) as letter, dsl.If(letter == "a"):
                say(text=letter)

    made = Compiled(folded)
    assert "tp-ask" not in made.text
    first, second = (json.loads(made.tasks[f"{name}/body"]["withParam"]) for name in ("for", "for-2"))
    assert [(each["b1"], items_of(json.dumps([each]))) for each in first] == [("0", ["it's"]), ("1", ["[1]"])]
    assert [[inner["b1"] for inner in each["l2"]] for each in second] == [["1"], []]
    assert [each["b1"] for each in second] == ["0", "0"]


def test_a_condition_on_an_item_may_read_other_tasks_that_come_before_or_after_the_list() -> None:
    @dsl.pipeline
    def beside() -> None:
        limit = number(n=1)
        early = words(n=limit.output)
        late = number(n=2).after(early)
        with dsl.ParallelFor(early.output) as word, dsl.If((word == "a") & (limit.output == 1)):
            say(text=word)
        with dsl.ParallelFor(["a", "b"]) as word, dsl.If((word == "a") & (late.output == 1)):
            say(text=word)
        with dsl.ParallelFor(early.output) as word, dsl.If((word == "a") & (late.output == 2)):
            say(text=word)

    made = Compiled(beside)
    assert made.given("beside/words")[
        "tp-given"
    ] == "limit_Output = {{tasks.number.outputs.parameters.Output}}".replace("limit", "number")
    assert made.given("beside/words")["tp-ask"].count("tp-e") == 1
    answers = made.answers("beside/number-2", {"Output": 2}, words_Output=["a", "c"])
    assert [json.loads(answer) for answer in answers.values()] == [
        [{"b1": "0", "v": "'a'"}, {"b1": "0", "v": "'b'"}],
        [{"b1": "1", "v": "'a'"}, {"b1": "0", "v": "'c'"}],
    ]


def test_what_cannot_be_asked_together_with_the_items_is_left_to_the_controller() -> None:
    @dsl.pipeline
    def parallel() -> None:
        one, other, listed = number(n=1), number(n=2), words(n=3)
        with dsl.ParallelFor(listed.output) as word:
            with dsl.If((word == "a") & (one.output == 1)):
                say(text="one")
            with dsl.If((word == "a") & (other.output == 1)):
                say(text="other")
            with dsl.If(word == "b"):
                say(text="b")

    made = Compiled(parallel)
    assert made.given("for/body")["item"] == "{{=" + _decoding("item.v") + "}}"
    assert made.given("for/body")["tp-arm-1"] == "{{item.b1}}"
    assert made.text.count('when: \'{{=inputs.parameters["tp-if-1"] == "true"}}\'') == 2


def _decoding(path: str) -> str:
    from typedpipe.compiler.argo.expressions import item_wire

    return item_wire(path)


def test_questions_about_one_item_that_only_exclude_each_other_are_left_to_the_controller() -> None:
    @dsl.pipeline
    def apart() -> None:
        one, other = number(n=1), number(n=2)
        with dsl.ParallelFor(["a", "b"]) as word:
            with dsl.If((word == "a") & (one.output == 1)):
                say(text="one")
            with dsl.If((word == "a") & (other.output == 1)):
                say(text="other")

    made = Compiled(apart)
    assert made.given("apart/number")["tp-ask"].startswith("tp-e1 = items(['a', 'b'], ")
    assert "tp-ask" not in made.given("apart/number-2")
    assert made.text.count("tp-if-1") > 0


def test_an_inner_loop_gives_way_if_the_outer_one_is_asked_elsewhere() -> None:
    @dsl.pipeline
    def apart() -> None:
        one, other = number(n=1), number(n=2)
        with dsl.ParallelFor([["a"], ["b"]]) as few:
            with dsl.If(dsl.Contains(few, "a") & (other.output == 1)):
                say(text="other")
            with dsl.ParallelFor(few) as word, dsl.If((word == "a") & (one.output == 1)):
                say(text="one")

    made = Compiled(apart)
    assert made.given("for-2/body")["item"] == "{{=" + _decoding("item") + "}}"
    assert made.given("for-body/for-2")["tp-items"] == "{{inputs.parameters.tp-items-2}}"
    assert "tp-ask" not in made.given("apart/number")
    answer = json.loads(made.answers("apart/number-2", {"Output": 1})["tp-e1"])
    assert answer == [{"b1": "1", "l2": ["'a'"], "v": "~['a']"}, {"b1": "0", "l2": ["'b'"], "v": "~['b']"}]


def test_an_item_beside_a_task_of_the_body_is_given_to_that_task() -> None:
    @dsl.pipeline
    def inside() -> None:
        with dsl.ParallelFor(words().output) as word:
            made = same(value=word)
            with dsl.If(made.output == word):
                say(text=word)

    made = Compiled(inside)
    assert made.given("for-body/same")["tp-given"] == "item = {{inputs.parameters.item}}"
    assert made.given("for/body") == {"item": ITEM}


def test_a_pipeline_called_for_each_item_receives_answers_from_the_items_and_from_its_other_callers() -> None:
    @dsl.pipeline
    def called() -> None:
        with dsl.ParallelFor(table().output) as row:
            judge(n=row["n"])
        judge(n=number(n=5).output)

    made = Compiled(called)
    assert made.given("for/body")["tp-arm-1"] == "{{item.b1}}"
    assert made.given("for-body/judge")["tp-arm-1"] == "{{inputs.parameters.tp-arm-1}}"
    assert made.given("called/judge-2")["tp-arm-1"] == "{{tasks.number.outputs.parameters.tp-e1}}"
    answer = made.answers("called/table", {"Output": [{"n": 2**53}, {"n": 0}]})["tp-e1"]
    assert [each["b1"] for each in json.loads(answer)] == ["1", "0"]


def test_an_item_that_a_container_reads_is_decoded_by_the_controller() -> None:
    @dsl.pipeline
    def passed(text: str, never: bool = False) -> str:
        with dsl.If(never == True):  # noqa: E712 - a value of the pipeline
            ran = say(text=text)
        return dsl.OneOf(ran.output, text)

    @dsl.pipeline
    def read() -> None:
        with dsl.ParallelFor(words().output) as word:
            shell(text=word)
        with dsl.ParallelFor(words().output) as word:
            shell(text=passed(text=word).output)  # through an output of the pipeline
        with dsl.ParallelFor(words().output) as word:
            say(text=word)

    made = Compiled(read)
    found = [made.given(f"{name}/body")["item"] for name in ("for", "for-2", "for-3")]
    assert found == ["{{=" + _decoding("item") + "}}"] * 2 + [ITEM]


def test_the_controller_reads_the_locations_of_artifacts() -> None:
    @dsl.component
    def save() -> dsl.Dataset:
        return dsl.Dataset()

    @dsl.component
    def load(data: dsl.Input[dsl.Dataset]) -> None:
        print(data.path)

    @dsl.pipeline
    def saved() -> None:
        with dsl.ParallelFor([1, 2]):
            made = save()
        with dsl.ParallelFor(dsl.Collected(made.output)) as data:
            load(data=data)

    assert Compiled(saved).given("for-2/body")["tp-item"] == "{{=" + _decoding("item") + "}}"


def test_an_item_comes_with_a_limited_number_of_answers() -> None:
    @dsl.pipeline
    def many() -> None:
        with dsl.ParallelFor(words().output) as word:
            for i in range(101):
                with dsl.If(word == f"{i}"):
                    say(text="x")

    made = Compiled(many)
    assert made.given("for/body")["tp-arm-100"] == "{{item.b100}}"
    assert "tp-arm-101" not in made.given("for/body")
    assert made.text.count("tp-if-1") > 0


def test_a_container_never_reads_how_a_value_is_assembled() -> None:
    @dsl.pipeline
    def read(found: dict[str, Any]) -> None:
        with dsl.IfSet(found["name"]) as name:
            shell(text=name)

    made = Compiled(read)
    (text,) = (made.given(task)["text"] for task in made.tasks if task.endswith("/shell"))
    assert "field" not in text
    assert '["name"]' in text


def test_texts_that_a_loop_puts_together_are_boxed() -> None:
    @dsl.pipeline
    def gathered() -> None:
        with dsl.ParallelFor(words().output) as word:
            made = say(text=word)
            text = f"{word}!"
        same(value=[dsl.Collected(made.output), dsl.Collected(text)])

    made = Compiled(gathered)
    outputs = {port["name"]: port["valueFrom"] for port in made.templates["for"]["outputs"]["parameters"]}
    forms = ["boxed" if "boxed" in taken["expression"] else "collected" for taken in outputs.values()]
    assert sorted(forms) == ["boxed", "collected"]
    assert 'toJson("' in made.text


def test_a_loop_over_what_another_loop_makes_gets_the_codes_of_its_tasks() -> None:
    @dsl.pipeline
    def again() -> None:
        with dsl.ParallelFor(words().output) as word:
            made = same(value=word)
            with dsl.If(made.output == word):
                shown = same(value=word)
        with dsl.ParallelFor(dsl.Collected(made.output)) as value:
            same(value=value)
        with dsl.ParallelFor(dsl.Collected(shown.output)) as text:
            same(value=text)
        with dsl.ParallelFor(dsl.Collected(made.output)) as value, dsl.If(value == 1):
            same(value=value)

    made = Compiled(again)
    assert made.given("again/for-2") == {"tp-items": "{{tasks.for.outputs.parameters.tp-items-1}}"}
    inner, outer = (
        {port["name"]: port["valueFrom"] for port in made.templates[name]["outputs"]["parameters"]}["tp-items-1"]
        for name in ("for-body", "for")
    )
    assert inner == {"parameter": "{{tasks.same.outputs.parameters.tp-e2}}", "default": "null"}
    taken = 'tasks["body"].outputs.parameters["tp-items-1"]'
    assert outer == {"expression": f'{taken} == "null" ? "[]" : {taken}', "default": "[]"}
    assert made.given("for-body/same")["tp-ask"].split("\n")[1].startswith("tp-e2 = item(out['Output'])  # ")
    assert "sprig.replace" in made.tasks["for-3/body"]["withParam"]  # a branch makes the items
    assert made.tasks["for-4/body"]["withParam"] == "{{inputs.parameters.tp-items}}"
    assert (
        made.given("for-4/body")["item"] == "{{=" + _decoding("item") + "}}"
    )  # the controller evaluates the condition


def test_the_items_of_a_list_of_several_tasks_come_from_each_of_them() -> None:
    @dsl.pipeline
    def listed(root: str = "x") -> None:
        one, other = same(value=1), same(value="[")
        with dsl.ParallelFor([one.output, other.output, "it's {{x}}"]) as item:
            same(value=item)
        with dsl.ParallelFor([one.output, other.output, root]) as item:
            same(value=item)

    made = Compiled(listed)
    texts = [f"{{{{tasks.{name}.outputs.parameters.tp-e1}}}}" for name in ("same", "same-2")]
    assert json.loads(made.given("listed/for")["tp-items"]) == [*texts, "'it~as {~bu007bx}}'"]
    assert made.answers("listed/same-2", {"Output": "["})["tp-e1"] == "'['"
    assert "sprig.replace" in made.tasks["for-2/body"]["withParam"]


def test_answers_of_a_loop_pass_what_guards_against_failures() -> None:
    @dsl.component
    def last(text: str = "none") -> None:
        print(text)

    @dsl.pipeline
    def tried() -> None:
        with dsl.ParallelFor(words().output) as word:
            made = same(value=word)
        with dsl.ParallelFor(dsl.Collected(made.output)) as value:
            same(value=value)
        last(text="x").after(say(text="y")).ignore_upstream_failure()
        last(text=f"{dsl.Collected(made.output)}").ignore_upstream_failure()

    made = Compiled(tried)
    outputs = {port["name"]: port["valueFrom"] for port in made.templates["try-for"]["outputs"]["parameters"]}
    assert outputs["tp-items-1"] == {"parameter": "{{tasks.for.outputs.parameters.tp-items-1}}", "default": ""}


def test_answers_cross_the_parts_of_a_body() -> None:
    @dsl.pipeline
    def long() -> None:
        with dsl.ParallelFor(table().output) as row:
            last = first = same(value=row)
            for _ in range(205):
                last = same(value=last.output)
            with dsl.If(row["n"] == 1):
                say(text="1")
            with dsl.ParallelFor(row["few"]) as each:
                same(value=each)
        with dsl.ParallelFor(dsl.Collected(first.output)) as value:
            same(value=value)

    made = Compiled(long)
    assert faults([*yaml.safe_load_all(made.text)]) == []
    outputs = {port["name"]: port["valueFrom"] for port in made.templates["for-body"]["outputs"]["parameters"]}
    assert outputs["tp-items-1"]["parameter"] == "{{tasks.part-1.outputs.parameters.same--tp-e1}}"
    parts = [made.given(task) for task in made.tasks if task.startswith("for-body/part-")]
    answers = {"tp-arm-1": "{{inputs.parameters.tp-arm-1}}", "tp-items-2": "{{inputs.parameters.tp-items-2}}"}
    assert [part for part in parts if part.keys() == answers.keys()] == [answers]
