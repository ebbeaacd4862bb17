"""ignore_upstream_failure: runs whatever the upstream result, with the default of each input whose producers failed.

The failure is one or several tasks away, in tasks, groups, containers, pipelines, exit handlers and settings.
"""

from __future__ import annotations

from typing import NamedTuple

from typedpipe import dsl
from typedpipe.dsl import OUT, STATUS, Dataset, Input, OutputPath, PipelineTaskFinalStatus


@dsl.component(base_image="python:3.11-slim")
def bad(n: int) -> int:
    return n // 0


class Partial(NamedTuple):
    n: int
    text: int
    data: Dataset


@dsl.component(base_image="python:3.11-slim")
def partial() -> Partial:
    data = Dataset()
    with open(data.path, "w") as out:
        out.write("x")
    answer: int = "no int"  # type: ignore[assignment]  # the runtime has to see it
    return Partial(7, answer, data)


@dsl.component(base_image="python:3.11-slim")
def same(n: int) -> int:
    return n


@dsl.component(base_image="python:3.11-slim")
def nothing() -> int | None:
    return None


@dsl.container_component
def shout(text: str = "de{{f}}$$", n: int = 3, out: OutputPath[str] = OUT) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(
        image="python:3.11-slim",
        command=["sh", "-c", 'mkdir -p "$(dirname "$2")"; printf %s "$0$1" > "$2"'],
        args=[text, n, out],
    )


@dsl.component(base_image="python:3.11-slim")
def told(label: str, status: PipelineTaskFinalStatus = STATUS) -> str:
    return f"{label} {status.state}"


@dsl.component(base_image="python:3.11-slim")
def tell(
    fine: int = -2,
    broken: int = -1,
    chain: int = -3,
    listed: list[int] = [-4],
    text: str = "de{{f}}$$ault",
    table: dict[str, dict[str, int]] = {"a": {"b": 1}},
    branch: int = -5,
    loop: list[int] = [-6],
    called: int = -7,
    shouted: str = "}}",
    handled: int = -8,
    item: int = -9,
    none: int | None = 5,
    data: Input[Dataset] | None = None,
) -> str:
    values = [fine, broken, chain, listed, text, table, branch, loop, called, shouted, handled, item, none, data]
    return " ".join(map(str, values))


@dsl.pipeline
def inner(n: int) -> int:
    return same(n=n).output


class Outputs(NamedTuple):
    told: str
    later: str
    shouted: str


@dsl.pipeline
def main(n: int = 1) -> Outputs:
    broken = bad(n=n)
    fine = same(n=n)
    chain = same(n=same(n=broken.output).output)
    with dsl.If(broken.output > 3):
        branch = same(n=broken.output)
    with dsl.ParallelFor([1, 2]) as each:
        loop = same(n=broken.output).after(same(n=each).after(broken))
    with dsl.ExitHandler(told(label=f"{n} {broken.output}"), name="never"):
        handled = same(n=broken.output)
    shouted = shout(text=f"{n}{broken.output}", n=broken.output)
    set_up = same(n=n).set_memory_limit(f"{broken.output}Mi").set_env("A", f"{broken.output}")
    failed = partial().outputs
    first = tell(
        fine=fine.output,
        broken=broken.output,
        chain=chain.output,
        listed=[n, chain.output],
        text=f"<{chain.output}>",
        table={"a": {"b": broken.output}},
        branch=dsl.OneOf(branch.output, n),
        loop=dsl.Collected(loop.output),
        called=inner(n=broken.output).output,
        shouted=shouted.outputs["out"],
        handled=handled.output,
        item=set_up.output,
        none=nothing().output,
        data=failed.data,
    ).ignore_upstream_failure()
    good = same(n=fine.output)
    handler = dsl.ExitHandler(told(label=f"workflow.name of {good.output}"), name="g")
    with handler:
        handled_well = same(n=good.output)
    last = tell(chain=good.output, handled=handled_well.output, broken=failed.n).after(handler)
    return Outputs(
        first.output,
        last.ignore_upstream_failure().output,
        shout(text=f"{broken.output}", n=good.output).ignore_upstream_failure().outputs["out"],
    )


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {
        "told": "1 -1 -3 [-4] de{{f}}$$ault {'a': {'b': 1}} -5 [-6] -7 }} -8 -9 None None",
        "later": "-2 -1 1 [-4] de{{f}}$$ault {'a': {'b': 1}} -5 [-6] -7 }} 1 -9 5 None",
        "shouted": "de{{f}}$$1",
    },
    "seen": {"told": ["workflow.name of 1 SUCCEEDED"], "same": [1, 1, 1], "bad": []},
}
