"""``program``: a user's file as the driver loads it, and its diagnostics."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from typedpipe.compiler import driver
from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.diagnostics.text import render_all
from typedpipe.dsl.tracing import collecting
from typedpipe.ir import nodes as ir
from typedpipe.ir.text import dump

PRELUDE = """\
from typedpipe import dsl
from typedpipe.dsl import *
@dsl.component
def add(a: int, b: int = 2) -> int: return a + b
@dsl.component
def say(s: str) -> str: return s
@dsl.component
def make() -> Model: return Model()
@dsl.component
def flag() -> bool: return True
@dsl.component
def note() -> str | None: return None
@dsl.component
def seq() -> list[int]: return [1]
"""
FIRST = PRELUDE.count("\n")
"""Lines of the prelude: places are told counting from 1 after it."""


@dataclass
class Program:
    """One user's file, imported under ``collecting`` and checked."""

    module: ModuleType
    pipelines: list[Any]
    report: Diagnostics
    escaped: BaseException | None = None
    checked: list[ir.Pipeline] = field(default_factory=list[ir.Pipeline])

    @property
    def printed(self) -> str:
        """Output of ``typedpipe lint``."""
        return render_all(tuple(self.report), color=False) if self.report.items else ""

    @property
    def said(self) -> list[str]:
        """Each diagnostic as ``TPnnn line:column message``; lines counted after the prelude."""
        found = []
        for item in self.report:
            span = item.primary.span
            found.append(f"{item.code} {max(span.line - FIRST, 0)}:{span.column} {item.message}")
        return found

    @property
    def codes(self) -> list[str]:
        return [item.code for item in self.report]

    @property
    def help(self) -> str:
        return "\n".join(item.help for item in self.report)

    @property
    def graph(self) -> str:
        """The graph of the last pipeline, checked and closed, as text."""
        assert not self.report.items, self.printed
        text = dump(self.checked[-1])
        return text[text.index("\ngraph") + 1 :]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Program]]:
    monkeypatch.chdir(tmp_path)
    names: list[str] = []

    def load(body: str, *, prelude: bool = True) -> Program:
        name = f"pipeline_{len(names)}" if names else "pipeline"
        names.append(name)
        source = (PRELUDE if prelude else "") + textwrap.dedent(body).lstrip("\n")
        path = tmp_path / f"{name}.py"
        path.write_text(source, encoding="utf-8")
        module = sys.modules[name] = ModuleType(name)
        module.__file__ = str(path)
        report = Diagnostics()
        escaped: BaseException | None = None
        with collecting(report) as found:
            try:
                exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))
            except PipelineError as error:
                escaped = error
        loaded = Program(module, found.pipelines, report, escaped)
        for handle in found.pipelines:
            if handle.traced is not None:
                try:
                    loaded.checked.append(driver.check(handle.traced, report))
                except PipelineError:
                    pass  # it is in the report
        return loaded

    yield load
    for name in names:
        sys.modules.pop(name, None)
