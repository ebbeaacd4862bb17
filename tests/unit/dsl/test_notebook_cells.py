"""Components in cells of a notebook: IPython's own names, edited classes, timed cells."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from typedpipe.diagnostics.errors import PipelineError

START = "from typedpipe import component, pipeline, Dataset, Input\nimport enum\nfrom dataclasses import dataclass\nfrom typing import NamedTuple, TypedDict\nfrom pydantic import BaseModel, Field"


@pytest.fixture
def cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Run a cell as IPython does; its last expression."""
    monkeypatch.chdir(tmp_path)
    interactive = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell
    shell = interactive.instance()

    def run(text: str) -> Any:
        with redirect_stdout(io.StringIO()):
            result = shell.run_cell(text, store_history=True)
        result.raise_error()
        return result.result

    run(START)
    yield run
    interactive.clear_instance()


MAKE = """
@component
def make(n: int) -> str:
    with open("f.txt", "w") as file:
        file.write("x" * n)
    if n > 3:
        exit(1)
    return open("f.txt").read()
@pipeline
def main(n: int = 2) -> str:
    return make(n=n).output
main.run(runner="process").outputs
"""


def test_open_and_exit_are_pythons(cell):
    from IPython import get_ipython

    assert "open" in get_ipython().user_ns  # IPython's own, which must not count as the user's
    assert cell(MAKE) == "xx"
    assert cell("def helper(n):\n    return open('f.txt', 'w').write('x' * n)") is None
    used = MAKE.replace("@component", "@component(include=[helper])").replace("if n", "helper(3)\n    if n")
    assert cell(used) == "xxx"


@pytest.mark.parametrize("taken", ["from typedpipe import In", "from typedpipe.dsl import *", "In = 5", "del In, Out"])
def test_a_cell_may_use_a_name_of_the_kernel(cell, taken):
    cell(taken)
    assert cell(MAKE) == "xx"


@pytest.mark.parametrize("name", ["display", "get_ipython", "In", "Out"])
def test_names_that_exist_only_in_a_notebook(cell, name):
    with pytest.raises(PipelineError) as caught:
        cell(f"@component\ndef c() -> str:\n    return str({name})")
    (found,) = caught.value.diagnostics
    assert (found.code, found.primary.text) == ("TP137", f"`{name}` exists only in a notebook")
    assert found.help == f"`{name}` cannot be used in a task: print the value, or return it"


def test_an_open_of_the_users_own_is_the_users(cell):
    with pytest.raises(PipelineError, match=r"pass `open` with `include=\[open\]`"):
        cell("def open(name): return name\n" + MAKE)


