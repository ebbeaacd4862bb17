"""Every marked line is an error that all checkers must report."""
import dataclasses

from typedpipe import Collected, ContainerSpec, Contains, Dataset, ExitHandler, If, IfSet, In, Input, Model, Not, OneOf, OutputPath, ParallelFor, Some, component, container_component, dsl, importer, pipeline
from typedpipe import kubernetes


class Forest(Model): ...


@dataclasses.dataclass
class Trained:
    model: Forest
    loss: float


@component
def train(data: Input[Dataset], lr: float = 0.1) -> Trained:
    return Trained(model=Dataset(), loss=0.1)  # E: dataclass_field


@component
def best(models: Input[list[Forest]]) -> Forest:
    return models[0]


@component
def flat(losses: list[list[float]]) -> float:
    return losses  # E: return_value


@component
def say(text: str) -> None: ...


@pipeline
def main(note: str | None = None, n: int = 1) -> Forest:
    data = importer("s3://b/x.csv", Dataset)
    t = train(data=data.output)
    train(data=t.outputs.model)  # E: dataclass_edge
    t.outputs.modle  # E: dataclass_typo
    say(text=t.outputs.loss)  # E: dataclass_parameter
    best(models=[data.output])  # E: list_of_artifacts
    best(models=Collected(t.outputs.loss))  # E: collected_parameter
    flat(losses=Collected(t.outputs.loss))  # E: collected_once
    say(text=note)  # E: optional
    say(text=Some(note, 1))  # E: some_default
    with IfSet(n) as m:
        say(text=m)  # E: ifset_item
    say(text=OneOf(n, n))  # E: oneof
    importer("s3://b/x", int)  # E: importer_type
    with ExitHandler(say):  # E: exit_component
        pass
    with ExitHandler("x"):  # E: exit_text
        pass
    with ParallelFor(3):  # E: loop_int
        pass
    with If(data):  # E: if_task
        pass
    with If(Not(data)):  # E: not_task
        pass
    dsl.componnt  # E: dsl_typo
    t.set_timeout("1h")  # E: timeout
    kubernetes.add_pod_label(t.outputs.loss, "team", "ml")  # E: kubernetes_task
    kubernetes.add_pod_label(t, "team", 1)  # E: kubernetes_value
    Contains(n, 1)  # E: contains_int
    In(1, n)  # E: in_int
    return t.outputs.loss  # E: pipeline_return


@container_component
def make(a: OutputPath[Dataset], n: int) -> ContainerSpec:
    return ContainerSpec(1, ["sh"], [a, n])  # E: container_image


@container_component
def shell(text: str) -> ContainerSpec:
    return ContainerSpec("alpine", ["sh"], [text])


@pipeline
def containers() -> None:
    make(n="x")  # E: container_const
    make(m=1)  # E: container_misspelled
    shell(text=1)  # E: container_str
    shell()  # E: container_missing
    best(models=[make(n=1).output])  # E: container_edge
