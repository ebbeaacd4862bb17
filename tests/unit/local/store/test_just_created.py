"""A kill between the creation of a run's directory and the first commit of its index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.ir.nodes import Graph, Pipeline
from typedpipe.local.store.index import INDEX, tasks
from typedpipe.local.store.root import Root, open_root


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Root]:
    """A store with a run whose index was never written."""
    root = open_root(tmp_path / "store", create=True)
    folder = root.new_run("r", Pipeline("p", Graph()), {}, {})
    folder.close()
    for file in folder.path.glob(INDEX + "*"):
        file.unlink()
    yield root
    root.close()


@pytest.mark.parametrize("index", [None, b""])
def test_the_run_is_interrupted_and_can_be_continued(killed: Root, index: bytes | None) -> None:
    if index is not None:
        (killed.path / "runs" / "r" / INDEX).write_bytes(index)
    run = killed.run("r")
    assert run.state == "INTERRUPTED"
    assert tasks(run) == []
    assert [found.name for found in killed.runs()] == ["r"]
    killed.reopen(run).close()
    assert killed.run("r").state == "INTERRUPTED"


def test_an_index_that_was_lost_later_is_an_error(killed: Root) -> None:
    (killed.path / "runs" / "r" / "tasks" / "train").mkdir()
    with pytest.raises(PipelineError) as caught:
        killed.run("r")
    assert caught.value.diagnostics[0].code == "TP604"
