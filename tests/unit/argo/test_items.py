"""Items of a loop: encoded without characters that some controllers leave escaped, and decoded by the argument."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml
from hypothesis import given, strategies as st

from typedpipe import dsl
from typedpipe.compiler import driver
from typedpipe.compiler.argo.expressions import item_text, item_wire


@dsl.component
def say(text: str) -> None:
    print(text)


@dsl.pipeline
def spoken(texts: list[str]) -> None:
    with dsl.ParallelFor(["it's", '"~\\']) as known:
        say(text=known)
    with dsl.ParallelFor(texts) as text:
        say(text=text)
    with dsl.ParallelFor([1, 2]) as number:
        say(text=f"{number}")


def decoded(item: str) -> str:
    """Argo's result for :func:`item_wire`: its ``sprig.replace`` calls, the innermost first."""
    calls = re.findall(r'sprig\.replace\(("(?:[^"\\]|\\.)*"),("(?:[^"\\]|\\.)*"),', item_wire())
    for old, new in reversed(calls):
        item = item.replace(json.loads(old), json.loads(new))
    return item


@given(st.one_of(st.text(), st.text("~tab'\"\\u003c")))
def test_an_item_arrives_as_it_was(text: str) -> None:
    wire = json.dumps(text)
    coded = item_text(wire)
    assert not set('"\\') & set(coded)
    assert decoded(coded) == wire


def test_each_loop_codes_its_items_and_decodes_them_once() -> None:
    assert spoken.ir is not None
    (text,) = driver.compile(spoken.ir, "argo", {}).values()
    loops = [t for template in yaml.safe_load(text)["spec"]["templates"] for t in _tasks(template) if "withParam" in t]
    by_items = {loop["withParam"]: loop["arguments"]["parameters"][-1]["value"] for loop in loops}
    known = """["'it~as'", "'~b'~t~b~b'"]"""
    assert by_items[known] == "{{=" + item_wire() + "}}"
    assert [decoded(item) for item in json.loads(known)] == [json.dumps("it's"), json.dumps('"~\\')]
    assert by_items['["1", "2"]'] == "{{item}}"
    (of_texts,) = (items for items in by_items if "tp-items" in items)
    assert of_texts.count('"~t"') == 1
    assert by_items[of_texts] == "{{=" + item_wire() + "}}"


def _tasks(template: dict[str, Any]) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = template.get("dag", {}).get("tasks", [])
    return tasks
