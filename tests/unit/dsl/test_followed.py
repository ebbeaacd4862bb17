"""Source check: decisions that objects, containers and functions of other functions make on pipeline values."""

from __future__ import annotations

from typing import Any

import pytest

HEAD = """\
import collections, functools, itertools, json, types, yaml
from dataclasses import dataclass
from typing import NamedTuple, Any
@dsl.component
def take(a: Any) -> str: return "x"
@dataclass
class Job:
    name: str
    note: Any = None
    def __post_init__(self):
        if self.note is None: self.note = "none"
@dataclass
class Plain:
    name: str
    note: Any = None
    @property
    def shown(self): return "n" if self.note is None else self.note
    def text(self): return "n" if self.note is None else self.note
    def __bool__(self): return self.note is not None
    def put(self, note): self.note = note
class Old:
    def __init__(self, note): self.note = note
    def text(self): return "n" if self.note is None else self.note
    def __str__(self): return f"{self.note}"
    def __call__(self, x): return 1 if x is None else 2
class Deep(Old):
    def deeper(self): return self.text()
class Row(NamedTuple):
    a: str
    b: Any
def isnone(x): return x is None
def isnoney(*, y): return y is None
TABLE = {"a": isnone}
FMT = "%6s|"
@functools.singledispatch
def shown(x): return "object"
@shown.register
def _(x: int): return "int"

@dsl.pipeline
def p(note: str | None, lr: float, n: int, v: str, m: int):
    take(a=note)
"""


def checked(program: Any, body: str) -> Any:
    lines = body.split("\n")
    return program(HEAD + "".join(f"    {line}\n" for line in lines))


@pytest.mark.parametrize(
    "body",
    [
        "x = {k: w for k, w in dict(lr=note).items() if w is not None}",
        'x = {k: w for k, w in {"lr": note}.items() if w is not None}',
        'x = [w for w in dict([("k", note)]).values() if w is None]',
        'x = [w for w in dict(zip(["a"], [note])).values() if w is None]',
        'x = [w for w in ({"a": 1} | {"b": note}).values() if w is None]',
        'x = dict(a=note)["a"] is None',
        'o = Plain("a", note); x = vars(o)["note"] is None',
        'o = Plain("a", note); x = getattr(o, "note") is None',
        "x = types.SimpleNamespace(n=note).n is None",
        "a, *b = 1, note; x = b[0] is None",
        "x = [note].pop() is None",
        "x = ([note] * 2)[1] is None",
        "x = next(iter([note])) is None",
        "x = [w for w in itertools.chain([1], [note]) if w is None]",
        "x = [w for w in itertools.chain.from_iterable([[1], [note]]) if w is None]",
        'd = collections.defaultdict(list); d["k"].append(note); x = [w for w in d["k"] if w is None]',
        'd = {}; d.setdefault("k", note); x = d["k"] is None',
        'd = {}; d.update(k=note); x = d["k"] is None',
        'd = {}; d.update({"k": note}); x = d.get("k") is None',
        "for i, w in enumerate([note]): x = w is None",
        "for i, w in zip([1], [note]): x = w is None",
        'Job("a", note)',
        'Job("a", note=note)',
        'Plain("a", note).shown',
        'Plain("a", note).text()',
        'o = Plain("a", note); x = 1 if o else 2',
        'o = Plain("a"); o.put(note); o.text()',
        'o = Plain("a"); o.note = note; o.text()',
        "Old(note).text()",
        "o = Old(note); o.text()",
        "Deep(note).deeper()",
        "Old(1)(note)",
        'x = Row("a", note)[1] is None',
        'a, b = Row("a", note); x = b is None',
        "x = list(map(isnone, [note]))",
        "x = list(map(lambda q: q is None, [note]))",
        "x = list(filter(lambda q: q is None, [note]))",
        "x = sorted([note, note], key=lambda q: q is None)",
        'TABLE["a"](note)',
        '{"a": isnone}["a"](note)',
        'isnoney(**{"y": note})',
        "take(a=shown(note))",
        "x = 1\nmatch [note]:\n    case [None]: x = 2",
        "x = 1\nmatch {'a': note}:\n    case {'a': None}: x = 2",
        "x = None\ndef put(w):\n    nonlocal x\n    x = w\nput(note)\ny = x is None",
        "rows = []\ndef put(w): rows.append(w)\nput(note)\ny = rows[0] is None",
    ],
)
def test_a_value_is_followed_into_objects_containers_and_functions(program, body):
    found = checked(program, body)
    assert found.codes == ["TP150"], found.printed


