"""Shipped and rejected source of a component: every row of "source that is shipped"."""

from __future__ import annotations

import itertools
import linecache
import sys
import textwrap
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.dsl.source.capture import Source, capture
from typedpipe.runtime import task

_count = itertools.count()


class User:
    """A user's module, from a file."""

    def __init__(self, folder: Path, text: str, name: str = "") -> None:
        self.name = name or f"user_{next(_count)}"
        self.path = folder / f"{self.name}.py"
        self.path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        self.module = sys.modules[self.name] = ModuleType(self.name)
        self.module.__file__ = str(self.path)
        exec(compile(self.path.read_text(), str(self.path), "exec"), vars(self.module))
        self.report = Diagnostics()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)

    def capture(self, fn: Any = None, **options: Any) -> Source | None:
        return capture(fn or self.f, report=self.report, **options)

    def source(self, fn: Any = None, **options: Any) -> Source:
        found = self.capture(fn, **options)
        assert found is not None, list(self.report)
        return found

    def error(self, fn: Any = None, **options: Any) -> tuple[str, str, str]:
        assert self.capture(fn, **options) is None
        (found,) = self.report
        return found.code, f"{found.message} | {found.help}", f"{found.primary.span.line}:{found.primary.span.column}"


@pytest.fixture(autouse=True)
def _modules() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("user_", "tp_component", "local_")):
            del sys.modules[name]


def run(source: Source, **given: Any) -> Any:
    """Run shipped source as the container does."""
    chunks = [[chunk.file or "<c>", chunk.line, chunk.text] for chunk in source.chunks]
    spec = {"entry": source.entry, "chunks": chunks, "inputs": [], "outputs": []}
    known = dict(linecache.cache)  # a task has its process to itself, and fills this with what was shipped
    try:
        return vars(task.load(spec))[source.entry](**given)
    finally:
        linecache.cache.clear()
        linecache.cache.update(known)


def texts(source: Source) -> list[str]:
    return [chunk.text for chunk in source.chunks]


def test_the_function_travels_as_it_stands_with_its_line(tmp_path: Path) -> None:
    user = User(
        tmp_path,
        '''
        def mark(fn):
            return fn
        if True:
            @mark
            def f(a: Nowhere = mark, b=3):
                text = """first
        second"""
                return text
        ''',
    )
    chunk = user.source().chunks[0]
    assert (chunk.line, chunk.file, chunk.text[:9]) == (4, str(user.path), "    @mark")
    assert run(user.source(), a=1, b=2) == "first\nsecond"


def test_classes_bring_what_they_need_in_order(tmp_path: Path) -> None:
    user = User(
        tmp_path,
        """
        import enum as en
        from dataclasses import dataclass, field
        from typing import List, NamedTuple
        import typedpipe.runtime.task as tp
        from typedpipe.runtime.task import Model
        class Color(en.Enum):
            RED = "r"
        @dataclass
        class Inner:
            color: Color = Color.RED
        class Forest(Model):
            schema_title = "acme.Forest"
        @dataclass
        class Outer:
            xs: List[int]
            inner: Inner = field(default_factory=Inner)
        class Pair(NamedTuple):
            n: int
        def f(cfg: Outer) -> Forest:
            return Outer([1]), Forest, Pair(3)
        """,
    )
    source = user.source(shipped=[user.Outer, user.Forest, user.Pair, task.Dataset, int])
    outer, forest, pair = run(source, cfg=None)
    assert (outer.inner.color.value, forest.schema_title, pair.n) == ("r", "acme.Forest", 3)
    assert type(outer).__module__ == task.MODULE


