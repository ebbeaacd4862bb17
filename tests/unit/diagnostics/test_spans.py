from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from typedpipe.diagnostics.model import Span
from typedpipe.diagnostics.source import argument_span, display_path, read_source, resolve_spans

SITES: list[tuple[types.CodeType, int]] = []


def here(*args: object, **kwargs: object) -> object:
    frame = sys._getframe(1)
    SITES.append((frame.f_code, frame.f_lasti))
    return here


@pytest.fixture
def spans_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Span]]:
    monkeypatch.chdir(tmp_path)

    def run(text: str, encoding: str = "utf-8") -> list[Span]:
        path = tmp_path / "user.py"
        path.write_bytes(text.encode(encoding))
        SITES.clear()
        exec(compile(path.read_bytes(), str(path), "exec"), {"here": here})
        return resolve_spans(SITES)

    return run


def cut(span: Span) -> str:
    source = read_source(span.file)
    assert source is not None
    assert span.line == span.end_line
    return source.line(span.line)[span.column - 1 : span.end_column - 1]


def test_spans_are_the_calls_relative_to_the_working_directory(spans_of: Callable[..., list[Span]]) -> None:
    first, second = spans_of("x = 1\nhere(1); y = here(x, 2)\n")
    assert first == Span("user.py", 2, 1, 2, 8)
    assert cut(second) == "here(x, 2)"


@pytest.mark.parametrize("before", ["'ä'", "'日本語'", "'👩‍🔬'", "'é'"])
def test_columns_count_characters_and_not_bytes(spans_of: Callable[..., list[Span]], before: str) -> None:
    (span,) = spans_of(f"x = {before}, here(1), {before}\n")
    assert cut(span) == "here(1)"


def test_a_coding_line_is_kept(spans_of: Callable[..., list[Span]]) -> None:
    (span,) = spans_of("# -*- coding: latin-1 -*-\nx = 'äöü', here(1)\n", "latin-1")
    assert span.line == 2
    source = read_source(span.file)
    assert source is not None
    assert source.line(2) == "x = 'äöü', here(1)"


def test_lines_are_those_of_python(spans_of: Callable[..., list[Span]]) -> None:
    (span,) = spans_of("x = 'a\\\n\x0cb\u2028c'\r\nhere(1)\r\n")
    assert cut(span) == "here(1)"


def test_arguments_are_found_by_name_and_position(spans_of: Callable[..., list[Span]]) -> None:
    nested, outer = spans_of("here(\n    1,\n    xs=here(n='ü'),\n    y=[3],\n)\n")
    assert cut(argument_span(nested, "n")) == "'ü'"
    assert cut(argument_span(outer, "xs")) == "here(n='ü')"
    assert cut(argument_span(outer, "y")) == "[3]"
    assert cut(argument_span(outer, "first", 0)) == "1"
    assert argument_span(outer, "gone") == outer


def test_arguments_behind_a_star_fall_back_to_the_call(spans_of: Callable[..., list[Span]]) -> None:
    (span,) = spans_of("a = [1]\nhere(*a, 2, **{'k': 3})\n")
    assert argument_span(span, "second", 1) == span
    assert argument_span(span, "k") == span


def test_chained_calls_are_told_apart(spans_of: Callable[..., list[Span]]) -> None:
    spans = spans_of("here(a=1)(a=2)\n")
    assert sorted(cut(argument_span(span, "a")) for span in spans) == ["1", "2"]


def test_no_columns_recorded(tmp_path: Path) -> None:
    code = compile("f()\n\ng(a=1)", str(tmp_path / "gone.py"), "exec")
    code = code.replace(co_linetable=b"")
    assert resolve_spans([(code, 2), (code, 9999)]) == [Span(str(tmp_path / "gone.py"), 1)] * 2


def test_a_line_without_columns_still_finds_the_only_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user.py").write_text("g(a=1)\nf(g(a=1))\n")
    assert argument_span(Span("user.py", 1), "a") == Span("user.py", 1, 5, 1, 6)
    assert argument_span(Span("user.py", 2), "a") == Span("user.py", 2)


def test_an_edited_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "user.py"
    path.write_text("one\n")
    first = read_source(str(path))
    path.write_text("another\n")
    second = read_source(str(path))
    assert first is not None
    assert second is not None
    assert (first.line(1), second.line(1)) == ("one", "another")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert read_source(str(tmp_path)) is None
    assert read_source("a\0b") is None
    assert read_source("<string>") is None


def test_paths_outside_the_working_directory_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    assert display_path(str(tmp_path / "other.py")) == str(tmp_path / "other.py")
    assert display_path(str(tmp_path / "in" / "x.py")) == "x.py"


def test_a_cell_of_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    import linecache

    monkeypatch.setitem(linecache.cache, "<cell 1>", (5, None, ["here(n=1)\n"], "<cell 1>"))
    source = read_source("<cell 1>")
    assert source is not None
    assert source.line(1) == "here(n=1)"


def test_the_file_is_found_after_a_change_of_directory(
    spans_of: Callable[..., list[Span]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (span,) = spans_of("here(1)\n")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert cut(span) == "here(1)"
