"""Artifacts in dicts, which are passed as JSON: refused where they are annotated, and where they are passed."""

from __future__ import annotations

from typing import Any

import pytest

REFUSED = "a dict of artifacts is not supported: `Model` is passed as a file, and a dict as JSON"
INSTEAD = "declare one input or output for each `Model`, or pass several as `Input[list[Model]]`, with their names as a `list[str]`"


@pytest.mark.parametrize(
    "annotation",
    [
        "dict[str, Model]", "dict[str, Input[Model]]", "Input[dict[str, Model]]", "Output[dict[str, Model]]",
        "dict[str, list[Model]]", "list[dict[str, Model]]", "dict[str, dict[str, Model]]", "dict[str, Model | None]",
        "dict[str, Model] | None", "Mapping[str, Model]", "Held", "Keyed",
    ],
)  # fmt: skip
def test_a_dict_of_artifacts_is_refused_at_its_annotation(program: Any, annotation: str) -> None:
    found = program(
        f"""
        from collections.abc import Mapping
        from dataclasses import dataclass
        from typing import TypedDict
        @dataclass
        class Held:
            models: dict[str, Model]
        class Keyed(TypedDict):
            models: dict[str, Model]
        @dsl.component
        def use(models: {annotation}) -> None: ...
        """
    )
    (item,) = found.report
    assert (item.code, item.help) == ("TP102", INSTEAD)
    assert item.message == f"`models` of `use`: {REFUSED}"


@pytest.mark.parametrize("annotation", ["dict[str, Model]", "dict[str, Model] | None", "Held"])
def test_a_returned_dict_of_artifacts_is_refused(program: Any, annotation: str) -> None:
    found = program(
        f"""
        class Held(NamedTuple):
            models: dict[str, Model]
        @dsl.component
        def several() -> {annotation}: ...
        """.replace("class Held", "from typing import NamedTuple\n        class Held")
    )
    assert [(item.code, item.message) for item in found.report] == [
        ("TP102", f"the return type of `several`: {REFUSED}")
    ]


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("dict", "{'a': m}"), ("dict", "{'a': [m]}"), ("dict[str, object]".replace("object", "Any"), "{'a': {'b': m}}"),
        ("Any", "m"), ("Any", "[m]"), ("Any", "{'a': m}"), ("Any", "[{'a': m}]"), ("Any", "{'a': [[m]]}"),
        ("list", "[m]"), ("list", "[{'a': m}]"), ("list[Any]", "[1, {'a': m}]"), ("list[dict]", "[{'a': m}]"),
        ("Any", "[{'a': dsl.Collected(n)}]"), ("Any | None", "{'a': m}"),
    ],
)  # fmt: skip
def test_an_artifact_in_a_value_is_refused_where_it_is_passed(program: Any, annotation: str, value: str) -> None:
    found = program(
        f"""
        from typing import Any
        @dsl.component
        def use(x: {annotation}) -> None: ...
        @dsl.pipeline
        def p():
            m = make().output
            with dsl.ParallelFor([1]):
                n = make().output
            use(x={value})
        """
    )
    (item,) = found.report
    assert item.code == "TP201"
    assert item.help in (
        "pass the artifact by itself, to an input that is annotated as `Input[Model]`",
        "read the artifact in a component, or annotate the input as `Input[Model]`",
    )
