"""Each expression in the table of docs/concepts.md, "Text with values", has the result that its row states."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "concepts.md"
HEAD = """
import html, json, logging, re, shlex, string, textwrap, yaml
from typedpipe.dsl import *

@component
def say(text: str) -> None:
    print(text)

names, sizes = ["a"], {"a": 1}

@pipeline
def main(n: int, name: str, size: int | None) -> None:
    text = f"n={n}"
"""


def rows() -> list[tuple[str, str]]:
    """Each expression of the first column, with the code that the second one names, or none."""
    table = re.search(r"^\| you write \| .*\n\|---.*\n((?:\|.*\n)+)", PAGE.read_text("utf-8"), re.M)
    assert table is not None
    found: list[tuple[str, str]] = []
    for row in table[1].splitlines():
        wrote, happens = row.split(" | ")[:2]
        code = re.search(r"TP\d+", happens)
        found += [(text, code[0] if code else "") for text in re.findall(r"`([^`]+)`", wrote) if text != "size"]
    return found


@pytest.mark.parametrize(("text", "code"), rows())
def test_a_row_is_true(program, text, code):
    if text.startswith("if "):
        body = f"{text} say(text=name)"
    elif text.startswith("match "):
        body = f'{text}\n        case "a": say(text=name)'
    elif text.startswith(("print(", "logging.")):
        body = f"{text}\n    say(text=name)"
    else:
        body = f"say(text=str({text}))"
    passed = "" if code == "TP160" else "    say(text=text)\n"
    found = program(f"{HEAD}    {body}\n{passed}", prelude=False)
    assert set(found.codes) == ({code} if code else set()), found.printed
