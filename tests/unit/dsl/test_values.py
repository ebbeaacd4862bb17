"""Each row of "Values in a pipeline body": errors and their messages, and expressions built from values."""

from __future__ import annotations

import re
from typing import Any

import pytest

NOT_YET = "this value is known only when the pipeline runs, so "


@pytest.mark.parametrize(
    ("body", "said", "type_this"),
    [
        ("if n > 3: add(a=n)", f"TP150 4:8 {NOT_YET}Python cannot test it here", "use `with dsl.If(...):` to branch"),
        ("if t.output: add(a=n)", f"TP150 4:5 {NOT_YET}Python cannot test it here", "`with dsl.If(...):`"),
        ("n and add(a=n)", f"TP150 4:5 {NOT_YET}Python cannot test it here", "for `and`, `or` and `not`"),
        ("with If(not n): add(a=1)", f"TP150 4:13 {NOT_YET}Python cannot test it here", "`dsl.Not(...)`"),
        ("with If(1 < n < 3): add(a=1)", f"TP150 4:13 {NOT_YET}Python cannot test it here", "(a < b) & (b < c)"),
        ("n if n else 3", f"TP150 4:5 {NOT_YET}Python cannot test it here", "dsl.If"),
        ("while n: add(a=1)", f"TP150 4:5 {NOT_YET}Python cannot test it here", "dsl.If"),
        ("assert n", f"TP150 4:5 {NOT_YET}Python cannot test it here", "dsl.If"),
        ("for x in xs: add(a=x)", f"TP151 4:5 {NOT_YET}Python cannot loop over it or unpack it here", "dsl.ParallelFor"),
        ("a, b = xs", f"TP151 4:5 {NOT_YET}Python cannot loop over it or unpack it here", "unpack `task.outputs`"),
        ("[*xs]", f"TP151 4:5 {NOT_YET}Python cannot loop over it or unpack it here", "dsl.ParallelFor"),
        ("max(xs)", f"TP151 4:5 {NOT_YET}Python cannot loop over it or unpack it here", "dsl.ParallelFor"),
        ("len(xs)", "TP152 4:5 the length of this value is known only when the pipeline runs", "in a component"),
        ("if n in xs: add(a=1)", "TP153 4:8 the contents of this value are known only when the pipeline runs", "dsl.In(x, items)"),
        ("if 'a' in s: add(a=1)", "TP153 4:8 the contents of this value are known only when the pipeline runs", "dsl.Contains(items, x)"),
        ("say(s='%d' % n)", f"TP154 4:11 {NOT_YET}it cannot be converted to an int here", 'f"{value:.2f}"'),
        ("say(s='%.2f' % n)", f"TP154 4:11 {NOT_YET}it cannot be converted to a float here", 'f"{value:.2f}"'),
        ("{1: 'a'}.get(n)", f"TP154 4:5 {NOT_YET}it cannot be looked up in a dict or a set here", "dsl.In(x, items)"),
        ("n in {1, 2}", f"TP154 4:5 {NOT_YET}it cannot be looked up in a dict or a set here", "dsl.In(x, items)"),
        ("import json; say(s=json.dumps(n, default=str))", f"TP154 4:24 {NOT_YET}it cannot be serialized as JSON here", "an f-string"),
        ("say(s=f'{n:{n}}')", f"TP154 4:11 {NOT_YET}it cannot be formatted with another value that is known only then here", "in a component"),
        ("say(s=''.join([s]))", "TP119 4:11", 'join([f"{a}", f"{b}"])'),
        ("int(s)", f"TP154 4:5 {NOT_YET}it cannot be converted to an int here", "in a component"),
        ("float(n)", f"TP154 4:5 {NOT_YET}it cannot be converted to a float here", "`float` input"),
        ("round(n)", f"TP154 4:5 {NOT_YET}it cannot be converted to an int here", "in a component"),
        ("range(n)", f"TP154 4:5 {NOT_YET}it cannot be used as an index, a count or a file here", "dsl.ParallelFor"),
        ("open(s)", f"TP154 4:5 {NOT_YET}it cannot be used as an index, a count or a file here", "open files in a component"),
        ("import os; os.path.exists(s)", f"TP154 4:16 {NOT_YET}it cannot be", "component"),
        ("import os; os.fspath(s)", f"TP154 4:16 {NOT_YET}it cannot be opened or used as a path here", 'f"{folder}/rows.csv"'),
        ("n()", f"TP154 4:5 {NOT_YET}it cannot be called here", "component"),
        ("xs[1:]", "TP154 4:5 a slice of this value is known only when the pipeline runs", "in a component"),
        ("xs[0] = 3", f"TP154 4:5 {NOT_YET}it cannot be changed here", "component"),
        ("import copy; copy.copy(n)", f"TP154 4:18 {NOT_YET}it cannot be copied or pickled here", "component"),
        ("with xs: pass", f"TP154 4:5 {NOT_YET}it cannot be used in `with` here", "dsl.ParallelFor"),
        ("bytes(n)", f"TP154 4:5 {NOT_YET}it cannot be converted to bytes here", "in a component"),
        ("add(a=n + 1)", "TP155 4:11 this value is known only when the pipeline runs, so it cannot be used in arithmetic here", "in a component"),
        ("add(a=2 * n)", "TP155 4:11 this value is known only when the pipeline runs, so it cannot be used in arithmetic", "in a component"),
        ("add(a=-n)", "TP155 4:11 this value is known only when the pipeline runs, so it cannot be used in arithmetic", "in a component"),
        ("add(a=abs(n))", "TP155 4:11 this value is known only when the pipeline runs, so it cannot be used in arithmetic", "in a component"),
        ("add(a=divmod(n, 2))", "TP155 4:11 this value is known only when the pipeline runs, so it cannot be used in arithmetic", "in a component"),
        ("say(s='a' + n)", "TP155 4:11 this value is known only when the pipeline runs, so it cannot be used in arithmetic", 'f"{a}-{b}"'),
        ("add(a=n ^ 1)", "TP155 4:11 this value is known only when the pipeline runs, so it cannot be used in arithmetic", "in a component"),
        ("import json; say(s=json.dumps(n))", "TP154 4:24 this value is known only when the pipeline runs, so it cannot be serialized as JSON here", "pass it to a component"),
        ("if t: add(a=1)", "TP150 4:5 a task is not a condition", "task.output"),
        ("a, b = t", "TP151 4:5 a task cannot be unpacked", "task.outputs"),
        ("add(a=t + 1)", "TP119 4:11 the pipeline `p` raises TypeError: unsupported operand", "`task.output`"),
    ],
)  # fmt: skip
def test_a_use_that_python_decides_ends_the_pipeline_with_help(program, body, said, type_this):
    head = "@dsl.pipeline\ndef p(n: int = 1, xs: list[int] = [1], s: str = ''):\n    t = add(a=n)\n"
    found = program(f"{head}    {body}\n")
    assert len(found.said) == 1, found.printed
    assert found.said[0].startswith(said), found.printed
    assert type_this in found.help