def test_included_helpers_bring_what_they_need_and_keep_other_names(tmp_path: Path) -> None:
    user = User(
        tmp_path,
        """
        import json
        from functools import lru_cache
        def low(x):
            return json.dumps(x)
        @lru_cache(maxsize=None)
        def cached(x, y=len("ab")):
            return low(x) + str(y)
        def high(x):
            return low(x) if x else high(1)
        other = high
        class Box:
            def __init__(self, x):
                self.x = low(x)
        def f():
            return other(0), Box(2).x
        """,
    )
    source = user.source(include=[user.high, user.Box])
    assert run(source) == ("1", "2")
    assert texts(source).count("import json\n") == 1


def test_every_name_from_outside_is_in_one_error(tmp_path: Path) -> None:
    user = User(
        tmp_path,
        """
        import json
        import os.path as p
        gone = 1 + 1
        class C: ...
        def helper(): ...
        def f(a):
            global gone
            del gone
            [json.dumps(x) for x in a]
            helper(C, p)
            return prnt(a)
        """,
    )
    code, message, place = user.error()
    assert (code, place) == ("TP137", "7:5")
    assert "`f` uses names that it does not define: `gone`, `json`, `helper`, `C`, `p`, `prnt` | " in message
    for part in (
        "`include=[helper, C]`",
        "import `json` inside the function",
        "write `import os.path as p` inside the function",
        "make `gone` a parameter",
        "did you mean `print`?",
    ):
        assert part in message
    labels = [label.text for diagnostic in user.report for label in (diagnostic.primary, *diagnostic.others)]
    assert (
        "`json` is a module imported outside the function" in labels
        and "`helper` is a function defined outside the component" in labels
    )


def test_a_global_that_the_body_assigns_is_its_own_unless_the_module_has_it(tmp_path: Path) -> None:
    text = "def f():\n    global N\n    N = 1\n    def g():\n        return N\n    return g()\n"
    assert run(User(tmp_path, text).source()) == 1
    code, message, place = User(tmp_path, "N = object()\n" + text).error()
    assert (code, place) == ("TP137", "3:5") and "`N`" in message


def test_what_is_inside_is_no_name_from_outside(tmp_path: Path) -> None:
    user = User(
        tmp_path,
        """
        import json
        def f(a: json.JSONDecoder = json, *, b=json) -> json:
            import os
            class Local:
                x: json = 1
                def m(self, d: json): return [self.x for _ in a]
            def inner(q: json.JSONDecoder) -> json: return os.sep
            return f if a else (__name__, Local().m(1), inner(1), len(a), ValueError)
        """,
    )
    assert user.source().entry == "f"


def test_kfp_names_are_there_where_absent_or_ours_but_never_for_others(tmp_path: Path) -> None:
    user = User(
        tmp_path,
        """
        from typing import List, NamedTuple
        from typedpipe.runtime.task import Dataset as Dataset
        class Metrics: ...
        def f():
            out = NamedTuple("Out", [("a", int)])
            class Row(NamedTuple):
                a: List[int]
            return out(1), Row([2]), Dataset, dsl.Model, List[int], Optional[int]
        def g():
            return Metrics
        """,
    )
    out, row, *_ = run(user.source())
    assert (out.a, row.a) == (1, [2])
    assert user.error(user.g)[0] == "TP137"


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("f = lambda a: a", "TP107", "a lambda cannot be a component"),
        ("async def f(): ...", "TP133", "`f` is an `async` function"),
        ("async def f():\n    yield", "TP133", "`f` is an `async` function"),
        ("def f():\n    yield 1", "TP134", "`f` is a generator"),
        ("class C:\n    def m(self): ...\nf = C.m", "TP135", "`m` is a method of `C`"),
        ("class C:\n    def m(self): ...\nf = C().m", "TP135", "`m` is a method"),
        ("class C:\n    @staticmethod\n    def m(): ...\nf = vars(C)['m']", "TP135", "`m` is a method"),
        (
            "def o():\n    x = 1\n    def f(): return x\n    return f\nf = o()",
            "TP132",
            "`f` uses `x` from the enclosing function",
        ),
        ("f = len", "TP130", "`len` has no Python source"),
        ("import functools\nf = functools.partial(print, 1)", "TP130", "`partial` has no Python source"),
        (
            "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(): return g()\n    return w\n@d\ndef f(): ...",
            "TP136",
            "wraps `f`",
        ),
        ("s = {}\nexec('def f(): ...', s)\nf = s['f']", "TP130", "the source of `f` cannot be found"),
    ],
)
def test_what_has_no_source_of_its_own_is_refused(tmp_path: Path, text: str, code: str, message: str) -> None:
    found = User(tmp_path, text).error()
    assert found[0] == code and message in found[1]