@pytest.mark.parametrize(
    "body",
    [
        'F = FMT; say(s=F % f"a{n}")',
        'say(s=FMT % f"a{n}")',
        "say(s=FMT % v)",
        'say(s="%(n)6s" % {"n": v})',
        'say(s="%*s" % (6, v))',
        'say(s="{n!s:>6}".format_map({"n": v}))',
        'row = {"n": v}; say(s="{n!s:>6}".format(**row))',
        'say(s=str.format("{:>6}", f"a{v}"))',
        'say(s=f"{[n]!s:>6}")',
        """say(s=f"{Row('a', n)!r:>9}")""",
    ],
)
def test_a_width_of_text_with_a_value_is_an_error_however_it_is_written(program, body):
    found = checked(program, body)
    assert found.codes == ["TP159"], found.printed


@pytest.mark.parametrize(
    "body",
    [
        'say(s=yaml.dump({"version": f"1.{n}"}))',
        'say(s=yaml.dump([f"{n}.{m}"]))',
        't = f"1.{n}"; say(s=yaml.safe_dump({"a": {"b": t}}))',
        'say(s=yaml.dump({"version": "1." + str(n)}))',
        'say(s=yaml.dump({"d": f"2024-{n}-{m}"}))',
        'say(s=yaml.dump({"at": f"{n}:{m}"}))',
    ],
)
def test_text_that_yaml_reads_as_a_number_when_the_values_are_known(program, body):
    found = checked(program, body)
    assert found.codes == ["TP159"], found.printed
    assert (
        "dump()` would write text that contains a pipeline value without quotes, and YAML would read it"
        in found.said[0]
    )
    assert "or write JSON with `json.dumps`, which is valid YAML" in found.help


@pytest.mark.parametrize(
    "body",
    [
        'x = {k: w for k, w in {"lr": lr}.items() if w is not None}',
        "x = {k: w for k, w in dict(lr=lr, n=n, v=v).items() if w is not None}",
        'Job("a", v)',
        'Job("a", None)',
        'Job("a")',
        'o = Plain("a", v); o.text(); o.shown; x = 1 if o else 2; take(a=o)',
        'o = Old(v); o.text(); take(a=f"{o}")',
        "Old(None).text()",
        "a, b = None, note; x = a is None",
        'd = {"a": f"{n}"}; say(s=d["a"]); x = [k for k in d if k == "a"]',
        "x = [w for w in [lr, n] if w is not None]",
        'say(s=yaml.dump({"a": f"v{n}"}))',
        'say(s=yaml.dump({"a": f"{n}"}))',
        'say(s=yaml.dump({"a": f"v1.{n}", "b": f"--lr={n}"}))',
        'say(s=yaml.dump({"a": f"{n} items"}))',
        'say(s=json.dumps({"a": f"1.{n}"}))',
        """say(s=yaml.dump({"a": f"1.{n}"}, default_style='"'))""",
        'say(s=f"{n:>6}")',
        'say(s="%s|" % f"a{v}")',
        'say(s="{n}".format_map({"n": v}))',
        'say(s="%6s %s" % ("a", v))',
        'say(s="%(a)6s %(b)s" % {"a": "x", "b": v})',
        'say(s="%*s %s" % (6, "a", v))',
        'say(s=str.format("{} {}", f"a{v}", n))',
        'say(s=json.dumps({f"lr_{n}": 1}))',
        """say(s=f"{Plain('a', 1)!s:>40} {v}")""",
        'x = ["a", note].pop(0) is None',
        'x = {"a": note}.get("b") is None',
        'x = vars(Plain("a", note))["name"] is None',
        'x = [k for k, w in {"a": note}.items() if k is None]',
        "o = Row(None, note); x = o.a is None; y = o[0] is None",
        "rows = [dict(a=n), dict(a=m)]; take(a=rows)",
        "x = list(map(lambda q: q is None, [lr]))",
        "x = isinstance([lr], list) or isinstance(v, list) or isinstance(note, dict)",
        "match ['a', note]:\n    case ['a', w]: take(a=w)",
    ],
)
def test_what_python_decides_rightly_is_no_error(program, body):
    found = checked(program, body)
    assert found.codes == [], found.printed
