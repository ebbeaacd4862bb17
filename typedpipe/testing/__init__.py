"""Testing of pipelines: run them in a temporary directory, with fakes instead of components.

The package provides the fixture ``run_pipeline``::

    def test_training(run_pipeline: RunPipeline) -> None:
        trained = run_pipeline.fake(train).returns(0.9)
        run = run_pipeline(main, epochs=3)
        assert run.outputs == 0.9
        trained.assert_called_with(epochs=3)

Such a run takes place entirely in the test's process: no network, no container, and ``breakpoint()`` works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typedpipe.testing.fakes import Fake as Fake, Faking as Faking, FakingOutputs as FakingOutputs, fake as fake
    from typedpipe.testing.fixture import RunPipeline as RunPipeline
else:

    def __getattr__(name: str) -> object:
        """Load attributes on first access: pytest imports this package in every project."""
        if name not in __all__:
            raise AttributeError(f"module 'typedpipe.testing' has no attribute {name!r}", name=name)
        from importlib import import_module

        home = "fixture" if name == "RunPipeline" else "fakes"
        return getattr(import_module(f"typedpipe.testing.{home}"), name)


__all__ = ["Fake", "Faking", "FakingOutputs", "RunPipeline", "fake"]
