"""Programs of the generator: a pipeline as a small tree, and its source text as a user would write it.

Nothing here is typedpipe's: :mod:`interpret` works out from the tree alone which results the program has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# ------------------------------------------------------------------------------------------------- expressions


@dataclass(frozen=True)
class Expr:
    """A value in a pipeline; ``type`` is its annotation."""

    type: str

    def parts(self) -> Sequence[Expr]:
        return ()


@dataclass(frozen=True)
class Lit(Expr):
    value: object


@dataclass(frozen=True)
class Param(Expr):
    name: str


@dataclass(frozen=True)
class Item(Expr):
    name: str


@dataclass(frozen=True)
class Out(Expr):
    """An output of a task or a called pipeline; ``field`` is empty for its only output."""

    task: str
    field: str = ""


@dataclass(frozen=True)
class At(Expr):
    """``value[key]``"""

    value: Expr
    key: str | int

    def parts(self) -> Sequence[Expr]:
        return (self.value,)


@dataclass(frozen=True)
class Text(Expr):
    """An f-string of plain texts and expressions."""

    pieces: tuple[str | Expr, ...]

    def parts(self) -> Sequence[Expr]:
        return [piece for piece in self.pieces if isinstance(piece, Expr)]


@dataclass(frozen=True)
class Many(Expr):
    """A list display."""

    items: tuple[Expr, ...]

    def parts(self) -> Sequence[Expr]:
        return self.items


@dataclass(frozen=True)
class SomeOf(Expr):
    value: Expr
    default: Expr

    def parts(self) -> Sequence[Expr]:
        return (self.value, self.default)


@dataclass(frozen=True)
class Coll(Expr):
    """``Collected(value)`` after the loop ``loop``."""

    loop: str
    value: Expr


@dataclass(frozen=True)
class One(Expr):
    """``OneOf(...)`` after the branch ``branch``: a value of each arm, and one from outside if there is no Else."""

    branch: str
    values: tuple[Expr, ...]
    rest: Expr | None


@dataclass(frozen=True)
class Op(Expr):
    """A condition: ``== != < <= > >= in & | ~`` of its items, or ``is`` for a bool itself."""

    op: str
    items: tuple[Expr, ...]

    def parts(self) -> Sequence[Expr]:
        return self.items


# -------------------------------------------------------------------------------------------------- statements


@dataclass
class Stmt:
    id: str


@dataclass
class Call(Stmt):
    """A call of a component, or of a pipeline of the program."""

    callee: str
    args: dict[str, Expr]
    after: list[str] = field(default_factory=list)
    ignore: bool = False
    retries: int = 0
    cached: bool = False
    env: dict[str, Expr] = field(default_factory=dict)


@dataclass
class Branch(Stmt):
    """``arms`` are (condition, body); the condition of an Else is None."""

    arms: list[tuple[Expr | None, list[Stmt]]]


@dataclass
class SetBranch(Stmt):
    """``IfSet(value) as name``."""

    value: Expr
    name: str
    body: list[Stmt]


@dataclass
class Loop(Stmt):
    items: Expr
    name: str
    body: list[Stmt]
    parallelism: int = 0


@dataclass
class Handler(Stmt):
    exit: Call
    body: list[Stmt]


@dataclass
class Pipeline:
    """A pipeline of the program: parameters with type and default (None: required), and what it returns."""

    name: str
    params: list[tuple[str, str, Lit | None]]
    body: list[Stmt]
    result: Expr | None = None


@dataclass
class Program:
    """The last pipeline is the one that runs."""

    seed: int
    pipelines: list[Pipeline]


def bodies(stmt: Stmt) -> list[list[Stmt]]:
    """Blocks inside a statement."""
    if isinstance(stmt, Branch):
        return [body for _, body in stmt.arms]
    return [stmt.body] if isinstance(stmt, SetBranch | Loop | Handler) else []


def own_exprs(stmt: Stmt) -> Iterator[Expr]:
    """Expressions that stand in a statement itself."""
    if isinstance(stmt, Call):
        yield from stmt.args.values()
        yield from stmt.env.values()
    elif isinstance(stmt, Branch):
        yield from (condition for condition, _ in stmt.arms if condition is not None)
    elif isinstance(stmt, SetBranch):
        yield stmt.value
    elif isinstance(stmt, Loop):
        yield stmt.items
    elif isinstance(stmt, Handler):
        yield from own_exprs(stmt.exit)


# ------------------------------------------------------------------------------------------------------ source

COMPONENTS = """\
import json
from typing import Any, NamedTuple

