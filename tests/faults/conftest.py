"""Invariants after every fault-injection test: no orphaned or zombie process, no temporary directory left."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.living import MARK, marked, until, zombies

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "local"))


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Mark all that the test starts, and look for it afterwards."""
    mark, place = secrets.token_hex(8), tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv(MARK, mark)
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.delenv("TYPEDPIPE_HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    assert until(lambda: not marked(mark), 5), f"processes survive: {[describe(pid) for pid in marked(mark)]}"
    assert not zombies()
    assert os.listdir(place) == []


def describe(pid: int) -> str:
    try:
        return f"{pid}: {Path(f'/proc/{pid}/cmdline').read_bytes().replace(bytes(1), b' ').decode()}"
    except OSError:
        return f"{pid}: gone meanwhile"
