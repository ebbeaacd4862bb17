from __future__ import annotations

from pathlib import Path

import pytest

from typedpipe import dsl
from typedpipe.compiler import Compiler
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.dsl.component import BaseComponent, component_callee
from typedpipe.ir import nodes as ir
from typedpipe.pictures.boxes import picture
from typedpipe.pictures.tree import draw_tree
from typedpipe.types.model import INT, STR


@pytest.fixture
def greet() -> BaseComponent:
    """A component that no function stands behind, as one from a file would be."""
    impl = ir.ContainerImpl(
        ("sh", "-c"),
        ('echo "$0" > $1', ir.Placeholder("input_value", "name"), ir.Placeholder("output_parameter", "text")),
    )
    inputs = (ir.InputPort("name", STR), ir.InputPort("times", INT, ir.Const("1", INT)))
    outputs = (ir.OutputPort("text", STR, "path"),)
    definition = ir.Component("greet", inputs, outputs, impl, "busybox", "Says hello.")
    return BaseComponent(definition, component_callee(definition))


def test_a_definition_alone_is_a_component(greet: BaseComponent, tmp_path: Path) -> None:
    @dsl.pipeline
    def hello(name: str = "you") -> str:
        return greet(name=greet(name=name).outputs.text, times=2).output  # type: ignore[no-any-return]  # it has no types

    assert hello.ir is not None
    assert [task.name for task in hello.ir.graph.nodes] == ["greet", "greet-2"]
    assert list(hello.ir.components.values()) == [greet.definition]
    assert "greet-2" in draw_tree(picture(hello.ir))
    Compiler().compile(hello, str(tmp_path / "hello.yaml"))
    assert "image: busybox" in (tmp_path / "hello.yaml").read_text()


def test_it_says_what_it_is(greet: BaseComponent) -> None:
    assert (repr(greet), greet.name, greet.__doc__) == ("<component greet>", "greet", "Says hello.")
    assert not hasattr(greet, "python_func")


def test_its_calls_are_checked(greet: BaseComponent) -> None:
    with pytest.raises(PipelineError) as raised:

        @dsl.pipeline
        def hello() -> None:
            greet(nam="you")

    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["TP110"]


def test_a_call_outside_of_a_pipeline_is_an_error(greet: BaseComponent) -> None:
    with pytest.raises(PipelineError, match="the component `greet` is called outside a pipeline"):
        greet(name="you")
