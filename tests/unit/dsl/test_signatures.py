"""Each row of "Signatures": components, pipelines, collected values, branches, loops."""

from __future__ import annotations

import pytest


def test_kfps_call_forms_and_optional_inputs_are_what_they_say(program):
    found = program(
        """
        from __future__ import annotations
        from typing import Optional
        from typedpipe.dsl import *
        from typedpipe import dsl
        @dsl.component
        def use(a: InputPath("Dataset"), b: InputPath(str), c: OutputPath("Model"), d: OutputPath(int),
                e: Optional[Input[Model]] = None, f: Input[Model] | None = None) -> None: ...
        @dsl.component
        def data(rows: OutputPath("Dataset")): ...
        @dsl.pipeline
        def p(s: str = "x"):
            use(a=data().output, b=s)
        """,
        prelude=False,
    )
    assert found.codes == []
    ports = {port.name: port for port in found.module.use.definition.inputs}
    assert {name: port.how for name, port in ports.items()} == {
        "a": "path",
        "b": "path",
        "e": "artifact",
        "f": "artifact",
    }
    assert [port.name for port in found.module.use.definition.outputs] == ["c", "d"]


def test_each_bad_annotation_gets_its_own_diagnostic(program):
    found = program("@dsl.component\ndef f(a: 'Missing', b: int, c: set[int], d: 'list[') -> bytes: ...\n")
    assert [int(said.split(":")[0].split()[1]) for said in found.said] == [2, 2, 2, 2]
    assert len(found.said) == 4


def test_the_status_is_left_out_of_the_call(program):
    found = program(
        """
        @dsl.component
        def one(status: PipelineTaskFinalStatus = STATUS) -> None: ...
        @dsl.component
        def two(text: str, status: PipelineTaskFinalStatus): ...
        @dsl.pipeline
        def p(n: int = 1):
            with ExitHandler(one()):
                add(a=n)
            with ExitHandler(two(text="x")):
                add(a=n)
        """
    )
    assert 'finally %two = two(text="x")' in found.graph


def test_returns_make_outputs(program):
    found = program(
        """
        from typing import NamedTuple
        from dataclasses import dataclass
        class Two(NamedTuple):
            model: Model
            loss: float
        @dataclass
        class Fields:
            keys: int
            _private: int
        @dsl.component
        def two() -> Two: ...
        @dsl.component
        def fields() -> Fields: ...
        @dsl.component
        def functional() -> NamedTuple("Out", [("a", int), ("b", str)]): ...
        @dsl.pipeline
        def p() -> Two:
            model, loss = two().outputs
            add(a=fields().outputs.keys)
            add(a=fields().outputs["_private"])
            add(a=functional().outputs[0])
            say(s=dict(functional().outputs)["b"])
            return Two(model, loss)
        """
    )
    assert "out model: Model" in found.graph
    assert "add(a=%fields.keys)" in found.graph
    assert "say(s=%functional-2.b)" in found.graph


def test_an_input_and_an_output_may_share_a_name_two_outputs_may_not(program):
    found = program(
        """
        from typing import NamedTuple
        class Out(NamedTuple):
            data: Dataset
        @dsl.component
        def clean(data: Input[Dataset]) -> Out: ...
        @dsl.component
        def twice(data: OutputPath(int)) -> Out: ...
        """
    )
    assert found.said == ["TP105 7:11 `twice` has two outputs named `data`"]


def test_parameters_that_are_no_inputs(program):
    found = program(
        """
        @dsl.pipeline
        def p(n, m: int = 1):
            add(a=n)
        @dsl.pipeline
        def q(*args: int, **rest: int):
            add(a=1)
        @dsl.pipeline
        def r(k: Output[Model] = None):
            add(a=1)
        @dsl.pipeline
        def s(k: PipelineTaskFinalStatus = None):
            add(a=1)
        """
    )
    assert [said.partition(" ")[0] for said in found.said] == ["TP103", "TP103", "TP118", "TP118"]


