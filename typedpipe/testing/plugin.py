"""The pytest plugin with the fixture ``run_pipeline``. An entry point loads it, so it imports nothing early."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typedpipe.testing.fixture import RunPipeline


@pytest.fixture
def run_pipeline(tmp_path: Path) -> Iterator[RunPipeline]:
    """Run pipelines in this process, in a temporary directory; ``run_pipeline.fake(component)`` replaces one."""
    from contextlib import ExitStack

    from typedpipe.testing.fixture import RunPipeline

    with ExitStack() as stack:
        yield RunPipeline(tmp_path / "typedpipe", stack)
