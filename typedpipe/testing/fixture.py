"""The fixture ``run_pipeline``, which runs pipelines in tests."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, overload

from typedpipe.dsl.component import BaseComponent, Component
from typedpipe.dsl.configured import Configured
from typedpipe.dsl.pipeline import Pipeline
from typedpipe.local.handle import Run
from typedpipe.testing.fakes import Fake, Faking, FakingOutputs

P = ParamSpec("P")
R = TypeVar("R")


class RunPipeline:
    """Runs pipelines in the test's process and temporary directory; the fixture ``run_pipeline`` is an instance."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        """Directory of the store."""
        self._stack = stack

    def __call__(self, pipeline: Pipeline[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Run[R]:
        """Run a pipeline to its end.

        Raises:
            typedpipe.local.RunFailed: a task failed.
        """
        return self._run(pipeline, True).run(*args, **kwargs).wait()

    def failing(self, pipeline: Pipeline[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Run[R]:
        """Run a pipeline that is expected to fail."""
        __tracebackhide__ = True
        run = self._run(pipeline, False).run(*args, **kwargs).wait()
        if run.state == "SUCCEEDED":
            raise AssertionError(f"expected the run of `{pipeline.name}` to fail, but it succeeded")
        return run

    def _run(self, pipeline: Pipeline[P, R], raise_on_error: bool) -> Configured[P, R]:
        return pipeline.options(runner="inprocess", folder=self.folder, cache=False, raise_on_error=raise_on_error)

    @overload
    def fake(self, component: Component[P, R], /) -> Faking[P, R]: ...  # type: ignore[overload-overlap]  # as there
    @overload
    def fake(self, component: BaseComponent, /) -> FakingOutputs: ...
    def fake(self, component: Any, /) -> Any:
        """Replace a component until the end of the test: ``.returns(…)``, ``.by(…)``, ``.writes(…)``, ``.raises(…)``."""

        def use(made: Fake) -> Fake:
            return self._stack.enter_context(made)

        return FakingOutputs(component, use)