def test_positional_only_and_keyword_only_parameters(program):
    found = program(
        """
        @dsl.component
        def same(self: int, cls: int = 2, *, name: str = "") -> int: return self
        @dsl.pipeline
        def p(n: int, /, m: int, *, k: int = 3) -> int:
            add(n, b=m)
            return same(self=k, name="x").output
        """
    )
    assert "%add = add(a=$n, b=$m)" in found.graph
    assert '%same = same(self=$k, name="x")' in found.graph


@pytest.mark.parametrize(
    ("default", "code"),
    [
        ("object()", "TP104"),
        ("'x'", "TP104"),
        ("None", "TP104"),
        ("{1: 2}", "TP104"),
        ("1.5", "TP104"),
        ("True", "TP104"),
    ],
)
def test_a_default_that_does_not_fit_is_one_error(program, default, code):
    for decorator in ("component", "pipeline"):
        found = program(f"@dsl.{decorator}\ndef f(n: int = {default}) -> None:\n    add(a=n)\n")
        assert [c for c in found.codes if c != "TP130"][:1] == [code], found.printed
        assert found.codes.count(code) == 1


def test_defaults_that_are_not_finite_arrive_as_they_are(program):
    found = program(
        """
        @dsl.component
        def f(x: float = float("nan"), y: float = float("-inf")) -> float: return x
        @dsl.pipeline
        def p(z: float = float("inf")):
            f(x=z)
        """
    )
    assert found.codes == []
    assert '["float","nan"]' in found.module.f.definition.inputs[0].default.text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def p(n: int = 1) -> int:\n    add(a=n)", "TP118 2:5 the pipeline `p` returns nothing"),
        ("def p(n: int = 1):\n    return add(a=n).output", "TP118 3:5 the pipeline `p` returns a value"),
        ("def p(n: int = 1) -> int:\n    return add(a=n)", "TP118 3:12 the pipeline `p` returns a task"),
        ("def p(n: int = 1) -> str:\n    return add(a=n).output", "TP202 "),
    ],
)
def test_what_a_pipeline_returns(program, body, said):
    found = program(f"@dsl.pipeline\n{body}\n")
    assert len(found.said) == 1
    assert found.said[0].startswith(said)


def test_each_collected_closes_one_loop_and_one_alone_closes_all(program):
    found = program(
        """
        @dsl.component
        def flat(xs: list[int]) -> int: ...
        @dsl.component
        def nested(xs: list[list[int]]) -> int: ...
        @dsl.component
        def models(ms: Input[list[Model]]) -> int: ...
        @dsl.component
        def holes(xs: list[int | None]) -> int: ...
        @dsl.pipeline
        def p(n: int = 1):
            with ParallelFor([1, 2]) as i:
                with ParallelFor([3, 4]) as j:
                    a = add(a=i, b=j)
                flat(xs=Collected(a.output))
                m = make()
                with If(i == 1):
                    h = add(a=i)
            nested(xs=Collected(a.output))
            nested(xs=Collected(Collected(a.output)))
            models(ms=Collected(m.output))
            holes(xs=Collected(h.output))
        """
    )
    assert found.codes == [], found.printed


def test_loops_take_lists_tuples_ranges_typed_and_plain_dicts(program):
    found = program(
        """
        from typing import TypedDict
        class Item(TypedDict):
            lr: float
            name: str
        @dsl.component
        def items() -> list[Item]: ...
        @dsl.component
        def fit(lr: float, name: str) -> None: ...
        @dsl.component
        def many() -> list[Model]: ...
        @dsl.component
        def one(m: Input[Model]) -> None: ...
        @dsl.pipeline
        def p(xs: list[Item], ms: list[Model]):
            with ParallelFor(xs, parallelism=3) as x:
                fit(lr=x["lr"], name=x["name"])
            with ParallelFor(items().output, name="each item") as x:
                fit(lr=x["lr"], name=x["name"])
            with ParallelFor([{"lr": .1, "name": "a"}, {"lr": 2, "name": "b"}]) as x:
                fit(lr=x.lr, name=x.name)
            with ParallelFor([{"a": 1}, {"a": 2, "b": 3}]) as x:
                add(a=x.a)
            with ParallelFor(range(3)) as i, ParallelFor((1, 2)) as j:
                add(a=i, b=j)
            with ParallelFor(ms) as m:
                one(m=m)
        """.replace("        @dsl.component\n        def many() -> list[Model]: ...\n", "")
    )
    assert "%each-item = for item" in found.graph
    assert "parallelism 3" in found.graph


