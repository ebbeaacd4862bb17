"""Each row of "Errors, all at once": the message, its location, the number of reports, and raising without a driver."""

from __future__ import annotations

import threading

import pytest

from typedpipe import dsl
from typedpipe.diagnostics.errors import PipelineError


def test_all_errors_of_a_file_are_reported_at_once_and_in_order(program):
    found = program(
        """
        @dsl.component
        def bad(x) -> int: ...
        @dsl.pipeline
        def one(n: int = 1):
            if n: pass
        @dsl.pipeline
        def two(n: int = 1):
            add(aa=n)
            add(b=1)
            add(a="x")
        add(a=1)
        """
    )
    assert found.said == [
        "TP103 2:9 `x` of `bad` has no type annotation",
        "TP150 5:5 this value is known only when the pipeline runs, so Python cannot test it here",
        "TP110 8:12 `add` has no input `aa`",
        "TP111 9:5 `add` requires `a`, but this call does not pass it",
        "TP109 11:1 the component `add` is called outside a pipeline",
        'TP201 10:11 `add` expects `int` for `a`, but the value is `Literal["x"]`',
    ]


def test_an_error_is_printed_with_both_places_and_what_to_type(program):
    found = program(
        """
        from typedpipe import dsl
        @dsl.component
        def add(a: int) -> int: return a
        @dsl.pipeline
        def p(n: int = 1):
            add(aa=n)
        """,
        prelude=False,
    )
    assert found.printed == (
        "error[TP110]: `add` has no input `aa`\n"
        " --> pipeline.py:6:12\n"
        "  |\n"
        "3 | def add(a: int) -> int: return a\n"
        "  |     --- `add` is declared here\n"
        "...\n"
        "6 |     add(aa=n)\n"
        "  |            ^\n"
        "help: did you mean `a`?\n"
    )


