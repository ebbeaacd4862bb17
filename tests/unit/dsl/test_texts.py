"""Text with values in it: what a task receives is what plain Python makes of the value, or an error of lint.

Each type is combined with each way of building text and each way of finishing it. Python evaluates the same source with
the value itself, and the result is compared with what the local engine and the argument in the pod make of the IR.
"""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from typedpipe.compiler import driver
from typedpipe.compiler.argo.values import Values
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir
from typedpipe.ir.typing import GraphTypes
from typedpipe.local.scheduling.evaluation import Evaluation, GraphProgram
from typedpipe.runtime.task import decode, encode
from typedpipe.types.data import to_data

from .conftest import FIRST

TYPES = """\
import enum, functools, html, json, shlex, string, textwrap, math, yaml
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal, NamedTuple, TypedDict
def markup(text):  # as markupsafe escapes for jinja
    for plain, escaped in [("&", "&amp;"), (">", "&gt;"), ("<", "&lt;"), ("'", "&#39;"), ('"', "&#34;")]:
        text = text.replace(plain, escaped)
    return text
escape = functools.partial(markup)  # which the source check does not follow
class Color(enum.Enum):
    RED = "red"
    BLUE = "it's"
class Level(enum.IntEnum):
    LOW = 1
    HIGH = 20
class Mode(enum.StrEnum):
    FAST = "fast"
    WORDY = "two words"
class Named(enum.Enum):
    A = 1
    def __str__(self): return f"the {self.name} 'é'"
@dataclass
class Config:
    name: str
    rate: float = 0.5
    tags: list[str] | None = None
class Point(NamedTuple):
    x: int
    y: str
class Row(TypedDict):
    n: int
    s: str
"""
STRINGS = [
    "plain", "", "it's", 'a "q" \\ b', "é ü 日本 😀", "tab\there", " lead ", "{x} %s $y {{w}}", "<b>&amp;</b>", "-- ; rm *",
    "yes", "12", "# no: comment", "\x7f\x1b", "0x7eD95cB1fA",
]  # fmt: skip
VALUES: dict[str, list[str]] = {
    "int": ["0", "-3", "12", "10**20"],
    "float": ["0.5", "-0.0", "1e-05", "1e16", "math.nan", "-math.inf"],
    "bool": ["True", "False"],
    "str": [repr(text) for text in STRINGS],
    "Literal['a-b', 'it is', 3]": ["'a-b'", "'it is'", "3"],
    "Literal['a', 'b']": ["'a'"],
    "str | None": ["None", "'it\\'s'"],
    "int | None": ["None", "7"],
    "int | str": ["7", "'\"7\"'"],
    "datetime": ["datetime(2024, 2, 3, 4, 5, 6, tzinfo=timezone.utc)"],
    "list[str]": ["[]", "['a', \"it's\", 'é']"],
    "dict[str, float]": ["{'a': 0.5, '\"b\"': math.inf}"],
    "Color": ["Color.RED", "Color.BLUE"],
    "Color | None": ["Color.RED", "None"],
    "Level": ["Level.LOW", "Level.HIGH"],
    "Mode": ["Mode.FAST", "Mode.WORDY"],
    "Named": ["Named.A"],
    "list[Color]": ["[Color.RED, Color.BLUE]"],
    "Config": ["Config('it\\'s', 2.0, ['é'])", "Config('a')"],
    "list[Point]": ["[Point(1, 'a \"b\"')]"],
    "Row": ["Row(n=1, s='é')"],
    "Any": ["3", "'it\\'s'", "None", "[1, {'a': 'b'}]"],
}
"""Types, and the sources of values to try."""
PLAIN = ("int", "float", "bool", "int | None", "Level", "Literal['a', 'b']")
"""Types whose text nothing has to escape: :data:`QUOTING` must work for them."""

