"""Source of several modules in one component: each name means in a task what it means in its own module."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from typedpipe.compiler import driver
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.dsl import Pipeline
from typedpipe.runtime import source_text, task
from typedpipe.testing import fake

RUNNERS = ["process", "inprocess"]
Project = Callable[..., Any]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Write modules, and import the last one."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def written(**modules: str) -> Any:
        for name, text in modules.items():
            path = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        importlib.invalidate_caches()
        return importlib.import_module(list(modules)[-1])

    yield written
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def local(pipeline: Pipeline[..., Any], runner: str, folder: Path, **arguments: Any) -> Any:
    return pipeline.run(runner=runner, folder=folder / "runs", cache=False, **arguments).outputs


def in_a_pod(pipeline: Pipeline[..., Any], folder: Path, *, installed: str = "", **parameters: str) -> Any:
    """The output of a pipeline of one component: its program is taken from the YAML and run with the packed runtime.

    ``installed`` is a folder with modules of the user's that the image has.
    """
    assert pipeline.ir is not None
    (text,) = driver.compile(pipeline.ir, "argo").values()
    (source,) = [t["script"]["source"] for t in yaml.safe_load(text)["spec"]["templates"] if "script" in t]
    given = json.dumps([{"name": name, "value": value} for name, value in parameters.items()])
    lib, root = folder / "tp-lib", folder / "tp"
    lib.mkdir()
    (lib / "packed.py").write_text(source_text())
    (lib / "typedpipe_task.py").write_text(f"import packed\ndef main(s, p): packed.main(s, p, {str(root)!r})\n")
    program = source.replace('"/tp/lib"', repr(str(lib))).replace("{{inputs.parameters}}", given)
    program = f"import sys; sys.path.append({installed!r})\n{program}" if installed else program
    environment = {"TYPEDPIPE_TERMINATION_LOG": str(folder / "log"), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-I", "-c", program], check=True, env=environment, cwd=lib)
    return json.loads((root / "out" / "p" / "Output").read_text())


HELPERS = {
    "prep": "def clean(n): return n + 1\ndef prep(n): return clean(n)\n",
    "post": "def clean(n): return n * 100\ndef post(n): return clean(n)\n",
}
CLASSES = {
    name: f"""
    from dataclasses import dataclass
    @dataclass
    class Config:
        n: int = 1
        def total(self): return self.n * {factor}
    """
    for name, factor in (("first", 1), ("second", 1000))
}
DATES = {
    "by_class": "from datetime import datetime\ndef year(text): return datetime.fromisoformat(text).year\n",
    "by_module": "import datetime\ndef day(text): return datetime.date.fromisoformat(text).day\n",
}
HEAD = "from typedpipe import component, pipeline\n"
CASES = {
    "helpers": (
        HELPERS,
        """
        from prep import prep
        from post import post
        @component(include=[prep, post])
        def f() -> int:
            return post(prep(1))
        """,
        200,
    ),
    "another name": (
        HELPERS,
        """
        from post import clean as times
        from prep import clean
        @component(include=[clean, times])
        def f() -> int:
            return clean(1) * 1000 + times(1)
        """,
        2100,
    ),
    "the component's own name": (
        {"lib": "def f(n, by=10):\n    return n * by\n"},
        """
        from lib import f as times
        @component(include=[times])
        def f() -> int:
            return times(1)
        """,
        10,
    ),
    "imports": (
        DATES,
        """
        from by_class import year
        from by_module import day
        @component(include=[year, day])
        def f() -> str:
            return f"{year('2024-02-28')} {day('2024-02-28')}"
        """,
        "2024 28",
    ),
    "constants": (
        {"a": "N = 1\ndef g(): return N\n", "b": "N = 2\ndef h(): return N\n"},
        """
        from a import g
        from b import h, N as M
        N = 3
        @component(include=[g, h])
        def f() -> int:
            return g() * 1000 + h() * 100 + N * 10 + M
        """,
        1232,
    ),
    "a class of each": (
        CLASSES,
        """
        import first, second
        class Config:
            total = 7
        @component(include=[first.Config, second.Config, Config])
        def f() -> str:
            return str(Config.total)
        """,
        "7",
    ),
    "globals": (
        {
            name: f"""
            def put():
                global STATE
                STATE = "{name}"
            def get():
                return STATE
            """
            for name in ("left", "right")
        },
        """
        from left import put, get
        from right import put as other, get as found
        @component(include=[put, get, other, found])
        def f() -> str:
            put(), other()
            return get() + found()
        """,
        "leftright",
    ),
    "modules that refer to each other": (
        {
            "odd": "import even\nfrom even import *\ndef is_odd(n): return n > 0 and is_even(n - 1)\neven.is_odd = is_odd\n",
            "even": "def is_even(n): return n == 0 or is_odd(n - 1)\n",
        },
        """
        from odd import is_odd
        @component(include=[is_odd])
        def f() -> bool:
            return is_odd(7)
        """,
        True,
    ),
    "packages": (
        {
            "lib.__init__": "",
            "lib.a.__init__": "SCALE = 10\n",
            "lib.a.b": "from . import SCALE\nfrom .. import a\ndef clean(n): return n * SCALE\n",
            "lib.b": "from .a.b import clean as inner\ndef clean(n): return inner(n) + 1\n",
        },
        """
        from lib.a.b import clean
        from lib.b import clean as other
        @component(include=[clean, other])
        def f() -> int:
            return clean(1) * 100 + other(1)
        """,
        1011,
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("runner", [*RUNNERS, "pod"])
def test_names_of_two_modules_are_two(case: str, runner: str, project: Project, tmp_path: Path) -> None:
    modules, text, expected = CASES[case]
    end = f"\n@pipeline\ndef main() -> {type(expected).__name__}:\n    return f().output\n"
    user = project(**{**modules, "flow": HEAD + textwrap.dedent(text) + end})
    assert user.f.python_func() == expected  # what Python itself says
    found = in_a_pod(user.main, tmp_path) if runner == "pod" else local(user.main, runner, tmp_path)
    assert found == expected


TWO = """
import first, second
@component
def f(a: first.Config, b: list[second.Config]) -> str:
    return f"{a.total()} {b[0].total()} {type(a).__qualname__}"
