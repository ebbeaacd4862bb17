"""Orphans of a dead engine are found by its mark, among processes and containers."""

from __future__ import annotations

from pathlib import Path

import pytest

from typedpipe.ir.nodes import Graph, Pipeline
from typedpipe.local.runners import orphans
from typedpipe.local.store.locks import read_engine
from typedpipe.local.store.root import open_root


def test_what_a_dead_engine_left_is_reaped_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reaped: list[str] = []

    def reap(nonce: str) -> int:
        reaped.append(nonce)
        return 2

    monkeypatch.setattr(orphans, "reap", reap)
    root = open_root(tmp_path / "runs", create=True)
    folders = [root.new_run(name, Pipeline("p", Graph()), {}, {}) for name in ("killed", "ended", "alive")]
    for folder in folders:
        orphans.mark(folder.path)
    orphans.unmark(folders[1].path)
    folders[0].close()
    folders[1].close()
    assert orphans.clean_up(root) == 2
    engine = read_engine(str(folders[0].path))
    assert engine is not None
    assert reaped == [engine.nonce]
    assert orphans.clean_up(root) == 0
    folders[2].close()
