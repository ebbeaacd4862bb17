"""Modules that are loaded before a task: never one that the task imports after it did anything."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from bench import Bench
from local_samples import component, graph, pipeline, task

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.local.processes.preload import Preload, imports, preloads
from typedpipe.local.processes.variables import inherited, kernel_variables
from typedpipe.local.runners import launcher_for, placements
from typedpipe.local.runners.launcher import ZygoteLauncher
from typedpipe.types.model import ANY

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the zygote is for Linux")


def loaded(source: str, times: int = 2) -> Preload:
    one = component("one", source)
    return preloads({"one": times}, {"one": one}).get("one", Preload())


def test_what_is_loaded_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TYPEDPIPE_PRELOAD", raising=False)
    once = component("once", "def once():\n    import numpy\n")
    other = component("other", "def other():\n    x = 1\n    import numpy\n")
    late = component("late", "def late():\n    import json\n    json.loads('1')\n    import numpy\n")
    cuda = component("cuda", "def cuda():\n    import json\n    import torch\n")
    known = {c.name: c for c in (once, other, late, cuda)}
    assert preloads({"once": 1}, known) == {}
    assert preloads({"once": 1, "other": 1}, known) == {"once": Preload(("numpy",)), "other": Preload(("numpy",))}
    assert preloads({"once": 1, "late": 1}, known) == {}
    assert preloads({"cuda": 9}, known) == {}
    monkeypatch.setenv("TYPEDPIPE_PRELOAD", "json")
    assert preloads({"cuda": 2}, known) == {"cuda": Preload(("json",), alone=True)}
    assert preloads({"cuda": 1}, known) == {}
    monkeypatch.setenv("TYPEDPIPE_PRELOAD", "none")
    assert preloads({"once": 2}, known) == {}


def test_the_imports_of_source() -> None:
    text = "    def f():\n        from a.b import c, d\n        from . import e\n        import g.h as i\n        from j import *\n"
    assert imports((text, "not python("), "f").modules == ("a.b:c,d", "g.h", "j")


CHANGES = [
    "os.environ['X'] = '1'", "os.environ.update(X='1')", "os.environ.setdefault('X', '1')", "os.environ |= {'X': '1'}",
    "os.environ.pop('X', None)", "del os.environ['X']", "os.putenv('X', '1')", "os.unsetenv('X')", "os.environ.clear()",
    "env = os.environ; env['X'] = '1'", "set_all(os.environ)", "getattr(os, 'environ')['X'] = '1'",
    "from os import environ as e; e['X'] = '1'", "from os import environ; environ['X'] = '1'", "os.environb[b'X'] = b'1'",
    "exec(text)", "eval('1')", "__import__('mine')", "importlib.import_module('mine')", "runpy.run_path('x.py')",
    "import mine", "from mine import settings", "import dotenv; dotenv.load_dotenv()", "import torch",
    "ctypes.CDLL(None).setenv(b'X', b'1', 1)", "mock.patch.dict('os.environ', {'X': '1'})",
]  # fmt: skip
STATE = [
    "sys.path.insert(0, 'x')", "sys.path += ['x']", "sys.path = ['x']", "del sys.path[0]", "path += ['x']",
    "sys.meta_path.append(finder)", "sys.modules['x'] = None", "os.chdir('x')", "warnings.simplefilter('error')",
    "warnings.filters[:] = []", "locale.setlocale(locale.LC_ALL, '')", "signal.signal(2, stop)", "sys.setrecursionlimit(9)",
    "decimal.getcontext().prec = 5", "builtins.extra = 1", "Path('matplotlibrc').write_text('backend: agg')",
    "print('backend: agg', file=open('matplotlibrc', 'w'))", "with open('matplotlibrc', 'w') as rc: rc.write('x')",
    "with chdir('x'): pass", "[os.chdir(place) for place in places]", "n = 1 if set_up() else 2", "f'{set_up()}'",
    "assert set_up()", "settings.path = 'x'", "for settings.path in ['x']: pass", "set_up()", "await set_up()",
    "try: set_up()\n    except ValueError: pass", "while set_up(): pass", "(lambda: set_up())()", "from . import settings",
    "n = (place := set_up())", "match set_up():\n        case _: pass", "print = set_up; print('x')", "sorted([1], key=set_up)",
    "def inner(n=set_up()): pass", "@set_up\n    def inner(): pass", "class Inner:\n        set_up()",
    "class Inner(set_up()): pass", "@registered\n    class Inner: pass\n    def registered(f): set_up()", "open('x')",
    "class Inner(metaclass=set_up()): pass", "@sys.path.append\n    def inner(): pass", "@os.putenv('A', 'b')\n    def inner(): pass",
    "@atexit.register\n    def inner(): pass", "class Inner(metaclass=Other): pass", "class Inner(abc.ABC, flag=1): pass",
    "class Inner:\n        def __init_subclass__(cls): set_up()\n    class Other(Inner): pass",
    "class Inner:\n        def __class_getitem__(cls, key): set_up()\n    Inner[1]",
    "class Inner:\n        def __iter__(self): set_up()\n    for each in found: pass",
    "class Inner:\n        def __str__(self): return set_up()\n    f'{found}'",
    "class Inner:\n        @property\n        def place(self): set_up()\n    found.place",
]  # fmt: skip
SET_UP = "def set_up(*found):\n    os.chdir('x')\n"
INERT = [
    "n = 1", "n: int = 2", "rows = [len(x) for x in range(3)]", "print(f'{n:>8} rows')", "'text'", "pass", "n = -x[0] + y.z",
    "if n > 3: n = 4", "for i in range(3): print(i)", "while False: break", "assert n, 'none'", "key = lambda row: row.sort()",
    "if n < 0: raise ValueError(f'negative: {n}')", "def inner(n=1):\n        set_up()", "class Inner:\n        n = 1",
    "class Inner(Base):\n        def f(self):\n            set_up()", "@cache\n    def inner():\n        set_up()",
    "@dataclass(frozen=True)\n    class Inner:\n        n: list[int]", "class Inner(dict):\n        def __init__(self): set_up()",
    "class Inner:\n        @staticmethod\n        def f(): set_up()", "@functools.lru_cache(maxsize=None)\n    def inner(): set_up()", "global counted", "n = max(1, abs(-2)) if n else None",
    "async def inner():\n        set_up()", "n = (m := 3)", "os.environ['X']", "'X' in os.environ", "import math",
]  # fmt: skip
READS = [
    "os.environ['X']", "os.environ.get('X')", "os.getenv('X')", "'X' in os.environ", "dict(os.environ)",
    "{**os.environ, 'X': '1'}", "os.environ.copy()", "for k, v in os.environ.items(): print(k)", "import math",
    "run(env=dict(os.environ, X='1'))", "from os import environ; environ['X']", "model.eval()", "data.environment = 1",
]  # fmt: skip
SHAPES = {
    "before": "def one():\n    import os\n    {line}\n    import numpy\n",
    "in a block": "def one():\n    import os\n    if True:\n        {line}\n    import numpy\n",
    "in another function": "def set_up():\n    {line}\ndef one():\n    set_up()\n    import numpy\n",
    "before a late import": "def one():\n    {line}\n    def inner():\n        import numpy\n    inner()\n",
    "at the top": "import os\n{line}\ndef one():\n    import numpy\n",
    "in a class": "class A:\n    {line}\ndef one():\n    import numpy\n",
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("line", CHANGES + STATE)
def test_nothing_is_loaded_before_a_change(line: str, shape: str) -> None:
    assert loaded(SET_UP + SHAPES[shape].format(line=line)) == Preload()


@pytest.mark.parametrize("line", CHANGES)
def test_what_is_imported_before_a_change_is_loaded_alone(line: str) -> None:
    source = f"def one():\n    '''Doc.'''\n    import json\n    import numpy as np\n    from scipy import stats\n    {line}\n    import pandas\n"
    found = imports((source,), "one")
    assert (found.first[:3], found.free) == (("json", "numpy", "scipy:stats"), False)


@pytest.mark.parametrize("line", STATE)
def test_what_is_imported_before_anything_else_is_loaded_alone(line: str) -> None:
    source = f"{SET_UP}def one():\n    import numpy\n    {line}\n    import pandas\n"
    assert loaded(source.replace("def one", "async def one") if "await" in line else source) == (
        Preload() if "await" in line else Preload(("numpy",), alone=True)
    )


@pytest.mark.parametrize("shape", ["before", "in a block", "at the top"])
@pytest.mark.parametrize("line", INERT)
def test_what_only_computes_and_defines_hinders_nothing(line: str, shape: str) -> None:
    if shape == "in a block" and ("\n" in line or line == "import math"):
        return  # not of one line; and an import in a block may not happen
    source = SHAPES[shape].format(line=line if shape == "before" else line.replace("\n    ", "\n"))
    assert loaded(source) == Preload(("numpy",))


@pytest.mark.parametrize("line", READS)
def test_reading_a_variable_needs_no_process_of_its_own(line: str) -> None:
    source = f"def one():\n    import os\n    import numpy\n    {line}\n"
    assert imports((source,), "one").free
    assert loaded(source) == Preload(("numpy",))


def test_a_helper_with_the_name_of_the_function_is_not_mistaken_for_it() -> None:
    assert imports(("def one():\n    import numpy\n", "def one():\n    set_up()\n"), "one").first == ()
    late = ("def one():\n    import numpy\n", "set_up()\n")
    assert imports(late, "one").first == ()  # all source runs before the function does


TELLS = "print(os.environ.get('TP_TEST'), file=open(os.environ['TP_SEEN'], 'a'))\nvalue = os.environ.get('TP_TEST')\n"


@LINUX
@pytest.mark.parametrize("helped", [False, True])
def test_a_variable_that_a_task_sets_counts(helped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that reads a variable when it is imported; other tasks make it worth preloading."""
    (tmp_path / "tp_reader.py").write_text("import os\n" + TELLS)
    (tmp_path / "tp_setter.py").write_text("import os\nos.environ['TP_TEST'] = 'mine'\nimport tp_reader\n")
    python = tmp_path / "python"  # tasks do not use PYTHONPATH
    python.write_text(f"#!/bin/sh\nexport PYTHONPATH='{tmp_path}'\nshift 3\nexec '{sys.executable}' -u \"$@\"\n")
    python.chmod(0o755)
    from typedpipe.local.runners import composite
    from typedpipe.local.runners.launcher import Interpreter

    monkeypatch.setattr(composite, "HERE", Interpreter((str(python), "-E", "-P", "-u")))
    monkeypatch.setenv("TYPEDPIPE_PRELOAD", "tp_reader")
    monkeypatch.setenv("TP_SEEN", str(tmp_path / "seen"))
    monkeypatch.syspath_prepend(tmp_path)
    usual = component("usual", "def usual():\n    import tp_reader\n    return tp_reader.value\n", {}, ANY)
    body = "import tp_setter" if helped else "import os\n    os.environ['TP_TEST'] = 'mine'"
    sets = component("sets", f"def sets():\n    {body}\n    import tp_reader\n    return tp_reader.value\n", {}, ANY)
    ir = pipeline(graph(*(task(f"t{i}", one) for i, one in enumerate((usual, usual, sets, sets)))), usual, sets)
    launcher = launcher_for(placements(ir, None, Diagnostics()), nonce=os.urandom(8).hex())
    bench = Bench(launcher, tmp_path)
    try:
        assert bench.result(usual) is None
        deadline = time.monotonic() + 120
        while (tmp_path / "seen").read_text().count("\n") < 2 and time.monotonic() < deadline:
            time.sleep(0.01)  # the zygote has loaded it
        assert [bench.result(one) for one in (usual, sets, usual, sets)] == [None, "mine", None, "mine"]
    finally:
        launcher.close()


