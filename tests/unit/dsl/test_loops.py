"""What a loop takes, and the type of its items."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from typedpipe.dsl.nodes.items import MOST_ITEMS, loop_items
from typedpipe.types.assignable import mismatch
from typedpipe.types.display import show
from typedpipe.types.model import Type
from typedpipe.types.values import constant


def item_type(items: object) -> Type:
    trace: Any = None  # only an error needs it
    return loop_items(items, trace)[1]


@pytest.mark.parametrize(
    ("items", "body"),
    [
        ("range(3)", "add(a=x)"),
        ("(1, 2)", "add(a=x)"),
        ("[]", "add(a=x)"),
        ("(i for i in [1, 2])", "add(a=x)"),
        ("map(len, ['a'])", "add(a=x)"),
        ("reversed([1, 2])", "add(a=x)"),
        ("{'a': 1}.values()", "add(a=x)"),
        ("{'a': 1}.keys()", "say(s=x)"),
        ("{'a': 1, 'b': 2}.items()", "say(s=x[0]), add(a=x[1])"),
        ("zip(['a', 'b'], [1, 2])", "say(s=x[0]), add(a=x[-1])"),
        ("list(zip(['a', 'b'], [1, 2]))", "say(s=x[0]), add(a=x[1])"),
        ("enumerate(['a', 'b'])", "add(a=x[0]), say(s=x[1])"),
        ("[[1, 2], [3, 4]]", "add(a=x[0], b=x[1])"),
        ("[(1, 2), (3, 4)]", "add(a=x[0], b=x[1])"),
        ("[[i, i + 1] for i in range(40)]", "add(a=x[0], b=x[1])"),
        ("[[1, n], [n, 2]]", "add(a=x[0], b=x[1])"),
        ("[['a', n], ['b', 2]]", "say(s=x[0]), add(a=x[1])"),
        ("[('a', f'{n}')]", "say(s=x[0]), say(s=x[1])"),
        ("[{'a': [1, 'b']}, {'a': [2, 'c']}]", "add(a=x['a'][0]), say(s=x['a'][1])"),
        ("[[[1], [2, 3]], [[]]]", "add(a=x[0][0])"),
        ("[['a', None], ['b', 'c']]", "say(s=x[0]), say(s=dsl.Some(x[1], 'c'))"),
    ],
)
def test_a_loop_takes_what_python_can_loop_over(program: Any, items: str, body: str) -> None:
    unpacked = body.replace("x[0]", "y").replace("x[1]", "z").replace("x[-1]", "z")
    loops = f"    with ParallelFor({items}) as x:\n        {body}\n"
    if "x" not in unpacked and "x[0][" not in body:  # each item is a pair
        loops += f"    with ParallelFor({items}) as (y, z):\n        {unpacked}\n"
    found = program(f"@dsl.pipeline\ndef p(n: int = 1):\n{loops}")
    assert found.codes == [], found.printed


@pytest.mark.parametrize(
    ("items", "inner"),
    [
        ("[[1, 2], [n]]", "x"),
        ("[[1], []]", "x"),
        ("[[], []]", "x"),
        ("[{'xs': [1]}, {'xs': []}]", "x['xs']"),
        ("[{'xs': [1, 2]}, {'xs': [3]}]", "x.xs"),
        ("[([1], 'a'), ([], 'b')]", "x[0]"),
        ("[[n, 1], seq().output]", "x"),
        ("[[], seq().output]", "x"),
        ("itertools.product([1, 2], [3])", "x"),
    ],
)
def test_an_item_that_is_a_list_can_be_looped_over(program: Any, items: str, inner: str) -> None:
    found = program(
        f"import itertools\n@dsl.pipeline\ndef p(n: int = 1):\n    with ParallelFor({items}) as x:\n"
        f"        with ParallelFor({inner}) as y:\n            add(a=y)\n"
    )
    assert found.codes == [], found.printed


@pytest.mark.parametrize(
    ("items", "message", "help_"),
    [
        ("'abc'", "`dsl.ParallelFor` cannot loop over a string", 'use a list of strings: `["a", "b"]`'),
        ("3", "`dsl.ParallelFor` cannot loop over a number", "use `range(3)`"),
        ("{'a': 1}", "`dsl.ParallelFor` cannot loop over a dict", "use `.items()` for pairs, `.keys()` or `.values()`"),
        (
            "{1, 2}",
            "`dsl.ParallelFor` cannot loop over a set, which has no order",
            "use a list, such as `sorted(items)`",
        ),
        (
            "frozenset()",
            "`dsl.ParallelFor` cannot loop over a set, which has no order",
            "use a list, such as `sorted(items)`",
        ),
        (
            "None",
            "`dsl.ParallelFor` cannot loop over None",
            "pass a list, or an output or parameter whose type is a list",
        ),
        (
            "b'ab'",
            "`dsl.ParallelFor` cannot loop over `bytes`",
            "pass a list, or an output or parameter whose type is a list",
        ),
        ("add(a=1)", "`dsl.ParallelFor` cannot loop over a task", "loop over its output: `task.output`"),
        (
            "seq",
            "`dsl.ParallelFor` cannot loop over `seq` itself",
            "call it, and loop over the result: the `.output` of a component or a pipeline",
        ),
        ("[1], parallelism='two'", "`parallelism` must be a constant number", "use an int of at least 1"),
        ("[1], parallelism=-1", "`parallelism` must be a constant number", "use an int of at least 1"),
        ("[1], parallelism=n", "`parallelism` must be a constant number", "use an int of at least 1"),
        ("n", "a loop requires a list, but this is `int`", "loop over a list"),
        (
            "iter(int, 1)",
            f"`dsl.ParallelFor` cannot loop over more than {MOST_ITEMS} items",
            "create the list in a component, and loop over its output",
        ),
    ],
)
def test_a_loop_refuses_what_has_no_order_or_no_end(program: Any, items: str, message: str, help_: str) -> None:
    found = program(f"@dsl.pipeline\ndef p(n: int = 1):\n    with ParallelFor({items}) as x:\n        add(a=1)\n")
    assert [(item.message, item.help) for item in found.report] == [(message, help_)]


def test_an_index_beyond_the_end_of_rows_is_an_error(program: Any) -> None:
    found = program("@dsl.pipeline\ndef p():\n    with ParallelFor([[1, 2], [3, 4]]) as x:\n        add(a=x[2])\n")
    assert found.said == ["TP156 4:15 each of these lists has 2 entries, so there is no `[2]`"]


def test_only_rows_of_one_length_can_be_unpacked(program: Any) -> None:
    found = program("@dsl.pipeline\ndef p():\n    with ParallelFor([[1, 2], [3]]) as (x, y):\n        add(a=x)\n")
    assert found.codes == ["TP151"]


def test_an_entry_of_another_type_is_an_error(program: Any) -> None:
    found = program("@dsl.pipeline\ndef p():\n    with ParallelFor(zip(['a'], [1])) as (x, y):\n        add(a=x)\n")
    assert found.said == ['TP201 4:15 `add` expects `int` for `a`, but receives `Literal["a"]`']


@pytest.mark.parametrize(
    ("items", "type_"),
    [
        ([[1, 2], [3, 4]], "list[Literal[1, 2, 3, 4]]"),
        ([[1], []], "list[Literal[1]]"),
        ([[], []], "list[Never]"),
        ([(1, "a"), (2, "b")], "list[int | str]"),
        ([[1.5], [None]], "list[float | None]"),
        ([[1], None], "list[Literal[1]] | None"),
        ([{"a": [1]}, {"a": []}], '{"a": list[Literal[1]]}'),
        ([{"a": 1}, {"b": 2}], '{"a": Literal[1]} | {"b": Literal[2]}'),
        ([[list(range(40))], [[]]], "list[list[int]]"),
        ([["a"], {"b": 1}, 3, None], 'list[Literal["a"]] | {"b": Literal[1]} | Literal[3] | None'),
    ],
)
def test_types_of_items(items: list[Any], type_: str) -> None:
    assert show(item_type(items)) == type_


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.sampled_from(["", "a", "b"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(VALUES, max_size=5))
def test_each_item_and_each_entry_is_of_the_type_that_is_said(items: list[Any]) -> None:
    found = item_type(items)
    for item in items:
        assert mismatch(constant(item)[1], found) is None
        entries = getattr(found, "entries", ())
        for entry, type_ in zip(item if entries else (), entries, strict=True):
            assert mismatch(constant(entry)[1], type_) is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(VALUES, max_size=3), min_size=1, max_size=5))
def test_rows_have_one_type_whatever_is_in_them(rows: list[list[Any]]) -> None:
    found = item_type(rows)
    assert found.__class__.__name__ == "ListType"
    assert item_type(iter(rows)) == item_type(tuple(rows)) == found


def test_an_iterator_is_read_once_and_not_beyond_the_limit() -> None:
    count = itertools.count()
    with pytest.raises(Exception, match="more than"):
        item_type(count)
    assert next(count) == MOST_ITEMS + 1


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("f'<{t.output}>'", "list[str]"),
        ("str(t.output) + '!'", "list[str]"),
        ("[t.output, n]", "list[list[int]]"),
        ("{'a': t.output}", "list[dict[str, int]]"),
        ("f'{u.output}'", "list[list[str]]"),
        ("Collected(f'{u.output}')", "list[list[str]]"),
        ("Collected([u.output])", "list[list[list[int]]]"),
    ],
)
def test_text_and_lists_with_values_can_be_collected(program: Any, value: str, type_: str) -> None:
    found = program(f"""
        @dsl.component
        def take(v: {type_}): ...
        @dsl.component
        def refuse(v: dict[str, bool]): ...
        @dsl.pipeline
        def p(n: int = 1):
            with ParallelFor([1, 2]) as i:
                t = add(a=i)
                with ParallelFor([3]) as j:
                    u = add(a=j)
            take(v=Collected({value}))
            refuse(v=Collected({value}))
        """)
    assert found.codes == ["TP201"], found.printed
    assert "expects `dict[str, bool]`" in found.said[0]


@pytest.mark.parametrize(
    "body",
    [
        "with ParallelFor([n, 0]) as i:\n                with If(i >= 0): add(a=i)",
        "with ParallelFor([s, 'a']) as i:\n                with If(In(i, [s, 'b']) & (i < 'x')): say(s=i)",
        "with ParallelFor([1, 2]) as i:\n                with If(i > 1): t = add(a=i)\n                add(a=OneOf(t.output, i))",
        "with If(n > 1): t = add(a=n)\n            add(a=OneOf(t.output, 3))",
    ],
)
def test_constants_and_values_of_one_kind_go_together(program: Any, body: str) -> None:
    found = program(f"""
        @dsl.pipeline
        def p(n: int = 1, s: str = "a"):
            {body}
        """)
    assert found.codes == [], found.printed


@pytest.mark.parametrize(
    ("items", "use"),
    [
        ("[1, None]", "add(a=Some(x, 5))"),
        ("['a', None]", "say(s=Some(x, 'b'))"),
        ("[1, 'a', None]", "take(v=Some(x, 'b'))"),
        ("[[1, 2], None]", "add(a=Some(x, [3])[0])"),
        ("[{'a': 1}, None]", "add(a=Some(x, {'a': 2})['a'])"),
        ("[(1, None), (2, 'a')]", "add(a=x[0]), say(s=Some(x[1], 'b'))"),
        ("[None]", "add(a=Some(x, 1))"),
    ],
)
def test_constants_of_a_loop_take_any_default_of_their_kind(program: Any, items: str, use: str) -> None:
    found = program(f"""
        from typing import Any
        @component
        def take(v: Any) -> None: ...
        @dsl.pipeline
        def p():
            with ParallelFor({items}) as x:
                {use}
        """)
    assert found.codes == [], found.printed


@pytest.mark.parametrize(
    ("items", "default"), [("[1, None]", "'a'"), ("[True, None]", "1"), ("[{'a': 1}, None]", "{'b': 1}")]
)
def test_a_default_of_another_kind_is_an_error(program: Any, items: str, default: str) -> None:
    found = program(f"""
        @dsl.pipeline
        def p():
            with ParallelFor({items}) as x:
                add(a=Some(x, {default}))
        """)
    assert found.codes[0] == "TP211", found.printed


def test_a_default_and_a_branch_count_in_the_type(program: Any) -> None:
    found = program("""
        from typing import Literal
        @component
        def a() -> Literal["a"]: ...
        @component
        def b() -> Literal["b"]: ...
        @component
        def maybe() -> Literal["a"] | None: ...
        @component
        def only(v: Literal["a"]) -> None: ...
        @dsl.pipeline
        def p(n: int = 1):
            with If(n > 1): t = a()
            with Else(): u = b()
            only(v=OneOf(t.output, u.output))
            only(v=Some(maybe().output, "b"))
        """)
    assert found.codes == ["TP201", "TP201"], found.printed


ROWS = """
from typing import NamedTuple
from dataclasses import dataclass
class Row(NamedTuple):
    name: str
    depth: int