def test_elif_belongs_to_the_last_chain_of_the_scope_and_oneof_takes_a_last_value(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1) -> int:
            with If(n == 1, "first"):
                a = add(a=1)
            t = add(a=5)
            with Elif(t.output == 2, name="second"):
                b = add(a=2)
            return OneOf(a.output, b.output, n)
        """
    )
    assert "%first = branch" in found.graph
    assert found.graph.count("= branch") == 1


@pytest.mark.parametrize("inside", ["ExitHandler(stop())", "If(n > 3)", "ParallelFor([1])"])
def test_the_last_value_of_oneof_may_come_from_the_block_of_an_exit_handler(program, inside):
    found = program(
        f"""
        @dsl.component
        def stop(): ...
        @dsl.pipeline
        def p(n: int = 1) -> int:
            with {inside}:
                a = add(a=1)
            with If(n == 1):
                b = add(a=2)
            return OneOf(b.output, a.output)
        """
    )
    refused = [said for said in found.said if said.startswith("TP313")]
    assert len(refused) == (not inside.startswith("ExitHandler")), found.printed


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "with Else(): add(a=n)",
            "TP162 3:10 `dsl.Else` without a matching `dsl.If`: there is no `dsl.If` before it in this block",
        ),
        (
            "with Elif(n == 1): add(a=n)",
            "TP162 3:10 `dsl.Elif` without a matching `dsl.If`: there is no `dsl.If` before it in this block",
        ),
        (
            "with If(n == 1): add(a=1)\n    with Else(): add(a=2)\n    with Else(): add(a=3)",
            "TP162 5:10 `dsl.Else` after the `dsl.Else` of its chain",
        ),
        ("add(a=OneOf(add(a=1), 2))", "TP170 3:11 `dsl.OneOf` received a task instead of a value"),
        ("anything = Collected(add(a=1))", "TP170 3:16 `dsl.Collected` received a task instead of a value"),
        ("Collected([1]); add(a=1)", "TP170 3:5 `dsl.Collected` received `list`, which is not a pipeline value"),
        ("Not(3); add(a=1)", "TP170 3:5 `dsl.Not` received 3, which is not a pipeline value"),
        ("Some(None, 3); add(a=1)", "TP170 3:5 `dsl.Some` received None, which is not a pipeline value"),
        ("In(1, [2]); add(a=1)", "TP170 3:5 both sides of `dsl.Contains` are constants"),
        ("with ExitHandler(add): add(a=1)", "TP168 3:10 `dsl.ExitHandler` takes a task"),
    ],
)
def test_branches_and_fan_in_that_do_not_fit(program, body, said):
    found = program(f"@dsl.pipeline\ndef p(n: int = 1):\n    {body}\n")
    assert found.said == [said], found.printed


def test_an_exit_task_belongs_to_one_handler_of_its_scope(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1):
            c = say(s="end")
            with ExitHandler(c): add(a=n)
            with ExitHandler(c): add(a=n)
            with If(n == 1):
                d = say(s="end")
            with ExitHandler(d): add(a=n)
        """
    )
    assert found.said == [
        "TP168 5:10 this task is already the exit task of another `ExitHandler`",
        "TP168 8:10 the exit task is in a different scope from its `ExitHandler`",
    ]


def test_names_of_the_users_survive(program):
    found = program(
        """
        @dsl.component
        def größe(größe: int, 名前: str = "é") -> int: return größe
        @dsl.component(name="My Step (v2)")
        def step(type: int, id: int = 1, output: int = 2, name: str = "") -> int: return type
        @dsl.pipeline(name="Übung 1")
        def p(名: int = 1):
            größe(größe=名)
            step(type=größe(größe=2).output, output=3, name="x")
        """
    )
    assert found.pipelines[0].name == "Übung 1"
    assert "%größe-2 = größe(größe=2)" in found.graph
    assert "%My-Step-v2 = " in found.graph