SEES = """
import builtins, decimal, locale, os, signal, sys, warnings
value = [
    "there" in sys.path, len(sys.meta_path) > 90, "no_such_module" in sys.modules, os.getcwd() == "/",
    warnings.filters[0][0] == "error", locale.setlocale(locale.LC_CTYPE) == "C", decimal.getcontext().prec == 5,
    signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN, sys.getrecursionlimit() == 5000, os.path.exists("tprc"),
    os.environ.get("TP_TEST") == "mine", hasattr(builtins, "tp_extra"),
]
"""
SETS = [
    "sys.path.append('there')", "sys.meta_path.extend(sys.meta_path * 90)", "sys.modules['no_such_module'] = sys",
    "os.chdir('/')", "warnings.simplefilter('error')", "locale.setlocale(locale.LC_CTYPE, 'C')",
    "decimal.getcontext().prec = 5", "signal.signal(signal.SIGUSR1, signal.SIG_IGN)", "sys.setrecursionlimit(5000)",
    "open('tprc', 'w').close()", "os.environ['TP_TEST'] = 'mine'", "builtins.tp_extra = 1",
]  # fmt: skip


@LINUX
def test_whatever_a_task_sets_before_an_import_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh interpreter, while other tasks make the module worth preloading."""
    (tmp_path / "tp_sees.py").write_text(SEES)
    (tmp_path / "tprc").touch()  # the engine's directory is not the task's
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TYPEDPIPE_PRELOAD", "tp_sees")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.syspath_prepend(tmp_path)
    from typedpipe.local.runners import composite
    from typedpipe.local.runners.launcher import Interpreter

    python = tmp_path / "python"  # tasks do not use PYTHONPATH
    python.write_text(f"#!/bin/sh\nexport PYTHONPATH='{tmp_path}'\nshift 3\nexec '{sys.executable}' -P -u \"$@\"\n")
    python.chmod(0o755)
    monkeypatch.setattr(composite, "HERE", Interpreter((str(python), "-E", "-P", "-u")))
    text = "def {}():\n    import builtins, decimal, locale, os, signal, sys, warnings\n    {}\n    import tp_sees\n"
    every = [
        component(name, text.format(name, line) + "    return tp_sees.value\n", {}, ANY)
        for name, line in [("usual", "pass"), *((f"sets_{i}", line) for i, line in enumerate(SETS))]
    ]
    ir = pipeline(graph(*(task(f"t{i}", one) for i, one in enumerate([*every, *every]))), *every)
    launcher = launcher_for(placements(ir, None, Diagnostics()), nonce=os.urandom(8).hex())
    bench = Bench(launcher, tmp_path)
    try:
        for _ in range(2):
            for i, one in enumerate(every):
                assert bench.result(one) == [j == i - 1 for j in range(len(SETS))], one.name
            assert isinstance(launcher, composite.Composite)
            (warm,) = [used.launcher for name, used in launcher._used.items() if "warm" in name]
            assert isinstance(warm, ZygoteLauncher)
            deadline = time.monotonic() + 120
            while not warm.ready and time.monotonic() < deadline:
                time.sleep(0.01)
                list(launcher.reports())
            assert warm.ready
    finally:
        launcher.close()


# ------------------------------------------------------------------------------------------ variables of this process


class Shell:
    """Stands for a kernel's shell: its class is in a package whose source sets TP_KERNEL."""


