"""Asks: lines of Python in a pod. What they may do, what they answer, and what the task does around them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from typedpipe.runtime import PATH, task
from typedpipe.runtime.task import BadArgument, Names, ask, decode, error_text, read_argument

ROWS = {"rows": [{"n": 1, "s": "a'\"\\~"}, {"n": 5}, "[1]"], "loss": 0.5, "id": 2**53 + 1}


def answers(*lines: str, **given: str) -> dict[str, str]:
    out, before = Names(m=ROWS, n=3), Names()
    for name, text in given.items():
        before.put(name, text)
    return ask("\n".join(lines), out, before)


def answer(expression: str, **given: str) -> str:
    return answers(f"tp-e1 = {expression}  # train.py:12, If", **given)["tp-e1"]


def test_a_chain_is_lazy_and_its_answer_is_the_number_of_the_arm() -> None:
    assert answer("arm(out['n'] > 2, out['m']['zz'])") == "1"
    assert answer("arm(out['n'] > 3, out['m']['id'] == 9007199254740992, out['m']['id'] > 2)") == "3"
    assert answer("arm(out['n'] > 3)") == "0"
    assert answer("arm(out['n'] > 3, out['m']['zz'])") == "error TP509: train.py:12, If: there is no 'zz'"


def test_each_condition_of_a_chain_may_have_its_own_place() -> None:
    def told(*conditions: str, places: str) -> str:
        return answers(f"tp-e1 = arm({', '.join(conditions)})  # {places}")["tp-e1"]

    places = "a.py:1, If; a.py:3, Elif"
    assert told("out['n'] > 3", "out['m']['zz']", places=places) == "error TP509: a.py:3, Elif: there is no 'zz'"
    assert told("out['m']['zz']", "out['n'] > 3", places=places) == "error TP509: a.py:1, If: there is no 'zz'"
    assert told("out['m']['zz']", places=places) == f"error TP509: {places}: there is no 'zz'"


def test_a_line_for_the_others_fails_only_those_that_read_it() -> None:
    found = answers(
        "_1 = out['m']['zz']  # a.py:1, argument",
        "_2 = [out['m']['loss'], nan]",
        "tp-e1 = wire(_1)  # a.py:2, If",
        "tp-e2 = boolean(_2 == _2)  # a.py:3, If",
        "tp-e3 = boolean(out['n'] == 3 or _1)  # a.py:4, If",
    )
    assert found == {"tp-e1": "error TP509: a.py:2, If: there is no 'zz'", "tp-e2": "false", "tp-e3": "true"}


def test_each_part_of_each_item_has_its_own_answer() -> None:
    parts = (
        "b1 = boolean(x['n'] > 3)  # a.py:7, If\\nl1 = items([x['n'], given['k']])  # a.py:8, ParallelFor\\nv = item(x)"
    )
    rows = json.loads(answer(f'items(out["m"]["rows"], "{parts}")', k="[]"))
    assert rows[0] == {"b1": "false", "l1": ["1", "~[]"], "v": "~{'n':1,'s':'a~a~b'~b~b~t'}"}
    assert rows[1] == {"b1": "true", "l1": ["5", "~[]"], "v": "~{'n':5}"}
    error = "error TP509: a.py:{}: TypeError: string indices must be integers, not 'str'"
    assert rows[2] == {"b1": error.format("7, If"), "l1": error.format("8, ParallelFor"), "v": "'[1]'"}
    assert decode(json.dumps({"$tp": ["item", rows[0]["v"]]}), "any") == ROWS["rows"][0]  # type: ignore[index]  # a list


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("items(out['n'])", "error TP509: train.py:12, If: expected `list[Any]`, found `int` 3"),
        ("wire(given['x'])", "error TP502: b.py:1: no"),
        ("wire(given['y'])", "error TP509: train.py:12, If: there is no 'y'"),
        ("out['n']", "error TP509: train.py:12, If: expected `str`, found `int` 3"),
        ("boolean(out['m'] < 3)",
         "error TP509: train.py:12, If: TypeError: '<' not supported between instances of 'dict' and 'int'"),
        ("boolean(typed(out['n'], 'bool'))", "error TP509: train.py:12, If: expected `bool`, found `int` 3"),
    ],
)  # fmt: skip
def test_an_error_is_an_answer(expression: str, expected: str) -> None:
    assert answer(expression, x="error TP502: b.py:1: no") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("text('a')", "a"), ("text(None)", "null"), ("text([1, 'a'])", '[1,"a"]'), ("ok(wire(1), text('error TP'))", "true"), ("ok()", "true"),
        ("text(2)", "2"), ("wire([nan, -inf])", r'[{"\u0024tp":["float","nan"]},{"\u0024tp":["float","-inf"]}]'),
        ("boxed('12')", r'"\"12\""'), ("item('a')", "'a'"), ("join('lr=', format(out['m']['loss'], '.3f'))", "lr=0.500"),
        ("wire(join(format('a', '', 'r')))", "\"'a'\""), ("wire(value('{\"a\":[1]}'))", '{"a":[1]}'),
        ("wire(object('Scaled', {'n': 1}))", r'{"n":1,"\u0024tp":["object","Scaled"]}'), ("order(None, 'left==')", "n"),
        ("boolean(typed('2024-01-01T00:00:00Z', 'datetime') == typed('2024-01-01T01:00:00+01:00', 'datetime'))", "true"),
    ],
)  # fmt: skip
def test_forms_of_answers(expression: str, expected: str) -> None:
    assert answer(expression) == expected


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("out.names", "Attribute"), ("9 ** 9", "BinOp"), ("~1", "Invert"), ("f'{out}'", "JoinedStr"), ("lambda: 1", "Lambda"),
        ("[x for x in out]", "ListComp"), ("(a := 1)", "NamedExpr"), ("out['n'][:1]", "Slice"), ("join(*out)", "Starred"),
        ("format(1, spec='')", "keyword"), ("{**out}", "NoneType"), ("(out['n'])()", "Call"), ("wire(wire)()", "Call"),
        ("__import__('os')", "__import__"), ("arm(out['n'], __builtins__)", "__builtins__"), ("{1, 2}", "Set"), ("(1, 2)", "Tuple"),
    ],
)  # fmt: skip
def test_an_ask_only_computes(expression: str, kind: str) -> None:
    assert answer(expression) == f"error TP509: train.py:12, If: `{kind}` is not allowed in an expression"


def test_no_builtin_is_known() -> None:
    assert answer("open('x')") == "error TP509: train.py:12, If: NameError: name 'open' is not defined"


def test_an_expression_that_python_cannot_parse_is_an_error() -> None:
    assert answer("3 +").startswith("error TP509: train.py:12, If: SyntaxError: ")
    assert answer("(" * 500 + ")" * 500).startswith("error TP509: train.py:12, If: ")


def test_errors_are_printable_and_locate_the_argument() -> None:
    assert error_text("é.py:1", ValueError('"$x" \\ {' + "{{{y}}\n\x1b")) == (
        "error TP509: <U+00E9>.py:1: ValueError: '<U+0024>x' <U+005C> { { { {y}} ..."
    )
    with pytest.raises(BadArgument) as caught:
        read_argument("True!", "bool", "b")
    assert error_text("a.py:3, If", caught.value) == "error TP187: argument `b`: expected `bool`, found 'True!'"
    assert len(error_text("a", ValueError("x" * 5000))) == 1000


OPERATIONS: list[tuple[Any, Any]] = [
    (["given", ["Succeeded", "Succeeded"], None, 5], None),
    (["given", ["Succeeded", "Failed"], {"$tp": ["nonsense"]}, {"$tp": ["float", "inf"]}], float("inf")),
    (["given", [], 1, 2], 1),
    (["item", "~['a','~bn']"], ["a", "\n"]),
    (["argument", "n", "int", "3"], 3),
    (["argument", "n", ["union", ["int", "null"]], "null"], None),
    (["argument", "s", "str", '="{\\u007b"'], "{{"),
    (["argument", "s", "str", '="open'], '="open'),
    (["argument", "s", "str", '="\\u0061\\/"'], "a/"),
    (["argument", "s", "str", '="\\q"'], '="\\q"'),
    (["argument", "s", "str", '="a"\n'], '="a"\n'),
    (["argument", "n", "int", '="3"'], 3),
    (["collected", [{"$tp": ["field", {"k": "12"}, "k"]}, '"13"', None]], ["12", "13", None]),
    (["boxed", [{"$tp": ["field", {"k": "12"}, "k"]}, json.dumps(json.dumps("null")), None]], ["12", "null", None]),
    (["boxed", ['{"$tp":["format",["1"]]}', '[{"a":1}]', json.dumps(json.dumps([1]))]], ["1", [{"a": 1}], [1]]),
    (["boxed", [json.dumps([json.dumps(json.dumps("[1]"))]), "[]", "null"]], [["[1]"], [], None]),
]


@pytest.mark.parametrize(("operation", "expected"), OPERATIONS, ids=lambda item: str(item)[:40])
def test_values_are_put_together_by_the_consumer(operation: Any, expected: Any) -> None:
    assert decode(json.dumps({"$tp": operation}), "any") == expected


def job(root: Path, source: str, **parameters: str) -> subprocess.CompletedProcess[str]:
    """Run a component with one input ``x`` and the outputs ``a`` and ``n``, as a pod does."""
    spec = {
        "component": "step", "entry": "step", "returns": "fields", "chunks": [["user.py", 1, source]],
        "inputs": [["x", "x", "value", "any", "null"]], "outputs": [["a", "a", "field", "any"], ["n", "n", "field", "int"]],
    }  # fmt: skip
    given = [{"name": name.replace("tp_", "tp-"), "value": value} for name, value in parameters.items()]
    file = root / "job.json"
    file.write_text(json.dumps({"spec": spec, "parameters": given, "root": str(root / "tp")}))
    return subprocess.run([sys.executable, PATH, str(file)], capture_output=True, text=True, check=False)


def written(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (root / "tp/out/p").iterdir()}


def test_a_task_answers_after_its_outputs_are_written(tmp_path: Path) -> None:
    asked = (
        "tp-e1 = arm(out['n'] == given['k'])  # a.py:1, If\ntp-e2 = items(out['a'])  # a.py:2, ParallelFor\ntp-e3 = ''"
    )
    done = job(
        tmp_path, "def step(x):\n    return (['a', x], 7)\n", tp_ask=asked, tp_given='j = "s"\nk = 7', x="nul" + "l"
    )
    assert done.returncode == 0, done.stderr
    found = written(tmp_path)
    assert {key: found[key] for key in ("n", "tp-e1", "tp-e2", "tp-e3")} == {
        "n": "7",
        "tp-e1": "1",
        "tp-e2": '["\'a\'","null"]',
        "tp-e3": "",
    }


def test_a_given_value_may_have_several_lines_as_somebody_typed_it(tmp_path: Path) -> None:
    given = 'q = {\n  "k = 1": [\n1]\n}\nk = true,\nnull = 3\nm = 2'
    asked = (
        "tp-e1 = boolean(given['q']['k = 1'] == [1])  # a.py:1, If\ntp-e2 = boolean(given['m'] == 2)\n"
        "tp-e3 = wire(given['k'])  # a.py:3, If"
    )
    job(tmp_path, "def step(x):\n    return ([1], 7)\n", tp_ask=asked, tp_given=given)
    found = written(tmp_path)
    assert [found["tp-e1"], found["tp-e2"]] == ["true", "true"]
    assert found["tp-e3"].startswith("error TP509: a.py:3, If: ")


def test_an_answer_that_is_too_long_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDPIPE_MAX_PARAMETER", "10")
    job(tmp_path, "def step(x):\n    return ([1, 2, 3], 7)\n", tp_ask="tp-e1 = items(out['a'])  # a.py:2, ParallelFor")
    assert written(tmp_path)["tp-e1"] == "error TP505: a.py:2, ParallelFor: expected at most 10 bytes, found 13"


def test_nothing_is_written_unless_all_outputs_are_right(tmp_path: Path) -> None:
    done = job(tmp_path, "def step(x):\n    return (7, 'no int')\n", tp_ask="tp-e1 = wire(out['a'])  # a.py:1, If")
    assert done.returncode == 2
    assert "error[TP503]: component `step`, output `n`: expected `int`, found `str` 'no int'" in done.stderr
    assert written(tmp_path) == {}


def test_an_argument_of_the_wrong_form_has_a_code(tmp_path: Path) -> None:
    done = job(tmp_path, "def step(x):\n    return (1, 2)\n", x='{"$tp":["argument","b","bool","2"]}')
    assert done.returncode == 2
    assert "error[TP187]: argument `b`: expected `bool`, found '2'" in done.stderr


def test_a_task_whose_input_failed_says_where(tmp_path: Path) -> None:
    done = job(tmp_path, "def step(x):\n    return (1, 2)\n", x="error TP509: a.py:3: there is no 'zz'")
    assert done.returncode == 2
    assert "error[TP502]: component `step`, input `x`: error TP509: a.py:3: there is no 'zz'" in done.stderr


READ_ENVIRONMENT = """
import os, sys
def step(x):
    return ([os.environ["A"], os.environ["N"], sys.flags.hash_randomization, "TYPEDPIPE_ENV_SET" in os.environ], 1)
