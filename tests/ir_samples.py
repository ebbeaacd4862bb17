"""Traced IR for each construct, built by hand, for tests of the passes, the backends and the engines.

``SAMPLES`` maps a name to a function that makes a traced pipeline; ``Body`` builds graphs in few words.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from typedpipe.diagnostics.model import NOWHERE, Span
from typedpipe.ir.nodes import (
    DEFAULT_OPTIONS,
    Arm,
    Branch,
    Call,
    Chunk,
    Collected,
    Compare,
    Component,
    Const,
    Default,
    ExitHandler,
    Expr,
    Field,
    Format,
    FormatPart,
    FromExpr,
    FromInput,
    FromItem,
    FromTask,
    Graph,
    GraphOutput,
    Importer,
    Index,
    InputPort,
    IsSet,
    Loop,
    MakeList,
    Node,
    OneOf,
    Operand,
    Options,
    OutputPort,
    Pipeline,
    PythonImpl,
    Retry,
    Task,
    Unwrap,
)
from typedpipe.types.model import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    STATUS_TYPE,
    STR,
    ArtifactType,
    ListType,
    LiteralType,
    StructField,
    StructType,
    Type,
    UnionType,
)

MODEL = ArtifactType("system.Model", "0.0.1", ("system.Artifact",))
DATASET = ArtifactType("system.Dataset", "0.0.1", ("system.Artifact",))
MAYBE_STR = UnionType((STR, NULL))
FILE = "user_pipeline.py"


def const(value: object) -> Const:
    """A scalar constant, or a list of them, with its own type."""
    text = json.dumps(value, separators=(",", ":"))
    if isinstance(value, list):
        return Const(text, ListType(LiteralType(tuple(dict.fromkeys(json.dumps(v) for v in value)))))
    return Const(text, NULL if value is None else FLOAT if isinstance(value, float) else LiteralType((text,)))


def component(
    name: str,
    inputs: dict[str, Type | InputPort],
    outputs: dict[str, Type] | Type | None = None,
    body: str = "",
    line: int = 1,
) -> Component:
    """A Python component; ``outputs`` is one type (``return``) or several fields."""
    ports = tuple(p if isinstance(p, InputPort) else InputPort(n, p, how=_how(p)) for n, p in inputs.items())
    many = outputs if isinstance(outputs, dict) else {} if outputs is None else {"return": outputs}
    how = "field" if isinstance(outputs, dict) else "return"
    text = f"def {name}({', '.join(inputs)}):\n    {body or 'pass'}\n"
    returns = "fields" if isinstance(outputs, dict) else "none" if outputs is None else "one"
    return Component(
        name,
        ports,
        tuple(OutputPort(n, t, how) for n, t in many.items()),  # type: ignore[arg-type]  # one of two words
        PythonImpl(name, (Chunk(text, FILE, line),), returns),  # type: ignore[arg-type]  # one of three words
        "python:3.11-slim",
        span=Span(FILE, line),
    )


def _how(type_: Type) -> Any:
    return "artifact" if isinstance(type_, ArtifactType) else "status" if type_ == STATUS_TYPE else "value"


ADD = component("add", {"a": INT, "b": INT}, INT, "return a + b")
COUNT = component("count", {"n": INT}, ListType(INT), "return list(range(n))")
TOTAL = component("total", {"xs": ListType(INT)}, INT, "return sum(xs)")
SAY = component("say", {"text": InputPort("text", STR)}, STR, "return text")
FIND = component("find", {"n": INT}, MAYBE_STR, "return str(n) if n else None")
TRAIN = component("train", {"data": DATASET, "lr": FLOAT}, {"model": MODEL, "loss": FLOAT}, "...")
PREP = component("prep", {"n": INT}, DATASET, "...")
PICK = component("pick", {"models": InputPort("models", ListType(MODEL), how="artifact")}, MODEL, "return models[0]")
DEPLOY = component("deploy", {"model": MODEL, "name": InputPort("name", STR, const("prod"))}, None)
NOTIFY = component("notify", {"status": STATUS_TYPE, "to": STR}, None)
FLATTEN = component("flatten", {"xss": ListType(ListType(INT))}, ListType(INT), "return sum(xss, [])")
MAYBES = component("maybes", {"xs": ListType(UnionType((INT, NULL)))}, INT)
COMPONENTS = {c.name: c for c in (ADD, COUNT, TOTAL, SAY, FIND, TRAIN, PREP, PICK, DEPLOY, NOTIFY, FLATTEN, MAYBES)}


class Body:
    """A graph that is being written down. Node names are unique in the whole pipeline."""

    def __init__(self, names: dict[str, int] | None = None, lines: Iterator[int] | None = None) -> None:
        self.names = {} if names is None else names
        self.lines = lines or itertools.count(20)
        self.nodes: list[Node] = []
        self.exprs: list[Expr] = []

    def span(self) -> Span:
        line = next(self.lines)
        return Span(FILE, line, 5, line, 40)

    def name(self, base: str) -> str:
        self.names[base] = self.names.get(base, 0) + 1
        return base if self.names[base] == 1 else f"{base}-{self.names[base]}"

    def inner(self) -> Body:
        return Body(self.names, self.lines)

    def task(
        self, component: str, after: tuple[str, ...] = (), options: Options | None = None, **args: Operand
    ) -> FromTask:
        node = Task(
            self.name(component), component, tuple(args.items()), after, options or DEFAULT_OPTIONS, self.span()
        )
        self.nodes.append(node)
        outputs = COMPONENTS[component].outputs if component in COMPONENTS else ()
        return FromTask(node.name, outputs[0].name if outputs else "return")

    def call(self, pipeline: str, output: str = "return", **args: Operand) -> FromTask:
        node = Call(self.name(pipeline), pipeline, tuple(args.items()), span=self.span())
        self.nodes.append(node)
        return FromTask(node.name, output)

    def importer(self, uri: Operand, type_: ArtifactType = MODEL, metadata: Operand | None = None) -> FromTask:
        node = Importer(self.name("importer"), uri, type_, metadata, span=self.span())
        self.nodes.append(node)
        return FromTask(node.name, "artifact")

    def expr(self, expr: Expr) -> FromExpr:
        self.exprs.append(expr)
        return FromExpr(len(self.exprs) - 1)

    @contextmanager
    def loop(self, items: Operand, item_type: Type, parallelism: int = 0) -> Generator[tuple[Body, FromItem]]:
        body, name, span = self.inner(), self.name("for-each"), self.span()
        yield body, FromItem(name)
        self.nodes.append(Loop(name, items, "item", item_type, body.graph(), parallelism, span=span))

    @contextmanager
    def branch(self, *conditions: Operand | None) -> Generator[list[Body]]:
        bodies, name, span = [self.inner() for _ in conditions], self.name("if"), self.span()
        yield bodies
        arms = zip(conditions, bodies, strict=True)
        self.nodes.append(Branch(name, tuple(Arm(c, b.graph(), span=span) for c, b in arms), span=span))

    @contextmanager
    def exit_handler(self, component: str, **args: Operand) -> Generator[Body]:
        exit_ = Task(self.name(component), component, tuple(args.items()), span=self.span())
        body, name, span = self.inner(), self.name("exit-handler"), self.span()
        yield body
        self.nodes.append(ExitHandler(name, body.graph(), exit_, span=span))

    def compare(self, op: Any, left: Operand, right: Operand) -> FromExpr:
        return self.expr(Compare(op, left, right))

    def collected(self, value: Operand) -> FromExpr:
        return self.expr(Collected(value))

    def graph(self, inputs: dict[str, Type | InputPort] | None = None, **outputs: tuple[Operand, Type]) -> Graph:
        ports = tuple(p if isinstance(p, InputPort) else InputPort(n, p) for n, p in (inputs or {}).items())
        gives = tuple(GraphOutput(n, value, type_, self.span()) for n, (value, type_) in outputs.items())
        return Graph(ports, tuple(self.nodes), gives, tuple(self.exprs), tuple(self.span() for _ in self.exprs))


def pipeline(graph: Graph, name: str = "sample", **pipelines: Graph) -> Pipeline:
    """A traced pipeline with the components that its graphs name."""
    used: dict[str, Component] = {}
    todo = [graph, *pipelines.values()]
    for each in todo:
        for node in each.nodes:
            match node:
                case Task():
                    used[node.component] = COMPONENTS[node.component]
                case Branch():
                    todo.extend(arm.body for arm in node.arms)
                case Loop():
                    todo.append(node.body)
                case ExitHandler():
                    todo.append(node.body)
                    if isinstance(node.exit, Task):
                        used[node.exit.component] = COMPONENTS[node.exit.component]
                case _:
                    pass
    return Pipeline(name, graph, used, pipelines, span=Span(FILE, 18))


# ------------------------------------------------------------------------------------------------- samples


def chain(length: int = 3) -> Pipeline:
    """add, add, … each taking the one before, and the last as the pipeline's output."""
    b = Body()
    last: Operand = FromInput("n")
    for _ in range(length):
        last = b.task("add", a=last, b=const(1))
    return pipeline(b.graph({"n": InputPort("n", INT, const(1))}, total=(last, INT)), "chain")


