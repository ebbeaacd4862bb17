from typing import NamedTuple

from typedpipe import Dataset, Input, Model, component, pipeline


class Parts(NamedTuple):
    train: Dataset
    names: list[str]


@component
def load(rows: int) -> Parts: ...


@component
def fit(data: Input[Dataset], sizes: list[int]) -> Model: ...


@pipeline
def training(rows: int = 100) -> Model:
    parts = load(rows=rows)
    return fit(data=parts.outputs.train, sizes=parts.outputs.names).output
