"""Help that can be followed: each remedy is followed literally, and then the program has no errors."""

from __future__ import annotations

import sys

import pytest

HEAD = """
import functools
import logging
import os.path as p
from math import sqrt as root
from typing import NamedTuple
from typedpipe import component, pipeline
"""
MAIN = """
@pipeline
def main() -> int:
    return c().output
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_helpers.py").write_text(
        "import functools, logging\nVERSION = 4\nLOG = logging.getLogger('own')\n"
        "def one() -> int:\n    return 1\nclass Two:\n    value = 2\nTHREE = object()\n"
        "def make(k):\n    def add(n): return n + k\n    return add\nadd_one = make(1)\n"
        "@functools.lru_cache\ndef slow(n: int) -> int: return n\n"
        "def logs() -> int:\n    LOG.info('x')\n    return 1\n"
        "def table() -> int: return REG['a']\nREG = {'a': len('x')}\n"
        "def cached() -> int: return slow(1)\n"
        "def closes() -> int: return add_one(1)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("own_helpers", None)


def body(text: str, *, options: str = "", above: str = "", below: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return f"{HEAD}{above}\n@component{options}\ndef c() -> int:\n{lines}{below}\n{MAIN}"


FIELDS = f"""{HEAD}
from typedpipe import Collected, Model, ParallelFor
class U(NamedTuple):
    s: str
    n: int
class M(NamedTuple):
    model: Model
    n: int
class Made(NamedTuple):
    u: U
    n: int
@component
def c(n: int) -> int: return n
@component
def total(ns: list[int]) -> int: return sum(ns)
@component
def u() -> U: return U("a", 1)
@component
def made(u: U) -> Made: return Made(u, 1)
@component
def m() -> M: return M(Model(), 1)
@pipeline
def main() -> int:
"""
OUT = ".output\n"
COLLECTED = (
    FIELDS.replace("{", "{{").replace("}", "}}")
    + "    with ParallelFor([1, 2]):\n        t = u()\n    return total(ns=Collected({})).output\n"
)


def branch(condition: str, then: str = "use(n=1)") -> str:
    return (
        "from typedpipe.dsl import *\n@component\ndef use(n: int) -> int: return n\n"
        "@component\ndef sizes() -> dict[str, int]: return {}\n@component\ndef rows() -> list[list[int]]: return []\n"
        "@component\ndef is_in_rows(n: int, rows: list[list[int]]) -> bool: return n in rows[0]\n"
        f"@pipeline\ndef main(n: int, s: str, flag: bool) -> None:\n    with {condition}:\n        {then}\n"
    )


TAGGED = """
from typing import Literal
from pydantic import BaseModel
from typedpipe import component, pipeline
class Cat(BaseModel):
    kind: Literal["cat"]{cat}
    n: int = 9
class Dog(BaseModel):
    kind: Literal["dog"]{dog}
    n: int = 1
@component
def c(pet: Cat | Dog) -> int: return pet.n
@pipeline
def main() -> int:
    return c(pet=Cat({tag})).output