def loop() -> Pipeline:
    """A dynamic loop that captures an input and a task, collected after it."""
    b = Body()
    base = b.task("add", a=FromInput("n"), b=const(2))
    with b.loop(b.task("count", n=const(4)), INT, parallelism=2) as (body, item):
        part = body.task("add", a=item, b=base)
        body.task("add", a=part, b=FromInput("n"))
    b.task("total", xs=b.collected(part))
    return pipeline(b.graph({"n": INT}), "loop")


def nested_loops() -> Pipeline:
    """Two loops; the inner one captures through both; collected twice, once by each spelling."""
    b = Body()
    base = b.task("add", a=const(1), b=const(2))
    with b.loop(const([1, 2]), INT) as (outer, x):
        with outer.loop(const([3, 4]), INT) as (inner, y):
            s = inner.task("add", a=x, b=y)
            t = inner.task("add", a=s, b=base)
        outer.task("total", xs=outer.collected(t))
    b.task("flatten", xss=b.collected(b.collected(t)))
    b.task("flatten", xss=b.collected(s))
    return pipeline(b.graph(), "nested-loops")


def branch() -> Pipeline:
    """If, Elif, Else over a task's output, one value out of it with OneOf, and an unrelated output kept inside."""
    b = Body()
    seen = b.task("add", a=FromInput("n"), b=const(0))
    conditions = (b.compare(">", seen, const(10)), b.compare("==", seen, FromInput("n")), None)
    with b.branch(*conditions) as (big, same, small):
        one = big.task("say", text=const("big"))
        two = same.task("say", text=same.expr(Format(("same ", FormatPart(seen)))))
        three = small.task("say", text=FromInput("word"))
    b.task("say", text=b.expr(OneOf((one, two, three))))
    return pipeline(b.graph({"n": INT, "word": STR}), "branch")