def test_match_on_a_value_does_not_fall_through_silently(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1):
            match n:
                case 1: add(a=1)
                case _: add(a=2)
        """
    )
    assert found.codes == ["TP150"]


@pytest.mark.parametrize("condition", ["n is None", "isinstance(n, int)", "True", "1 in [1]"])
def test_if_of_what_python_decided_names_is_in_and_isinstance(program, condition):
    found = program(f"@dsl.pipeline\ndef p(n: int = 1):\n    with If({condition}):\n        add(a=1)\n")
    assert found.codes == ["TP161"]
    assert "which Python evaluated when the pipeline was defined" in found.said[0]
    assert "`is`, `in`, `isinstance`" in found.printed
    assert "`dsl.IfSet(x)` for `is not None`" in found.help


def test_if_of_something_else_is_no_condition(program):
    found = program("@dsl.pipeline\ndef p(n: int = 1):\n    with If('yes'):\n        add(a=1)\n")
    assert found.said == ["TP161 3:10 `dsl.If` received 'yes', which is not a condition"]


def test_in_and_contains_are_conditions(program):
    found = program(
        """
        @dsl.pipeline
        def p(r: str = "eu", xs: list[str] = ["a"]):
            with If(dsl.In(r, ["eu", "us"])):
                add(a=1)
            with If(dsl.Contains(xs, "b")):
                add(a=2)
        """
    )
    assert "%0 = $r in " in found.graph
    assert '"b" in $xs' in found.graph


def test_not_and_tilde_negate(program):
    found = program(
        """
        @dsl.pipeline
        def p(b: bool = True):
            with If(dsl.Not(b)):
                add(a=1)
            with If(~b):
                add(a=2)
            with If(dsl.Not(dsl.Not(b) | (b == True))):
                add(a=3)
        """
    )
    assert found.graph.count("= not(") == 2


def test_none_is_compared_as_set_or_not(program):
    found = program(
        """
        @dsl.pipeline
        def p(s: str | None = None):
            with If(s == None):
                add(a=1)
            with Elif(s != None):
                add(a=2)
        """
    )
    assert "%0 = is_set($s)" in found.graph
    assert "%1 = not(%0)" in found.graph


def test_optional_goes_through_ifset_and_some_only(program):
    body = """
        @dsl.pipeline
        def p(s: str | None = None):
            with If(s != None):
                say(s=s)
    """
    assert program(body).codes == ["TP201"]
    good = program(
        """
        @dsl.pipeline
        def p(s: str | None = None):
            with IfSet(s) as text:
                say(s=text)
            say(s=Some(s, "nothing"))
            say(s=Some(note().output, "none"))
        """
    )
    assert "unwrap($s)" in good.graph


@pytest.mark.parametrize("use", ["with IfSet(n) as m:\n        add(a=m)", "add(a=Some(n, 3))"])
def test_ifset_and_some_of_what_is_always_set(program, use):
    found = program(f"@dsl.pipeline\ndef p(n: int = 1):\n    {use}\n")
    assert found.codes == ["TP161"]
    assert "this value is always set: its type is `int`" in found.said[0]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("with If(n > 1):\n        add(a=1)\n        return", "TP165 5:9 `return` leaves the block"),
        ("for i in range(3):\n        with If(n == i):\n            add(a=i)\n            break", "TP165 6:13 `break` leaves the block"),
        ("for i in range(3):\n        with If(n == i):\n            if i: continue\n            add(a=i)", "TP165 5:19 `continue` leaves the block"),
        ("best = 'base'\n    with If(n > 1):\n        best = 'tuned'\n        add(a=1)\n    say(s=best)", "TP166 5:9 `best` is assigned in a control-flow block"),
        ("k = 0\n    with ParallelFor([1, 2]) as i:\n        k += 1\n        add(a=i)\n    add(a=k)", "TP166 5:9 `k` is assigned in a control-flow block"),
        ("If(n > 1)\n    add(a=1)", "TP163 3:5 this `dsl.If` is never entered, so it has no effect"),
        ("g = If(n > 1)\n    with g: add(a=1)\n    with g: add(a=2)", "TP163 5:5 this `dsl.If` is entered twice"),
        ("ParallelFor([1]).__enter__()\n    add(a=1)", "TP163 3:5 this `dsl.ParallelFor` is entered but never exited"),
    ],
)  # fmt: skip
def test_groups_are_blocks(program, body, said):
    found = program(f"@dsl.pipeline\ndef p(n: int = 1):\n    {body}\n")
    assert len(found.said) == 1, found.printed
    assert found.said[0].startswith(said)


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("with ExitHandler(add(a=1)):\n        t = add(a=n)\n        return t.output", "put the `return` after the block"),
        ("with ParallelFor([1, 2]) as i:\n        return add(a=i).output", "after the block; to return the values of all items, use `dsl.Collected(...)`"),
        ("with If(n > 1):\n        return add(a=n).output", "after the block; to return the value of the branch that ran, use `dsl.OneOf(...)`"),
        ("with If(n > 1):\n        add(a=n)\n        return", "remove the `return`"),
    ],
)  # fmt: skip
def test_a_return_at_the_end_of_a_block_at_the_end(program, body, advice):
    found = program(f"@dsl.pipeline\ndef p(n: int = 1) -> int:\n    {body}\n")
    assert "TP165" in found.said[0]
    assert "so it has to come after the block" in found.said[0]
    assert advice in found.printed
    after = program(f"@dsl.pipeline\ndef p(n: int = 1) -> int:\n    {body}\n    add(a=2)\n")
    assert "so the tasks after it are never part of the pipeline" in after.said[0]


@pytest.mark.parametrize(
    ("returned", "marked"),
    [
        ("int:\n    {}\n    return t.output", "return t.output\n  |            ^^^^^^^^"),
        ("Two:\n    {}\n    return Two(\n        a=add(a=1).output,\n        b=t.output)", "b=t.output)\n  |           ^^^^^^^^"),
        ("int:\n    {}\n    if len('a'):\n        return t.output\n    return t.output", "t = add(a=i)\n  |             ^^^^^^^^"),
    ],
)  # fmt: skip
def test_a_value_of_an_item_is_marked_where_it_is_returned(program, returned, marked):
    body = returned.format("with ParallelFor([1, 2]) as i:\n        t = add(a=i)")
    found = program(
        f"import typing\nclass Two(typing.NamedTuple):\n    a: int\n    b: int\n@dsl.pipeline\ndef p() -> {body}\n"
    )
    assert "TP311" in found.said[0]
    assert re.sub(r"(?m)^ *\d* \|", "  |", marked) in re.sub(r"(?m)^ *\d* \|", "  |", found.printed), found.printed


def test_loops_inside_a_group_may_break_and_names_rebound_in_every_branch_are_fine(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1):
            with If(n > 1):
                for i in range(3):
                    if i == 2:
                        break
                    t = add(a=i)
                best = say(s="a")
            with Else():
                best = say(s="b")
            k = 1
            with If(n == 2):
                k = 2
                add(a=k)
        """
    )
    assert found.codes == []