@pipeline
def main(a: first.Config = first.Config(2), b: list[second.Config] = [second.Config(3)]) -> str:
    return f(a=a, b=b).output
"""


@pytest.mark.parametrize("runner", [*RUNNERS, "pod"])
def test_values_get_the_class_of_their_own_module(runner: str, project: Project, tmp_path: Path) -> None:
    user = project(**CLASSES, flow=HEAD + TWO)
    given = {"a": '{"n":2}', "b": '[{"n":3}]'}
    found = in_a_pod(user.main, tmp_path, **given) if runner == "pod" else local(user.main, runner, tmp_path)
    assert found == "2 3000 Config"


NESTED = {
    "shapes": """
    import enum
    from dataclasses import dataclass, field
    from typing import NamedTuple, TypedDict
    class Left:
        @dataclass
        class Params:
            n: int = 1
            def get(self): return f"left{self.n}"
    class Right:
        @dataclass
        class Params:
            n: int = 1
            def get(self): return f"right{self.n}"
    class Mode(enum.Enum):
        A = "a"
        def get(self): return "shapes.Mode"
    class Pair(NamedTuple):
        x: int
        def get(self): return f"shapes.Pair{self.x}"
    @dataclass
    class Inner:
        n: int
        def get(self): return f"shapes.Inner{self.n}"
    @dataclass
    class Outer:
        inner: Inner
        mode: Mode = Mode.A
    """,
    "flow": HEAD
    + """
import enum, shapes
from dataclasses import dataclass
from typing import NamedTuple
from shapes import Left, Right, Outer
class Mode(enum.Enum):
    A = "a"
    def get(self): return "flow.Mode"
class Pair(NamedTuple):
    x: int
    def get(self): return f"flow.Pair{self.x}"
@dataclass
class Inner:
    n: int
    def get(self): return f"flow.Inner{self.n}"