"""
INCLUDE = "(include=[helper])"
DEF = "def helper(n: int) -> int: return n"
REMEDIES = {
    "function": (
        body("return helper(1)", above=DEF),
        "TP137",
        "pass `helper` with `include=[helper]`",
        body("return helper(1)", above=DEF, options=INCLUDE),
    ),
    "function below": (
        body("return helper(1)", below=DEF),
        "TP137",
        "`helper` is defined below: move its definition above `c`, and pass it with `include=[helper]`",
        body("return helper(1)", above=DEF, options=INCLUDE),
    ),
    "class below": (
        "from __future__ import annotations"
        + HEAD
        + "@component\ndef c() -> Pair:\n    return Pair(1)\nclass Pair(NamedTuple):\n    a: int\n"
        + "@pipeline\ndef main() -> int:\n    return c().outputs.a\n",
        "TP100",
        "move the definition of `Pair` above `c`",
        "from __future__ import annotations"
        + HEAD
        + "class Pair(NamedTuple):\n    a: int\n@component\ndef c() -> Pair:\n    return Pair(1)\n"
        + "@pipeline\ndef main() -> int:\n    return c().outputs.a\n",
    ),
    "lambda": (
        body("return helper(1)", above="helper = lambda n: n"),
        "TP137",
        "write `helper` as a `def`, and pass it with `include=[helper]`",
        body("return helper(1)", above=DEF, options=INCLUDE),
    ),
    "included lambda": (
        body("return helper(1)", above="helper = lambda n: n", options=INCLUDE),
        "TP138",
        "write it as a `def` at module level, and include that",
        body("return helper(1)", above=DEF, options=INCLUDE),
    ),
    "partial": (
        body("return helper('11')", above="helper = functools.partial(int, base=2)"),
        "TP137",
        "move `helper = functools.partial(int, base=2)` into the function, with the imports that it needs",
        body("import functools\nhelper = functools.partial(int, base=2)\nreturn helper('11')"),
    ),
    "included partial": (
        body("return helper('11')", above="helper = functools.partial(int, base=2)", options=INCLUDE),
        "TP138",
        "write a `def` at module level that calls the function with these arguments, and include that",
        body("return helper('11')", above="def helper(s): return int(s, base=2)", options=INCLUDE),
    ),
    "decorated function": (
        body("return helper(1)", above=f"@functools.lru_cache\n{DEF}\nhelper = functools.wraps(helper)(lambda n: n)"),
        "TP137",
        "`helper` cannot be shipped, because it is a decorated function: write a plain `def` at module level, "
        "and pass that with `include`",
        body("return helper(1)", above=DEF, options=INCLUDE),
    ),
    "closure": (
        body("return helper(1)", above="def make(k):\n    def add(n): return n + k\n    return add\nhelper = make(1)"),
        "TP137",
        "`helper` cannot be shipped, because it is a closure: write a plain `def` at module level, "
        "and pass that with `include`",
        body("return helper(1)", above=DEF, options=INCLUDE),
    ),
    "included closure": (
        body(
            "return helper(1)",
            above="def make(k):\n    def add(n): return n + k\n    return add\nhelper = make(1)",
            options=INCLUDE,
        ),
        "TP138",
        "write it as a `def` at module level that uses no variables of an enclosing function",
        body("return helper(1)", above=DEF, options=INCLUDE),
    ),
    "logger": (
        body("LOG.info('x')\nreturn 1", above="LOG = logging.getLogger(__name__)"),
        "TP137",
        "move `LOG = logging.getLogger(__name__)` into the function, with the imports that it needs",
        body("import logging\nLOG = logging.getLogger(__name__)\nLOG.info('x')\nreturn 1"),
    ),
    "object": (
        body("return len(str(THING))", above="THING = object()"),
        "TP137",
        "move `THING = object()` into the function, with the imports that it needs",
        body("THING = object()\nreturn len(str(THING))"),
    ),
    "module": (
        body("return len(functools.__name__)"),
        "TP137",
        "import `functools` inside the function",
        body("import functools\nreturn len(functools.__name__)"),
    ),
    "module as": (
        body("return len(p.join('a'))"),
        "TP137",
        "write `import os.path as p` inside the function",
        body("import os.path as p\nreturn len(p.join('a'))"),
    ),
    "name of a module": (
        body("return int(root(4))"),
        "TP137",
        "write `from math import sqrt as root` inside the function",
        body("from math import sqrt as root\nreturn int(root(4))"),
    ),
    "own module": (
        body("return own_helpers.one() + own_helpers.Two.value", above="import own_helpers"),
        "TP137",
        "`own_helpers` is not installed in the container: write `from own_helpers import one, Two` at the top of the file, "
        "use the names without `own_helpers.`, and pass `include=[one, Two]`",
        body("return one() + Two.value", above="from own_helpers import one, Two", options="(include=[one, Two])"),
    ),
    "constant of an own module": (
        body("return own_helpers.VERSION", above="import own_helpers"),
        "TP137",
        "`own_helpers` is not installed in the container: write `from own_helpers import VERSION` at the top of the file "
        "and use `VERSION` without `own_helpers.`",
        body("return VERSION", above="from own_helpers import VERSION"),
    ),
    "constant and function of an own module": (
        body("return own_helpers.VERSION + own_helpers.one()", above="import own_helpers"),
        "TP137",
        "`own_helpers` is not installed in the container: write `from own_helpers import VERSION, one` at the top of the "
        "file, use the names without `own_helpers.`, and pass `include=[one]`",
        body("return VERSION + one()", above="from own_helpers import VERSION, one", options="(include=[one])"),
    ),
    "logger of an own module": (
        body("own_helpers.LOG.info('x')\nreturn 1", above="import own_helpers"),
        "TP137",
        "move `LOG = logging.getLogger('own')` into the function, with the imports that it needs, "
        "and write `LOG` without `own_helpers.`",
        body("import logging\nLOG = logging.getLogger('own')\nLOG.info('x')\nreturn 1"),
    ),
    "cached function of an own module": (
        body("return slow(1)", above="from own_helpers import slow"),
        "TP137",
        "`slow` cannot be shipped, because it is a decorated function: write a plain `def` at module level, "
        "and pass that with `include`",
        body("return slow(1)", above="def slow(n: int) -> int: return n", options="(include=[slow])"),
    ),
    "cached function": (
        body("return slow(1)", above="@functools.lru_cache\ndef slow(n: int) -> int: return n"),
        "TP137",
        "`slow` cannot be shipped, because it is a decorated function: write a plain `def` at module level, "
        "and pass that with `include`",
        body("return slow(1)", above="def slow(n: int) -> int: return n", options="(include=[slow])"),
    ),
    "included constant": (
        body("return LIMIT", above="LIMIT = 3", options="(include=[LIMIT])"),
        "TP138",
        "remove it from `include`: a constant that is assigned a literal is shipped with the function that uses it",
        body("return LIMIT", above="LIMIT = 3"),
    ),
    "included logger": (
        body("LOG.info('x')\nreturn 1", above="LOG = logging.getLogger(__name__)", options="(include=[LOG])"),
        "TP138",
        "remove it from `include`, and create it inside the function",
        body("import logging\nLOG = logging.getLogger(__name__)\nLOG.info('x')\nreturn 1"),
    ),
    "logger of a helper": (
        body("return logs()", above="from own_helpers import logs", options="(include=[logs])"),
        "TP139",
        "move `LOG = logging.getLogger('own')` into `logs`, with the imports that it needs",
        body(
            "return logs()",
            above="def logs() -> int:\n    import logging\n    LOG = logging.getLogger('own')\n    LOG.info('x')\n    return 1",
            options="(include=[logs])",
        ),
    ),
    "table of a helper": (
        body("return table()", above="from own_helpers import table", options="(include=[table])"),
        "TP139",
        "make `REG` a parameter of `table`, or assign its value inside `table`",
        body("return table()", above="def table() -> int:\n    REG = {'a': len('x')}\n    return REG['a']", options="(include=[table])"),
    ),
    "cached function of a helper": (
        body("return cached()", above="from own_helpers import cached", options="(include=[cached])"),
        "TP139",
        "`slow` cannot be shipped, because it is a decorated function: write a plain `def` at module level, "
        "and call that in `cached`",
        body(
            "return cached()",
            above="def slow(n: int) -> int: return n\ndef cached() -> int: return slow(1)",
            options="(include=[cached])",
        ),
    ),
    "closure of a helper": (
        body("return closes()", above="from own_helpers import closes", options="(include=[closes])"),
        "TP139",
        "`add_one` cannot be shipped, because it is a closure: write a plain `def` at module level, and call that in `closes`",
        body(
            "return closes()",
            above="def add_one(n: int) -> int: return n + 1\ndef closes() -> int: return add_one(1)",
            options="(include=[closes])",
        ),
    ),
    "field of a shipped class": (
        body("return Kept().n", above="STEP = 2 ** 3\nclass Kept:\n    n = STEP", options="(include=[Kept])"),
        "TP139",
        "write the value of `STEP` in place of the name",
        body("return Kept().n", above="class Kept:\n    n = 2 ** 3", options="(include=[Kept])"),
    ),
    "base of a shipped class": (
        body("return Kept().value", above="import own_helpers\nclass Kept(own_helpers.Two): ...", options="(include=[Kept])"),
        "TP139",
        "`own_helpers` is not installed in the container: write `from own_helpers import Two` at the top of the file "
        "and use `Two` without `own_helpers.`",
        body("return Kept().value", above="from own_helpers import Two\nclass Kept(Two): ...", options="(include=[Kept])"),
    ),
    "method of a shipped class": (
        body("return Kept().n()", above="STEP = 2 ** 3\nclass Kept:\n    def n(self): return STEP", options="(include=[Kept])"),
        "TP139",
        "make `STEP` a parameter of `n`, or assign its value inside `n`",
        body("return Kept().n()", above="class Kept:\n    def n(self):\n        STEP = 2 ** 3\n        return STEP", options="(include=[Kept])"),
    ),
    "component": (
        body("return inner()", above="@component\ndef inner() -> int: return 1"),
        "TP137",
        "a component cannot call another one: call `inner` in the pipeline, and pass its output",
        f"{HEAD}@component\ndef inner() -> int: return 1\n@component\ndef c(n: int) -> int: return n\n"
        "@pipeline\ndef main() -> int:\n    return c(n=inner().output).output\n",
    ),
    "included component": (
        body("return inner()", above="@component\ndef inner() -> int: return 1", options="(include=[inner])"),
        "TP138",
        "a component cannot call another one: call `inner` in the pipeline, and pass its output",
        f"{HEAD}@component\ndef inner() -> int: return 1\n@component\ndef c(n: int) -> int: return n\n"
        "@pipeline\ndef main() -> int:\n    return c(n=inner().output).output\n",
    ),
    "included module": (
        body("return own_helpers.one()", above="import own_helpers", options="(include=[own_helpers])"),
        "TP138",
        "include the functions and classes of the module that the component uses: `include=[own_helpers.…]`",
        body("return one()", above="import own_helpers\nfrom own_helpers import one", options="(include=[own_helpers.one])"),
    ),
    "classes with a tag that has a default": (
        TAGGED.format(cat=' = "cat"', dog=' = "dog"', tag=""),
        "TP122",
        "remove the default of `kind` in each of them: a value that is always given distinguishes them",
        TAGGED.format(cat="", dog="", tag='kind="cat"'),
    ),
    "classes, one with a tag that has a default": (
        TAGGED.format(cat="", dog=' = "dog"', tag='kind="cat"'),
        "TP122",
        "remove the default of `kind` in each of them: a value that is always given distinguishes them",
        TAGGED.format(cat="", dog="", tag='kind="cat"'),
    ),
    "several outputs, one wanted": (
        FIELDS + "    return c(n=u().output)" + OUT,
        "TP201",
        "pass one of the task's outputs: `.outputs.n`",
        FIELDS + "    return c(n=u().outputs.n)" + OUT,
    ),
    "several outputs, one wanted as text": (
        FIELDS + "    return c(n=made(u=u().outputs).outputs.u)" + OUT,
        "TP201",
        "pass a field of it: add `.n`",
        FIELDS + "    return c(n=made(u=u().outputs).outputs.u.n)" + OUT,
    ),
    "several outputs, returned": (
        FIELDS + "    return u().outputs",
        "TP202",
        "pass one of the task's outputs: `.outputs.n`",
        FIELDS + "    return u().outputs.n",
    ),
    "several outputs, ambiguous": (
        FIELDS + "    return c(n=m().output)" + OUT,
        "TP116",
        "use `.outputs.model` or `.outputs.n`",
        FIELDS + "    return c(n=m().outputs.n)" + OUT,
    ),
    "several outputs, all of them": (
        FIELDS + "    return c(n=m().outputs)" + OUT,
        "TP114",
        "select one output: `.outputs.model` or `.outputs.n`",
        FIELDS + "    return c(n=m().outputs.n)" + OUT,
    ),
    "the task itself": (
        FIELDS + "    return c(n=u())" + OUT,
        "TP114",
        "pass one of the task's outputs: add `.outputs.s` or `.outputs.n`",
        FIELDS + "    return c(n=u().outputs.n)" + OUT,
    ),
    "collected": (
        COLLECTED.format("t.output"),
        "TP201",
        "collect a field of it: add `.n` to the collected value",
        COLLECTED.format("t.output.n"),
    ),
    "item of a list of text": (
        branch("If(In(n, ['a', 'b']))"),
        "TP213",
        "use a list of `int`, or a value of type `str`",
        branch("If(In(n, [1, 2]) & In(s, ['a', 'b']))"),
    ),
    "bool in a list of numbers": (
        branch("If(In(flag, [1, 2]))"),
        "TP213",
        "use a list of `bool`, or a value of type `int`",
        branch("If(In(flag, [True]) & In(n, [1, 2]))"),
    ),
    "key that is a number": (
        branch("If(In(n, sizes().output))"),
        "TP213",
        "use a value of type `str`",
        branch("If(In(s, sizes().output))"),
    ),
    "item of a nested list": (
        branch("If(In(n, rows().output))"),
        "TP213",
        "test it in a component that returns `bool`",
        branch("If(is_in_rows(n=n, rows=rows().output).output)"),
    ),
    "not a container": (
        branch("If(In(n, flag))"),
        "TP213",
        "pass a list, a dict or a `str`",
        branch("If(In(n, [1]) & In(s, sizes().output) & In('a', s))"),
    ),
    "Else without If": (
        branch("Else()"),
        "TP162",
        "indent it like the `with dsl.If(...):` that it belongs to, and put it after the block of that `If`",
        branch("If(n > 1)", "use(n=1)\n    with Else():\n        use(n=2)"),
    ),
    "Elif after Else": (
        branch("If(n > 1)", "use(n=1)\n    with Else(): use(n=2)\n    with Elif(n > 0): use(n=3)"),
        "TP162",
        "move it above the `with dsl.Else():`, or start a new chain with `with dsl.If(...):`",
        branch("If(n > 1)", "use(n=1)\n    with Elif(n > 0): use(n=3)\n    with Else(): use(n=2)"),
    ),
    "second Else": (
        branch("If(n > 1)", "use(n=1)\n    with Else(): use(n=2)\n    with Else(): use(n=3)"),
        "TP162",
        "remove it, or start a new chain with `with dsl.If(...):`",
        branch("If(n > 1)", "use(n=1)\n    with Else(): use(n=2)\n    with If(n > 0): use(n=3)"),
    ),
}  # fmt: skip


@pytest.mark.usefixtures("own_module")
@pytest.mark.parametrize("kind", REMEDIES)
def test_a_remedy_can_be_followed(program, kind):
    wrong, code, help_, right = REMEDIES[kind]
    found = program(wrong, prelude=False)
    assert found.codes == [code], found.printed
    assert found.help == help_
    followed = program(right, prelude=False)
    assert followed.codes == [], followed.printed


def test_a_name_that_cannot_be_shipped_is_shown_where_it_is_used(program):
    found = program(
        body(
            "return helper(1)",
            above="LOG = logging.getLogger(__name__)\ndef helper(n: int) -> int:\n    LOG.info('x')\n    return n",
            options="(include=[helper])",
        ),
        prelude=False,
    )
    assert found.codes == ["TP139"]
    assert "LOG.info('x')\n" in found.printed
    assert "^^^ `LOG` is a global variable" in found.printed


def test_the_first_use_is_shown(program):
    found = program(body("if str(p.join('a')):\n    return 1\nreturn len(p.sep)"), prelude=False)
    assert "str(p.join" in found.printed