FIELDS = """
    from dataclasses import dataclass
    @dataclass
    class Config:
        name: str
        items: list[int]
        keys: int = 0
        output: float = 0.0
    @dsl.component
    def use(c: Config) -> None: ...
    @dsl.component
    def made() -> Config: return Config("a", [])
"""


def test_fields_named_as_a_references_own_attributes_are_fields(program):
    found = program(
        FIELDS
        + """
    @dsl.pipeline
    def p(c: Config = Config("n", [1])):
        say(s=c.name)
        add(a=c.items[0], b=c.keys)
        say(s=f"{c.output:.2f}")
        say(s=made().outputs.name)
    """
    )
    assert '"name"' in found.graph
    assert "%add = add(a=%" in found.graph


def test_a_reference_answers_no_dunder_and_prints_safely(program):
    found = program(
        """
        seen = {}
        @dsl.pipeline
        def p(n: int = 1):
            add(a=n)
            seen["array"] = hasattr(n, "__array__")
            seen["repr"] = repr(n)
            seen["public"] = [a for a in dir(n) if not a.startswith("_")]
        """
    )
    assert found.codes == []
    assert found.module.seen["array"] is False
    assert "int that is known only when the pipeline runs" in found.module.seen["repr"]
    assert found.module.seen["public"] == []


