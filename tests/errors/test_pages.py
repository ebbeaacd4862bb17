"""Every page of docs/errors is correct: its bad example prints exactly its output, and its fixed one is clean.

``run: COMMAND`` at the top of a section is run instead of ``typedpipe lint pipeline.py``; then a line ``...`` of what
is printed stands for any lines. ``No example: WHY`` stands for both sections, for the few codes that no file brings
about.
"""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from typedpipe.cli.app import run_app
from typedpipe.cli.explain import read_page
from typedpipe.diagnostics.codes import CODES
from typedpipe.local import session

PAGES = Path(__file__).parents[2] / "docs" / "errors"
LINT = "typedpipe lint pipeline.py"
LATE = re.compile(r"^(?:checking|starting) .+ …\n", re.M)
"""Lines about a phase, which are printed only when it takes long."""


@dataclass(frozen=True)
class Section:
    command: str
    files: dict[str, str]
    text: str


def section(page: str, title: str) -> Section | None:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    if found is None:
        return None
    body = found[1]
    run = re.match(r"\s*run: `?(.+?)`?\n", body)
    files: dict[str, str] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", body, re.M | re.S):
        named = re.match(r"# file: (\S+)\n", block)
        files[named[1] if named else "pipeline.py"] = block
    text = re.search(r"^```text\n(.*?)^```$", body, re.M | re.S)
    return Section(run[1] if run else LINT, files, text[1] if text else "")


@pytest.fixture
def execute(tmp_path, monkeypatch, capsys):
    """Run a section's command on its files; what was printed and the exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    paths, modules = list(sys.path), set(sys.modules)

    def run(part: Section) -> tuple[str, int]:
        for name, text in part.files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        program, *arguments = shlex.split(part.command)
        assert program == "typedpipe", part.command
        capsys.readouterr()
        code = run_app(arguments)
        printed = capsys.readouterr()
        forget()
        text = printed.out if part.command == LINT else printed.out + printed.err
        return LATE.sub("", text).replace(str(tmp_path) + "/", ""), code

    def forget() -> None:
        sys.path[:] = paths
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
                del sys.modules[name]

    yield run
    forget()
    session.end()  # a page may have called `local.init()`


def matches(printed: str, wanted: str) -> bool:
    pattern = "".join("(?:.*\n)*?" if line == "...\n" else re.escape(line) for line in wanted.splitlines(keepends=True))
    return re.fullmatch(pattern, printed) is not None


def test_every_code_has_a_page_and_every_page_a_code():
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted(CODES)


@pytest.mark.parametrize("code", sorted(path.stem for path in PAGES.glob("TP*.md")))
def test_the_page_is_true(code, execute):
    page = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {code}: {CODES[code]}\n")
    wrong, printed, right = (section(page, title) for title in ("Wrong", "Printed", "Right"))
    if wrong is None:
        assert re.search(r"^No example: \w+", page, re.M)
        return
    assert printed is not None
    assert right is not None
    text, exit_code = execute(wrong)
    assert exit_code != 0
    assert f"[{code}]" in text or wrong.command != LINT
    if wrong.command == LINT:
        assert text == printed.text
    else:
        assert matches(text, printed.text), text
    if not right.files and right.command == LINT:
        right = Section(right.command, wrong.files, "")
    text, exit_code = execute(right)
    assert exit_code == 0, text
    assert text == "" or right.command != LINT


def test_explain_prints_the_page():
    assert read_page("TP180") == (PAGES / "TP180.md").read_text(encoding="utf-8")
    assert read_page("TP000") is None
