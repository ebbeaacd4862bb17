"""Artifacts and loops: collected, collected twice, a list of single ones, and a loop over a list of artifacts."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import Dataset, Input, Model


@dsl.component(base_image="python:3.11-slim")
def make(text: str) -> Dataset:
    data = Dataset(metadata={"text": text})
    with open(data.path, "w") as out:
        out.write(text)
    return data


@dsl.component(base_image="python:3.11-slim")
def fit(data: Input[Dataset], n: int) -> Model:
    model = Model()
    with open(model.path, "w") as out:
        out.write(f"{open(data.path).read()}{n}")
    return model


@dsl.component(base_image="python:3.11-slim")
def read_all(many: Input[list[Dataset]]) -> str:
    return " ".join(f"{open(data.path).read()}={data.metadata['text']}" for data in many)


@dsl.component(base_image="python:3.11-slim")
def read_nested(rows: Input[list[list[Model]]]) -> str:
    return ";".join(",".join(open(model.path).read() for model in row) for row in rows)


@dsl.component(base_image="python:3.11-slim")
def read(data: Input[Dataset]) -> str:
    return f"{open(data.path).read()}!{data.metadata['text']}"


class Outputs(NamedTuple):
    collected: str
    listed: str
    nested: str
    looped: list[str]
    empty: str


@dsl.pipeline
def main(texts: list[str] = ["a", "b"], nothing: list[str] = []) -> Outputs:
    with dsl.ParallelFor(texts) as text:
        data = make(text=text)
        with dsl.ParallelFor([1, 2]) as n:
            model = fit(data=data.output, n=n)
    many = dsl.Collected(data.output)
    listed = read_all(many=[make(text="{{x}}").output, make(text="y").output])
    with dsl.ParallelFor(many) as one:
        each = read(data=one)
    with dsl.ParallelFor(nothing) as text:
        none = make(text=text)
    return Outputs(
        read_all(many=many).output,
        listed.output,
        read_nested(rows=dsl.Collected(dsl.Collected(model.output))).output,
        dsl.Collected(each.output),
        read_all(many=dsl.Collected(none.output)).output,
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "collected": "a=a b=b",
        "listed": "{{x}}={{x}} y=y",
        "nested": "a1,a2;b1,b2",
        "looped": ["a!a", "b!b"],
        "empty": "",
    },
}
