"""The shapes in Hera, as its user writes them by hand, with every name, template and reference."""

from collections.abc import Callable

from hera.workflows import DAG, Artifact, NoneArchiveStrategy, Parameter, Task, Workflow, script
from hera.workflows.models import ValueFrom


@script(image="python:3.11-slim", outputs=[Parameter(name="out", value_from=ValueFrom(path="/tmp/out"))])
def step(n: int):
    with open("/tmp/out", "w") as out:
        out.write(str(n + 1))


@script(
    image="python:3.11-slim",
    outputs=[
        Parameter(name="count", value_from=ValueFrom(path="/tmp/count")),
        Artifact(name="data", path="/tmp/data", archive=NoneArchiveStrategy()),
    ],
)
def start(n: int):
    open("/tmp/data", "w").close()
    with open("/tmp/count", "w") as out:
        out.write(str(n))


@script(
    image="python:3.11-slim",
    inputs=[Artifact(name="source", path="/tmp/source")],
    outputs=[
        Parameter(name="count", value_from=ValueFrom(path="/tmp/count")),
        Artifact(name="data", path="/tmp/data", archive=NoneArchiveStrategy()),
    ],
)
def work(n: int):
    open("/tmp/data", "w").close()
    with open("/tmp/count", "w") as out:
        out.write(str(n))


def chain(n: int) -> None:
    with DAG(name="main"):
        task = step(name="t0", arguments={"n": 1})
        for i in range(1, n):
            after = step(name=f"t{i}", arguments={"n": task.get_parameter("out")})
            task >> after
            task = after


def layers(n: int) -> None:
    with DAG(name="main"):
        before = [start(name=f"t0-{i}", arguments={"n": i}) for i in range(10)]
        for layer in range(1, n // 10):
            now = []
            for i in range(10):
                left, right = before[i], before[(i + 1) % 10]
                task = work(
                    name=f"t{layer}-{i}",
                    arguments=[
                        left.get_artifact("data").with_name("source"),
                        right.get_parameter("count").with_name("n"),
                    ],
                )
                left >> task
                right >> task
                now.append(task)
            before = now


def _block(i: int) -> DAG:
    with DAG(name=f"inner-{i}", inputs=[Parameter(name="inner"), Parameter(name="c")]) as inner:
        step(name="a", arguments={"n": "{{inputs.parameters.inner}}"})
        step(name="b", arguments={"n": "{{inputs.parameters.c}}"})
    with DAG(name=f"then-{i}", inputs=[Parameter(name="first")]) as then:
        c = step(name="c", arguments={"n": "{{inputs.parameters.first}}"})
        c >> step(name="d", arguments={"n": c.get_parameter("out")})
        c >> Task(
            name="inner",
            template=inner,
            with_items=[4, 5],
            arguments={"inner": "{{item}}", "c": c.get_parameter("out")},
        )
    with DAG(name=f"else-{i}", inputs=[Parameter(name="b"), Parameter(name="item")]) as otherwise:
        step(name="e", arguments={"n": "{{inputs.parameters.b}}"})
        step(name="f", arguments={"n": "{{inputs.parameters.item}}"})
    with DAG(name=f"loop-{i}", inputs=[Parameter(name="item"), Parameter(name="first")]) as loop:
        a = step(name="a", arguments={"n": "{{inputs.parameters.item}}"})
        b = step(name="b", arguments={"n": a.get_parameter("out")})
        a >> b
        out = b.get_parameter("out")
        b >> Task(
            name="then",
            template=then,
            when="{{tasks.b.outputs.parameters.out}} > 2",
            arguments={"first": "{{inputs.parameters.first}}"},
        )
        b >> Task(
            name="else",
            template=otherwise,
            when="{{tasks.b.outputs.parameters.out}} <= 2",
            arguments={"b": out, "item": "{{inputs.parameters.item}}"},
        )
    return loop


def nested(n: int) -> None:
    loops = [_block(i) for i in range(n // 10)]
    with DAG(name="main"):
        last = step(name="t", arguments={"n": 1})
        for i, loop in enumerate(loops):
            first = step(name=f"first-{i}", arguments={"n": last.get_parameter("out")})
            last >> first
            first >> Task(
                name=f"for-{i}",
                template=loop,
                with_items=[1, 2, 3],
                arguments={"item": "{{item}}", "first": first.get_parameter("out")},
            )
            last = step(name=f"last-{i}", arguments={"n": first.get_parameter("out")})
            first >> last


def prepare(shape: str, n: int, path: str) -> Callable[[], None]:
    body = {"chain": chain, "layers": layers, "nested": nested}[shape]

    def build() -> None:
        with Workflow(generate_name="bench-", entrypoint="main") as workflow:
            body(n)
        with open(path, "w", encoding="utf-8") as file:
            file.write(workflow.to_yaml())

    return build
