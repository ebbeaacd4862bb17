"""Every marked line is an error in a run or a fake; the tag names it."""
from typing import NamedTuple

from typedpipe import Dataset, Model, component, local, pipeline
from typedpipe.testing import RunPipeline, fake


class Trained(NamedTuple):
    model: Model
    accuracy: float


@component
def prep(n: int) -> Dataset:
    return Dataset()


@component
def train(data: Dataset, lr: float = 0.1) -> float:
    return 0.5


@pipeline
def main(n: int, lr: float = 0.1) -> float:
    return train(data=prep(n=n).output, lr=lr).output


@pipeline
def given(data: Dataset) -> float:
    return train(data=data).output


@pipeline
def clash(jobs: str) -> Dataset:
    return prep(n=1).output


def runs() -> None:
    main.run()  # E: missing
    main.run(n="1")  # E: type
    main.run(n=1, m=2)  # E: unknown
    main.run(n=1, runner="proces")  # E: no_such_runner
    main.options(job=3)  # E: no_such_option
    main.options(jobs="3")  # E: option_type
    main.options(jobs=3).run(n="1")  # E: type_after_options
    main.options(jobs=3).local()  # E: missing_after_options
    clash.run(jobs=3)  # E: parameter_named_as_an_option
    a: int = main.run(n=1).outputs  # E: output_type
    b: str = main.run(n=1, runner="process").outputs  # E: output_type_with_options
    main.run(n=1).outputs.accuracy  # E: no_such_output
    main.run(n=1).task["train"]  # E: no_such_attribute
    main.run(n=1).tasks[0]  # E: task_key


def direct() -> None:
    local.init(runner="process")  # E: runner_is_no_text
    local.init()  # E: no_runner
    prep(n="1")  # E: direct_call


def elsewhere(data: str, lr: float = 0.1) -> float:
    return 1.0


def fakes(run_pipeline: RunPipeline) -> None:
    fake(train).returns("x")  # E: fake_value
    given.run(data="rows.csv")  # E: artifact_as_path
    fake(train).by(lambda data, lr=0.1: "x")  # E: fake_result
    fake(train).by(lambda data, rate, lr=0.1: 1.0)  # E: fake_parameters
    fake(train).by(elsewhere)  # E: fake_parameter_type
    fake(train).raises("x")  # E: fake_exception
    run_pipeline.fake(prep).returns(3)  # E: fixture_fake_value
    run_pipeline(main)  # E: fixture_missing
    run_pipeline(main, n="1")  # E: fixture_type
    c: str = run_pipeline(main, n=1).outputs  # E: fixture_output
