"""Lists of artifacts: a pipeline can collect them from tasks, one task cannot output them."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("returns", ["list[Model]", "list[Model] | None", "Several"])
def test_a_component_that_returns_a_list_of_artifacts_is_one_error(program, returns):
    found = program(
        f"""
        class Several(NamedTuple):
            score: float
            models: list[Model]
        @dsl.component
        def many() -> {returns}: return []
        @dsl.component
        def count(models: Input[list[Model]]) -> int: return len(models)
        @dsl.pipeline
        def p() -> int:
            made = many()
            return count(models=made.outputs["models" if {returns == "Several"} else "Output"]).output
        """.replace("NamedTuple", "__import__('typing').NamedTuple")
    )
    assert found.codes == ["TP102"], found.printed
    assert "`many`" in found.said[0]
    assert "Collected" in found.help


def test_a_pipeline_returns_one_and_an_empty_list_goes_where_one_is_wanted(program):
    found = program(
        """
        @dsl.component
        def count(models: Input[list[Model]], more: Input[list[Model]] | None = None) -> int: return len(models)
        @dsl.pipeline
        def p() -> list[Model]:
            count(models=[])
            count(models=[make().output], more=[])
            with dsl.ParallelFor([1]):
                one = make()
            return dsl.Collected(one.output)
        """
    )
    assert found.codes == [], found.printed


def test_a_field_that_every_member_of_a_union_has(program):
    body = """
        import dataclasses
        @dataclasses.dataclass
        class A:
            n: int
            lr: float
        @dataclasses.dataclass
        class B:
            n: int
            depth: int
        @dsl.component
        def some() -> list[A | B]: return []
        @dsl.pipeline
        def p() -> None:
            with dsl.ParallelFor(some().output) as item:
                add(a=item.n)
            with dsl.ParallelFor([A(1, 0.1), B(2, 3)]) as item:
                add(a=item.FIELD)
            with dsl.ParallelFor([{"n": 1, "x": 1}, {"n": 2, "y": 1}]) as item:
                add(a=item["n"])
        """
    assert program(body.replace("FIELD", "n")).codes == []
    assert program(body.replace("FIELD", "depth")).codes == ["TP156"]