def test_a_decorator_below_ours_is_refused_even_when_it_gives_the_function_back(tmp_path: Path) -> None:
    user = User(
        tmp_path,
        """
        from typedpipe.runtime import task as dsl
        def same(fn): return fn
        def component(fn): return fn
        component.__module__ = "typedpipe.dsl"
        @same
        @component
        def f(): ...
        @component
        @same
        def g(): ...
        """,
    )
    assert user.source(user.f).entry == "f"
    code, message, place = user.error(user.g)
    assert (code, place) == ("TP136", "9:2") and "`g` has a decorator" in message


def test_a_file_edited_after_its_import_never_gives_other_text(tmp_path: Path) -> None:
    user = User(tmp_path, "def f():\n    return 1\n")
    user.path.write_text("x = 1\n\n\ndef f():\n    return 2\n")
    code, message, _ = user.error()
    assert code == "TP130" and "was edited after it was imported" in message


def cell(name: str, text: str, space: dict[str, Any]) -> None:
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), space)


def test_notebook_cells_work_also_when_run_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    main = ModuleType("user_notebook")
    monkeypatch.setitem(sys.modules, "user_notebook", main)
    space = vars(main)
    define = "from dataclasses import dataclass\n@dataclass\nclass Config:\n    a: int\n"
    for i, text in enumerate([define, define, "def f(c: Config):\n    return Config(4).a\n"]):
        cell(f"<ipython-input-{i}-abc>", text, space)
    report = Diagnostics()
    found = capture(space["f"], shipped=[space["Config"]], report=report)
    assert found is not None and run(found, c=None) == 4
    cell("<ipython-input-9-abc>", define + "    def twice(self): return self.a * 2\n", space)
    newest = capture(space["f"], shipped=[space["Config"]], report=report)
    assert newest is not None
    assert "def twice" in "".join(chunk.text for chunk in newest.chunks)
    assert not report.items
    for i in (0, 1, 2, 9):
        del linecache.cache[f"<ipython-input-{i}-abc>"]


def test_a_cell_with_magics_is_refused() -> None:
    space: dict[str, Any] = {}
    name = "<ipython-input-77-abc>"
    exec(compile("def f(): ...\n", name, "exec"), space)
    linecache.cache[name] = (1, None, ["%%time\n", "def f(): ...\n"], name)
    report = Diagnostics()
    assert capture(space["f"], report=report) is None
    del linecache.cache[name]
    (found,) = report
    assert (found.code, found.primary.span.line) == ("TP140", 1) and "separate cell" in found.help


def test_the_right_one_of_two_definitions_is_shipped(tmp_path: Path) -> None:
    user = User(
        tmp_path,
        """
        import sys
        from dataclasses import dataclass
        if sys.maxsize < 5:
            @dataclass
            class Config:
                old: int
        else:
            @dataclass
            class Config:
                new: int
        def f(c: Config): return Config(3).new
        """,
    )
    assert run(user.source(shipped=[user.Config]), c=None) == 3


def test_inner_local_and_functional_classes(tmp_path: Path) -> None:
    user = User(
        tmp_path,
        """
        import enum
        from collections import namedtuple
        Color = enum.Enum("Color", "RED GREEN")
        Point = namedtuple("Point", ["x"])
        class Outer:
            class Inner:
                y = 2
        def make():
            class Config:
                z = 3
            return Config
        Config = make()
        def f(): return Color.RED.value, Point(1).x, Inner.y, Config.z
        """,
    )
    vars(user.module)["Inner"] = user.Outer.Inner
    source = user.source(shipped=[user.Color, user.Point, user.Outer.Inner, user.Config])
    assert run(source) == (1, 1, 2, 3)


