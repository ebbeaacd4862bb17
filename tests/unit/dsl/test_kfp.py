"""Every name of KFP's `dsl` in the core: its call forms, options and settings, traced to IR."""

from __future__ import annotations

import pytest

from typedpipe import dsl
from typedpipe.dsl.absent import instead
from typedpipe.ir import nodes as ir

NAMES = (
    "component container_component pipeline importer ContainerSpec ConcatPlaceholder IfPresentPlaceholder "
    "If Elif Else Condition OneOf ParallelFor Collected ExitHandler PipelineTask PipelineTaskFinalStatus "
    "Artifact Dataset Model Metrics ClassificationMetrics SlicedClassificationMetrics HTML Markdown "
    "Input Output InputPath OutputPath get_uri"
)


@pytest.mark.parametrize("name", NAMES.split())
def test_the_name_is_there(name):
    assert name in vars(dsl)["__all__"]
    assert hasattr(dsl, name)


def test_options_of_component(program):
    found = program(
        """
        def helper(n): return n
        @dsl.component(
            base_image="python:3.12", packages_to_install=["numpy==2.0.0"], pip_index_urls=["https://pip.example/simple"],
            pip_trusted_hosts=["pip.example"], additional_funcs=[helper], install_kfp_package=False,
            kfp_package_path="kfp", use_venv=True, name="first", description="makes one",
        )
        def a(n: int) -> int: return helper(n)
        @dsl.component(target_image="mine:1", base_image="python:3.11", include=[helper])
        def b(n: int) -> int: return helper(n)
        @dsl.component(output_component_file="c.yaml")
        def c(n: int) -> int: return n
        """
    )
    assert found.said == ["TP106 11:5 `output_component_file` is not supported"]
    first, second = found.module.a.definition, found.module.b.definition
    assert (first.name, first.image, first.description) == ("first", "python:3.12", "makes one")
    assert first.impl.packages == ("numpy==2.0.0",)
    assert first.impl.pip_index_urls == ("https://pip.example/simple",)
    assert first.impl.pip_trusted_hosts == ("pip.example",)
    assert second.image == "mine:1"


def test_options_of_pipeline_and_texts_of_docstrings(program):
    found = program(
        '''
        @dsl.pipeline(name="My pipeline", description="what it does", pipeline_root="s3://b", display_name="Mine")
        def p(n: int = 1):
            add(a=n)
        @dsl.pipeline
        def q(n: int = 1):
            """Adds one.

            Args:
                n: The number
                    to add to.
            """
            add(a=n)
        '''
    )
    first, second = found.checked
    assert (first.name, first.description, first.display_name) == ("My pipeline", "what it does", "Mine")
    assert (second.description, second.graph.inputs[0].description) == ("Adds one.", "The number to add to.")