@dataclass
class Job:
    name: str
    depth: int | None
@component
def make() -> Row: ...
@component
def makes() -> list[Row]: ...
@component
def take(job: Job, row: Row) -> None: ...
"""


@pytest.mark.parametrize(
    "items", ["[Row('a', 1), Row('b', 2)]", "[Row(s, n)]", "[Row('a', 1), Row(s, n)]", "rows", "makes().output"]
)
@pytest.mark.parametrize("row", ["(x, y)", "[x, y]", "row"])
def test_named_tuples_are_unpacked_and_indexed_as_tuples_are(program: Any, items: str, row: str) -> None:
    use = (
        "say(s=row[0]); add(a=row[-1]); add(a=row.depth, b=row[1]); say(s=row.name)"
        if row == "row"
        else "say(s=x); add(a=y)"
    )
    found = program(f"""{ROWS}
@dsl.pipeline
def p(rows: list[Row], s: str, n: int = 1):
    with ParallelFor({items}) as {row}:
        {use}
""")
    assert found.codes == [], found.printed


def test_a_named_tuple_is_unpacked_wherever_it_comes_from(program: Any) -> None:
    found = program(f"""{ROWS}
@dsl.pipeline
def p(row: Row, rows: list[Row]):
    name, depth = make().output
    say(s=name), add(a=depth)
    say(s=row[0]), add(row[1], len(row))
    say(s=rows[0][0]), add(a=rows[0].depth, b=rows[0][1])
    name, *rest = row
    say(s=name), add(*rest)
    with ParallelFor([("x", Row("y", 3))]) as (text, (name, depth)):
        say(s=f"{{text}}{{name}}"), add(a=depth)