from typedpipe import dsl
from typedpipe.dsl import OUT, STATUS, Collected, Dataset, If, IfSet, In, Input, InputPath, Not, OneOf, OutputPath, PipelineTaskFinalStatus, Some

IMAGE = "python:3.11-slim"


class Halves(NamedTuple):
    good: int
    bad: int


@dsl.component(base_image=IMAGE)
def show(label: str, v: Any):
    import json

    line = json.dumps([label, v])
    print("RESULT:" + line, flush=True)
    sink = {sink!r}
    if sink:
        with open(sink, "a") as file:
            file.write(line + "\\n")


@dsl.component(base_image=IMAGE)
def {num}(v: int) -> int:
    return v


@dsl.component(base_image=IMAGE)
def real(v: float) -> float:
    return v


@dsl.component(base_image=IMAGE)
def word(v: str) -> str:
    return v


@dsl.component(base_image=IMAGE)
def flag(v: bool) -> bool:
    return v


@dsl.component(base_image=IMAGE)
def nums(v: list[int]) -> list[int]:
    return v


@dsl.component(base_image=IMAGE)
def words(v: list[str]) -> list[str]:
    return v


@dsl.component(base_image=IMAGE)
def table(v: dict[str, int]) -> dict[str, int]:
    return v


@dsl.component(base_image=IMAGE)
def texts(v: dict[str, str]) -> dict[str, str]:
    return v


@dsl.component(base_image=IMAGE)
def maybe(v: str, there: bool) -> str | None:
    return v if there else None


@dsl.component(base_image=IMAGE)
def boom(v: int) -> int:
    raise ValueError("boom")


@dsl.component(base_image=IMAGE)
def half(v: int) -> Halves:
    return Halves(v, "no int")  # type: ignore


@dsl.component(base_image=IMAGE)
def num_or(v: int = -1) -> int:
    return v


@dsl.component(base_image=IMAGE)
def word_or(v: str = "default") -> str:
    return v


@dsl.component(base_image=IMAGE)
def none_or(v: str | None = "default") -> str:
    return "none" if v is None else v


@dsl.component(base_image=IMAGE)
def env_of(v: int) -> str:
    import os

    return os.environ.get("A", "unset") + str(v)


@dsl.component(base_image=IMAGE)
def save(v: str) -> Dataset:
    data = Dataset(metadata={{"v": v}})
    with open(data.path, "w", encoding="utf-8") as file:
        file.write(v)
    return data


@dsl.component(base_image=IMAGE)
def save_two(v: str, path: OutputPath[Dataset] = OUT, e1: OutputPath[Dataset] = OUT) -> None:
    for place, text in ((path, v), (e1, v + "!")):
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)


@dsl.component(base_image=IMAGE)
def read_path(status: InputPath[Dataset]) -> str:
    with open(status, encoding="utf-8") as file:
        return file.read()


@dsl.component(base_image=IMAGE)
def read(d: Input[Dataset]) -> str:
    with open(d.path, encoding="utf-8") as file:
        return file.read() + "/" + d.metadata["v"]


@dsl.component(base_image=IMAGE)
def read_or(d: Input[Dataset] | None = None) -> str:
    if d is None:
        return "absent"
    with open(d.path, encoding="utf-8") as file:
        return file.read()


@dsl.component(base_image=IMAGE)
def read_all(ds: Input[list[Dataset]]) -> list[str]:
    return [open(d.path, encoding="utf-8").read() for d in ds]


@dsl.component(base_image=IMAGE)
def told(label: str, status: PipelineTaskFinalStatus = STATUS):
    import json

    line = json.dumps([label, status.state])
    print("RESULT:" + line, flush=True)
    sink = {sink!r}
    if sink:
        with open(sink, "a") as file:
            file.write(line + "\\n")
