"""Paths in a run: text and parts are two forms of the same path."""

from __future__ import annotations

from hypothesis import given, strategies as st

from typedpipe.runs.paths import Step, TaskPath, item_numbers, item_text, node_path

NAMES = st.from_regex(r"\A[a-z_][a-z0-9_-]{0,11}\Z")
STEPS = st.builds(Step, NAMES, st.none() | st.integers(min_value=0, max_value=10**9))
PATHS = st.builds(TaskPath, st.lists(STEPS, min_size=1, max_size=5).map(tuple))


@given(PATHS)
def test_a_path_survives_its_text(path: TaskPath) -> None:
    assert TaskPath.parse(str(path)) == path


@given(st.text(max_size=30) | st.text("a[]/01", max_size=12))
def test_any_text_survives_being_parsed(text: str) -> None:
    path = TaskPath.parse(text)
    assert str(path) == text
    assert [str(prefix) for prefix in path.prefixes()][-1] == text


@given(PATHS)
def test_the_functions_over_text_agree_with_the_parts(path: TaskPath) -> None:
    text = str(path)
    assert node_path(text) == path.node_path
    assert tuple(item_numbers(text)) == path.items
    assert item_text(text) == "".join(f"[{item}]" for item in path.items)


@given(PATHS)
def test_a_path_is_its_group_and_its_name(path: TaskPath) -> None:
    parent = path.parent
    assert str(path) == (path.name if parent is None else f"{parent}/{path.name}")


def test_a_number_that_is_no_item() -> None:
    name = f"a[{'9' * 5000}]"
    assert str(TaskPath.parse(name)) == name
    assert item_numbers(name) == []