def test_an_except_of_the_users_cannot_hide_an_error(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1):
            try:
                if n: pass
            except Exception:
                pass
            add(a=1)
        """
    )
    assert found.codes == ["TP150"]


def test_one_mistake_gives_one_error_whatever_is_done_with_it(program):
    found = program(
        """
        @dsl.component
        def bad(x) -> int: ...
        @dsl.pipeline
        def sub(n: int) -> int:
            return bad(x=n).output
        @dsl.pipeline
        def p(n: int = 1) -> int:
            t = bad(1, y=2).set_retry(1).after(bad(x=1))
            add(a=t.output)
            add(a=t.outputs.some["key"][3].field())
            with If((t.output > 1) & (n == 1)):
                say(s=f"{t.output}")
            with ParallelFor(t.outputs.xs) as x:
                u = add(a=x.field)
            add(a=OneOf(t.output, u.output))
            add(a={"k": [t.output]})
            add(a=t.model)
            with ExitHandler(bad(x=2)):
                add(a=1)
            return sub(n=t.output).output
        """
    )
    assert found.said == ["TP103 2:9 `x` of `bad` has no type annotation"], found.printed


def test_what_cannot_go_on_ends_that_one_pipeline_silently_for_poison(program):
    found = program(
        """
        @dsl.component
        def bad(x) -> int: ...
        @dsl.pipeline
        def p(n: int = 1):
            a, b = bad(x=1).outputs
        @dsl.pipeline
        def q(n: int = 1):
            if bad(x=1).output: pass
        @dsl.pipeline
        def r(n: int = 1):
            add(a=n)
        """
    )
    assert found.codes == ["TP103"]
    assert [handle.name for handle in found.pipelines] == ["p", "q", "r"]
    assert found.pipelines[2].ir is not None


def test_a_sub_pipeline_with_errors_is_called_like_any_other(program):
    found = program(
        """
        @dsl.pipeline
        def sub(n: int) -> int:
            if n: pass
            return add(a=n).output
        @dsl.pipeline
        def p(n: int = 1) -> int:
            return add(a=sub(m=3).output, b=sub(n="x").output).output
        """
    )
    assert found.codes == ["TP150", "TP110", "TP201"]
    assert [handle.ir for handle in found.pipelines] == [None, None]


def test_any_exception_that_escapes_is_coded_at_the_users_line(program):
    found = program(
        """
        def helper():
            return {}["missing"]
        @dsl.pipeline
        def p(n: int = 1):
            add(a=n)
            helper()
        @dsl.pipeline
        def q(n: int = 1):
            add(a=n)
            q(n=2)
        @dsl.pipeline
        def r(n: int = 1):
            with If(): add(a=n)
        """
    )
    assert found.said == [
        "TP119 2:12 the pipeline `p` raises KeyError: 'missing'",
        "TP304 10:5 the pipeline `q` calls itself: `q` → `q`",
        "TP119 13:10 the pipeline `r` raises TypeError: If.__init__() missing 1 required positional argument: 'condition'",
    ]
    assert "recursion is not supported" in found.help


def test_what_is_called_too_early_or_by_itself_is_said_as_such(program):
    found = program(
        """
        @dsl.pipeline
        def a(n: int = 1):
            b(n=n)
        @dsl.pipeline
        def b(n: int = 1):
            a(n=n)
        @dsl.pipeline
        def c(n: int = 1):
            late(n=n)
        @dsl.component
        def late(n: int): ...
        @dsl.pipeline
        def d(n: int = 1):
            nowhere(n=n)
        @dsl.pipeline
        def e(n: int = 1):
            import json; json.dumps([add(a=n)])
        """
    )
    assert found.said[0] == "TP304 3:5 the pipeline `a` calls itself: `a` → `b` → `a`"
    assert "TP119 9:5 the pipeline `c` uses `late`, which is not defined yet" in found.said
    assert "move the definition of `late` above `c`" in found.help
    assert "TP119 14:5 the pipeline `d` raises NameError: name 'nowhere' is not defined" in found.said
    assert found.said[-1].endswith("a task cannot be serialized as JSON")


def test_pipelines_defined_in_a_loop_see_each_their_own_variable(program):
    found = program(
        """
        made = []
        for size in (1, 2, 3):
            @dsl.pipeline(name=f"p{size}")
            def p():
                add(a=size)
            made.append(p)
        """
    )
    texts = [pipeline.graph.nodes[0].args[0][1].text for pipeline in found.checked]
    assert texts == ["1", "2", "3"]
    assert [handle.name for handle in found.pipelines] == ["p1", "p2", "p3"]


def test_without_the_driver_all_errors_are_raised_as_one():
    with pytest.raises(PipelineError) as caught:

        @dsl.component
        def bad(x, y) -> int:
            return 1

    assert [item.code for item in caught.value.diagnostics] == ["TP103", "TP103"]
    assert "error[TP103]: `y` of `bad` has no type annotation" in str(caught.value)


def test_without_the_driver_a_pipeline_raises_all_of_its_errors():
    @dsl.component
    def add(a: int) -> int:
        return a

    with pytest.raises(PipelineError) as caught:

        @dsl.pipeline
        def p(n: int = 1) -> None:
            add(b=n)  # type: ignore[call-arg]
            add()  # type: ignore[call-arg]

    assert [item.code for item in caught.value.diagnostics] == ["TP110", "TP111"]
    with pytest.raises(PipelineError) as outside:
        add(a=1)
    assert [item.code for item in outside.value.diagnostics] == ["TP109"]
    with pytest.raises(PipelineError), dsl.If(True):
        pass


def test_four_threads_define_pipelines_at_once():
    @dsl.component
    def add(a: int) -> int:
        return a

    start = threading.Barrier(4)
    made: dict[int, list[int]] = {}

    def define(number: int) -> None:
        start.wait()
        counts = []
        for _ in range(20):

            @dsl.pipeline
            def p(n: int = 1) -> int:
                task = add(a=n)
                for _ in range(number + 1):
                    task = add(a=task.output)
                return task.output

            assert p.ir is not None
            counts.append(len(p.ir.graph.nodes))
        made[number] = counts

    threads = [threading.Thread(target=define, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == {number: [number + 2] * 20 for number in range(4)}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("@dsl.component\nclass A: ...", "TP107 1:2 `@dsl.component` is applied to the class `A`"),
        ("@dsl.pipeline\nclass A: ...", "TP107 1:2 `@dsl.pipeline` is applied to the class `A`"),
        ("@dsl.component\n@dsl.pipeline\ndef d(n: int = 1): add(a=n)", "TP107 1:2 `@dsl.component` is applied to the pipeline `d`"),
        ("@dsl.pipeline\n@dsl.component\ndef d(n: int = 1) -> int: return n", "TP107 1:2 `@dsl.pipeline` is applied to the component `d`"),
        ("dsl.component(lambda x: x)", "TP107 1:1 `@dsl.component` does not support a lambda"),
        ("@dsl.component('python:3.11')\ndef e(a: int) -> int: ...", "TP107 1:2 `@dsl.component` received 'python:3.11' as a positional argument"),
        ("@dsl.pipeline('name')\ndef e(a: int): add(a=a)", "TP107 1:2 `@dsl.pipeline` received 'name' as a positional argument"),
        ("@dsl.pipeline\nasync def p(n: int = 1): add(a=n)", "TP107 2:11 the pipeline `p` is async"),
        ("@dsl.pipeline\ndef p(n: int = 1): yield add(a=n)", "TP107 2:5 the pipeline `p` is a generator"),
        ("class K:\n    @dsl.pipeline\n    def m(self, n: int = 1): add(a=n)", "TP107 3:9 the pipeline `m` is a method of `K`"),
        ("class K:\n    @dsl.component\n    def m(self, n: int) -> int: return 1", "TP135 3:9 `m` is a method of `K`, but a component must be a function"),
        ("@dsl.pipeline\ndef p():\n    @dsl.pipeline\n    def q(m: int): add(a=m)\n    q(m=1)", "TP118 4:9 the pipeline `q` is defined inside another pipeline"),
        ("@dsl.component(bse_image='x')\ndef a(x: int) -> int: return x", "TP106 2:5 `@dsl.component` has no option `bse_image`"),
        ("@dsl.pipeline(name=3)\ndef p(n: int = 1): add(a=n)", "TP106 2:5 `name` must be a string, not `int`"),
        ("@dsl.pipeline\ndef p(): pass", "TP120 2:5 the pipeline `p` has no tasks"),
        ("with dsl.If(True): pass", "TP169 1:6 `dsl.If` is used outside a pipeline"),
        ("dsl.importer('x', Model)", "TP169 1:1 `dsl.importer` is used outside a pipeline"),
        ("dsl.Collected(3)", "TP169 1:1 `dsl.Collected` is used outside a pipeline"),
    ],
)  # fmt: skip
def test_decorators_and_groups_where_they_do_not_belong(program, body, said):
    found = program(body)
    assert found.said == [said], found.printed


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ("add(a=kept[0])", "TP158 7:11 `a` of `add` receives a value of another pipeline: `p`"),
        ("say(s=kept[1])", "TP158 7:11 `s` of `say` is text that contains a value of another pipeline"),
        ("add(a=1).after(kept[2])", "TP158 7:5 `.after()` refers to a task of another pipeline"),
        ("with If((m == kept[0])): add(a=1)", "TP158 7:14 this value belongs to another pipeline: `p`"),
        ("with If(kept[0]): add(a=1)", "TP158 7:10 the condition belongs to another pipeline: `p`"),
    ],
)
def test_values_of_a_trace_that_has_ended(program, use, said):
    found = program(
        f"kept = []\n@dsl.pipeline\ndef p(n: int = 1):\n    kept.extend([n, f'{{n}}', add(a=n)]); say(s=kept[1])\n"
        f"@dsl.pipeline\ndef q(m: int = 2):\n    {use}\n    add(a=m)\n"
    )
    assert found.said == [said], found.printed


def test_calls_that_do_not_fit(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1):
            add(1, 2, 3)
            add(1, a=2)
            add(a=open)
            add(a=add)
            add(a=object())
            add(a=Model())
            add(a=add(a=1))
            add(a=add(a=1).outputs)
            add(a=1).outputs["zz"]
            add(a=1).outputs[5]
            add(a=1).result
            add(a=1).set_memory("1G")
            loop = [1]
            loop.append(loop)
            add(a=loop)
        """
    )
    assert [said.partition(" ")[0] for said in found.said] == ["TP113"] * 2 + ["TP114"] * 6 + ["TP115"] * 3 + [
        "TP117",
        "TP114",
    ]
    assert "the value is nested too deeply, or contains itself" in found.printed