def test_classes_of_local_modules_come_by_source_and_installed_ones_by_import(tmp_path: Path) -> None:
    local = User(
        tmp_path, "from dataclasses import dataclass\n@dataclass\nclass Base:\n    a: int = 1\n", "local_config"
    )
    user = User(
        tmp_path,
        """
        import local_config
        from local_config import Base
        from fractions import Fraction
        class Child(Base): ...
        class Bad(local_config.Base): ...
        def f(): return Child().a, Fraction(1)
        """,
    )
    source = user.source(shipped=[user.Child, user.Fraction])
    assert run(source)[0] == 1 and "from fractions import Fraction\n" in texts(source)
    assert any(chunk.file == str(local.path) for chunk in source.chunks)
    user.report.items.clear()
    code, message, place = user.error(shipped=[user.Bad, user.Fraction, user.Child])
    assert (code, place) == ("TP139", "5:11") and "uses `local_config`" in message


@pytest.mark.parametrize(
    ("item", "code"), [("3", "TP138"), ("lambda: 1", "TP138"), ("len", "TP138"), ("json", "TP138")]
)
def test_include_takes_functions_and_classes_only(tmp_path: Path, item: str, code: str) -> None:
    user = User(tmp_path, f"import json\nitem = {item}\ndef f(): ...\n")
    assert user.error(include=[user.item])[0] == code


def test_a_helper_that_needs_a_global_is_refused(tmp_path: Path) -> None:
    user = User(tmp_path, "N = object()\ndef helper(): return N\ndef f(): return helper()\n")
    code, message, place = user.error(include=[user.helper])
    assert (code, place) == ("TP139", "2:22") and "it uses `N`" in message


@pytest.mark.parametrize(
    ("body", "least"),
    [
        ("return [x for x in 'a']", (3, 8)),
        ("x: list[int] = []", (3, 8)),
        ("return list[int]", (3, 9)),
        ("return 'a'.removeprefix('a')", (3, 9)),
        ("match 1:\n        case 1: pass", (3, 10)),
        ("return list(zip([], strict=True))", (3, 10)),
        ("import tomllib", (3, 11)),
        ("try: pass\n    except* ValueError: pass", (3, 11)),
        ("return 1 | 2", (3, 8)),
    ],
)
def test_the_least_python_is_recorded(tmp_path: Path, body: str, least: tuple[int, int]) -> None:
    user = User(tmp_path, f"def f(a: 'int | None' = None):\n    {body}\n")
    assert user.source().min_python == least


def test_the_least_python_of_shipped_classes_counts(tmp_path: Path) -> None:
    user = User(
        tmp_path, "from dataclasses import dataclass\n@dataclass(slots=True)\nclass C:\n    a: int\ndef f(c: C): ...\n"
    )
    assert user.source(shipped=[user.C]).min_python == (3, 10)


