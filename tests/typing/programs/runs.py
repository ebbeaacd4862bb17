"""Local runs, and fakes: no checker may report anything here."""
from typing import NamedTuple

from typedpipe import OUT, Dataset, InputPath, Metrics, Model, Output, component, local, pipeline
from typedpipe.local import Run
from typedpipe.testing import RunPipeline, fake


class Trained(NamedTuple):
    model: Model
    accuracy: float


@component
def prep(n: int) -> Dataset:
    ds = Dataset()
    with open(ds.path, "w") as f:
        f.write("x" * n)
    return ds


@component
def train(data: InputPath[Dataset], lr: float = 0.1) -> Trained:
    model = Model()
    open(model.path, "w").close()
    return Trained(model, 0.5)


@component
def measure(accuracy: float, metrics: Output[Metrics] = OUT) -> None:
    metrics.log_metric("accuracy", accuracy)


@pipeline
def main(n: int, lr: float = 0.1) -> Trained:
    trained = train(data=prep(n=n).output, lr=lr)
    measure(accuracy=trained.outputs.accuracy)
    return trained.outputs


@pipeline
def given(data: Dataset) -> float:
    return train(data=data).outputs.accuracy


def artifacts() -> None:
    run: Run[float] = given.run(data=Dataset("rows.csv"))
    accuracy: float = given.options(jobs=1).run(Dataset("s3://bucket/rows.csv")).outputs


@pipeline
def clash(jobs: str, runner: str = "") -> Dataset:
    return prep(n=1).output


def runs() -> None:
    run = main.run(n=1)
    accuracy: float = run.outputs.accuracy
    model: Model = run.outputs.model
    other: Run[Trained] = main.run(1, lr=0.2, runner="process")
    third: Run[Trained] = main.run(n=1, runner="inprocess", jobs=2, cache=False)
    fourth: Run[Trained] = main.options(runner="venv", jobs=4, folder="runs", raise_on_error=False).run(1, lr=0.5)
    named: Run[Dataset] = clash.run(jobs="many", runner="fast")
    both: Run[Dataset] = clash.options(jobs=2, runner="process").run(jobs="many")
    result: Trained = main.options(jobs=1).local(n=2)
    with main.run(n=2) as going:
        state: str = going.tasks["train"].state
        text: str = going.logs("train") + going.logs()
    path: str = run.artifacts["train.model"].path
    done: Run[Trained] = run.wait(timeout=3)
    run.cancel()


def direct() -> None:
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root="./out", raise_on_error=True)
    local.init(local.DockerRunner(environment={"SEED": "1"}))
    task = prep(n=1)
    path: str = task.output.path


def fakes(run_pipeline: RunPipeline) -> None:
    with fake(train).by(lambda data, lr=0.1: Trained(Model(), 0.9)) as faked:
        faked.assert_called(times=0)
    trained = run_pipeline.fake(train).returns(Trained(Model(), 0.9))
    run_pipeline.fake(train).returns({"model": b"m", "accuracy": 0.9})
    run_pipeline.fake(prep).raises(ValueError("no data"))
    run_pipeline.fake(prep).writes("a,b\n")
    run_pipeline.fake(measure).by(lambda accuracy, metrics: metrics.log_metric("accuracy", 1.0))
    run: Run[Trained] = run_pipeline(main, n=3)
    accuracy: float = run.outputs.accuracy
    trained.assert_called_with(lr=0.1)
    lr: object = trained.calls[0]["lr"]