def branch_default() -> Pipeline:
    """If without Else; the value from outside stands for it."""
    b = Body()
    before = b.task("say", text=const("before"))
    with b.branch(b.compare("!=", before, const(""))) as (body,):
        after = body.task("say", text=before)
    return pipeline(b.graph(chosen=(b.expr(OneOf((after, before))), STR)), "branch-default")


def branch_in_loop() -> Pipeline:
    """A value of a branch inside a loop, collected: entries are None where the branch did not run."""
    b = Body()
    with b.loop(const([1, 2, 3]), INT) as (body, item), body.branch(body.compare(">", item, const(1))) as (then,):
        kept = then.task("add", a=item, b=const(1))
    b.task("maybes", xs=b.collected(kept))
    return pipeline(b.graph(), "branch-in-loop")


def exit_handler() -> Pipeline:
    """A body whose value is used after it, and an exit task that takes the status."""
    b = Body()
    with b.exit_handler("notify", to=FromInput("to")) as body:
        model = body.task("train", data=body.task("prep", n=const(3)), lr=const(0.5))
    b.task("deploy", model=model)
    return pipeline(b.graph({"to": STR}), "exit-handler")


def artifacts() -> Pipeline:
    """A loop over floats that trains models, the collected models, the best one as output; an importer."""
    b = Body()
    data = b.task("prep", n=FromInput("n"), options=Options(retry=Retry(2), timeout_seconds=60.0))
    with b.loop(FromInput("lrs"), FLOAT) as (body, lr):
        model = body.task("train", data=data, lr=lr)
    best = b.task("pick", models=b.collected(model))
    b.task("deploy", model=b.importer(const("s3://bucket/model")), name=const("imported"))
    return pipeline(b.graph({"n": INT, "lrs": ListType(FLOAT)}, best=(best, MODEL)), "artifacts")


