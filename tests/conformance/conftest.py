"""Plain imports of the modules in this directory, and the table at the end of a run on a cluster."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    from table import ROWS, lines

    rows = config.stash.get(ROWS, [])
    if rows:
        terminalreporter.section("conformance")
        for line in lines(rows):
            terminalreporter.write_line(line)
