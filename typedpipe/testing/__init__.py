"""Testing pipelines: run them in a temporary folder, with fakes in place of components.

The fixture ``run_pipeline`` comes with the package::

    def test_training(run_pipeline: RunPipeline) -> None:
        trained = run_pipeline.fake(train).returns(0.9)
        run = run_pipeline(main, epochs=3)
        assert run.outputs == 0.9
        trained.assert_called_with(epochs=3)

Everything of such a run happens in the test's own process: no network, no container, and ``breakpoint()`` works.
"""

from __future__ import annotations

from typedpipe.testing.fakes import Fake, Faking, FakingOutputs, fake
from typedpipe.testing.fixture import RunPipeline

__all__ = ["Fake", "Faking", "FakingOutputs", "RunPipeline", "fake"]
