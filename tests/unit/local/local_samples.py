"""Closed IR built by hand: short constructors for the tests of the engine."""

from __future__ import annotations

from textwrap import dedent

from typedpipe.ir.nodes import (
    Args,
    Chunk,
    Component,
    Const,
    FromExpr,
    FromInput,
    FromItem,
    FromTask,
    Graph,
    GraphOutput,
    InputPort,
    Node,
    Operand,
    Options,
    OutputPort,
    Pipeline,
    PythonImpl,
    Task,
)
from typedpipe.types.model import ANY, FLOAT, INT, NULL, STATUS_TYPE, STR, ArtifactType, ListType, Type, union
from typedpipe.types.values import constant

DATASET = ArtifactType("system.Dataset", "0.0.1", ("system.Artifact",))


def const(value: object) -> Const:
    return Const(*constant(value))


def component(name: str, source: str, inputs: dict[str, Type] | None = None, output: Type | None = None) -> Component:
    """A component with value and artifact inputs, and one output, returned, called ``Output`` (``out`` if artifact)."""
    ins = [
        InputPort(key, type_, how="status" if type_ == STATUS_TYPE else "artifact" if _art(type_) else "value")
        for key, type_ in (inputs or {}).items()
    ]
    outs: list[OutputPort] = []
    if output is not None:
        outs = [OutputPort("out", output, "artifact")] if _art(output) else [OutputPort("Output", output)]
    returns = "one" if output is not None and not _art(output) else "none"
    impl = PythonImpl(name, (Chunk(dedent(source).lstrip(), "user.py"),), returns)  # type: ignore[arg-type]  # a literal
    return Component(name, tuple(ins), tuple(outs), impl, "python:3.12")


def _art(type_: Type) -> bool:
    from typedpipe.types.model import is_artifact

    return is_artifact(type_)


ADD = component("add", "def add(a: int, b: int) -> int:\n    return a + b\n", {"a": INT, "b": INT}, INT)
ECHO = component("echo", "def echo(x):\n    return x\n", {"x": ANY}, ANY)
BOOM = component("boom", "def boom(x) -> int:\n    raise ValueError('no')\n", {"x": ANY}, INT)
MARK = component("mark", "def mark(path, text):\n    open(path, 'a').write(text)\n", {"path": STR, "text": STR})
SLEEP = component("sleep", "def sleep(s):\n    import time\n    time.sleep(s)\n", {"s": FLOAT})
SAVE = component(
    "save",
    "def save(text, out):\n    open(out.path, 'w').write(text)\n    out.metadata['n'] = len(text)\n",
    {"text": STR},
    DATASET,
)
READ = component(
    "read",
    "def read(data):\n    return open(data.path).read() + str(data.metadata['n'])\n",
    {"data": DATASET},
    STR,
)
READ_ALL = component(
    "read_all",
    "def read_all(data):\n    return ','.join(open(d.path).read() if d else '-' for d in data)\n",
    {"data": ListType(union(DATASET, NULL))},
    STR,
)
READ_NESTED = component(
    "read_nested",
    "def read_nested(data):\n    return ';'.join(','.join(open(d.path).read() for d in ds) for ds in data)\n",
    {"data": ListType(ListType(DATASET))},
    STR,
)
STATUS = component(
    "status",
    "def status(path, s):\n    open(path, 'a').write(s.state + '|' + s.error_message)\n",
    {"path": STR, "s": STATUS_TYPE},
)
ALL = (ADD, ECHO, BOOM, MARK, SLEEP, SAVE, READ, READ_ALL, READ_NESTED, STATUS)


def task(
    name: str, what: Component, after: tuple[str, ...] = (), options: Options | None = None, **args: object
) -> Task:
    return Task(name, what.name, operands(args), after, options or Options())


def operands(args: dict[str, object]) -> Args:
    return tuple(
        (key, value if isinstance(value, (Const, FromInput, FromTask, FromItem, FromExpr)) else const(value))
        for key, value in args.items()
    )


def out(name: str, output: str = "Output") -> FromTask:
    return FromTask(name, output)


def graph(*nodes: Node, outputs: dict[str, tuple[Operand, Type]] | None = None, **more: object) -> Graph:
    found = tuple(GraphOutput(name, value, type_) for name, (value, type_) in (outputs or {}).items())
    return Graph(nodes=nodes, outputs=found, **more)  # type: ignore[arg-type]  # inputs and exprs


def pipeline(body: Graph, *components: Component, pipelines: dict[str, Graph] | None = None) -> Pipeline:
    known = {c.name: c for c in (*ALL, *components)}
    return Pipeline("p", body, known, pipelines or {}, closed=True)