MUST_WORK = {
    'f"{v}"', 'f"a {v}-b"', 'f"{v!r}"', 'f"{v!s}"', 'f"{v!a}"', 'f"{v=}"', "str(v)", "repr(v)", "ascii(v)", "format(v)",
    '"%s|%r" % (v, v)', '"{}".format(v)', '"{w!r:}: {0}".format(v, w=v)', '"$v.x".join(["", str(v), ""])',
    'string.Template("x $v y").substitute(v=v)', '"a" + str(v) + "b"', 'f"{[v, 1]}"', "f\"{ {'k': v} }\"",
    "textwrap.dedent(f'''\n    a: {v}\n      b\n    ''')",
}  # fmt: skip
FORMATS = {
    f'f"{{v{how}}}"'
    for how in (":>12", ":<30", ":^9", ":05d", ":+.2f", ":x", ":,", ":s", ":.3", ":%Y-%m", ":*^12", ":'>9", ":e")
} | {'f"{v!r:}"'}
KEEPING = {
    "{}", "json.dumps({})", "json.dumps({}, ensure_ascii=False)", 'json.dumps({{"k": [{}], "é": 1}})',
    "json.dumps(json.dumps({}))", "json.dumps([json.dumps({}, ensure_ascii=False)])", '"[" + {} + "]"', "{} * 2",
    "textwrap.dedent('    ' + {})",
}  # fmt: skip
QUOTING = {
    "shlex.quote({})", "shlex.quote(json.dumps({}))", "shlex.join(['echo', {}])", "html.escape({})", "escape({})", "repr({})",
    'yaml.dump({{"k": {}}})', "yaml.dump([{}], allow_unicode=True)", "yaml.dump({}, default_style='\\'')",
    "yaml.safe_dump({{'a': [{}, 'b']}}, default_flow_style=False, width=20)",
}  # fmt: skip
READING = {
    "{}.upper()", "{}.strip()", "{}[1:]", '{}.replace("a", "b")', "f'{{{}:>40}}'", '"%40s" % {}', 'format({}, ">40")', "'{{:>40}}'.format({})",
    '("same" if {} == "x" else "other")', "max({}, 'zz')", "str(len({}))", "textwrap.fill({}, 4)",
}  # fmt: skip


@pytest.fixture(scope="module")
def plain() -> Iterator[Callable[[str, str], Any]]:
    """What plain Python makes of an expression with a value ``v``."""
    module = sys.modules["plain"] = ModuleType("plain")  # dataclasses look for it
    exec(compile(TYPES, "<plain>", "exec", dont_inherit=True), vars(module))

    def evaluate(expression: str, value: str) -> Any:
        try:
            return eval(expression, {**vars(module), "v": eval(value, vars(module))})
        except (ValueError, TypeError) as error:
            return error

    yield evaluate
    del sys.modules["plain"]


def received(pipeline: ir.Pipeline, value: Any) -> Iterator[str]:
    """The text that the task receives: from the local engine, and from the argument of the pod."""
    graph = pipeline.graph
    task = graph.nodes[0]
    assert isinstance(task, ir.Task)
    operand = dict(task.args)["s"]
    types = GraphTypes(pipeline, graph)
    wire = encode(value, to_data(graph.inputs[0].type))
    yield decode(Evaluation(GraphProgram(graph, types), lambda _: wire).value(operand), "str")  # type: ignore[arg-type]  # a parameter
    yield decode(Values(graph, types, {"v": "V"}).text(operand).replace("{{V}}", wire), "str")


def programs(type_: str, expressions: list[str]) -> str:
    """One pipeline for each expression."""
    return TYPES + "\n".join(
        f"@dsl.pipeline(name='p{at}')\ndef p{at}(v: {type_}):\n    say(s={expression})\n"
        for at, expression in enumerate(expressions)
    )


