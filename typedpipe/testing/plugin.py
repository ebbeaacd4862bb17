"""The pytest plugin with the fixture ``run_pipeline``. An entry point loads it, so it imports nothing early."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typedpipe.testing.fixture import RunPipeline


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[object]) -> None:
    """Report errors of pipelines and of runs without the frames of typedpipe."""
    import sys

    errors, result = sys.modules.get("typedpipe.diagnostics.errors"), sys.modules.get("typedpipe.local.result")
    ours = [getattr(errors, "PipelineError", ()), getattr(result, "RunFailed", ())]
    if call.excinfo is not None and isinstance(call.excinfo.value, tuple(kind for kind in ours if kind)):
        from typedpipe.diagnostics.frames import users_traceback

        error, trace = call.excinfo.value, users_traceback(call.excinfo.tb)
        if trace is not None:
            call.excinfo = pytest.ExceptionInfo.from_exc_info((type(error), error, trace))


@pytest.fixture
def run_pipeline(tmp_path: Path) -> Iterator[RunPipeline]:
    """Run pipelines in this process, in a temporary directory; ``run_pipeline.fake(component)`` replaces one."""
    from contextlib import ExitStack

    from typedpipe.testing.fixture import RunPipeline

    with ExitStack() as stack:
        yield RunPipeline(tmp_path / "typedpipe", stack)
