"""More correct code, for features missing from the other programs: no checker may report anything here."""
import dataclasses
from datetime import datetime
from typing import NamedTuple, Optional, TypedDict

from typedpipe import (
    OUT, STATUS, Artifact, Collected, ConcatPlaceholder, Contains, ContainerSpec, Dataset, Elif, Else, ExitHandler, If, IfPresentPlaceholder, IfSet, In,
    Input, InputPath, Metrics, Model, Not, OneOf, Output, OutputPath, ParallelFor, PipelineTaskFinalStatus, Some, component, container_component, dsl,
    importer, pipeline,
)
from typedpipe import kubernetes


class Forest(Model):
    schema_title = "acme.Forest"
    schema_version = "1.0.0"


@dataclasses.dataclass
class Trained:
    model: Forest
    loss: float


class Job(TypedDict):
    lr: float
    name: str


class Split(NamedTuple):
    train: Dataset
    test: Dataset


@component
def split(data: Input[Dataset], at: Optional[datetime] = None) -> Split:
    return Split(train=data, test=data)


@component
def train(data: Input[Dataset], lr: float = 0.1, start: Input[Forest] | None = None) -> Trained:
    return Trained(model=Forest(), loss=lr)


@component
def best(models: Input[list[Forest]], losses: list[float]) -> Forest:
    return models[0]


@component
def flat(losses: list[list[float]]) -> float:
    return sum(sum(row) for row in losses)


@component
def say(text: str) -> None:
    print(text)


@component
def done(label: str, status: PipelineTaskFinalStatus = STATUS) -> None:
    print(label, status.state)


@dsl.component(base_image="python:3.11", packages_to_install=["pandas"], include=[])
def kfp_spelling(model: dsl.OutputPath[Forest], data: dsl.Input[dsl.Dataset], metrics: dsl.Output[dsl.Metrics] = OUT) -> None:
    metrics.log_metric("rows", 1.0)


@container_component
def copy(source: str, note: Optional[str] = None, target: OutputPath[Dataset] = OUT) -> ContainerSpec:
    return ContainerSpec(
        image="alpine",
        command=["cp", ConcatPlaceholder(["-", "r"])],
        args=[source, target, IfPresentPlaceholder(input_name="note", then=["-n", "x"], else_=["-q"])],
    )


@pipeline
def main(uri: str = "s3://b/x", rates: list[float] = [0.1, 0.2], note: Optional[str] = None, tags: list[str] = ["a"]) -> Forest:
    data = importer("s3://b/x.csv", Dataset)
    parts = split(data=data.output)
    with ParallelFor(rates, parallelism=2) as lr:
        one = train(data=parts.outputs.train, lr=lr)
    chosen = best(models=Collected(one.outputs.model), losses=Collected(one.outputs.loss))
    with ParallelFor([1, 2]) as _:
        with ParallelFor(rates) as rate:
            inner = train(data=parts.outputs.test, lr=rate)
    flat(losses=Collected(Collected(inner.outputs.loss)))
    jobs: list[Job] = [{"lr": 0.1, "name": "a"}]
    with ParallelFor(jobs) as job:
        train(data=data.output, lr=job["lr"]).set_display_name("train")
    with If(Contains(tags, "a")):
        small = train(data=data.output)
    with Elif(Not(In(uri, ["a", "b"]))):
        middle = train(data=data.output)
    with Else():
        large = train(data=data.output)
    picked = OneOf(small.outputs.model, middle.outputs.model, large.outputs.model)
    train(data=data.output, start=picked)
    with IfSet(note) as text:
        say(text=text)
    say(text=Some(note, "none"))
    with ExitHandler(done(label="end")):
        say(text="body").ignore_upstream_failure()
    made = kfp_spelling(data=data.output)
    train(data=data.output, start=made.outputs.model)
    copy(source=uri)
    pulled = kubernetes.set_image_pull_policy(kubernetes.add_node_selector(made, "disk", "ssd"), "Always")
    train(data=data.output, start=pulled.outputs.model)
    return chosen.output


@container_component
def make_two(a: OutputPath[Dataset], b: OutputPath[Forest], text: str, n: int = 1) -> ContainerSpec:
    return ContainerSpec("alpine", ["sh"], [a, b, text, n])


@container_component
def make_one(a: OutputPath[Dataset], n: int) -> ContainerSpec:
    return ContainerSpec("alpine", ["sh"], [a, n])


@container_component
def count(n: int, data: Input[Dataset]) -> ContainerSpec:
    return ContainerSpec("alpine", ["sh"], [n, data.path])


@pipeline(name="containers", description="x")
def containers() -> None:
    train(data=make_two(text="x").outputs.a)
    train(data=make_one(n=1).output)
    count(n=1, data=make_one(n=1).output)