def outcome(program: Any, type_: str, expressions: list[str]) -> Iterator[tuple[str, ir.Pipeline | None, list[str]]]:
    """For each expression its pipeline, and the errors about it."""
    found = program(programs(type_, expressions))
    lines = linecache.getlines(str(found.module.__file__))
    starts = [at for at, line in enumerate(lines, start=1) if line.startswith("@dsl.pipeline")] + [len(lines) + 1]
    assert starts[0] > FIRST
    for at, expression in enumerate(expressions):
        checked, report = None, Diagnostics()
        for each in found.report:
            if each.code != "TP214" and starts[at] <= each.primary.span.line < starts[at + 1]:
                report.add(each)
        if not report.items:  # an error of another pipeline has kept it from being checked
            try:
                checked = driver.check(found.pipelines[at].ir, report)
            except PipelineError:
                pass
        yield expression, checked, [each.code for each in report]


def same(expression: str, one: str, other: str) -> bool:
    if "yaml." in expression and one != other:
        import yaml

        return bool(yaml.safe_load(one) == yaml.safe_load(other))
    return one == other


@pytest.mark.parametrize("type_", VALUES)
def test_text_is_what_python_makes_of_the_value(program, plain, type_):
    ways = sorted(MUST_WORK)
    for expression, pipeline, codes in outcome(program, type_, ways):
        assert pipeline is not None, (expression, codes)
        for value in VALUES[type_]:
            want = plain(expression, value)
            for text in received(pipeline, plain("v", value)):
                assert text == want, (expression, value)


@pytest.mark.parametrize("type_", VALUES)
def test_a_format_works_or_is_an_error_where_python_raises(program, plain, type_):
    for expression, pipeline, codes in outcome(program, type_, sorted(FORMATS)):
        wants = [plain(expression, value) for value in VALUES[type_]]
        if type_ == "Any":
            assert codes == []
        else:
            assert codes == (["TP214"] if any(isinstance(want, Exception) for want in wants) else []), expression
        for value, want in zip(VALUES[type_], wants, strict=True):
            if pipeline is not None and not isinstance(want, Exception):
                assert set(received(pipeline, plain("v", value))) == {want}, (expression, value)


