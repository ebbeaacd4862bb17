from __future__ import annotations

import json
from pathlib import Path

import pytest

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.machine import render_github, render_json, render_sarif
from typedpipe.diagnostics.model import Diagnostic, Label, Span
from typedpipe.diagnostics.text import render, render_all

USER = """\
from typedpipe import component


@component
def words(n: int) -> list[str]: ...

def total(xs: list[int]) -> int: ...


total(
    # the edge
    xs=words(n=3).output,
)
"""


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user.py").write_text(USER)


def lines(text: str) -> list[str]:
    return text.splitlines()


EDGE = Diagnostic(
    "TP201",
    "`total` expects `list[int]` for `xs`, but receives `list[str]`",
    Label(Span("user.py", 12, 8, 12, 25), "expected `list[int]`, found `list[str]`"),
    others=(Label(Span("user.py", 7, 11, 7, 24), "declared here"), Label(Span("user.py", 5, 22, 5, 31), "made here")),
    notes=("one",),
    help="convert in a component,\nor change the annotation of `xs`",
)


def test_both_ends_in_one_snippet() -> None:
    assert render(EDGE) == (
        "error[TP201]: `total` expects `list[int]` for `xs`, but receives `list[str]`\n"
        "  --> user.py:12:8\n"
        "   |\n"
        " 5 | def words(n: int) -> list[str]: ...\n"
        "   |                      --------- made here\n"
        " 6 |\n"
        " 7 | def total(xs: list[int]) -> int: ...\n"
        "   |           ------------- declared here\n"
        "...\n"
        "12 |     xs=words(n=3).output,\n"
        "   |        ^^^^^^^^^^^^^^^^^ expected `list[int]`, found `list[str]`\n"
        "note: one\n"
        "help: convert in a component,\n"
        "      or change the annotation of `xs`\n"
    )


def test_another_file_has_its_own_snippet(tmp_path: Path) -> None:
    (tmp_path / "lib.py").write_text("x = 1\n")
    text = render(
        Diagnostic("TP201", "m", Label(Span("user.py", 5), "here"), (Label(Span("lib.py", 1, 1, 1, 2), "there"),))
    )
    assert lines(text)[1:] == [
        " --> user.py:5",
        "  |",
        "5 | def words(n: int) -> list[str]: ...",
        "  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ here",
        " ::: lib.py:1:1",
        "  |",
        "1 | x = 1",
        "  | - there",
    ]


def test_a_span_of_some_lines_is_underlined_on_each() -> None:
    text = render(Diagnostic("TP201", "m", Label(Span("user.py", 10, 1, 13, 2), "this call")))
    assert lines(text)[3:] == [
        "10 | total(",
        "   | ^^^^^^",
        "11 |     # the edge",
        "   |     ^^^^^^^^^^",
        "12 |     xs=words(n=3).output,",
        "   |     ^^^^^^^^^^^^^^^^^^^^^",
        "13 | )",
        "   | ^ this call",
    ]


def test_a_long_span_shows_its_first_line() -> None:
    text = render(Diagnostic("TP201", "m", Label(Span("user.py", 4, 1, 13, 2), "all of it")))
    assert lines(text)[3:] == [" 4 | @component", "   | ^^^^^^^^^^ all of it"]


@pytest.mark.parametrize(
    ("line", "start", "end", "want"),
    [
        ("\tf(x)", 2, 6, ["1 |     f(x)", "  |     ^^^^"]),
        ("a\tf(x)", 3, 7, ["1 | a   f(x)", "  |     ^^^^"]),
        ("'日本', f(x)", 7, 11, ["1 | '日本', f(x)", "  |         ^^^^"]),
        ("'e\u0301', f(x)", 7, 11, ["1 | 'e\u0301', f(x)", "  |      ^^^^"]),
        ("'\x1b[2J', f(x)", 9, 13, ["1 | '␛[2J', f(x)", "  |         ^^^^"]),
        ("'\u202e', f(x)", 6, 10, ["1 | '<U+202E>', f(x)", "  |             ^^^^"]),
        ("'\x00\x9b', f(x)", 7, 11, ["1 | '␀<U+009B>', f(x)", "  |              ^^^^"]),
        ("f(x)", 9, 12, ["1 | f(x)", "  |     ^"]),
    ],
)
def test_carets_stand_under_what_they_mean(tmp_path: Path, line: str, start: int, end: int, want: list[str]) -> None:
    (tmp_path / "odd.py").write_text(line, encoding="utf-8")
    text = render(Diagnostic("TP201", "m", Label(Span("odd.py", 1, start, 1, end))))
    assert lines(text)[3:] == want


