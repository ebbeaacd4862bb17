"""Keys of cached tasks: everything that reaches a task is in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.dsl import Dataset, Input, Task


@dsl.component
def say(text: str = "") -> str:
    return text


@dsl.component
def read(data: Input[Dataset] | None = None) -> str:
    return str(data)


@dsl.component
def make() -> Dataset:
    return Dataset()


def memoized(pipeline: Any) -> dict[str, dict[str, Any]]:
    (text,) = driver.compile(pipeline.ir).values()
    templates = yaml.safe_load(text)["spec"]["templates"]
    return {template["name"]: template for template in templates if "memoize" in template}


def read_by_key(template: dict[str, Any]) -> set[str]:
    return set(re.findall(r'inputs\.parameters\["(.*?)"\]', template["memoize"]["key"]))


@pytest.mark.parametrize(
    "set_up",
    [
        lambda task, text: task.set_env("A", text),
        lambda task, text: task.set_env("A", "constant").set_env("B", f"<{text}>"),
        lambda task, text: task.set_container_image(text),
        lambda task, text: task.set_memory_limit(text).set_cpu_request(text),
    ],
)
def test_the_key_has_each_setting_whose_value_is_known_only_in_the_run(
    set_up: Callable[[Task[Any], Any], object],
) -> None:
    @dsl.pipeline
    def p() -> None:
        first = say(text="one")
        set_up(say(text="two").set_caching(True), first.output)

    (template,) = memoized(p).values()
    inputs = {entry["name"] for entry in template["inputs"]["parameters"]}
    assert len(inputs) > 1
    assert read_by_key(template) == inputs


def test_the_key_has_the_id_of_an_artifact_by_position_or_its_whole_descriptor() -> None:
    @dsl.pipeline
    def p() -> None:
        read(data=make().output).set_caching(True)

    (template,) = memoized(p).values()
    text = 'inputs.parameters["tp-data"]'
    assert f'({text} startsWith "{{\\"id\\":\\"" ? {text}[7:71] : {text})' in template["memoize"]["key"]
    assert "fromJSON" not in template["memoize"]["key"]


def test_a_task_with_a_key_of_the_users_and_one_without_do_not_share_a_key() -> None:
    @dsl.pipeline
    def p() -> None:
        say(text="one").set_caching_options(True, "mine")
        say(text="two").set_caching(True)
        say(text="three").set_caching_options(True, "mine")
        say(text="four").set_caching_options(True, "other")

    keys = [template["memoize"]["key"] for template in memoized(p).values()]
    assert len(keys) == len(set(keys)) == 3
    assert sum("inputs.parameters" in key for key in keys) == 1