"""


def test_the_environment_is_there_when_the_interpreter_starts(tmp_path: Path) -> None:
    hostile = "'\"\\ {{x}} $$ $(HOME) \x1b\x7f\U000e0067"
    variables = [["A", {"$tp": ["field", {"k": hostile}, "k"]}], ["N", {"a": None}], ["PYTHONHASHSEED", "0"]]
    done = job(tmp_path, READ_ENVIRONMENT, tp_env=json.dumps(variables))
    assert done.returncode == 0, done.stderr
    assert json.loads(written(tmp_path)["a"]) == [hostile, '{"a":null}', 0, False]


def test_a_variable_without_a_value_fails_the_task(tmp_path: Path) -> None:
    done = job(tmp_path, READ_ENVIRONMENT, tp_env='[["A",{"$tp":["field",{},"zz"]}]]')
    assert done.returncode == 2
    assert "error[TP502]: component `step`, input `environment variables`: there is no 'zz' in {}" in done.stderr


@pytest.mark.parametrize("value", ["a\0b", ["\0"]])
def test_a_variable_that_no_system_can_hold_fails_the_task(tmp_path: Path, value: object) -> None:
    done = job(tmp_path, READ_ENVIRONMENT, tp_env=json.dumps([["A", value], ["N", 1]]))
    if isinstance(value, str):
        assert (
            "error[TP502]: component `step`, variable `A`: an argument or environment variable cannot hold"
            in done.stderr
        )
        assert done.returncode == 2
    else:  # JSON text, with an escape
        assert json.loads(written(tmp_path)["a"])[:2] == ['["\\u0000"]', "1"]


def test_ok_is_true_or_the_error_of_a_value() -> None:
    values = ["text(out['text'])", "wire(text(out['zz']))", "wire(out['long'])", "text(out['nul'])"]
    lines = [f"tp-e{i} = ok({value})  # a.py:{i}, argument a" for i, value in enumerate(values)]
    lines.append(
        f"tp-e4 = ok({values[0]}, {values[1]}, {values[2]})  # a.py:4, argument a; a.py:4, argument b; a.py:4, image"
    )
    out = task.Names(text="error TP509: mine", long="$" * 20000, nul="\0")
    assert list(task.ask("\n".join(lines), out, task.Names()).values()) == [
        "true",
        "error TP509: a.py:1, argument a: there is no 'zz'",
        "error TP509: a.py:2, argument a: expected at most 32768 bytes, found 120002",
        "error TP509: a.py:3, argument a: an argument or environment variable cannot hold a NUL character",
        "error TP509: a.py:4, argument b: there is no 'zz'",
    ]


def test_an_ask_is_read_from_lines_of_text() -> None:
    assert task.program_lines("\n\n") == []
    ((name, _, where),) = task.program_lines("tp-e1 = wire('a  # b')  # a.py:1, If")
    assert (name, where) == ("tp-e1", "a.py:1, If")
