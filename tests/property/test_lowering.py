"""Laws of the Argo backend over generated pipelines: what it writes is valid by Argo's types and rules of reference."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from tests.argo_schema import valid
from tests.property.made_up import pipelines
from typedpipe.compiler import driver
from typedpipe.ir.nodes import Pipeline


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pipelines())
def test_what_is_written_is_valid(pipeline: Pipeline) -> None:
    (text,) = driver.compile(pipeline).values()
    valid(text)
