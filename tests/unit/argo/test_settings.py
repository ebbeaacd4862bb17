"""Task options whose values are known only when the pipeline runs."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.runtime.task import decode, to_text


@dsl.container_component
def say(text: str):
    return dsl.ContainerSpec("python:3.11-slim", ["echo"], [text])


@dsl.pipeline
def patched(memory: str = "128Mi") -> None:
    say(text="hi").set_memory_limit(memory).set_cpu_request("100m")


def test_a_container_gets_the_memory_that_a_value_says() -> None:
    assert patched.ir is not None
    (text,) = driver.compile(patched.ir).values()
    template = next(t for t in yaml.safe_load(text)["spec"]["templates"] if t["name"] == "say")
    assert "{{inputs.parameters.tp-memory-limit}}" in template["podSpecPatch"]
    assert template["container"]["resources"] == {"requests": {"cpu": "100m"}}


@dsl.component
def facts() -> dict[str, Any]:
    return {}


@dsl.component
def see() -> str:
    return ""


class Compiled:
    """The templates of a pipeline by name, and the arguments of its tasks."""

    def __init__(self, pipeline: Any) -> None:
        (self.text,) = driver.compile(pipeline.ir).values()
        found = yaml.safe_load(self.text)["spec"]["templates"]
        self.templates = {template["name"]: template for template in found}
        self.tasks = {t["name"]: t for template in found for t in template.get("dag", {}).get("tasks", [])}

    def given(self, task: str) -> dict[str, str]:
        return {p["name"]: p["value"] for p in self.tasks[task].get("arguments", {}).get("parameters", [])}


def variables(text: str, **values: object) -> list[list[object]]:
    """The variables that a runtime sets, if these are the values of the tags."""
    for path, value in values.items():
        text = re.sub(r"\{\{[^}]*\b" + path + r"\b[^}]*\}\}", lambda _, value=value: to_text(value), text)  # type: ignore[misc]
    assert "{{" not in text
    found: list[list[object]] = decode(text, ["list", ["list", "any"]])
    return found


def test_variables_of_values_are_set_by_the_task_itself_whatever_computes_them() -> None:
    @dsl.pipeline
    def p(name: str = "x", n: int = 1) -> None:
        found = facts().output
        task = see().set_env("FIXED", "{{a}} $b").set_env("A", f"{found['id']}-{name}").set_env("B", name)
        task.set_env("C", found["texts"][1]).set_env("D", f"{n:05d}")

    made = Compiled(p)
    assert "{{=" not in str(made.given("see"))
    (template,) = (t for name, t in made.templates.items() if name.startswith("see"))
    assert template["script"]["env"] == [
        {"name": "TP_LB", "value": "{"},
        {"name": "FIXED", "value": "{$(TP_LB)a}} $$b"},
    ]
    given = made.given("see")
    assert list(given) == ["tp-env"]
    out = {"id": 2**60 + 1, "texts": ["", "{{$"]}
    assert variables(given["tp-env"], facts=out, name="it's", n=7) == [
        ["A", f"{2**60 + 1}-it's"],
        ["B", "it's"],
        ["C", "{{$"],
        ["D", "00007"],
    ]


def test_tasks_with_different_variables_have_one_template() -> None:
    @dsl.pipeline
    def p(name: str) -> None:
        see().set_env("A", name)
        see().set_env("B", see().output)
        see().set_env("B", "constant").set_env("C", name)

    made = Compiled(p)
    assert [name for name in made.templates if name.startswith("see")] == ["see", "see-2"]
    defaults = [made.templates[name]["inputs"]["parameters"] for name in ("see", "see-2")]
    assert defaults == [[{"name": "tp-env", "default": ""}]] * 2
    assert ["tp-env" in made.given(name) for name in ("see", "see-2", "see-3", "see-4")] == [True, True, False, True]
    assert "{{inputs.parameters}}" in made.templates["see"]["script"]["source"]


@pytest.mark.parametrize("option", ["image", "memory"])
def test_tasks_whose_settings_have_different_values_have_one_template(option: str) -> None:
    @dsl.pipeline
    def p(one: str, two: str) -> None:
        for value in (one, two):
            task = see()
            (task.set_container_image if option == "image" else task.set_memory_limit)(value)

    assert [name for name in Compiled(p).templates if name.startswith("see")] == ["see"]