def list_of_artifacts() -> Pipeline:
    """A list that is made of single artifacts."""
    b = Body()
    first, second = (b.task("train", data=b.task("prep", n=const(n)), lr=const(0.1)) for n in (1, 2))
    b.task("pick", models=b.expr(MakeList((first, second))))
    return pipeline(b.graph(), "list-of-artifacts")


def nested_pipeline() -> Pipeline:
    """A pipeline called twice, once in a loop."""
    inner = Body()
    doubled = inner.task("add", a=FromInput("x"), b=FromInput("x"))
    graph = inner.graph({"x": INT}, doubled=(doubled, INT))
    b = Body()
    four = b.call("double", "doubled", x=const(2))
    with b.loop(const([1, 2]), INT) as (body, item):
        part = body.call("double", "doubled", x=item)
    b.task("total", xs=b.collected(part))
    return pipeline(b.graph(out=(four, INT)), "nested-pipeline", double=graph)


def if_set() -> Pipeline:
    """A value that may be None: unwrapped in IfSet, and given a default."""
    b = Body()
    found = b.task("find", n=FromInput("n"))
    with b.branch(b.expr(IsSet(found))) as (body,):
        body.task("say", text=body.expr(Unwrap(found)))
    b.task("say", text=b.expr(Default(found, const("none"))))
    return pipeline(b.graph({"n": INT}), "if-set")


def expressions() -> Pipeline:
    """Fields, indexes and f-strings of one task's output, used in a nested body."""
    config = StructType("Config", "dataclass", (StructField("lr", FLOAT), StructField("steps", ListType(INT))))
    b = Body()
    with b.branch(b.compare("<", b.expr(Field(FromInput("config"), "lr")), const(0.5))) as (body,):
        step = body.expr(Index(body.expr(Field(FromInput("config"), "steps")), const(0)))
        body.task("add", a=step, b=const(1))
        body.task("say", text=body.expr(Format(("step ", FormatPart(step, "03d"), "!"))))
    return pipeline(b.graph({"config": config}), "expressions")


def after_across() -> Pipeline:
    """``.after`` a task of another scope."""
    b = Body()
    with b.loop(const([1, 2]), INT) as (body, item):
        first = body.task("add", a=item, b=const(1))
    with b.branch(b.compare("==", FromInput("go"), const(True))) as (then,):
        then.task("add", a=const(1), b=const(2), after=(first.task,))
    b.task("say", text=const("end"), after=(first.task,))
    return pipeline(b.graph({"go": BOOL}), "after-across")


SAMPLES: dict[str, Callable[[], Pipeline]] = {
    "chain": chain,
    "loop": loop,
    "nested-loops": nested_loops,
    "branch": branch,
    "branch-default": branch_default,
    "branch-in-loop": branch_in_loop,
    "exit-handler": exit_handler,
    "artifacts": artifacts,
    "list-of-artifacts": list_of_artifacts,
    "nested-pipeline": nested_pipeline,
    "if-set": if_set,
    "expressions": expressions,
    "after-across": after_across,
}


def without_spans(p: Pipeline) -> Pipeline:
    """The same pipeline with its own span gone (equality never looks at spans; printing does)."""
    return replace(p, span=NOWHERE)