def test_a_kernels_own_variables_do_not_reach_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "tp_kernel.py"
    package.write_text("import os\nos.environ['TP_KERNEL'] = 'x'\nos.environ['TP_BOTH'] = 'x'\nclass Shell: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("TP_KERNEL", "TP_BOTH", "TP_USER"):
        monkeypatch.setenv(name, "x")  # restored afterwards
    import tp_kernel  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]  # made above

    shell = tp_kernel.Shell()
    shell.history_manager = SimpleNamespace(input_hist_raw=["", "%env TP_BOTH=y"])
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert kernel_variables(os.environ) == {"TP_KERNEL": None}
    assert {name for name in inherited() if name.startswith("TP_")} == {"TP_BOTH", "TP_USER"}
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert "TP_KERNEL" in inherited()


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("MPLBACKEND", "module://matplotlib_inline.backend_inline", False),
        ("SETTINGS", "hypothesis.internal", False),
        ("DEBUGGER", "hypothesis.internal:run", False),
        ("MPLBACKEND", "module://in_the_env.backend", True),
        ("SETTINGS", "in_the_env.settings", True),
        ("MPLBACKEND", "agg", True),
        ("SETTINGS", "no_such_package.settings", True),
        ("HOST", "example.com", True),
        ("LANG", "en_US.UTF-8", True),
        ("VERSION", "1.2.3", True),
        ("HOOK", "logging.config", True),
        ("EMPTY", "", True),
        ("PYTHONPATH", "/somewhere", False),
        ("PYTHONWARNINGS", "error", False),
        ("CONDA_PREFIX", sys.prefix, False),
        ("TOOLS", f"{sys.prefix}/share", True),
    ],
)
def test_an_environment_gets_no_variables_of_this_python(
    name: str, value: str, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "lib/python3.x/site-packages/in_the_env"
    site.mkdir(parents=True)
    (site / "__init__.py").touch()
    monkeypatch.setenv(name, value)
    assert (inherited(tmp_path).get(name) == value) == kept
    assert inherited()[name] == value


def test_a_venv_task_in_a_program_that_a_notebook_started(tmp_path: Path) -> None:
    text = """
    import os
    from typedpipe import component, pipeline
    @component
    def env() -> dict[str, str]:
        import os
        return {k: v for k, v in os.environ.items() if k.startswith(("PYTHON", "VIRTUAL", "MPL", "KEPT"))}
    @pipeline
    def main() -> dict[str, str]: return env().output
    print(*sorted(main.run(runner="venv").outputs))
    """
    (tmp_path / "flow.py").write_text(textwrap.dedent(text))
    more = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONWARNINGS": "error", "KEPT": "1"}
    done = subprocess.run(
        [sys.executable, "flow.py"],
        cwd=tmp_path,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["KEPT", "PYTHONUNBUFFERED", "VIRTUAL_ENV"], done


def test_a_variable_that_a_kernel_changed_has_its_first_value(monkeypatch: pytest.MonkeyPatch) -> None:
    from typedpipe.local.processes import variables

    monkeypatch.setattr(variables, "kernel_variables", lambda _: {"TERM": "xterm", "PAGER": None})
    monkeypatch.setenv("TERM", "xterm-color")
    monkeypatch.setenv("PAGER", "cat")
    found = inherited()
    assert (found["TERM"], "PAGER" in found) == ("xterm", False)