def test_an_unknown_field_gets_a_suggestion(program):
    found = program(FIELDS + "\n    @dsl.pipeline\n    def p(c: Config):\n        say(s=c.nome)\n")
    assert found.said[-1].endswith("`Config` has no field `nome`")
    assert found.help == "did you mean `name`?"


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ("n.upper()", "TP156 3:5 `int` has no `.upper` in a pipeline's body"),
        ("n[0]", "TP156 3:5 `int` cannot be indexed"),
        ("xs['a']", "TP156 3:5 `list[int]` has no key `a`"),
        ("make().output.path", "TP167 3:5 `.path` of an artifact is known only when the pipeline runs"),
        ("make().output.metadata['rows']", "TP167 3:5 `.metadata` of an artifact is known only when the pipeline runs"),
        (
            "with If(xs == [1]): add(a=1)",
            "TP156 3:13 a condition can compare only scalars, but the other side is a list",
        ),
        ("with If(xs == xs): add(a=1)", "TP204 3:13 `list[int]` and `list[int]` cannot be compared with `==`"),
        (
            "with If(n > 1 & (n < 3)): add(a=1)",
            "TP157 3:17 `&` combines two conditions, but one side is the constant 1",
        ),
        (
            "with If((n > 1) | True): add(a=1)",
            "TP157 3:13 `|` combines two conditions, but one side is the constant True",
        ),
    ],
)
def test_what_a_value_does_not_have(program, use, said):
    found = program(f"@dsl.pipeline\ndef p(n: int = 1, xs: list[int] = [1]):\n    {use}\n    add(a=n)\n")
    assert found.said == [said], found.printed


