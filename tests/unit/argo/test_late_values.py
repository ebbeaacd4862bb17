"""Values that the controller puts into pods and locations: who computes them, in which form, and what an error stops."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.argo_references import faults
from tests.argo_schema import valid
from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.runtime.task import Names, ask


@dsl.component
def facts() -> dict[str, Any]:
    return {}


@dsl.component
def rows() -> list[str]:
    return []


@dsl.component
def number(n: int = 1) -> int:
    return n


@dsl.component
def use(text: str = "default") -> str:
    return text


@dsl.container_component
def say(
    text: str = "",
    n: Any = None,
    rows: list[int] = [],  # noqa: B006  # a default of a component is a constant
    note: str | None = None,
    many: int | None = None,
) -> dsl.ContainerSpec:
    return dsl.ContainerSpec("image", ["echo"], [text, n, rows, note, many])


@dsl.component
def read(data: dsl.Input[dsl.Dataset]) -> str:
    return data.uri


class Compiled:
    """The tasks of a pipeline's DAGs by the names of template and task, and the arguments of each."""

    def __init__(self, pipeline: Any) -> None:
        (self.text,) = driver.compile(pipeline.ir).values()
        assert faults([yaml.safe_load(self.text)]) == []
        found = valid(self.text)["spec"]["templates"]
        self.templates = {template["name"]: template for template in found}
        tasks = [(t["name"], task) for t in found for task in t.get("dag", {}).get("tasks", [])]
        self.tasks = {f"{template}/{task['name']}": task for template, task in tasks}

    def given(self, task: str) -> dict[str, str]:
        return {p["name"]: p["value"] for p in self.tasks[task].get("arguments", {}).get("parameters", [])}

    def answers(self, task: str, out: object, **given: object) -> dict[str, str]:
        return ask(self.given(task)["tp-ask"], Names(Output=out), Names(given))


def answer(number: int, task: str = "facts") -> str:
    return f"{{{{tasks.{task}.outputs.parameters.tp-e{number}}}}}"


def test_all_values_of_a_task_from_one_producer_have_one_guard() -> None:
    @dsl.pipeline
    def p(name: str = "x") -> None:
        found = facts().output
        task = say(text=f"{found['a']:.2f}-{name}", n=found["n"], rows=found["rows"], note=found["note"])
        task.set_env("A", found["a"]).set_memory_limit(f"{found['n']}Mi").set_container_image(found["image"])

    made = Compiled(p)
    assert made.tasks["p/say"]["when"] == answer(1)
    keys = ["text", "n", "rows", "note", "tp-memory-limit", "tp-env-0", "tp-image"]
    assert made.given("p/say") == {key: answer(i) for i, key in enumerate(keys, 2)}
    out = {"a": 0.5, "n": 2**60 + 1, "rows": [2**60 + 1, 1], "note": None, "image": "a:b"}
    found = made.answers("p/facts", out, name="{{$")
    texts = ["0.50-{{$", 2**60 + 1, out["rows"], None, f"{2**60 + 1}Mi", "0.5", "a:b"]
    assert found.pop("tp-e1") == "true"
    assert [json.loads(text) for text in found.values()] == texts
    assert not re.search(r"[^ -~]|\{\{|\$", "".join(found.values()))  # it passes through all tags


@pytest.mark.parametrize(
    ("missing", "what"),
    [
        ("a", "argument text"),
        ("n", "argument n"),
        ("env", "variable A"),
        ("memory", "memory_limit"),
        ("image", "image"),
    ],
)
def test_an_error_says_which_value_of_the_task_it_is(missing: str, what: str) -> None:
    @dsl.pipeline
    def p() -> None:
        found = facts().output
        task = say(text=f"<{found['a']}>", n=found["n"]).set_env("A", found["env"])
        task.set_memory_limit(found["memory"]).set_container_image(found["image"])

    out = {key: "x" for key in ("a", "n", "env", "memory", "image") if key != missing}
    found = Compiled(p).answers("p/facts", out)
    assert re.fullmatch(rf"error TP509: test_late_values.py:\d+, {what}: there is no '{missing}'", found["tp-e1"])


def test_what_is_passed_on_as_it_is_is_not_asked_for() -> None:
    @dsl.pipeline
    def p(name: str) -> None:
        made = use(text=name)
        say(text=made.output, n=number().output, rows=[1, 2]).set_env("A", made.output).set_container_image(name)

    made = Compiled(p)
    assert "tp-ask" not in made.text
    assert "when" not in made.tasks["p/say"]