@component
def f(
    a: Left.Params, b: Right.Params, c: Mode, d: shapes.Mode, e: Pair, g: shapes.Pair, h: Outer, i: Inner
) -> list[str]:
    return [a.get(), b.get(), c.get(), d.get(), e.get(), g.get(), h.inner.get(), h.mode.get(), i.get()]
@component
def make() -> shapes.Mode:
    return shapes_mode()
def shapes_mode():
    return Mode.A
@pipeline
def main() -> list[str]:
    return f(a=Left.Params(2), b=Right.Params(3), c=Mode.A, d=shapes.Mode.A, e=Pair(4), g=shapes.Pair(5),
        h=Outer(shapes.Inner(6)), i=Inner(7)).output
""".replace(
        "@component\ndef make() -> shapes.Mode:\n    return shapes_mode()\ndef shapes_mode():\n    return Mode.A\n", ""
    ),
}


@pytest.mark.parametrize("runner", RUNNERS)
def test_every_kind_of_class_is_told_from_one_of_the_same_name(runner: str, project: Project, tmp_path: Path) -> None:
    user = project(**NESTED)
    assert local(user.main, runner, tmp_path) == [
        "left2", "right3", "flow.Mode", "shapes.Mode", "flow.Pair4", "shapes.Pair5", "shapes.Inner6", "shapes.Mode",
        "flow.Inner7",
    ]  # fmt: skip


RESULTS = """
import first
from second import Config  # the same name for another class
@component
def one(c: first.Config = first.Config(5)) -> list[first.Config]:
    return [c]
@pipeline
def main() -> list[first.Config]:
    return one().output
"""


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_run_gives_the_class_of_the_annotation(runner: str, project: Project, tmp_path: Path) -> None:
    user = project(**CLASSES, flow=HEAD + RESULTS)
    found = local(user.main, runner, tmp_path)
    assert found == [sys.modules["first"].Config(5)]


PICKLES = {
    "steps": HEAD
    + """
from dataclasses import dataclass
from typedpipe import Dataset, Input
@dataclass
class Config:
    n: int
@component
def save(c: Config) -> Dataset:
    import pickle
    made = Dataset()
    with open(made.path, "wb") as file:
        pickle.dump([c, Config], file)
    return made
@component(include=[Config])
def read(data: Input[Dataset]) -> int:
    import pickle
    with open(data.path, "rb") as file:
        config, cls = pickle.load(file)
    assert type(config) is cls is Config
    return config.n
""",
    "flow": HEAD
    + """
import steps
from steps import Config
from typedpipe import Dataset, Input
@component
def put(c: Config) -> Dataset:
    import pickle
    made = Dataset()
    with open(made.path, "wb") as file:
        pickle.dump([c, type(c)], file)
    return made
@component(include=[Config])
def get(data: Input[Dataset]) -> int:
    import pickle
    with open(data.path, "rb") as file:
        config, cls = pickle.load(file)
    return config.n if type(config) is cls else 0
@pipeline
def main() -> list[int]:
    own, other = put(c=Config(1)).output, steps.save(c=Config(2)).output
    return [get(data=own).output, get(data=other).output, steps.read(data=own).output, steps.read(data=other).output]
""",
}


@pytest.mark.parametrize("runner", RUNNERS)
def test_tasks_of_two_modules_exchange_pickles(runner: str, project: Project, tmp_path: Path) -> None:
    assert local(project(**PICKLES).main, runner, tmp_path) == [1, 2, 1, 2]


POOL = {
    "work": "from dataclasses import dataclass\n@dataclass\nclass Job:\n    n: int\ndef double(job): return Job(job.n * 2)\n",
    "flow": HEAD
    + """
from work import Job, double
@component(include=[Job, double])
def f() -> list[int]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return [job.n for job in pool.map(double, [Job(1), Job(2)])]
@pipeline
def main() -> list[int]:
    return f().output
""",
}


def test_processes_of_a_task_import_its_modules(project: Project, tmp_path: Path) -> None:
    assert local(project(**POOL).main, "process", tmp_path) == [2, 4]


def test_a_task_in_this_process_leaves_the_modules_as_they_were(project: Project, tmp_path: Path) -> None:
    modules, text, _ = CASES["helpers"]
    user = project(
        **{**modules, "flow": HEAD + textwrap.dedent(text) + "@pipeline\ndef main() -> int:\n    return f().output\n"}
    )
    assert local(user.main, "inprocess", tmp_path) == 200
    assert not [name for name in sys.modules if name.startswith(task.MODULE)]
    assert not task.parts


FACTORIES = (
    HEAD
    + """
