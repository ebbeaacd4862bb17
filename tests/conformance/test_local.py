"""Every construct run locally, compared with the expectations of its file."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import NAMES, differences, load, run_here


@pytest.mark.parametrize("name", NAMES)
def test_construct(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TYPEDPIPE_CONTAINERS", "host")
    case = load(name)
    _, _, found = run_here(case, tmp_path)
    wrong = differences(case.expected, found)
    assert not wrong, f"{name}: " + "\n  ".join(wrong)