STRUCT = """
from dataclasses import dataclass
from enum import Enum
@dataclass
class Inner:
    xs: list[int]
@dataclass
class Config:
    a: int
    inner: Inner
class Color(Enum):
    RED = "red"
    BLUE = "blue"
@dsl.component
def takes(c: Config) -> int: return 1
@dsl.component
def paints(c: Color, cs: list[Color] = []) -> int: return 1
@dsl.component
def launch(items: list, options: dict) -> None: ...
"""


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ('{"a": "x", "inner": {"xs": [1]}}', '`a`: expected `int`, found `Literal["x"]`'),
        ('{"a": 1, "inner": {"xs": ["x"]}}', '`inner`, `xs`, items: expected `int`, found `Literal["x"]`'),
        ('{"a": 1, "inner": {"xs": 3}}', "`inner`, `xs`: expected `list[int]`, found `Literal[3]`"),
        ('{"a": 1}', "`Config` requires the field `inner`"),
        ('{"a": 1, "inner": {"xs": []}, "b": 2}', "`Config` has no field `b`"),
        ('{"a": 1, "inner": {}}', "`inner`: `Inner` requires the field `xs`"),
    ],
)
def test_a_dict_for_a_struct_names_the_field_that_does_not_match(program, value, label):
    found = program(f"{STRUCT}@dsl.pipeline\ndef p():\n    takes(c={value})\n")
    assert found.codes == ["TP201"]
    assert [item.primary.text for item in found.report] == [label]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("@dsl.pipeline\ndef p():\n    paints(c='green')\n", "TP201"),
        ("@dsl.pipeline\ndef p():\n    paints(c=Color.RED, cs=['green'])\n", "TP201"),
        ("@dsl.pipeline\ndef p(c: Color = 'green'):\n    paints(c=c)\n", "TP104"),
        ("@dsl.component\ndef q(c: list[Color] = ['green']) -> None: ...\n", "TP104"),
    ],
)
def test_an_error_about_an_enum_lists_its_members(program, body, code):
    found = program(STRUCT + body)
    assert found.codes == [code]
    assert found.help.endswith("; the members of `Color` are `RED` and `BLUE`")