def first():
    @component
    def run(n: int) -> str:
        return f"a{n}"
    return run
def second():
    @component
    def run(n: int) -> str:
        return f"b{n}"
    return run
def third():
    @component
    def run(n: int, times: int = 2) -> list[str]:
        return [f"c{n}"] * times
    return run
one, two, three = first(), second(), third()
@component
def join(a: str, b: str, c: list[str]) -> str:
    return a + b + "".join(c)
@pipeline
def main() -> str:
    return join(a=one(n=1).output, b=two(n=2).output, c=three(n=3).output).output
"""
)


@pytest.mark.parametrize("runner", RUNNERS)
def test_components_of_one_name_run_their_own_code(runner: str, project: Project, tmp_path: Path) -> None:
    user = project(flow=FACTORIES)
    for cache in (None, None):  # the second run reads what the first one stored
        run = user.main.run(runner=runner, folder=tmp_path / "runs", cache=cache)
        assert run.outputs == "a1b2c3c3"
        assert {name: task.outputs["Output"] for name, task in run.tasks.items() if name.startswith("run")} == {
            "run": "a1", "run-2": "b2", "run-3": ["c3", "c3"],
        }  # fmt: skip
        assert {task.component for task in run.tasks.values()} == {"run", "join"}
    assert {task.reused for task in run.tasks.values()} != {""}


UNCLEAR = (
    HEAD
    + """
from dataclasses import dataclass
def make(factor):
    if factor == 1:
        @dataclass
        class Config:
            n: int
            def get(self): return self.n
        return Config
    @dataclass
    class Config:
        n: int
        def get(self): return self.n * 10
    return Config
A, B = make(1), make(2)
@component
def f(a: A, b: B) -> int:
    return a.get() + b.get()
"""
)


def test_two_definitions_of_one_name_in_one_module_are_refused(project: Project) -> None:
    with pytest.raises(PipelineError) as caught:
        project(flow=UNCLEAR)
    assert {found.code for found in caught.value.diagnostics} == {"TP139"}


def test_a_fake_replaces_one_of_the_components_of_one_name(project: Project) -> None:
    user = project(flow=FACTORIES)
    with fake(user.two).returns("x") as faked:
        assert user.main.local() == "a1xc3c3"
    assert faked.calls == [{"n": 2}]


TITLES = {
    name: f"from typedpipe import Model\nclass Forest(Model):\n    def kind(self): return {name!r}\n"
    for name in ("oak", "ash")
}
FORESTS = """
import oak, ash
from typedpipe import Input
@component
def f(a: Input[oak.Forest], b: Input[ash.Forest]) -> str:
    return a.kind() + b.kind()
"""


def test_two_artifact_classes_of_one_title_are_refused(project: Project) -> None:
    with pytest.raises(PipelineError) as caught:
        project(**TITLES, flow=HEAD + FORESTS)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message, found.help) == (
        "TP139",
        "`oak.Forest` and `ash.Forest` have the same `schema_title`, 'Forest', so they are the same artifact type",
        "set another `schema_title` in one of the two classes",
    )


def test_artifact_classes_of_two_modules_have_their_methods(project: Project, tmp_path: Path) -> None:
    titled = {name: text.replace("(Model):", f"(Model):\n    schema_title = {name!r}") for name, text in TITLES.items()}
    text = """
@component
def make() -> oak.Forest:
    made = oak_forest()
    open(made.path, "w").close()
    return made
@component
def other() -> ash.Forest:
    made = ash_forest()
    open(made.path, "w").close()
    return made
@pipeline
def main() -> str:
    return f(a=make().output, b=other().output).output
"""
    own = "from oak import Forest as oak_forest\nfrom ash import Forest as ash_forest\n"
    user = project(**titled, flow=HEAD + own + FORESTS + text)
    assert local(user.main, "process", tmp_path) == "oakash"
