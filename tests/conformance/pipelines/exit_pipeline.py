"""Exit tasks that are retried, that have options, and that are pipelines."""

from __future__ import annotations

from typedpipe import dsl
from typedpipe.dsl import STATUS, Dataset, Input, PipelineTaskFinalStatus


@dsl.component(base_image="python:3.11-slim")
def work(n: int) -> int:
    return 10 // n


@dsl.component(base_image="python:3.11-slim")
def told(label: str, status: PipelineTaskFinalStatus = STATUS) -> str:
    return f"{label} {status.state}"


@dsl.component(base_image="python:3.11-slim")
def breaks(label: str, status: PipelineTaskFinalStatus = STATUS) -> None:
    raise RuntimeError(f"{label} {status.state}")


@dsl.component(base_image="python:3.11-slim")
def make(text: str) -> Dataset:
    data = Dataset(metadata={"text": text})
    with open(data.path, "w") as out:
        out.write(text)
    return data


@dsl.component(base_image="python:3.11-slim")
def read(data: Input[Dataset]) -> str:
    return f"{open(data.path).read()}/{data.metadata['text']}"


@dsl.pipeline
def clean_up(label: str, times: int = 2) -> str:
    made = make(text=label)
    with dsl.If(times > 1):
        read(data=made.output)
    return read(data=made.output).output


@dsl.pipeline
def main(zero: int = 0) -> None:
    with dsl.ExitHandler(breaks(label="tried again").set_retry(1, backoff_duration="0.1s")):
        work(n=1)
    with dsl.ExitHandler(clean_up(label="after a failure")):
        work(n=zero)
    with dsl.ExitHandler(told(label="set").set_env("A", "b").set_timeout(60)):
        work(n=2)


EXPECTED = {
    "state": "FAILED",
    "message": "ZeroDivisionError",
    "attempts": {"breaks": 2},
    "seen": {
        "read": ["after a failure/after a failure", "after a failure/after a failure"],
        "told": ["set SUCCEEDED"],
        "work": [5, 10],
    },
}
