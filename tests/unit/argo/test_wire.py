"""No user text becomes a tag, an expansion of Kubernetes, or another YAML value."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from tests.argo_schema import valid
from tests.ir_samples import component
from typedpipe.compiler import driver
from typedpipe.compiler.argo.read.arguments import to_argument
from typedpipe.compiler.argo.templates import arguments, flow, literal, quoted, scalar, string
from typedpipe.compiler.argo.wire import raw
from typedpipe.compiler.pod import Names, script, slug, source
from typedpipe.ir.nodes import (
    Call,
    Const,
    FromInput,
    FromTask,
    Graph,
    GraphOutput,
    InputPort,
    Loop,
    OutputPort,
    Pipeline,
    Task,
)
from typedpipe.types.model import INT, STR, ListType
from typedpipe.types.values import python_literal, safe

HOSTILE = [
    "{{workflow.name}}", "{{=1+1}}", "{{", "{{{", "}}", "$$", "$(HOME)", "\x1b[31m", "\x7f", "\U000e0067", "\u2028", "\0",
    "'", '"', "\\", "'''", "a: b", "# no", "- x", "n", "yes", "3", "0x1", "1e3", "", " ", "~", "%", "\t", "\r\n", "größe", "<<",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_wire_text_is_inert_and_exact(text: str) -> None:
    wire = safe(json.dumps(text))
    assert json.loads(wire) == text
    assert wire.isascii()
    assert "{{" not in wire
    assert "$" not in wire
    assert "\x7f" not in wire


LINES = st.lists(
    st.text(st.sampled_from("ab \n\\\"'{}#,:$n\t\x1b\u2028\U0001f600"), max_size=300), min_size=1, max_size=4
)


@settings(max_examples=300, deadline=None)
@given(LINES)
def test_long_arguments_are_read_back_from_several_lines(texts: list[str]) -> None:
    given_ = [(f"p{number}", text) for number, text in enumerate(texts)]
    text = f"dag:\n  tasks: [\n     {{name: a,arguments: {arguments(given_)}}},\n     {{name: b}}]\n"
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        (task, _) = yaml.load(text, loader)["dag"]["tasks"]
        assert [(each["name"], each["value"]) for each in task["arguments"]["parameters"]] == given_


def test_long_arguments_stand_below_each_other() -> None:
    asked = "tp-e1 = out['n'] > 3  # a.py:3, If\ntp-e2 = " + "x" * 90
    text = arguments([("n", "1"), ("note", "y" * 90), ("tp-ask", asked)])
    assert text.split("\n") == [
        "{parameters: [",
        "          {name: 'n',value: '1'},",
        f"          {{name: note,value: '{'y' * 90}'}},",
        "          {name: tp-ask,value: \"tp-e1 = out['n'] > 3  # a.py:3, If\\n\\",
        f'          tp-e2 = {"x" * 90}"}}]}}',
    ]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_yaml_scalars_are_read_back_as_strings(text: str, loader: type) -> None:
    assert yaml.load(f"a: {quoted(text)}", loader) == {"a": text}
    assert yaml.load(f"a: {scalar(text)}", loader) == {"a": text}
    assert yaml.load(f"[{scalar(text)}, {flow({text: [text]})}]", loader) == [text, {text: [text]}]


_BARE = [
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nil", "nan", "inf", "~", "=", "<<", "", "0", "-0", "+1",
    "07", "08", "0o7", "0b11", "0x1f", "1_000", "190:20:30", "-1:59", "1.5", ".5", "1.", "1e3", "1.e+3", "685_230.15",
    "190:20:30.15", ".inf", "-.inf", "+.inf", ".nan", "2001-12-14", "2001-12-14t21:59:43.10-05:00", "2001-1-1 1:1:1",
    "_", "_1", "1_", "-", "?", ":", "- a", "? a", "a: b", "a:", ":a", "a #b", "#a", "&a", "*a", "!a", "!!str", "|", ">",
    "%a", "@a", "`a", "[", "]", "{", "}", ",", "a,b", "a]", "---", "...", "--- a", "'", '"', "a'b", "python:3.11", "a:1",
    "a/b:c", "y.Succeeded", "n && y", "y && n", "a  b", " a", "a ", "a\tb", "a\nb", "\ufeff", "\x85", "\u2028", "e5", "_e5",
]  # fmt: skip
WORDS = sorted({form for text in _BARE for form in (text, text.lower(), text.upper(), text.capitalize())})
"""Texts that YAML 1.1 reads as something other than a string, in all their forms, and some that look like them."""


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_words_of_yaml_1_1_are_read_back_as_strings(loader: type) -> None:
    for word in WORDS:
        flow_, block = f"{{a: {scalar(word)},b: [{scalar(word)}]}}", f"- {scalar(word)}"
        assert yaml.load(flow_, loader) == {"a": word, "b": [word]}
        assert yaml.load(block, loader) == [word]
        assert yaml.load(flow({word: word}), loader) == {word: word}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl")
def test_kubectl_reads_words_of_yaml_1_1_as_strings() -> None:
    """The values of a ConfigMap have to be strings: kubectl refuses any other."""
    lines = "".join(f"  b{i}: {scalar(word)}\n" for i, word in enumerate(WORDS))
    block = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n{lines}"
    entries = ",".join(f"f{i}: {scalar(word)}" for i, word in enumerate(WORDS))
    given = f"{block}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: b}}\ndata: {{{entries}}}\n"
    command = ["kubectl", "annotate", "--local", "-f", "-", "-o", "json", "a=b"]
    read = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    decoder, rest = json.JSONDecoder(), read.stdout
    found: dict[str, str] = {}
    while rest.strip():
        document, end = decoder.raw_decode(rest := rest.lstrip())
        found |= document["data"]
        rest = rest[end:]
    assert found == {f"{letter}{i}": word for letter in "bf" for i, word in enumerate(WORDS)}


@pytest.mark.parametrize(
    "word", ["y", "n", "Y", "N", "yes", "on", "Off", "NO", "null", "True", "nil", "nan", "inf", "e5", "1e3"]
)
def test_names_that_yaml_1_1_reads_as_something_else(word: str) -> None:
    step = replace(component(word, {word: INT}, INT, "return 1"), outputs=(OutputPort(word, INT),))
    ports, given = (InputPort(word, INT),), ((word, FromInput(word)),)
    body = Graph(ports, (Task(f"{word}-1", word, given),), (GraphOutput(word, FromTask(f"{word}-1", word), INT),))
    called = replace(body, nodes=(Task(word, word, given),), outputs=(GraphOutput(word, FromTask(word, word), INT),))
    nodes = (
        Task(word, word, ((word, Const("1", INT)),)),
        Call(f"_{word}", f"_{word}", ((word, FromTask(word, word)),)),
        Loop(f"__{word}", Const("[1]", ListType(INT)), word, INT, body, 0, (), (word,)),
        Task(f"{word}_", word, ((word, FromTask(f"_{word}", word)),)),
    )
    graph = Graph((), nodes, (GraphOutput(word, FromTask(f"_{word}", word), INT),))
    pipeline = Pipeline(word, graph, {word: step}, {f"_{word}": called}, closed=True)
    (text,) = driver.compile(pipeline, "argo", {"name": word.lower()}).values()
    spec = valid(text)["spec"]
    names = [template["name"] for template in spec["templates"]]
    names += [task["name"] for template in spec["templates"] for task in template.get("dag", {}).get("tasks", ())]
    assert all(isinstance(name, str) for name in names)


@pytest.mark.parametrize("text", ["a\nb\n", "  indented\nx", "\n\nfirst", "x\n\n\n", "tail", "\ta\n", "a\n  \nb"])
def test_literal_blocks(text: str) -> None:
    read = yaml.safe_load("a:\n  source: " + literal(text, "    "))["a"]["source"]
    assert read.rstrip("\n").replace("  \n", "\n") == text.rstrip("\n").replace("  \n", "\n")


@pytest.mark.parametrize("text", HOSTILE)
def test_source_is_exact_and_inert(text: str) -> None:
    code = f"def f():\n    return {text!r}\n"
    written = source(code)
    assert ast.literal_eval(written.removesuffix("[1:]"))[1 if written.endswith("[1:]") else 0 :] == code
    whole = script({"entry": "f", "chunks": [[text, 1, code]], "component": text}, "[]")
    assert "{{" not in whole
    assert "$$" not in whole
    assert "$(" not in whole
    assert ast.literal_eval(python_literal(text)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_expression_strings_never_end_a_tag(text: str) -> None:
    literal_ = string(text)
    assert "{{" not in literal_
    assert "}}" not in literal_
    assert "$" not in literal_
    assert literal_.isprintable()


@pytest.mark.parametrize("text", HOSTILE)
def test_arguments_hang_no_workflow(text: str) -> None:
    given = to_argument(json.dumps(text), STR)
    assert "{{" not in given
    assert "$" not in given
    assert (json.loads(given[1:]) if given.startswith('="') else given) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_raw_text_comes_back_from_kubernetes(text: str) -> None:
    written = raw(text)
    assert "{{" not in written
    assert written.replace("$(TP_LB)", "{").replace("$$", "$") == text


def test_names_are_kept_made_fit_and_told_apart() -> None:
    names = Names()
    wanted = ["train", "train", "in", "Map", "größe", "1st", "a_b", "a-b", "é", "x" * 300]
    given = [names.give(name) for name in wanted]
    assert given[:4] == ["train", "train-2", "in-task", "map"]
    assert len(set(given)) == len(given)
    assert all(slug(name) == name and len(name) <= 63 for name in given)
