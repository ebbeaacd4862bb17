"""Results of a generated program, worked out by Python from its tree: what ``show`` prints, and whether the run succeeds.

A plain interpreter, which shares no code with the compiler or an engine. Its rules are those of docs/concepts.md:

* a task does not run if a task that it needs did not succeed, unless it ignores that;
* an expression that raises fails the task, branch or loop that needs it;
* a block fails if one of its tasks fails that no other task of the same block waits for.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.combinations.programs import (
    At,
    Branch,
    Call,
    Coll,
    Expr,
    Handler,
    Item,
    Lit,
    Loop,
    Many,
    One,
    Op,
    Out,
    Param,
    Pipeline,
    Program,
    SetBranch,
    SomeOf,
    Stmt,
    Text,
    bodies,
    own_exprs,
)


class Failure(Exception):
    """A task or an expression that fails."""


@dataclass
class Expected:
    """``results`` are the lines of ``show``, sorted; ``tasks`` is the number of tasks that run."""

    ok: bool
    results: list[str]
    tasks: int


@dataclass
class Frame:
    """One execution of a block."""

    parent: Frame | None = None
    values: dict[str, Any] = field(default_factory=dict)
    """Outputs of tasks that succeeded, parameters and items."""
    loops: dict[str, list[Frame]] = field(default_factory=dict)
    taken: dict[str, tuple[int, Frame] | None] = field(default_factory=dict)

    def find(self, table: str, name: str) -> Any:
        frame: Frame | None = self
        while frame is not None:
            found = getattr(frame, table)
            if name in found:
                return found[name]
            frame = frame.parent
        raise Failure(f"{name} has no value")


def _boom(v: object) -> object:
    raise Failure(f"boom {v}")


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("num", "real", "word", "flag", "nums", "words", "table", "texts", "save"), lambda v: v),
    "maybe": lambda v, there: v if there else None,
    "boom": _boom,
    "half": _boom,
    "save_two": lambda v: {"path": v, "e1": f"{v}!"},
    "read_path": lambda status: status,
    "num_or": lambda v=-1: v,
    "word_or": lambda v="default": v,
    "none_or": lambda v="default": "none" if v is None else v,
    "read": lambda d: f"{d}/{d}",
    "read_or": lambda d=None: "absent" if d is None else d,
    "read_all": lambda ds: ds,
}
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda a, b: a in b,
}


def interpret(program: Program) -> Expected:
    """Run a program."""
    machine = _Machine({pipeline.name: pipeline for pipeline in program.pipelines})
    ok = machine.pipeline(program.pipelines[-1], {})[0]
    return Expected(ok, sorted(machine.results), machine.tasks)


class _Machine:
    def __init__(self, pipelines: dict[str, Pipeline]) -> None:
        self.pipelines = pipelines
        self.results: list[str] = []
        self.tasks = 0

    def pipeline(self, pipeline: Pipeline, given: dict[str, Any]) -> tuple[bool, Any]:
        frame = Frame(values=given)
        for name, _, default in pipeline.params:
            if name not in given and default is not None:
                given[name] = default.value
        ok = self.block(pipeline.body, frame)
        return ok, self.value(pipeline.result, frame) if ok and pipeline.result else None

    def block(self, body: list[Stmt], frame: Frame) -> bool:
        """Whether it succeeds: all of its statements that no other one waits for do."""
        owner = {name: stmt.id for stmt in body for name in _ids(stmt)}
        ok: dict[str, bool] = {}
        needed: set[str] = set()
        for stmt in body:
            needs = {owner[name] for name in _refs(stmt) if name in owner} - {stmt.id}
            needed |= needs
            ignores = isinstance(stmt, Call) and stmt.ignore
            ok[stmt.id] = (ignores or all(ok[name] for name in needs)) and self.statement(stmt, frame, ok)
        return all(good for name, good in ok.items() if name not in needed)

    def statement(self, stmt: Stmt, frame: Frame, ok: dict[str, bool]) -> bool:
        try:
            if isinstance(stmt, Call):
                return self.call(stmt, frame, ok)
            if isinstance(stmt, Branch):
                return self.branch(stmt, frame)
            if isinstance(stmt, SetBranch):
                value = self.value(stmt.value, frame)
                if value is None:
                    frame.taken[stmt.id] = None
                    return True
                inner = Frame(frame, {stmt.name: value})
                frame.taken[stmt.id] = (0, inner)
                return self.block(stmt.body, inner)
            if isinstance(stmt, Loop):
                frames = [Frame(frame, {stmt.name: item}) for item in self.value(stmt.items, frame)]
                frame.loops[stmt.id] = frames
                return all([self.block(stmt.body, inner) for inner in frames])  # noqa: C419  # each item runs
            assert isinstance(stmt, Handler)
            inner = Frame(frame)
            good = self.block(stmt.body, inner)
            frame.values.update(inner.values)
            frame.loops.update(inner.loops)
            frame.taken.update(inner.taken)
            self.tasks += 1
            self.show(self.value(stmt.exit.args["label"], frame), "SUCCEEDED" if good else "FAILED")
        except Failure:
            return False
        return good

    def call(self, call: Call, frame: Frame, ok: dict[str, bool]) -> bool:
        args: dict[str, Any] = {}
        for name, expr in call.args.items():
            if call.ignore and not all(ok.get(name, True) for name in _within(expr)):
                continue  # the default of the input
            args[name] = self.value(expr, frame)
        if call.callee in self.pipelines:
            good, result = self.pipeline(self.pipelines[call.callee], args)
            if good:
                frame.values[call.id] = result
            return good
        self.tasks += 1
        if call.callee == "show":
            self.show(args["label"], args["v"])
        elif call.callee == "env_of":
            env = {name: self.value(expr, frame) for name, expr in call.env.items()}
            frame.values[call.id] = env.get("A", "unset") + str(args["v"])
        else:
            frame.values[call.id] = FUNCTIONS[call.callee](**args)
        return True

    def branch(self, branch: Branch, frame: Frame) -> bool:
        frame.taken[branch.id] = None
        for at, (condition, body) in enumerate(branch.arms):
            if condition is None or self.value(condition, frame):
                inner = Frame(frame)
                frame.taken[branch.id] = (at, inner)
                return self.block(body, inner)
        return True

    def show(self, label: object, value: object) -> None:
        self.results.append(json.dumps([label, value]))

    def value(self, expr: Expr, frame: Frame) -> Any:
        if isinstance(expr, Lit):
            return expr.value
        if isinstance(expr, Param | Item):
            return frame.find("values", expr.name)
        if isinstance(expr, Out):
            made = frame.find("values", expr.task)
            return made[expr.field] if expr.field else made
        if isinstance(expr, At):
            try:
                return self.value(expr.value, frame)[expr.key]
            except LookupError as error:
                raise Failure(str(error)) from error
        if isinstance(expr, Text):
            return "".join(p if isinstance(p, str) else str(self.value(p, frame)) for p in expr.pieces)
        if isinstance(expr, Many):
            return [self.value(item, frame) for item in expr.items]
        if isinstance(expr, SomeOf):
            found = self.value(expr.value, frame)
            return self.value(expr.default, frame) if found is None else found
        if isinstance(expr, Coll):
            return [self.value(expr.value, inner) for inner in frame.find("loops", expr.loop)]
        if isinstance(expr, One):
            taken = frame.find("taken", expr.branch)
            if taken is None:
                assert expr.rest is not None
                return self.value(expr.rest, frame)
            return self.value(expr.values[taken[0]], taken[1])
        assert isinstance(expr, Op)
        if expr.op in "&|":
            first = self.value(expr.items[0], frame)
            return self.value(expr.items[1], frame) if first == (expr.op == "&") else first
        items = [self.value(item, frame) for item in expr.items]
        if expr.op in ("is", "~"):
            return items[0] == (expr.op == "is")
        return OPERATORS[expr.op](*items)


def _within(expr: Expr) -> set[str]:
    """Statements whose results an expression uses."""
    if isinstance(expr, Out):
        return {expr.task}
    if isinstance(expr, Coll):
        return {expr.loop} | _within(expr.value)
    if isinstance(expr, One):
        found = {expr.branch}
        for value in (*expr.values, *([expr.rest] if expr.rest else [])):
            found |= _within(value)
        return found
    found = set()
    for part in expr.parts():
        found |= _within(part)
    return found


def _ids(stmt: Stmt) -> set[str]:
    """Names of a statement and of those in it."""
    return {stmt.id}.union(*[_ids(inner) for body in bodies(stmt) for inner in body])


def _refs(stmt: Stmt) -> set[str]:
    """Statements that this one needs, its inner ones included."""
    found: set[str] = set(stmt.after) if isinstance(stmt, Call) else set()
    for expr in own_exprs(stmt):
        found |= _within(expr)
    for body in bodies(stmt):
        for inner in body:
            found |= _refs(inner)
    return found