""")
    assert found.codes == [], found.printed


@pytest.mark.parametrize(
    ("line", "said", "help_"),
    [
        ("say(s=row[2])", "TP156 19:11 `Row` has no field number 2", "the fields are `name` and `depth`"),
        ("say(s=row[n])", "TP156 19:11 `Row` cannot be indexed", "the fields are `name` and `depth`"),
        (
            "a, b = maybe",
            "TP151 19:5 this value is known only when the pipeline runs, so Python cannot loop over it or unpack it here",
            "use `dsl.IfSet(value)` or `dsl.Some(value, default)` first",
        ),
    ],
)
def test_entries_that_a_named_tuple_does_not_have(program: Any, line: str, said: str, help_: str) -> None:
    found = program(f"{ROWS}\n@dsl.pipeline\ndef p(row: Row, n: int, maybe: Row | None = None):\n    {line}\n")
    assert found.said == [said], found.printed
    assert found.help == help_


@pytest.mark.parametrize(
    ("items", "type_"),
    [
        ("[Job('a', 1), Job('b', None)]", "Job"),
        ("[Job('a', 1), Job(s, n)]", "Job"),
        ("[Job('a', 1), Row('b', 2)]", "Job | Row"),
    ],
)
def test_objects_of_one_class_have_one_type(program: Any, items: str, type_: str) -> None:
    found = program(f"""{ROWS}
@dsl.pipeline
def p(s: str, n: int):
    with ParallelFor({items}) as job:
        say(s=job)
""")
    assert found.codes == ["TP201"]
    assert f"each item is `{type_}`" in found.printed