def test_a_thousand_components_in_one_file_are_not_quadratic(tmp_path: Path) -> None:
    def seconds(count: int) -> float:
        user = User(
            tmp_path, "\n".join(f"def f{i}(a):\n    import os\n    return os.sep + str(a)\n" for i in range(count))
        )
        user.source(user.f0)
        start = time.process_time()
        for i in range(count):
            user.source(getattr(user, f"f{i}"))
        return time.process_time() - start

    assert seconds(1600) < 40 * seconds(200)  # linear would be 8, quadratic 64


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
def test_annotations_that_a_library_evaluates_find_their_names(tmp_path: Path, future: str) -> None:
    user = User(
        tmp_path,
        future
        + """
import datetime as dt
import typing as t
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Callable, Dict, Iterable, List, Literal, Mapping, Optional, Sequence, Tuple, Union
from pydantic import BaseModel, Field, validate_call
MOST = 5
@dataclass
class Plain:
    kind: Literal["a", "b"] = "a"
    n: "Optional[int]" = None
class Whole(BaseModel):
    class Part(BaseModel):
        day: Optional[dt.date] = None
    a: Optional[int] = None
    b: List[Dict[str, Any]] = []
    c: Union[int, str] = 1
    d: Annotated[int, Field(le=MOST)] = 3
    e: t.Optional[Sequence[int]] = None
    f: Mapping[str, Tuple[int, ...]] = {}
    g: Optional[Callable[[], Iterable[int]]] = None
    h: Plain = Plain()
    i: Part = Part()
class Tools:
    @staticmethod
    @validate_call
    def twice(n: Union[int, str]) -> int:
        return 2 * int(n)
def f(w: Whole):
    class Inner(BaseModel):
        a: Optional[Decimal] = None
        b: Annotated[int, "no", MOST] = 1
        c: t.Literal["x"] = "x"
    @validate_call
    def inner(n: Optional[dt.date]) -> str:
        return str(n)
    from pydantic import TypeAdapter
    kind = TypeAdapter(Plain).validate_python({"kind": "b"}).kind
    return Whole(d=4).d, kind, Tools.twice("2"), Inner(a="1.5").a, inner("2024-01-02")
""",
    )
    assert run(user.source(shipped=[user.Whole], include=[user.Tools]), w=None) == (
        4, "b", 4, Decimal("1.5"), "2024-01-02",
    )  # fmt: skip


CONSTANTS = {
    "N = 3": 3,
    "N: Final[int] = 3": 3,
    "N = (1, 'a', [2.5, None, {'k': {1}}])": (1, "a", [2.5, None, {"k": {1}}]),
    "N = (\n    'a'\n    'b'\n)  # a comment": "ab",
    "N = -1e400": float("-inf"),
    "M = 7; N = 8": 8,
    "if True:\n    N = b'x'": b"x",
    "N = 1\nN = 2": 2,
    "N = 1\nN = True": True,
    "try:\n    from nowhere import N\nexcept ImportError:\n    N = 'none'": "none",
    f"N = {'x' * 4000!r}": "x" * 4000,
}
NO_CONSTANTS = [
    "N = 1 + 1", "N = len('a')", "N = 1\nN += 1", "N = [1]\nN.append(2)", "N, M = 1, 2", "N = 0.0\nN = -N",
    f"N = {'x' * 4200!r}", "from string import ascii_letters as N", "for N in range(3): pass", "def g():\n    global N\n    N = 1\ng()",
]  # fmt: skip


@pytest.mark.parametrize("use", ["component", "helper", "class", "default", "imported"])
@pytest.mark.parametrize("text", CONSTANTS)
def test_constants_travel(text: str, use: str, tmp_path: Path) -> None:
    head = f"from typing import Final\n{text}\n"
    if use == "imported":
        other = User(tmp_path, head)
        head = f"from {other.name} import N\n"
    users = {
        "class": "class C:\n    def get(self): return N\ndef f(): return C().get()\n",
        "default": "def h(n=N): return n\ndef f(): return h()\n",
        "helper": "def h(): return N\ndef f(): return h()\n",
    }
    user = User(tmp_path, head + users.get(use, "def f():\n    return N\n"))
    include = [user.C] if use == "class" else [user.h] if use in users else []
    value = run(user.source(include=include))
    assert (value, type(value)) == (CONSTANTS[text], type(CONSTANTS[text]))


@pytest.mark.parametrize("text", NO_CONSTANTS)
def test_what_is_no_longer_a_literal_does_not_travel(text: str, tmp_path: Path) -> None:
    code, message, _ = User(tmp_path, f"{text}\ndef f():\n    return N\n").error()
    assert code == "TP137" and "`N`" in message