@pytest.mark.parametrize(
    "text",
    [
        'f"{n}"[2:]',
        'f"{f"{n}"!r:>9}"'.replace('f"{n}"', "f'{n}'"),
        'f"{n}".encode().decode("latin-1")',
        'f"a{n}".upper()',
        'f"A{n}".lower()',
        'f"a {n}".title()',
        'f"a{n}".swapcase()',
        'textwrap.fill(f"aaaa {n}", 3)',
        'json.dumps(f"{n}")[:9]',
    ],
)
def test_a_damaged_marker_is_an_error(program, text):
    found = program(f"import textwrap, json\n@dsl.pipeline\ndef p(n: int = 1):\n    say(s={text})\n    add(a=n)\n")
    assert len(found.codes) == 1
    assert found.codes[0] in {"TP159", "TP160"}, found.printed


@pytest.mark.parametrize(
    "text",
    [
        "t.replace('n', 'm')",
        "t.replace(' ', '-')",
        "t.split()[0]",
        "t.split('=')[-1]",
        "t.translate({110: 'm'})",
        "re.sub(r'\\s+', '-', t)",
        "re.sub(r'\\d', '9', t)",
        "re.split('=', t)[1]",
        "re.escape(t)",
        "shlex.quote(t)",
        "html.escape(t)",
        "f'{t!r}'",
        "t.encode().decode('latin-1')",
    ],
)
def test_a_change_that_would_reach_into_the_value_is_an_error(program, text):
    found = program(
        f"import html, json, re, shlex\n@dsl.pipeline\ndef p(n: str = 'a'):\n    t = f'n={{n}}'\n    u = {text}\n    say(s=u)\n"
    )
    assert found.codes == ["TP159"], found.printed


def test_an_exception_about_text_with_a_value_shows_no_marker(program):
    found = program("@dsl.pipeline\ndef p(n: int = 1):\n    add(a=int(f'{n}'))\n")
    assert found.codes == ["TP159"]
    found = program(
        """
        import functools
        parsed = functools.partial(int)
        @dsl.pipeline
        def p(n: int = 1):
            add(a=parsed(f"{n}"))
        """
    )
    assert found.codes == ["TP119"]
    assert "invalid literal for int() with base 10: '{…}'" in found.printed
    assert "0x" not in found.printed


def test_markers_live_through_what_keeps_all_characters(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1, s: str = "x"):
            say(s=f"A{n:03d}-{s}")
            say(s="-".join([f"{n}", "b", f"{s}"]))
            say(s=f"{n}" + f"{s}" * 2)
            say(s="{} {}".format(n, s))
        """
    )
    assert '%0 = format("A", $n:"03d", "-", $s)' in found.graph
    assert '%1 = format($n, "-b-", $s)' in found.graph
    assert "%2 = format($n, $s, $s)" in found.graph
    assert '%3 = format($n, " ", $s)' in found.graph


def test_a_method_of_text_with_a_value_in_it_is_an_error(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1):
            for i in range(2):
                say(s=f"step-{i}".ljust(9))
            say(s=f"{n}".ljust(10))
            t = say(s="x")
            say(s=f" {t.output} ".strip())
            with dsl.ParallelFor(["a"]) as w:
                say(s=f"{w}".removeprefix("a"))
        """
    )
    assert found.codes == ["TP159", "TP159", "TP159"]
    assert "call `.ljust()` in the component that receives it" in found.printed


def test_text_that_no_task_gets_is_an_error(program):
    found = program('@dsl.pipeline\ndef p(n: int = 1):\n    print(f"run {n}")\n    add(a=n)\n')
    assert found.said == [
        "TP160 3:11 this text contains a pipeline value, but the text is never passed to a task unchanged"
    ]