def test_every_setting_of_a_task(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1, mem: str = "1G"):
            t = add(a=n).set_cpu_request("500m").set_cpu_limit(cpu="2").set_memory_request("512M").set_memory_limit(mem)
            t.set_accelerator_type(accelerator="nvidia.com/gpu").set_accelerator_limit(limit=1).set_gpu_limit("2")
            t.set_retry(num_retries=3, backoff_duration="30s", backoff_factor=2.0, backoff_max_duration="1h").set_timeout(60)
            t.set_caching_options(enable_caching=False, cache_key="k")
            t.set_env_variable(name="A", value="b").set_env("C", f"x{n}").set_env_variable("A", "c")
            t.set_container_image(f"python:{mem}").set_display_name("My task").ignore_upstream_failure()
            u = add(a=1).set_accelerator("nvidia.com/gpu", 4).set_caching(True).after(t)
            assert u.name == "add-2"
        """
    )
    first, second = found.checked[0].graph.nodes
    assert isinstance(first, ir.Task)
    assert isinstance(second, ir.Task)
    assert first.options.retry == ir.Retry(3, 30.0, 2.0, 3600.0)
    assert (first.options.timeout_seconds, first.options.caching, first.options.cache_key) == (60.0, False, "k")
    assert first.options.memory_limit == ir.FromInput("mem")
    assert [name for name, _ in first.options.env] == ["A", "C"]
    assert (first.options.display_name, first.options.ignore_upstream_failure) == ("My task", True)
    assert second.after == ("add",)
    assert second.options.caching is True


@pytest.mark.parametrize(
    "call",
    [
        "set_memory_limit(4)",
        "set_memory_request('4 GB')",
        "set_cpu_limit('lots')",
        "set_cpu_limit('1' * 5000)",
        "set_memory_limit('1' * 5000 + 'G')",
        "set_retry(10**5000)",
        "set_retry(1, '1' * 5000 + 's')",
        "set_retry(1, '1s', 10**400)",
        "set_timeout(10**5000)",
        "set_gpu_limit(10**5000)",
        "set_gpu_limit('1' * 5000)",
        "set_cpu_request(None)",
        "set_retry('3')",
        "set_retry(-1)",
        "set_retry(1, backoff_duration='soon')",
        "set_retry(1, backoff_factor=0)",
        "set_timeout(0)",
        "set_timeout('1h')",
        "set_timeout(float('nan'))",
        "set_env_variable('1A', 'x')",
        "set_env_variable('A', 3)",
        "set_caching_options('no')",
        "set_caching_options(True, 3)",
        "set_display_name(3)",
        "set_display_name(f'{n}')",
        "set_container_image('')",
        "set_accelerator_type(3)",
        "set_accelerator_limit(-2)",
        "set_gpu_limit('four')",
        "after('add')",
        "after([add(a=1)])",
        "set_debug_pause(True)",
        "set_memory_limt('1G')",
        "set_memory_limt(f'{n}G')",
        "add_node_selector_constraint('a', 'b')",
    ],
)
def test_a_setting_that_does_not_fit(program, call):
    found = program(f"@dsl.pipeline\ndef p(n: int = 1):\n    t = add(a=n).{call}\n    t.set_retry(1)\n")
    assert found.codes == ["TP117"], found.printed
    assert found.said[0].startswith("TP117 3:9 ")
    assert found.help


def test_a_container_component_of_kfps(program):
    found = program(
        """
        from typing import Optional
        @dsl.container_component
        def box(text: str, ds: Input[Dataset], model: Output[Model], out: OutputPath(str), extra: Optional[str] = None):
            return dsl.ContainerSpec(
                image="alpine",
                command=["sh", "-c", dsl.ConcatPlaceholder(["echo ", text, f" to {out}"])],
                args=["--in", ds.path, ds.uri, ds.metadata, model.path, model.uri,
                      dsl.IfPresentPlaceholder(input_name="extra", then=["--extra", extra], else_=["--none"]), out, 3],
            )
        @dsl.component
        def data() -> Dataset: ...
        @dsl.pipeline
        def p(s: str = "x"):
            t = box(text=s, ds=data().output)
            say(s=t.outputs["out"])
        """
    )
    assert found.codes == []
    impl = found.module.box.definition.impl
    assert impl.command[2] == ir.Concat(
        ("echo ", ir.Placeholder("input_value", "text"), ir.Concat((" to ", ir.Placeholder("output_parameter", "out"))))
    )
    kinds = [part.kind for part in impl.args if isinstance(part, ir.Placeholder)]
    assert kinds == ["input_path", "input_uri", "input_metadata", "output_path", "output_uri", "output_parameter"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 3", "TP108 2:5 `c` returns `int`, not `ContainerSpec`"),
        ("return ContainerSpec(x)", "TP108 3:12 the image of a container component must be a constant string"),
        ("return ContainerSpec('a', 'echo hi')", "TP108 3:12 `command` of a `dsl.ContainerSpec` must be a list, not a string"),
        ("return ContainerSpec('a', [x + 1])", "TP108 3:32 `x` is known only when the container runs"),
        ("return ContainerSpec('a', [None])", "TP108 3:12 None is not supported as an argument of a container"),
        ("return ContainerSpec('a', [IfPresentPlaceholder('z', 'a')])", "TP108 3:12 `IfPresentPlaceholder` refers to an unknown input: 'z'"),
        ("return ContainerSpec('a', [f'{x}'[1:]])", "TP159 3:32 Python cannot cut text"),
        ("return ContainerSpec('a', [f'{x!r}'])", "TP159 3:12 text that contains an input was changed"),
        ("return ContainerSpec('a', ['x' if x == 'a' else 'y'])", "TP108 3:39 `x` is known only when the container runs"),
        ("return ContainerSpec('a', [f'{x:03d}'])", "TP108 3:32 a format specification is not supported for an input"),
        ("missing()", "TP108 3:5 the container component `c` raises NameError"),
        ("return ContainerSpec(img='a')", "TP108 3:12 the container component `c` raises TypeError"),
    ],
)  # fmt: skip
def test_a_container_component_that_does_not_fit(program, body, said):
    found = program(f"@dsl.container_component\ndef c(x: int):\n    {body}\n@dsl.pipeline\ndef p(): c(x=1)\n")
    assert len(found.said) == 1, found.printed
    assert found.said[0].startswith(said)


@pytest.mark.parametrize(
    ("argument", "done", "type_this"),
    [
        ("shlex.quote(f'{x}')", "quoted for a shell", """command=["sh", "-c", '… "$1"', "sh", name]"""),
        ("'sh -c ' + shlex.quote('echo ' + x)", "quoted for a shell", '"$1"'),
        ("json.dumps({'x': f'{x}'})", "put into JSON", "as a separate argument"),
        ("html.escape(f'{x}')", "escaped for HTML", "in the container"),
        ("yaml.dump({'x': f'{x}'})", "written as YAML", "in the container"),
    ],
)
def test_text_of_a_container_that_a_str_could_break(program, argument, done, type_this):
    text = (
        "import html, json, shlex, yaml\n@dsl.container_component\ndef c(x: {}):\n    return ContainerSpec('a', [{}])\n"
    )
    found = program(text.format("str", argument))
    assert len(found.said) == 1, found.printed
    assert found.said[0] == f"TP159 4:12 text that contains an input was {done} before the value is known"
    assert type_this in found.help
    if "+" not in argument:
        plain = program(text.format("int", argument) + "@dsl.pipeline\ndef p(n: int = 1): c(x=n)\n")
        assert plain.codes == [], plain.printed


@pytest.mark.parametrize("test", ["x is None", "isinstance(x, str)", "f'{x}' == 'a'", "m is None", "x in ['a']"])
def test_a_container_component_decides_nothing_on_its_inputs(program, test):
    found = program(
        f"""
        @dsl.container_component
        def c(x: str | None = None, m: Input[Model] | None = None):
            return ContainerSpec('a', ["a" if {test} else "b"])
        """
    )
    assert len(found.said) == 1, found.printed
    assert found.codes[0] in ("TP108", "TP150", "TP159")
    assert "use " in found.help


def test_importer(program):
    found = program(
        """
        @dsl.component
        def use(m: Input[Model]): ...
        @dsl.pipeline
        def p(uri: str = "s3://a/b", n: int = 1):
            i = dsl.importer(artifact_uri=uri, artifact_class=Model, reimport=False, metadata={"a": n})
            use(m=i.output)
            use(m=dsl.importer("x", Model).after(i).outputs["artifact"])
        """
    )
    assert "(uri=$uri, metadata=%0)" in found.graph
    bad = program("@dsl.pipeline\ndef p():\n    dsl.importer('x', int)\n    dsl.importer('x')\n")
    assert bad.codes == ["TP114", "TP119"]


@pytest.mark.parametrize(
    ("source", "help_"),
    [
        ("from typedpipe import components", "a `@dsl.container_component`"),
        ("from typedpipe import local\nlocal.LocalRunner", "`typedpipe.local` has no `LocalRunner`"),
        ("import typedpipe\ntypedpipe.Client()", "`kubectl create -f`"),
        ("from typedpipe.dsl.types.artifact_types import Artifact", "`from typedpipe.dsl import Artifact"),
        ("from typedpipe.v2 import dsl", "`from typedpipe import compiler, dsl`"),
        ("from typedpipe import dsl\ndsl.PIPELINE_JOB_ID_PLACEHOLDER", "add a parameter to the component"),
        ("from typedpipe import dsl\ndsl.Colected", "`dsl.Collected`"),
        ("from typedpipe import surely_not_there", "`typedpipe` has no `surely_not_there`"),
        ("import surely_not_there", ""),
        ("import os\nos.Client", ""),
    ],
)
def test_a_name_that_is_not_here_says_what_to_type(source, help_):
    with pytest.raises((AttributeError, ImportError)) as caught:
        exec(source, {})
    found = instead(caught.value)
    assert help_ in found if help_ else found == ""


def test_a_placeholder_in_a_pipeline_says_what_to_type(program):
    found = program(
        """
        @dsl.pipeline
        def p():
            say(s=dsl.PIPELINE_JOB_NAME_PLACEHOLDER)
        """
    )
    assert found.codes == ["TP119"]
    assert "add a parameter to the component" in found.printed


def test_after_a_group(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1):
            with dsl.ExitHandler(add(a=0)) as guarded:
                add(a=1)
            with dsl.If(n == 1, name="one") as one:
                add(a=2)
            with dsl.Else() as other:
                add(a=3)
            add(a=4).after(guarded, one, other)
        """
    )
    assert found.said == []
    last = found.module.p.ir.graph.nodes[-1]
    assert last.after == ("exit-handler", "one")


