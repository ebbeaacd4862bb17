"""Retry with backoff: a task that finally succeeds returns the value, artifact and metadata of that attempt.

A pod has no memory of the try before it, so the task fails until some time after an earlier task has gone by.
"""

from __future__ import annotations

import datetime
from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import Dataset, Input


class Made(NamedTuple):
    data: Dataset
    text: str


@dsl.component(base_image="python:3.11-slim")
def now() -> datetime.datetime:
    import datetime

    return datetime.datetime.now(datetime.timezone.utc)


@dsl.component(base_image="python:3.11-slim")
def flaky(since: datetime.datetime, wait: float) -> Made:
    import datetime

    passed = (datetime.datetime.now(datetime.timezone.utc) - since).total_seconds()
    data = Dataset(metadata={"late": passed > wait})
    with open(data.path, "w") as out:
        out.write("late" if passed > wait else "early")
    if passed < wait:
        raise RuntimeError(f"only {passed} s have passed")
    return Made(data, "late")


@dsl.component(base_image="python:3.11-slim")
def read(data: Input[Dataset], text: str) -> str:
    return f"{open(data.path).read()} {data.metadata['late']} {text}"


@dsl.pipeline
def main(wait: float = 0.4) -> str:
    made = flaky(since=now().output, wait=wait).set_retry(
        4, backoff_duration="1s", backoff_factor=4.0, backoff_max_duration="100s"
    )
    return read(data=made.outputs.data, text=made.outputs.text).output


ON_ARGO = {"wait": 20.0}
"""Arguments on a cluster, where a pod takes a while to start: the first try must come too early."""

EXPECTED = {"state": "SUCCEEDED", "outputs": {"Output": "late True late"}, "attempts": {"flaky": "more than one"}}