def test_references_inside_constants_are_put_together_by_the_consumer(program):
    found = program(
        FIELDS
        + """
    @dsl.component
    def takes(xs: list[int], d: dict[str, int], c: Config) -> None: ...
    @dsl.component
    def models(ms: Input[list[Model]]) -> None: ...
    @dsl.pipeline
    def p(n: int = 1):
        t = add(a=n)
        takes(xs=[t.output, n, 3], d={"a": t.output, "b": 1}, c=Config(f"x{n}", [n]))
        models(ms=[make().output, make().output])
        with ParallelFor([n, 3]) as x:
            add(a=x)
    """
    )
    assert "[%add.Output, $n, 3]" in found.graph
    assert "{a=%add.Output, b=1}" in found.graph
    assert "[%make.Output, %make-2.Output]" in found.graph


def test_a_pydantic_constructor_says_pass_the_fields(program):
    pytest.importorskip("pydantic")
    found = program(
        """
        import pydantic
        class Settings(pydantic.BaseModel):
            n: int
        @dsl.pipeline
        def p(n: int = 1):
            Settings(n=n)
        """
    )
    assert found.said == [
        "TP154 6:5 a pydantic model cannot be created from a value that is known only when the pipeline runs"
    ]
    assert found.help == "pass the fields to a component, and create the model there"


def test_two_thousand_conditions_are_one_node(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1):
            both = n > 0
            either = n > 0
            for i in range(2000):
                both = both & (n != i)
                either = (n != i) | either
            with If(both):
                add(a=1)
            with If(either):
                add(a=1)
        """
    )
    exprs = found.checked[0].graph.exprs
    ands = [e for e in exprs if type(e).__name__ == "And"]
    assert len(ands) == 1
    assert len(ands[0].items) == 2001


def test_text_of_a_task_or_a_comparison_with_one(program):
    found = program(
        """
        @dsl.pipeline
        def p(n: int = 1):
            t = add(a=n)
            with If(t == 3):
                add(a=1)
            with If(t > 3):
                add(a=1)
            say(s=f"{t}")
            say(s=str(t))
            assert t == t and t != add(a=2)
        """
    )
    assert [s.partition(" ")[0] for s in found.said] == ["TP114", "TP114", "TP114", "TP159"], found.printed
    assert "TP114 4:13 the task `add` is compared instead of its output" in found.said


@pytest.mark.parametrize(
    ("use", "done"),
    [
        ("say(s=t.ljust(30))", "`.ljust()` cannot be called on text"),
        ("say(s=t.strip())", "`.strip()` cannot be called on text"),
        ("say(s=t * (len(t) > 3))", "`len()` cannot be called on text"),
        ("say(s=f'{t:>30}')", "a format specification is not supported for text"),
        ("say(s=t if t != 'n=3' else 'b')", "Python cannot compare text"),
        ("say(s=t if 'n' in t else 'b')", "Python cannot compare text"),
    ],
)
def test_text_with_a_value_is_followed_through_a_name(program, use, done):
    found = program(
        f"""
        @dsl.pipeline
        def p(n: int = 1):
            t = f"n={{n}}"
            {use}
        @dsl.pipeline
        def right(n: int = 1):
            t = f"n={{n}}"
            say(s=t)
            t = "plain"
            say(s=t.strip() + f"{{t:>30}}")
        """
    )
    assert [said.partition(" ")[0] for said in found.said] == ["TP159"]
    assert done in found.said[0]
    assert "pass the f-string unchanged" in found.help


ONE_FIELD = """
from dataclasses import dataclass
from typing import Any, NamedTuple
@dataclass
class Config:
    rate: float
class Inner(NamedTuple):
    n: int
class Box(NamedTuple):
    inner: Inner
class Made(NamedTuple):
    model: Model
@component
def load() -> Config: ...
@component
def box() -> Box: ...
@component
def made() -> Made: ...
@component
def config(c: Config) -> None: ...
@component
def maybe(c: Config | None) -> None: ...
@component
def configs(c: list[Config]) -> None: ...
@component
def rate(r: float) -> None: ...
@component
def rates(r: list[float]) -> None: ...
@component
def take(b: Box) -> None: ...
@component
def inner(i: Inner) -> None: ...
@dsl.pipeline
def loaded() -> Config:
    return load().output