def test_none_into_a_required_input_has_help_for_none(program):
    """kfp takes such a value; by the types it is an error, and a list has no better help."""
    found = program(
        STRUCT + "@dsl.pipeline\ndef p(items: list | None = None, options: dict | None = None):\n"
        "    launch(items=items, options=options)\n"
    )
    assert found.codes == ["TP201", "TP201"]
    assert {item.help for item in found.report} == {
        "provide a default with `dsl.Some(value, default)`, or branch on the value with `with dsl.IfSet(value) as v:`"
    }
    assert [item.primary.text for item in found.report] == [
        "expected `list`, found `list | None`, which can be None",
        "expected `dict`, found `dict | None`, which can be None",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('packages_to_install=["--help"]', "`--help` in `packages_to_install` is an option of pip"),
        ('packages_to_install=["numpy", "-rx.txt"]', "`-rx.txt` in `packages_to_install` is an option of pip"),
        ('pip_index_urls=["--pre"]', "`--pre` in `pip_index_urls` is an option of pip"),
        ('pip_trusted_hosts=["-v"]', "`-v` in `pip_trusted_hosts` is an option of pip"),
        ('packages_to_install=[" --pre"]', "` --pre` in `packages_to_install` is an option of pip"),
        ('packages_to_install=["numpy\\n--pre"]', '"numpy\\n--pre" in `packages_to_install` is not a requirement'),
        ('packages_to_install=["numpy=="]', '"numpy==" in `packages_to_install` is not a requirement'),
        ('packages_to_install=["a b"]', '"a b" in `packages_to_install` is not a requirement'),
        ('packages_to_install=[""]', '"" in `packages_to_install` is not a requirement'),
        ('pip_index_urls=[""]', '"" in `pip_index_urls` is not one value'),
        ('pip_trusted_hosts=["a b"]', '"a b" in `pip_trusted_hosts` is not one value'),
        ('base_image="Python:3.12"', "`Python:3.12` is not the name of an image"),
        ('base_image="--privileged"', "`--privileged` is not the name of an image"),
        ('base_image="a b"', "`a b` is not the name of an image"),
        ('target_image="-v/:/host"', "`-v/:/host` is not the name of an image"),
    ],
)
def test_no_option_of_another_program_is_passed_on(program, options, said):
    found = program(f"@dsl.component({options})\ndef step() -> int: return 1\n")
    assert found.said == [f"TP106 2:5 {said}"]


@pytest.mark.parametrize(
    ("item", "help_"),
    [
        ("--index-url=https://x", "pass its value as an item of `pip_index_urls` instead"),
        ("-i https://x", "pass its value as an item of `pip_index_urls` instead"),
        ("--trusted-host", "pass its value as an item of `pip_trusted_hosts` instead"),
        ("--pre", "remove it; each item is a requirement such as `pandas==2.3.3`, or the URL or path of a package"),
    ],
)
def test_the_help_for_an_option_of_pip(program, item, help_):
    found = program(f"@dsl.component(packages_to_install=[{item!r}])\ndef step() -> int: return 1\n")
    assert f"help: {help_}\n" in found.printed


@pytest.mark.parametrize("image", ["--privileged", "", " x", "a b", "-"])
def test_an_image_of_a_container_or_a_task_is_a_name(program, image):
    found = program(
        f"""
        @dsl.container_component
        def c(): return dsl.ContainerSpec(image={image!r}, command=["sh"])
        @dsl.pipeline
        def p(which: str):
            add(a=1).set_container_image({image!r})
            add(a=1).set_container_image(which)
            add(a=1).set_container_image(f"{{which}}:1")
        """
    )
    assert [said.split()[0] for said in found.said] == ["TP108", "TP117"]
