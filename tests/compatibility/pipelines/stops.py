"""A pipeline whose middle task fails or waits, depending on COMPATIBILITY_MIDDLE, and succeeds if it is unset."""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import Dataset, Input, Metrics, Model, component, pipeline


class Prepared(NamedTuple):
    table: Dataset
    folder: Model
    rows: int


@component
def prepare(rows: int) -> Prepared:
    import os

    table, folder = Dataset(metadata={"rows": rows}), Model()
    with open(table.path, "w") as out:
        out.write("a,b\n" * rows)
    os.makedirs(os.path.join(folder.path, "weights"))
    with open(os.path.join(folder.path, "weights", "0.bin"), "wb") as out:
        out.write(bytes(range(256)))
    return Prepared(table, folder, rows)


@component
def middle(table: Input[Dataset], rows: int) -> int:
    import os
    import time

    told = os.environ.get("COMPATIBILITY_MIDDLE", "")
    print("middle", told)
    if told == "fails":
        raise ValueError("the middle was told to fail")
    for _ in range(600 if told == "waits" else 0):
        time.sleep(0.05)
    with open(table.path) as lines:
        return len(lines.readlines()) * rows


@component
def aside(rows: int) -> Metrics:
    metrics = Metrics()
    metrics.log_metric("rows", rows)
    return metrics


@component
def last(n: int, folder: Input[Model]) -> str:
    import os

    return f"{n} {sorted(os.listdir(folder.path))}"


class Outputs(NamedTuple):
    text: str
    metrics: Metrics


@pipeline
def stops(rows: int = 3) -> Outputs:
    prepared = prepare(rows=rows).outputs
    measured = middle(table=prepared.table, rows=prepared.rows).set_retry(1)
    return Outputs(last(n=measured.output, folder=prepared.folder).output, aside(rows=rows).output)
