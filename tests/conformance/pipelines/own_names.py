"""Ports, tasks, loop items and pipelines with the names that the compiler uses for itself."""

from __future__ import annotations

from typedpipe import dsl
from typedpipe.dsl import OUT, Dataset, Input, InputPath, OutputPath


@dsl.component(base_image="python:3.11-slim")
def at(
    n: int,
    path: OutputPath[Dataset] = OUT,
    e1: OutputPath[Dataset] = OUT,
    env: OutputPath[Dataset] = OUT,
    ok: OutputPath[Dataset] = OUT,
    exit: OutputPath[int] = OUT,  # an output with this name
) -> None:
    for name, place in (("path", path), ("e1", e1), ("env", env), ("ok", ok)):
        with open(place, "w") as file:
            file.write(f"{name}{n} ")
    with open(exit, "w") as file:
        file.write(str(n))


@dsl.component(base_image="python:3.11-slim")
def exit(  # noqa: A001  # a task with this name
    ask: int,
    path: InputPath[Dataset],
    status: InputPath[Dataset],
    given: InputPath[Dataset],
    out: OutputPath[Dataset] = OUT,
    image: OutputPath[str] = OUT,
) -> None:
    text = "".join(open(place).read() for place in (path, status, given)) + str(ask)
    for place in (out, image):
        with open(place, "w") as file:
            file.write(text)


@dsl.component(base_image="python:3.11-slim")
def image(path: InputPath[Dataset], items: InputPath[Dataset], e2: str, e1: int) -> str:
    return f"{open(path).read()}|{open(items).read()}|{e2}|{e1}"


@dsl.pipeline
def arm(path: Input[Dataset], items: Input[Dataset], given: int) -> str:
    with dsl.If(given > 2):
        error = image(path=path, items=items, e2="if", e1=given)
    with dsl.Else():
        ok = image(path=items, items=path, e2="else", e1=given)
    return dsl.OneOf(error.output, ok.output)


@dsl.pipeline
def main(ask: int = 4, given: str = "g") -> str:
    first = at(n=ask).outputs
    env = exit(path=first.path, status=first.e1, given=first.env, ask=ask).outputs
    with dsl.ParallelFor([1, 3]) as item:
        inside = at(n=item).outputs
        with dsl.If(inside.exit > 2):
            exit(path=inside.ok, status=inside.e1, given=first.ok, ask=item)
    text = arm(path=env.out, items=first.ok, given=first.exit)
    return f"{text.output} {env.image} {given}"


EXPECTED = {
    "state": "SUCCEEDED",
    "outputs": {"Output": "path4 e14 env4 4|ok4 |if|4 path4 e14 env4 4 g"},
    "seen": {"image": ["path4 e14 env4 4|ok4 |if|4"]},
}