EDITED = {
    "dataclass default": (
        "@dataclass\nclass C:\n    a: int = 2",
        "@dataclass\nclass C:\n    a: int = 3",
        "def c(v: C) -> int:\n    return v.a",
        "c(v=C())",
    ),
    "dataclass field": (
        "@dataclass\nclass C:\n    a: int = 2",
        "@dataclass\nclass C:\n    b: int = 3",
        "def c(v: C) -> int:\n    return list(vars(v).values())[0]",
        "c(v=C())",
    ),
    "pydantic": (
        "class C(BaseModel):\n    a: int = Field(2, le=5)",
        "class C(BaseModel):\n    a: int = Field(3, le=9)",
        "def c() -> int:\n    return C().a",
        "c()",
    ),
    "enum": (
        "class C(enum.Enum):\n    A = 2",
        "class C(enum.Enum):\n    A = 3",
        "def c(v: C) -> int:\n    return v.value",
        "c(v=C.A)",
    ),
    "namedtuple": (
        "class C(NamedTuple):\n    a: int = 2",
        "class C(NamedTuple):\n    a: int = 3",
        "def c() -> int:\n    return C().a",
        "c()",
    ),
    "method": (
        "class C:\n    def a(self): return 2",
        "class C:\n    def a(self): return 3",
        "def c() -> int:\n    return C().a()",
        "c()",
    ),
    "no method": (
        "class C:\n    a = 2",
        "class C:\n    a = 3",
        "def c() -> int:\n    return C.a",
        "c()",
    ),
    "artifact": (
        "class C(Dataset):\n    def a(self): return 2",
        "class C(Dataset):\n    def a(self): return 3",
        "def c() -> int:\n    return C().a()",
        "c()",
    ),
    "helper": (
        "def C(): return 2",
        "def C(): return 3",
        "def c() -> int:\n    return C()",
        "c()",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", EDITED)
def test_the_newest_definition_counts(cell, kind):
    old, new, function, call = EDITED[kind]
    use = f"@component(include=[C])\n{function}\n@pipeline\ndef main() -> int:\n    return {call}.output\nmain.run(runner='inprocess').outputs"
    found = []
    for text in (old, use, new, use, old, use):  # also an earlier text that runs again
        value = cell(text)
        found += [value] if value is not None else []
    assert found == [2, 3, 2]


def test_a_class_that_the_components_cell_defines_again_below_is_the_one_above(cell):
    cell("@dataclass\nclass C:\n    a: int = 2")
    text = (
        "@component(include=[C])\ndef c() -> int:\n    return C().a\n@dataclass\nclass C:\n    a: int = 3\n"
        "@pipeline\ndef main() -> int:\n    return c().output\nmain.run(runner='inprocess').outputs"
    )
    assert cell(text) == 2


MAGICS = ["%%time", "%%capture out", "%%prun -q", "%%capture out\n%%time", "%%debug"]


@pytest.fixture(autouse=True)
def no_prompt(monkeypatch):
    """``%%debug`` asks what to do at the first line: go on."""
    pytest.importorskip("IPython")
    monkeypatch.setattr("IPython.core.debugger.Pdb.interaction", lambda self, *_, **__: self.set_continue())


@pytest.mark.parametrize("magic", MAGICS)
def test_a_cell_with_a_magic_is_a_cell(cell, magic):
    cell(f"{magic}\n@component\ndef c(n: int) -> int:\n    return n + 1\n")
    assert cell("@pipeline\ndef main() -> int:\n    return c(n=1).output\nmain.run(runner='process').outputs") == 2
    cell(f"{magic}\n@component\ndef c(n: int) -> int:\n    return n + 10\n")
    assert cell("@pipeline\ndef main() -> int:\n    return c(n=1).output\nmain.run(runner='process').outputs") == 11


@pytest.mark.parametrize("magic", MAGICS)
def test_a_definition_in_an_older_cell_with_a_magic_is_found(cell, magic):
    cell(f"{magic}\n\n@dataclass\nclass C:\n    a: int = 2\ndef helper(n: int) -> int:\n    return n + 1")
    cell(
        f"{magic}\ndef other(n: int) -> int:\n    return n + 10\n@component\ndef first(n: int) -> int:\n    return n + 3"
    )
    cell(f"{magic}\ndef other(n: int) -> int:\n    return n + 20\n")
    cell("x = 1")
    cell(f"{magic}\nx = 2")
    text = (
        "@component(include=[helper, other])\ndef c(n: int, v: C) -> int:\n    return other(helper(n)) + v.a\n"
        "@pipeline\ndef main() -> int:\n    return c(n=first(n=1).output, v=C()).output\n"
    )
    cell(text)
    assert cell("main.run(runner='process').outputs") == 27
    cell(f"{magic}\n{text}")
    assert cell("main.run(runner='process').outputs") == 27


def test_an_error_in_a_timed_cell_shows_its_line(cell):
    with pytest.raises(PipelineError) as caught:
        cell("%%time\n@component\ndef c(n) -> int:\n    return n\n")
    assert "2 | def c(n) -> int:" in str(caught.value)


# --------------------------------------------------------------------------------------- pipelines that are outdated

STEP = "@component\ndef step(n: int) -> int:\n    return n + {}\n"
MAIN = "@pipeline\ndef main() -> int:\n    return step(n=1).output\n"
RUN = "main.run(runner='inprocess').outputs"


@pytest.fixture
def warned(cell, capsys):
    """Run a cell; its value, and the warnings that it wrote."""

    def run(text):
        capsys.readouterr()
        value = cell(text)
        return value, capsys.readouterr().err

    return run


def number() -> int:
    from IPython import get_ipython

    return int(get_ipython().execution_count)


@pytest.mark.parametrize("magic", ["", "%%time\n"])
def test_a_pipeline_says_that_it_calls_an_earlier_definition(cell, warned, magic):
    first = number()
    cell(magic + STEP.format(1))
    cell(magic + MAIN)
    assert warned(RUN) == (2, "")
    again = number()
    cell(magic + STEP.format(10))
    value, said = warned(RUN)
    assert value == 2
    lines = said.splitlines()
    assert lines[0] == f"warning[TP141]: `main` still calls the `step` of In [{first}]"
    assert f"In [{again}] defines another `step`" in said
    assert f"help: to use it, run In [{first + 1}], which defines `main`, again" in lines
    cell(magic + MAIN)
    assert warned(RUN) == (11, "")


USES = {
    "run": RUN,
    "local": "main.local()",
    "options": "main.options(runner='inprocess').run().outputs",
    "compile": "main.compile('main.yaml')",
    "Compiler": "from typedpipe.compiler import Compiler\nCompiler().compile(main, 'main.yaml')",
    "call": "from typedpipe import local\nlocal.init(local.SubprocessRunner(use_venv=False))\nmain()",
}


@pytest.fixture(autouse=True)
def no_session(monkeypatch):
    from typedpipe.hooks import HOOKS

    monkeypatch.setattr(HOOKS, "session", None)


@pytest.mark.parametrize("use", USES)
def test_each_use_of_the_pipeline_says_so(cell, warned, use):
    cell(STEP.format(1))
    cell(MAIN)
    assert warned(USES[use])[1] == ""
    cell(STEP.format(10))
    assert warned(USES[use])[1].count("warning[TP141]") == 1


def test_pipelines_in_between_are_to_run_again_first(cell, warned):
    cell(STEP.format(1))
    cell("@component\ndef other(n: int) -> int:\n    return n * 2\n")
    inner, outer = number(), number() + 1
    cell("@pipeline\ndef inner() -> int:\n    return other(n=step(n=1).output).output\n")
    cell("@pipeline\ndef outer() -> int:\n    return other(n=inner().output).output\n")
    run = "outer.run(runner='inprocess').outputs"
    cell(STEP.format(10))
    cell("@component\ndef other(n: int) -> int:\n    return n * 3\n")
    said = warned(run)[1]
    assert said.count("warning[TP141]") == 2
    both = f"run again: In [{inner}], which defines `inner`; then In [{outer}], which defines `outer`"
    assert said.count(both) == 1  # for `step`; `outer` itself calls `other`
    assert said.count(f"run In [{outer}], which defines `outer`, again") == 1
    cell("@pipeline\ndef inner() -> int:\n    return other(n=step(n=1).output).output\n")
    assert both not in warned(run)[1]  # that cell has run
    cell("@pipeline\ndef outer() -> int:\n    return other(n=inner().output).output\n")
    assert warned(run) == (99, "")
    cell("@pipeline\ndef inner() -> int:\n    return step(n=5).output\n")
    assert "`outer` still calls the `inner` of In" in warned(run)[1]


CURRENT = {
    "again, unchanged": [STEP.format(1), MAIN, STEP.format(1)],
    "again, with a comment above": [STEP.format(1), MAIN, "# a comment\n\n" + STEP.format(1)],
    "both again": [STEP.format(1), MAIN, STEP.format(5), MAIN, STEP.format(5)],
    "in one cell": [STEP.format(1) + MAIN, STEP.format(5) + MAIN],
    "two definitions in one cell, one of them called": [STEP.format(1) + MAIN + STEP.format(5) + MAIN],
    "the later one of a cell": [STEP.format(1) + MAIN + STEP.format(5)],
    "one of a loop": [
        "steps = []\nfor minor in (11, 12):\n    @component(base_image=f'python:3.{minor}')\n"
        "    def step(n: int) -> int:\n        return n\n    steps.append(step)\none = steps[0]",
        MAIN.replace("step", "one"),
    ],
    "no longer a component": [STEP.format(1), MAIN, "step = 3"],
    "a function": [STEP.format(1), MAIN, "def step(): pass"],
    "deleted": [STEP.format(1), MAIN, "del step"],
    "another name": [STEP.format(1), MAIN, STEP.format(2).replace("step", "stop")],
    "made by a function": [
        "def make(k):\n    @component\n    def step(n: int) -> int:\n        return n + 2\n    return step\none = make(1)",
        MAIN.replace("step", "one"),
        STEP.format(1),
    ],
    "of a module": ["from tp_steps import step", MAIN, STEP.format(9)],
    "of a module, by its name": ["import tp_steps", MAIN.replace("step", "tp_steps.step"), STEP.format(9)],
}


@pytest.mark.parametrize("case", CURRENT)
def test_a_pipeline_that_calls_what_it_should_says_nothing(cell, warned, case, tmp_path, monkeypatch):
    (tmp_path / "tp_steps.py").write_text("from typedpipe import component\n" + STEP.format(1))
    monkeypatch.syspath_prepend(tmp_path)
    for text in CURRENT[case]:
        cell(text)
    assert warned(RUN)[1] == ""