def test_a_called_pipeline_receives_the_values_and_their_guard_from_each_caller() -> None:
    @dsl.pipeline
    def inner(found: dict[str, Any], name: str = "x") -> None:
        say(text=f"{found['a']}-{name}")

    @dsl.pipeline
    def p() -> None:
        inner(found=facts().output)
        inner(found={"a": 1.5}, name="y")
        inner(found=facts().output["inside"], name="z")

    made = Compiled(p)
    assert made.tasks["inner/say"]["when"] == "{{inputs.parameters.tp-ok-1}}"
    assert made.given("inner/say") == {"text": "{{inputs.parameters.tp-value-2}}"}
    given = [made.given(f"p/{name}") for name in ("inner", "inner-2", "inner-3")]
    assert [(each["tp-ok-1"], each["tp-value-2"]) for each in given] == [
        (answer(1), answer(2)),
        ("true", '"1.5-y"'),
        (answer(1, "facts-2"), answer(2, "facts-2")),
    ]
    assert made.answers("p/facts-2", {"inside": {"a": None}})["tp-e2"] == '"None-z"'


def test_values_of_different_producers_have_a_guard_each() -> None:
    @dsl.pipeline
    def p() -> None:
        say(text=facts().output["a"], note=facts().output["b"])

    made = Compiled(p)
    assert made.tasks["p/say"]["when"] == f"{answer(1)} && {answer(1, 'facts-2')}"
    assert made.given("p/say") == {"text": answer(2), "note": answer(2, "facts-2")}


def test_a_task_that_ignores_failures_gets_no_answers_of_what_may_have_failed() -> None:
    @dsl.pipeline
    def p() -> None:
        say(text=facts().output["a"]).ignore_upstream_failure()

    assert "tp-ask" not in Compiled(p).text


def test_a_task_before_one_that_ignores_failures_is_not_run_with_an_error() -> None:
    @dsl.pipeline
    def p() -> None:
        said = say(text=facts().output["a"])
        use().after(said).ignore_upstream_failure()

    made = Compiled(p)
    ok = 'tasks["facts"].outputs.parameters["tp-status"] == "Succeeded"'
    assert made.given("p/say")["tp-ok"] == f'{{{{={ok} ? tasks["facts"].outputs.parameters["tp-e1"] : "false"}}}}'
    assert made.tasks["try-say/say"]["when"] == "{{inputs.parameters.tp-ok}}"


def test_a_container_gets_texts_and_nothing_for_none_whatever_the_type_of_its_input() -> None:
    @dsl.pipeline
    def p() -> None:
        say()

    _, args = Compiled(p).templates["say"]["container"]["command"], Compiled(p).templates["say"]["container"]["args"]
    null, quoted = '{{=sprig.replace("{"+"{","{$(TP_LB)",sprig.replace("$","$$",({0})))}}', 'startsWith "\\""'
    assert args[1] == null.replace("{0}", _any("n", quoted))
    assert args[2] == "{{inputs.parameters.rows}}"
    assert args[4] == null.replace("{0}", _any("many", quoted))


def _any(name: str, quoted: str) -> str:
    text = f'inputs.parameters["{name}"]'
    return f'{text} == "null" ? "" : {text} {quoted} ? fromJSON({text}) : {text}'


def test_the_key_of_a_cached_container_has_its_computed_values() -> None:
    @dsl.pipeline
    def p() -> None:
        found = facts().output
        say(text=found["a"]).set_env("A", found["b"]).set_caching(True)

    (template,) = (t for t in yaml.safe_load(Compiled(p).text)["spec"]["templates"] if "memoize" in t)
    names = set(re.findall(r'inputs\.parameters\["(.*?)"\]', template["memoize"]["key"]))
    assert names == {entry["name"] for entry in template["inputs"]["parameters"]}


def test_values_that_no_single_task_can_compute_are_refused_with_their_line() -> None:
    @dsl.pipeline
    def p() -> None:
        say(text=f"{facts().output['a']} {facts().output['a']}")

    with pytest.raises(PipelineError, match="error\\[TP402\\]: Argo cannot compute a value that is passed to `say`"):
        Compiled(p)


def test_values_and_guards_cross_the_parts_of_a_graph() -> None:
    @dsl.pipeline
    def long() -> None:
        found = facts().output
        imported = dsl.importer(found["uri"], dsl.Dataset)
        last = number()
        for _ in range(205):
            last = number(n=last.output)
        say(text=found["a"]).after(last)
        read(data=imported.output).after(last)

    made = Compiled(long)
    (name,) = (name for name in made.tasks if name.endswith("/say"))
    assert made.tasks[name]["when"] == "{{inputs.parameters.facts--tp-e3}}"
    assert made.given(name) == {"text": "{{inputs.parameters.facts--tp-e4}}"}
    (reader,) = (task for name, task in made.tasks.items() if name.endswith("/read"))
    assert reader["when"] == "{{inputs.parameters.facts--tp-e1}}"


def test_a_value_of_an_item_is_text_with_quotes_which_cannot_come_with_the_item() -> None:
    @dsl.pipeline
    def p() -> None:
        with dsl.ParallelFor(rows().output) as item:
            say(text=f"<{item}>")
            use(text="a").set_env("A", f"<{item}>")

    made = Compiled(p)
    (name,) = (name for name in made.tasks if name.endswith("/say"))
    assert made.given(name)["text"].startswith("{{=")
    assert "tp-value" not in made.text
    (user,) = (name for name in made.tasks if name.endswith("/use"))
    assert "{{=" not in made.given(user)["tp-env"]