@pytest.mark.parametrize("type_", VALUES)
def test_finished_text_is_what_python_makes_of_it_or_an_error(program, plain, type_):
    ways = ['f"{v}"', 'f"a {v}-b"', 'f"{v!r}"', "str(v)", 'f"{v!a}: {v}"']
    finished = [finish.format(way) for finish in sorted(KEEPING | QUOTING) for way in ways]
    for at, (expression, pipeline, codes) in enumerate(outcome(program, type_, finished)):
        finish, way = sorted(KEEPING | QUOTING)[at // len(ways)], ways[at % len(ways)]
        if finish in KEEPING or (type_ in PLAIN and "!" not in way):
            assert pipeline is not None, (expression, codes)
        if pipeline is None:
            assert codes == ["TP159"], expression
            continue
        for value in VALUES[type_]:
            want = plain(expression, value)
            if "dedent" in finish and plain("v", value) == " lead ":
                continue  # `dedent` sees the text around a value, not its own lines
            for text in received(pipeline, plain("v", value)):
                assert same(expression, text, want), (expression, value, text, want)


@pytest.mark.parametrize("type_", ["int", "str", "Color", "list[str]", "float | None"])
def test_reading_text_is_an_error_also_where_the_text_is_used_whole(program, type_):
    expressions = [f"[t := f'{{v}}', say(s=t), {read.format('t')}][-1]" for read in sorted(READING)]
    for expression, _, codes in outcome(program, type_, expressions):
        assert codes == ["TP159"], expression


def _helped(read: str) -> str:
    return f"""
    import base64, re, textwrap
    def helper(text, other=1):
        inner = text
        return {read}
    class Holder:
        def method(self, text): return helper(text)
        @staticmethod
        def static(*texts): return [helper(each) for each in texts]
    HOLDER = Holder()
    """


READS = [
    "inner == 'X'", "inner in ('X',)", "{'X': 1}.get(inner, 2)", "{'X': 1}[inner]", "sorted([inner, 'a'])[0]", "max(inner, 'a')",
    "re.match('X', inner)", "len(inner)", "1 if inner else 2", "inner and 1", "not inner", "[c for c in inner]", "inner[0]",
    "inner.startswith('X')", "'X'.startswith(inner)", "base64.b64encode(inner.encode())", "textwrap.fill(inner)", "hash(inner)", "int(inner)",
    "{inner, 'a'}", "any([inner])", "'-'.join(inner)", "(lambda t: t == 'X')(inner)", "re.compile('X').match(inner)",
]  # fmt: skip


@pytest.mark.parametrize(
    "call", ["helper(t)", "helper(text=t)", "HOLDER.method(t)", "Holder.static(t)", "helper(*[t])"]
)
@pytest.mark.parametrize("read", READS)
def test_reads_are_found_in_helper_functions(program, read, call):
    found = program(
        _helped(read)
        + f"\n    @dsl.pipeline\n    def p(v: str):\n        t = f'{{v}}'\n        say(s=t)\n        {call}\n"
    )
    assert found.codes == ["TP159"], found.printed
    assert "return " + read in linecache.getline(
        found.module.__file__, found.report.__iter__().__next__().primary.span.line
    )


@pytest.mark.parametrize("read", READS)
def test_plain_text_in_the_same_helper_is_no_error(program, read):
    found = program(
        _helped(read.replace("base64.b64encode(inner.encode())", "inner").replace("int(inner)", "inner"))
        + """
    @dsl.pipeline
    def p(v: str):
        t = f'{v}'
        say(s=t)
        t = "X"
        helper(t)
        HOLDER.method("X")
        """
    )
    assert found.codes == [], found.printed


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ("@dataclass\nclass C:\n    n: int\n    def __str__(self): return 'own'\n", 'f"{v}"'),
        ("@dataclass(repr=False)\nclass C:\n    n: int\n", 'f"{v}"'),
        ("@dataclass\nclass C:\n    n: int = field(repr=False)\n", 'f"{v}"'),
        ("class C(NamedTuple):\n    n: int\n    def __repr__(self): return 'own'\n", 'f"{[v]}"'),
        ("class E(enum.Enum):\n    A = 1\n    def __repr__(self): return 'own'\nC = list[E]\n", 'f"{v}"'),
        ("class O:\n    @dataclass\n    class C:\n        n: int\nC = O.C\n", 'f"{v}"'),
    ],
)
def test_text_that_only_the_class_knows_is_an_error(program, definition, text):
    head = "import enum\nfrom dataclasses import dataclass, field\nfrom typing import NamedTuple\n"
    found = program(f"{head}{definition}@dsl.pipeline\ndef p(v: C):\n    say(s={text})\n")
    assert found.codes == ["TP214"], found.printed
    assert "itself, which a task may not have" in found.said[0]
    assert "return the text from a component" in found.help


def test_an_enum_prints_as_its_class_says_wherever_it_stands_alone(program):
    found = program(
        """
        import enum
        class E(enum.Enum):
            A = 1
            def __repr__(self): return 'own'
            def __format__(self, spec): return f"<{spec}>"
        @dsl.pipeline
        def p(v: E):
            say(s=f"{v:any} {v!r}")
        """
    )
    assert 'format($v:"any" from {"1": "<any>"}, " ", $v!r from {"1": "own"})' in found.graph


def test_classes_of_two_modules_with_equal_types_keep_their_own_texts(program, tmp_path, monkeypatch):
    """The types of the components' outputs are equal: the classes have the same name in their modules."""
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("colors_a", "colors_b"):
        own = "    def __str__(self): return 'own'\n" if name == "colors_b" else ""
        (tmp_path / f"{name}.py").write_text(
            "import enum\nfrom dataclasses import dataclass\nfrom typedpipe import dsl\n"
            f"class Color(enum.Enum):\n    RED = 1\n    def __str__(self): return '{name}'\n"
            f"@dataclass\nclass Box:\n    n: int\n{own}"
            "@dsl.component\ndef color() -> Color: return Color.RED\n"
            "@dsl.component\ndef box() -> list[Box]: return [Box(1)]\n"
        )
    head = "import colors_a, colors_b\n@dsl.pipeline\ndef p():\n"
    found = program(head + "    say(s=f'{colors_a.color().output} {colors_b.color().output}')\n")
    assert 'from {"1": "colors_a"}' in found.graph
    assert 'from {"1": "colors_b"}' in found.graph
    assert program(head + "    say(s=f'{colors_a.box().output[0]}')\n").codes == []
    assert program(head + "    say(s=f'{colors_b.box().output[0]}')\n").codes == ["TP214"]


