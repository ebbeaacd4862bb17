"""ParallelFor over static and dynamic lists, dict items and their fields, nested, empty, bounded; Collected of each."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

from typedpipe import dsl


class Config(TypedDict):
    rate: float
    names: list[str]


@dsl.component(base_image="python:3.11-slim")
def numbers(n: int) -> list[int]:
    return list(range(n))


@dsl.component(base_image="python:3.11-slim")
def configs() -> list[Config]:
    return [{"rate": 0.5, "names": ["{{a}}", "b"]}, {"rate": 1, "names": []}]


@dsl.component(base_image="python:3.11-slim")
def times(a: int, b: int) -> int:
    return a * b


@dsl.component(base_image="python:3.11-slim")
def describe(config: Config, name: str) -> str:
    return f"{name}:{config['rate']}:{len(config['names'])}"


@dsl.component(base_image="python:3.11-slim")
def say(text: str) -> str:
    return text


@dsl.pipeline
def number(n: int, never: bool = False) -> int:
    """The same number, without a pod."""
    with dsl.If(never == True):  # noqa: E712 - a value of the pipeline
        ran = times(a=n, b=1)
    return dsl.OneOf(ran.output, n)


@dsl.component(base_image="python:3.11-slim")
def table(n: int) -> dict[str, int]:
    return {"n": n, "{{square}}": n * n}


@dsl.component(base_image="python:3.11-slim")
def total(rows: list[list[int]], tables: list[dict[str, int]], empty: list[int]) -> str:
    return f"{sum(map(sum, rows))} {[list(table.items()) for table in tables]} {empty}"


class Outputs(NamedTuple):
    static: list[int]
    dynamic: list[list[int]]
    items: list[str]
    fields: list[list[str]]
    empty: list[int]
    branch: list[str | None]
    hits: list[int]
    pairs: list[list[int]]
    total: str


@dsl.pipeline
def main(bounds: list[int] = [3, 1], nothing: list[int] = [], n: int = 2) -> Outputs:
    with dsl.ParallelFor([2, 1, 3], parallelism=1) as a:
        static = number(n=a)
    with dsl.ParallelFor(bounds) as bound:
        with dsl.ParallelFor(numbers(n=2).output) as b:
            dynamic = times(a=bound, b=b)
        tables = table(n=bound)
    with dsl.ParallelFor(configs().output) as config:
        item = describe(config=config, name="c")
        with dsl.ParallelFor(config["names"]) as name:
            field = say(text=name)
    with dsl.ParallelFor(nothing) as c:
        empty = times(a=c, b=1)
    with dsl.ParallelFor(zip(["a", "{{b}}"], [[1, n], []], strict=True)) as (first, few):
        with dsl.If(first == "a"):
            found = number(n=n)
        hits = dsl.OneOf(found.output, 0)
        with dsl.ParallelFor(few) as row:
            pair = number(n=row)
    with dsl.ParallelFor(["x", "y"]) as letter:
        with dsl.If(letter == "x"):
            some = say(text=letter)
    rows = dsl.Collected(dsl.Collected(dynamic.output))
    return Outputs(
        dsl.Collected(static.output),
        rows,
        dsl.Collected(item.output),
        dsl.Collected(dsl.Collected(field.output)),
        dsl.Collected(empty.output),
        dsl.Collected(some.output),
        dsl.Collected(hits),
        dsl.Collected(dsl.Collected(pair.output)),
        total(rows=rows, tables=dsl.Collected(tables.output), empty=dsl.Collected(empty.output)).output,
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "static": [2, 1, 3],
        "dynamic": [[0, 3], [0, 1]],
        "items": ["c:0.5:2", "c:1.0:0"],
        "fields": [["{{a}}", "b"], []],
        "empty": [],
        "branch": ["x", None],
        "hits": [2, 0],
        "pairs": [[1, 2], []],
        "total": "4 [[('n', 3), ('{{square}}', 9)], [('n', 1), ('{{square}}', 1)]] []",
    },
}
