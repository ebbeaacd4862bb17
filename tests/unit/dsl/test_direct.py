"""``.local()``: a component in this process, a pipeline by the local engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.local import RunFailed

COMPONENTS = """
    from typing import NamedTuple
    class Forest(Model): ...
    @dsl.component
    def fit(text: str, rows: OutputPath(int), model: Output[Forest], data: OutputPath("Dataset"), bad: bool = False):
        with open(rows, "w") as file: file.write("seven" if bad else " 7 ")
        with open(model.path, "w") as file: file.write(text)
        with open(data, "w") as file: file.write("a,b")
        model.metadata["k"] = 1
    @dsl.component
    def nothing(n: int): ...
    @dsl.component
    def forgets(rows: OutputPath(int), maybe: OutputPath[int | None] = OUT): ...
    @dsl.component
    def self_(self: int) -> int: return self
    @dsl.container_component
    def box(): return ContainerSpec("a", ["b"])
"""


def test_a_component_runs_here_and_gives_its_outputs_by_name(program):
    module = program(COMPONENTS).module
    found = module.fit.local("x")
    assert found.rows == 7
    assert type(found.model) is module.Forest
    assert Path(found.model.path).read_text() == "x"
    assert found.model.metadata == {"k": 1}
    assert Path(found.data.path).read_text() == "a,b"
    assert module.nothing.local(n=1) is None
    assert module.add.local(1, b=3) == 4
    assert module.self_.local(self=3) == 3


def test_a_component_that_breaks_its_contract(program):
    module = program(COMPONENTS).module
    with pytest.raises(PipelineError, match=r"TP503.*`rows`"):
        module.fit.local("x", bad=True)
    with pytest.raises(PipelineError, match=r"TP504.*output `rows`: expected a `int`, found no file"):
        module.forgets.local()
    with pytest.raises(PipelineError, match=r"TP109.*`box` is a container"):
        module.box.local()
    with pytest.raises(PipelineError, match=r"TP113"):
        module.fit.local("x", True, 3)


def test_a_pipeline_runs_here(program):
    found = program(
        """
        @dsl.component
        def fails() -> int: raise ValueError("no")
        @dsl.pipeline
        def p(n: int = 1) -> int:
            return add(a=n).output
        @dsl.pipeline
        def q() -> int:
            return fails().output
        @dsl.pipeline
        def r(n: int):
            if n: pass
        """
    )
    module = found.module
    assert module.p.local(4) == 6
    with pytest.raises(RunFailed):
        module.q.local()
    with pytest.raises(PipelineError, match=r"TP109"):
        module.r.local(n=1)
