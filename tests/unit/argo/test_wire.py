"""No user text becomes a tag, an expansion of Kubernetes, or another YAML value."""

from __future__ import annotations

import ast
import json

import pytest
import yaml

from typedpipe.compiler.argo.scope import Names, slug
from typedpipe.compiler.argo.templates import flow, literal, quoted, scalar
from typedpipe.compiler.argo.wire import raw, string
from typedpipe.compiler.argo.workflow import to_argument
from typedpipe.compiler.pod import python, script, source
from typedpipe.types.model import STR
from typedpipe.types.values import safe

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


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_yaml_scalars_are_read_back_as_strings(text: str, loader: type) -> None:
    assert yaml.load(f"a: {quoted(text)}", loader) == {"a": text}
    assert yaml.load(f"a: {scalar(text)}", loader) == {"a": text}
    assert yaml.load(f"[{scalar(text)}, {flow({text: [text]})}]", loader) == [text, {text: [text]}]


@pytest.mark.parametrize("word", ["y", "n", "Y", "N", "on", "Off", "NO", "null", "True"])
def test_words_of_yaml_1_1_are_quoted(word: str) -> None:
    assert scalar(word) == f"'{word}'"


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
    assert ast.literal_eval(python(text)) == text


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
    assert (json.loads(given) if given.startswith('"') else given) == text


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
