"""Items of a loop: encoded without characters that some controllers leave escaped, and decoded by the argument."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from hypothesis import given, strategies as st

from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.compiler.argo.read.expressions import item_wire
from typedpipe.runtime import task as runtime


@dsl.component
def say(text: str) -> None:
    print(text)


@dsl.container_component
def shell(text: str) -> dsl.ContainerSpec:
    return dsl.ContainerSpec("image", ["sh", "-c", 'echo "$0"', text])


@dsl.pipeline
def spoken(texts: list[str]) -> None:
    with dsl.ParallelFor(["it's", '"~\\']) as known:
        say(text=known)
    with dsl.ParallelFor(texts) as text:
        say(text=text)
    with dsl.ParallelFor(["[1]"]) as read:
        shell(text=read)
    with dsl.ParallelFor([1, 2]) as number:
        say(text=f"{number}")


DEFERRED = '{"\\u0024tp":["item","{{item}}"]}'


def decoded(item: str) -> str:
    """Argo's result for :func:`item_wire`: its ``sprig.replace`` calls, the innermost first, and ``trimPrefix``."""
    calls = re.findall(r'sprig\.replace\(("(?:[^"\\]|\\.)*"),("(?:[^"\\]|\\.)*"),', item_wire("item"))
    for old, new in reversed(calls):
        item = item.replace(json.loads(old), json.loads(new))
    return item.removeprefix("~")


@given(st.one_of(st.text(), st.text("~tab'\"\\u003c"), st.lists(st.text("~[{'"), max_size=2)))
def test_an_item_arrives_as_it_was(value: object) -> None:
    wire = json.dumps(value)
    coded = runtime.item_code(wire)
    assert not set('"\\') & set(coded)
    assert coded[0] not in "[{"
    assert decoded(coded) == wire
    assert runtime.decode(DEFERRED.replace("{{item}}", coded), "any") == value


def test_each_loop_codes_its_items_and_they_are_decoded_once() -> None:
    assert spoken.ir is not None
    (text,) = driver.compile(spoken.ir, "argo", {}).values()
    loops = [t for template in yaml.safe_load(text)["spec"]["templates"] for t in _tasks(template) if "withParam" in t]
    by_items = {loop["withParam"]: loop["arguments"]["parameters"][-1]["value"] for loop in loops}
    known = """["'it~as'", "'~b'~t~b~b'"]"""
    assert by_items[known] == DEFERRED
    assert [decoded(item) for item in json.loads(known)] == [json.dumps("it's"), json.dumps('"~\\')]
    assert by_items['["1", "2"]'] == "{{item}}"
    assert by_items["[\"'[1]'\"]"] == "{{=" + item_wire("item") + "}}"  # the controller reads it
    (of_texts,) = (items for items in by_items if "tp-items" in items)
    assert of_texts.count('"~t"') == 1
    assert by_items[of_texts] == DEFERRED


def _tasks(template: dict[str, Any]) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = template.get("dag", {}).get("tasks", [])
    return tasks