@dsl.pipeline
def boxed() -> Box:
    return box().output
@dsl.pipeline
def unboxed() -> Inner:
    return box().output
"""


def test_the_only_field_of_a_class_is_the_field_or_the_object(program: Any) -> None:
    found = program(f"""{ONE_FIELD}
@dsl.pipeline
def p():
    config(c=load().output), maybe(c=load().output), config(load().outputs), config(c=loaded().output)
    rate(r=load().output), rate(r=load().output.rate), rate(r=loaded().output), rate(r=load().outputs.rate)
    take(b=box().output), take(b=boxed().output), inner(i=box().output), inner(i=box().output.inner)
    inner(i=unboxed().outputs), add(a=box().output.n)
    with ParallelFor([1]) as i:
        t = load()
        with ParallelFor([2]) as j:
            u = load()
        rates(r=Collected(u.output)), configs(c=Collected(u.output))
    rates(r=Collected(t.output)), configs(c=Collected(t.output)), rates(r=Collected(t.output.rate))
    rates(r=[load().output, 0.5]), configs(c=[load().output, load().outputs, Config(0.5)])
""")
    assert found.codes == [], found.printed


def test_an_object_with_one_field_fits_only_its_class(program: Any) -> None:
    found = program(f"""{ONE_FIELD}
@dsl.pipeline
def p():
    take(b=load().output)
    config(c=box().output)
""")
    assert found.codes == ["TP201", "TP201"]
    assert "receives `float`" in found.said[0]


def test_all_outputs_in_text_are_the_text_of_the_object(program: Any) -> None:
    found = program(f"""{ONE_FIELD}
@dsl.pipeline
def p():
    t = load()
    say(s=f"{{t.outputs}}"), say(s=str(t.outputs)), say(s=f"{{t.outputs!r}}")
""")
    assert "%0 = {rate=%load.rate}: Config" in found.graph
    assert [line.split(" = ")[-1] for line in found.graph.splitlines() if "say" in line] == [
        "say(s=%1)",
        "say(s=%1)",
        "say(s=%2)",
    ]


def test_outputs_that_are_no_value_are_not_in_text(program: Any) -> None:
    found = program(f"""{ONE_FIELD}
@dsl.pipeline
def p():
    t = made()
    say(s=f"{{t.outputs}}")
""")
    assert found.codes == ["TP114"]
    assert found.help == "use one of them: `{task.outputs.model}`"
    assert "all outputs of the task `made` are used in text" in found.said[0]


@pytest.mark.parametrize(
    "line",
    [
        "sum([n, n, n])",
        "n + f'{n}'",
        "f'{n}' + n",
        "(n + 1) + f'{n}'",
        "f'{n}' + (n + 1)",
        "(n + 1) + 'a' + 'b'",
        "n * f'{n}'",
    ],
)
def test_an_error_in_arithmetic_is_said_once(program: Any, line: str) -> None:
    found = program(f"@dsl.pipeline\ndef p(n: int = 1):\n    {line}\n    add(a=n)\n")
    assert found.codes == ["TP155"], found.printed


@pytest.mark.parametrize(
    ("line", "help_"),
    [
        (
            "dataclasses.replace(job, n=2)",
            "a pipeline value is known only when the pipeline runs, so Python functions cannot use it",
        ),
        (
            "dataclasses.asdict(job)",
            "a pipeline value is known only when the pipeline runs, so Python functions cannot use it",
        ),
        ("json.loads(f'[{n} {n}]')", "the text contains a pipeline value, which is known only when the pipeline runs"),
        ("json.loads('[1 2]')", "the function of a pipeline runs once"),
        ("checked(n)", "the function of a pipeline runs once"),
    ],
)
def test_an_exception_of_a_library_that_was_given_a_value(program: Any, line: str, help_: str) -> None:
    found = program(f"""
        import dataclasses, json
        @dataclasses.dataclass
        class Job:
            n: int
        def checked(value):
            raise ValueError("no")
        @dsl.pipeline
        def p(job: Job, n: int = 1):
            {line}
        """)
    assert found.codes == ["TP119"], found.printed
    assert found.help.startswith(help_)