"""


def write(program: Program, sink: str = "") -> str:
    """The source text; ``show`` also appends its results to the file ``sink``."""
    from_seed = ("num", "n", "yes", "off")[program.seed % 4]
    lines = [COMPONENTS.format(sink=sink, num=from_seed)]
    for pipeline in program.pipelines:
        writer = _Writer(from_seed)
        params = ", ".join(
            f"{name}: {type_}" + ("" if default is None else f" = {default.value!r}")
            for name, type_, default in pipeline.params
        )
        returns = f" -> {pipeline.result.type}" if pipeline.result else ""
        writer.lines.append(f"\n\n@dsl.pipeline\ndef {pipeline.name}({params}){returns}:")
        writer.block(pipeline.body, 1)
        if pipeline.result:
            writer.lines.append(f"    return {writer.expr(pipeline.result)}")
        lines += writer.lines
    return "\n".join(lines) + "\n"


@dataclass
class _Writer:
    num: str
    lines: list[str] = field(default_factory=list)

    def block(self, body: list[Stmt], depth: int) -> None:
        pad = "    " * depth
        for stmt in body:
            if isinstance(stmt, Call):
                self.lines.append(f"{pad}{stmt.id} = {self.call(stmt)}")
            elif isinstance(stmt, Branch):
                for at, (condition, inner) in enumerate(stmt.arms):
                    head = "dsl.Else()"
                    if condition is not None:
                        head = f"dsl.{'Elif' if at else 'If'}({self.expr(condition)})"
                    self.lines.append(f"{pad}with {head}:")
                    self.block(inner, depth + 1)
            elif isinstance(stmt, SetBranch):
                self.lines.append(f"{pad}with IfSet({self.expr(stmt.value)}) as {stmt.name}:")
                self.block(stmt.body, depth + 1)
            elif isinstance(stmt, Loop):
                limit = f", parallelism={stmt.parallelism}" if stmt.parallelism else ""
                self.lines.append(f"{pad}with dsl.ParallelFor({self.expr(stmt.items)}{limit}) as {stmt.name}:")
                self.block(stmt.body, depth + 1)
            elif isinstance(stmt, Handler):
                self.lines.append(f"{pad}{stmt.exit.id} = {self.call(stmt.exit)}")
                self.lines.append(f"{pad}with dsl.ExitHandler({stmt.exit.id}):")
                self.block(stmt.body, depth + 1)

    def call(self, call: Call) -> str:
        args = ", ".join(f"{name}={self.expr(value)}" for name, value in call.args.items())
        text = f"{self.num if call.callee == 'num' else call.callee}({args})"
        if call.after:
            text += f".after({', '.join(call.after)})"
        if call.ignore:
            text += ".ignore_upstream_failure()"
        if call.retries:
            text += f".set_retry({call.retries})"
        if call.callee in ("show", "told"):
            text += ".set_caching_options(False)"
        elif call.cached:
            text += ".set_caching_options(True)"
        for name, value in call.env.items():
            text += f".set_env_variable({name!r}, {self.expr(value)})"
        return text

    def expr(self, expr: Expr, quote: str = "'") -> str:
        if isinstance(expr, Lit):
            return repr(expr.value)
        if isinstance(expr, Param | Item):
            return expr.name
        if isinstance(expr, Out):
            return f"{expr.task}.outputs.{expr.field}" if expr.field else f"{expr.task}.output"
        if isinstance(expr, At):
            return f"{self.expr(expr.value)}[{expr.key!r}]"
        if isinstance(expr, Text):
            return "f" + self._text(expr)
        if isinstance(expr, Many):
            return f"[{', '.join(map(self.expr, expr.items))}]"
        if isinstance(expr, SomeOf):
            return f"Some({self.expr(expr.value)}, {self.expr(expr.default)})"
        if isinstance(expr, Coll):
            return f"Collected({self.expr(expr.value)})"
        if isinstance(expr, One):
            values = [*expr.values, *([expr.rest] if expr.rest else [])]
            return f"OneOf({', '.join(map(self.expr, values))})"
        assert isinstance(expr, Op)
        items = [self.expr(item) for item in expr.items]
        if expr.op == "is":
            return items[0]
        if expr.op == "~":
            return f"Not({items[0]})"
        if expr.op == "in":
            return f"In({', '.join(items)})"
        return f"({items[0]}) {expr.op} ({items[1]})" if expr.op in "&|" else f"{items[0]} {expr.op} {items[1]}"

    def _text(self, text: Text) -> str:
        made = ""
        for piece in text.pieces:
            if isinstance(piece, Expr):
                made += "{" + self.expr(piece) + "}"
            else:
                made += json.dumps(piece)[1:-1].replace("{", "{{").replace("}", "}}")
        return f'"{made}"'