def test_a_setting_of_kfp_that_is_not_here_says_what_to_type(program):
    found = program(
        """
        @dsl.pipeline
        def p():
            add(a=1).add_node_selector_constraint("tpu-v3").set_accelerator_limit(1)
        """
    )
    assert found.codes == ["TP117"]
    assert "`.set_accelerator_type(" in found.printed


def test_a_status_is_for_exit_tasks(program):
    found = program(
        """
        @dsl.component
        def tell(status: dsl.PipelineTaskFinalStatus = dsl.STATUS) -> str:
            return status.state

        @dsl.pipeline
        def p():
            tell()
        """
    )
    assert found.codes == ["TP168"]
    assert "with dsl.ExitHandler(tell(...)):" in found.printed


def test_an_option_of_a_pipeline_that_is_not_here(program):
    found = program(
        """
        @dsl.pipeline(pipeline_config=3)
        def p():
            add(a=1)
        """
    )
    assert found.codes == ["TP106"]


def test_an_artifact_with_the_default_none_is_optional(program):
    found = program(
        """
        @dsl.component
        def use(model: dsl.Input[dsl.Model] = None) -> int:
            return 1

        @dsl.pipeline
        def p():
            use()
        """
    )
    assert found.said == []


def test_a_value_in_a_dicts_key_is_one_mistake(program):
    found = program(
        """
        @dsl.component
        def take(d: dict) -> int:
            return 1

        @dsl.pipeline
        def p(n: int = 1):
            take(d={f"k{n}": 1})
        """
    )
    assert found.codes == ["TP114"]