def test_a_class_that_is_defined_again_is_asked_again(program):
    head = "from dataclasses import dataclass\n@dataclass\nclass C:\n    n: int\n"
    tail = "@dsl.pipeline\ndef p(v: C):\n    say(s=f'{v}')\n"
    assert program(f"{head}    def __str__(self): return 'own'\n{tail}").codes == ["TP214"]
    assert program(head + tail).codes == []


def test_pydantic_models_print_as_pydantic_prints_them(program):
    pydantic = pytest.importorskip("pydantic")
    head = "import pydantic\nclass M(pydantic.BaseModel):\n    n: int\n    s: str = 'a'\n"
    found = program(head + '@dsl.pipeline\ndef p(v: M):\n    say(s=f"{v} {v!r} {[v]}")\n')
    space: dict[str, Any] = {"pydantic": pydantic, "__name__": "plain"}
    exec(compile(head, "<plain>", "exec", dont_inherit=True), space)
    value = space["M"](n=1)
    assert set(received(found.checked[0], value)) == {f"{value} {value!r} {[value]}"}


@pytest.mark.parametrize(
    ("change", "done", "type_this"),
    [
        ("shlex.quote(f'echo {v}')", "quoted for a shell", """`sh -c '… "$1"' sh VALUE`"""),
        ("shlex.quote(json.dumps({'a': v + ''}))", "quoted for a shell", "as an argument"),
        ("yaml.dump({'a': f'{v}'})", "written as YAML", "call `yaml.dump` there"),
        ("yaml.dump([f'{v}'], allow_unicode=True)", "written as YAML", "`json.dumps`, which is valid YAML"),
        ("html.escape(f'{v}')", "escaped for HTML", "escape it there"),
        ("repr(f'{v}')", "converted with `repr()`", '`f"{value!r}"`'),
        ("DAMAGE(f'{v}')", "changed after it was created", "in a component"),
    ],
)
def test_an_error_about_text_says_what_was_done_and_what_to_do(program, change, done, type_this):
    found = program(
        f"""
        import functools, html, json, shlex, yaml
        def damage(text): return text[3:]
        DAMAGE = functools.partial(damage)
        @dsl.pipeline
        def p(v: str):
            whole = f"{{v}}"
            say(s=whole)
            say(s={change})
        """
    )
    assert len(found.said) == 1, found.printed
    assert found.said[0].startswith(f"TP159 8:11 `s` of `say` is text that contains a pipeline value and was {done}")
    assert type_this in found.help


def test_yaml_of_a_number_stays_a_text(program):
    found = program(
        "import yaml\n@dsl.pipeline\ndef p(v: int):\n    say(s=yaml.dump({'a': f'{v}', 'b': f'--n={v}'}))\n"
    )
    assert set(received(found.checked[0], 3)) == {"a: '3'\nb: --n=3\n"}


def test_a_thousand_values_in_one_text(program):
    found = program("@dsl.pipeline\ndef p(v: str):\n    say(s='-'.join(f'{v}' for _ in range(1000)))\n")
    assert set(received(found.checked[0], "é")) == {"-".join("é" * 1000)}


@pytest.mark.parametrize(
    "setting",
    ["set_display_name({})", "set_env({}, 'x')", "set_caching_options(True, {})", "set_retry(1, backoff_duration={})"],
)
def test_text_with_a_value_is_no_constant_of_a_setting(program, setting):
    found = program(
        f"@dsl.pipeline\ndef p(v: int):\n    say(s=f'{{v}}').{setting.format(chr(34).join(['f', '{v}', '']))}\n"
    )
    assert found.codes == ["TP117"], found.printed
    assert "0x7eD" not in found.printed