@pytest.mark.parametrize("before", [0, 50, 5000])
def test_a_very_long_line_is_cut_around_the_caret(tmp_path: Path, before: int) -> None:
    (tmp_path / "long.py").write_text("a" * before + "HERE" + "b" * 100_000)
    source, under = lines(render(Diagnostic("TP201", "m", Label(Span("long.py", 1, before + 1, 1, before + 5)))))[3:]
    assert len(source) < 160
    at = source.index("HERE")
    assert under[at : at + 4] == "^^^^"
    assert under.count("^") == 4


def test_user_text_never_becomes_terminal_control() -> None:
    nasty = "\x1b]0;title\x07\nerror[TP000]: forged\r\x9b"
    for color in (False, True):
        text = render(Diagnostic("TP201", nasty, Label(Span(nasty, 1), nasty), notes=(nasty,), help=nasty), color)
        plain = text
        for code in ("\x1b[1m", "\x1b[1;31m", "\x1b[1;34m", "\x1b[1;36m", "\x1b[0m"):
            plain = plain.replace(code, "")
        assert not [c for c in plain if (ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0]
        assert not [line for line in plain.split("\n") if line.startswith("error[TP000]")]


def test_color_is_only_color() -> None:
    plain = render(EDGE, color=True)
    for code in ("\x1b[1m", "\x1b[1;31m", "\x1b[1;34m", "\x1b[1;36m", "\x1b[0m"):
        plain = plain.replace(code, "")
    assert plain == render(EDGE)


def test_without_a_place_or_a_source() -> None:
    assert render(Diagnostic("TP901", "m", Label(Span("")))) == "error[TP901]: m\n"
    assert render(Diagnostic("TP201", "m", Label(Span("gone.py", 3, 2), "why"))) == (
        "error[TP201]: m\n --> gone.py:3:2\n  = why\n"
    )
    assert render(Diagnostic("TP201", "m", Label(Span("user.py", 99), "why"))) == (
        "error[TP201]: m\n  --> user.py:99\n   = why\n"
    )


def test_warnings_say_so() -> None:
    assert render(Diagnostic("TP301", "m", Label(Span("")), severity="warning")) == "warning[TP301]: m\n"


def test_the_exception_prints_all() -> None:
    error = PipelineError([EDGE, EDGE])
    assert str(error) == "\n" + render_all([EDGE, EDGE])


def test_json_has_both_ends() -> None:
    (item,) = json.loads(render_json([EDGE]))
    assert (item["code"], item["file"], item["line"], item["end_column"]) == ("TP201", "user.py", 12, 25)
    assert [other["line"] for other in item["others"]] == [7, 5]


def test_github_escapes_what_would_end_the_command() -> None:
    text = render_github([Diagnostic("TP201", "a\n::error::forged", Label(Span("a,b:c.py", 1)), help="100%")])
    assert text == "::error title=TP201,file=a%2Cb%3Ac.py,line=1::a%0A::error::forged%0Ahelp: 100%25\n"


def test_sarif_names_rules_and_places() -> None:
    run = json.loads(render_sarif([EDGE]))["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["TP201"]
    (result,) = run["results"]
    assert result["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 12,
        "startColumn": 8,
        "endLine": 12,
        "endColumn": 25,
    }
    assert len(result["relatedLocations"]) == 2
