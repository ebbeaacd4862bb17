"""Pipelines that hypothesis makes up, a launcher whose tasks end as it decides, and what must come of them.

The model knows graphs and states only: what it says is read off the records of how each attempt ended, in words that
are not the engine's.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from typedpipe.ir.nodes import (
    Arm,
    Branch,
    Chunk,
    Compare,
    Component,
    Const,
    ExitHandler,
    Expr,
    FromExpr,
    FromInput,
    FromTask,
    Graph,
    InputPort,
    Loop,
    Node,
    Operand,
    Options,
    OutputPort,
    Pipeline,
    PythonImpl,
    Retry,
    Task,
)
from typedpipe.local.runners.launcher import KILL, Exited, Launch
from typedpipe.local.scheduling.resources import Machine, Need
from typedpipe.runs import events
from typedpipe.types.model import INT
from typedpipe.types.values import constant

ENDS = (0, 0, 0, 1, 1, 2, -9)
"""How an attempt may end: well, by an exception, by a broken contract, killed."""
COMPONENT = Component(
    "f",
    (InputPort("x", INT, Const("0", INT)),),
    (OutputPort("Output", INT),),
    PythonImpl("f", (Chunk("def f(x=0):\n    return x\n", "user.py"),), "one"),
    "python:3.12",
)


def const(value: object) -> Const:
    return Const(*constant(value))


# ---------------------------------------------------------------------------------------------------- pipelines


@dataclass
class Maker:
    """Draws one pipeline. Node names are numbers, so that no two are equal."""

    draw: st.DrawFn
    names: Iterator[int] = field(default_factory=itertools.count)

    def name(self, kind: str) -> str:
        return f"{kind}{next(self.names)}"

    def options(self) -> Options:
        draw = self.draw
        retries = draw(st.sampled_from([0, 0, 1, 2]))
        return Options(
            retry=Retry(retries) if retries else None,
            cpu_request=draw(st.sampled_from([None, None, const("1500m"), const("2")])),
            memory_request=draw(st.sampled_from([None, None, const("3Gi")])),
            ignore_upstream_failure=draw(st.booleans()),
        )

    def task(self, earlier: list[Node], inside: bool) -> Task:
        after = self.after(earlier)
        makers = [node.name for node in earlier if isinstance(node, Task)]
        known: list[Operand] = [*(FromTask(name, "Output") for name in makers), const(1)]
        known += [FromInput("v")] if inside else []
        return Task(self.name("t"), "f", (("x", self.draw(st.sampled_from(known))),), after, self.options())

    def after(self, earlier: list[Node]) -> tuple[str, ...]:
        if not earlier:
            return ()
        chosen = self.draw(st.lists(st.sampled_from([node.name for node in earlier]), max_size=2, unique=True))
        return tuple(chosen)

    def graph(self, depth: int, inside: bool) -> Graph:
        nodes: list[Node] = []
        exprs: list[Expr] = []
        for _ in range(self.draw(st.integers(2, 5))):
            kinds = ["task", "task", "task"] + (["loop", "branch", "handler"] if depth else [])
            nodes.append(self.node(self.draw(st.sampled_from(kinds)), nodes, exprs, depth, inside))
        ports = (InputPort("v", INT),) if inside else ()
        return Graph(inputs=ports, nodes=tuple(nodes), exprs=tuple(exprs))

    def node(self, kind: str, earlier: list[Node], exprs: list[Expr], depth: int, inside: bool) -> Node:
        if kind == "task":
            return self.task(earlier, inside)
        after = self.after(earlier)
        value = self.draw(st.sampled_from([const(0), *_outputs(earlier)]))
        args = (("v", value),)
        if kind == "loop":
            items, limit = self.draw(st.integers(0, 3)), self.draw(st.integers(0, 2))
            body = self.graph(depth - 1, True)
            body = Graph(inputs=(*body.inputs, InputPort("item", INT)), nodes=body.nodes, exprs=body.exprs)
            return Loop(self.name("l"), const(list(range(items))), "item", INT, body, limit, args, after)
        if kind == "handler":
            body = self.graph(depth - 1, True)
            exit_ = Task(self.name("x"), "f", (), (), Options(retry=self.draw(st.sampled_from([None, Retry(1)]))))
            return ExitHandler(self.name("h"), body, exit_, args, after)
        exprs.append(Compare("==", value, const(1)))
        arms = [Arm(FromExpr(len(exprs) - 1), self.graph(depth - 1, True), args)]
        if self.draw(st.booleans()):
            arms.append(Arm(None, self.graph(depth - 1, True), args))
        return Branch(self.name("b"), tuple(arms), after)


def _outputs(nodes: Iterable[Node]) -> list[Operand]:
    return [FromTask(node.name, "Output") for node in nodes if isinstance(node, Task)]


@st.composite
def pipelines(draw: st.DrawFn) -> Pipeline:
    return Pipeline("p", Maker(draw).graph(draw(st.integers(0, 2)), False), {"f": COMPONENT}, closed=True)


# ---------------------------------------------------------------------------------------------------- the launcher


@dataclass(frozen=True)
class Said:
    """Something that happened, in order: a task's attempt was started, or ended with a code, or the task was over."""

    what: str
    task: str
    detail: object = None


@dataclass
class Scripted:
    """A launcher without processes: ``choose`` picks the task that ends next, and how."""

    choose: Callable[[list[str]], tuple[str, int]]
    between: Callable[[], None]
    jobs: int
    said: list[Said] = field(default_factory=list[Said])
    generation: int = 0
    live: dict[str, Launch] = field(default_factory=dict[str, Launch])
    doomed: set[str] = field(default_factory=set[str])
    sockets: tuple[socket.socket, socket.socket] = field(default_factory=socket.socketpair)

    def fileno(self) -> int:
        return self.sockets[0].fileno()

    def start(self, launch: Launch) -> None:
        assert launch.ticket not in self.live
        self.live[launch.ticket] = launch
        assert len(self.live) <= self.jobs
        self.said.append(Said("start", task_of(launch)))
        self.sockets[1].send(b"x")

    def signal(self, ticket: str, number: int) -> None:
        if ticket in self.live and number == KILL:
            self.doomed.add(ticket)

    def reports(self) -> Iterable[Exited]:
        """One task ends; as long as others live, the socket says that there is more."""
        self.sockets[0].recv(1 << 16)
        self.between()
        if not self.live:
            return []
        ticket, code = self.choose(list(self.live))
        if ticket in self.doomed:
            code = -int(signal.SIGKILL)
        launch = self.live.pop(ticket)
        self.said.append(Said("end", task_of(launch), code))
        if code == 0:
            leave_output(launch, number_of(task_of(launch)))
        if self.live:
            self.sockets[1].send(b"x")
        return [Exited(ticket, code)]

    def close(self) -> None:
        for end in self.sockets:
            end.close()


def task_of(launch: Launch) -> str:
    """The path of a task in the run, from its folder: ``…/tasks/<path>/<attempt>/job.json``."""
    folder = Path(launch.job).parent.parent
    return str(folder).rpartition("/_@run/")[2].removeprefix("tasks/")


def leave_output(launch: Launch, value: int) -> None:
    folder = os.path.dirname(launch.job)
    os.makedirs(f"{folder}/out/p")
    for path, text in ((f"{folder}/out/p/Output", str(value)), (f"{folder}/result.json", json.dumps({"code": 0}))):
        Path(path).write_text(text, encoding="utf-8")


def number_of(task: str) -> int:
    """What a task gives when it succeeds: 0 or 1, always the same."""
    return sum(task.encode()) % 2


class Counted(Machine):
    """Two cores and 4 GiB, of which never more is taken than there is."""

    def __init__(self) -> None:
        super().__init__(Need(2000, 4 << 30, 0))

    def take(self, need: Need, sign: int = -1) -> None:
        super().take(need, sign)
        for free, total in zip(self._free, (self.total.cpu, self.total.memory, 0), strict=True):
            assert 0 <= free <= total

    @property
    def all_free(self) -> bool:
        return self._free == [self.total.cpu, self.total.memory, 0]


# ------------------------------------------------------------------------------------------------------- the model


class Model:
    """What must have happened, given how attempts ended; for runs that were not ended early."""

    def __init__(self, pipeline: Pipeline, said: list[Said]) -> None:
        self.pipeline = pipeline
        self.ends: dict[str, list[int]] = {}
        for one in said:
            if one.what == "end":
                assert isinstance(one.detail, int)
                self.ends.setdefault(one.task, []).append(one.detail)
        self.states: dict[str, str] = {}
        """The state of each task that runs or is left out by itself; what is in a group that is left out is not here."""
        self.ok = self.graph(pipeline.graph, "")

    def graph(self, graph: Graph, prefix: str) -> bool:
        """Whether it succeeds: all of its nodes that no other waits for do."""
        ok: dict[str, bool] = {}
        needed: set[str] = set()
        for node in graph.nodes:
            needs = upstream(graph, node)
            needed |= needs
            tolerant = isinstance(node, Task) and node.options.ignore_upstream_failure
            if all(ok[name] for name in needs) or tolerant:
                ok[node.name] = self.node(graph, node, prefix, ok)
            else:
                ok[node.name] = False
                self.states[prefix + node.name] = "OMITTED"
        return all(good for name, good in ok.items() if name not in needed)

    def node(self, graph: Graph, node: Node, prefix: str, ok: dict[str, bool]) -> bool:
        path = prefix + node.name
        if isinstance(node, Task):
            return self.task(node, path)
        if isinstance(node, Loop):
            assert isinstance(node.items, Const)
            results = [self.graph(node.body, f"{path}[{i}]/") for i in range(len(json.loads(node.items.text)))]
            return all(results)
        if isinstance(node, ExitHandler):
            good = self.graph(node.body, path + "/")
            self.task(node.exit, prefix + node.exit.name)  # type: ignore[arg-type]  # exits here are tasks
            return good
        assert isinstance(node, Branch)
        for arm in node.arms:
            if arm.condition is None or self.holds(graph, arm.condition, prefix):
                return self.graph(arm.body, path + "/")
        return True

    def task(self, node: Task, path: str) -> bool:
        """A task runs until it succeeds, breaks its contract, or has no try left."""
        limit = 1 + (node.options.retry.limit if node.options.retry else 0)
        ends = self.ends.get(path, [])
        final = next((i for i, code in enumerate(ends) if code in (0, 2)), limit - 1)
        assert len(ends) == final + 1, f"{path} ended {ends}, and had {limit} tries"
        self.states[path] = "SUCCEEDED" if ends[-1] == 0 else "FAILED"
        return ends[-1] == 0

    def holds(self, graph: Graph, condition: Operand, prefix: str) -> bool:
        assert isinstance(condition, FromExpr)
        compare = graph.exprs[condition.index]
        assert isinstance(compare, Compare)
        if isinstance(compare.left, FromTask):
            return number_of(prefix + compare.left.task) == 1
        assert isinstance(compare.left, Const)
        return compare.left.text == "1"


def upstream(graph: Graph, node: Node) -> set[str]:
    """The names that a node waits for: said by ``after``, or by what it takes."""
    found = set(node.after)
    operands: list[Operand] = []
    if isinstance(node, Task | Loop | ExitHandler):
        operands += [value for _, value in node.args]
    if isinstance(node, Branch):
        for arm in node.arms:
            operands += [value for _, value in arm.args]
            if isinstance(arm.condition, FromExpr):
                compare = graph.exprs[arm.condition.index]
                assert isinstance(compare, Compare)
                operands.append(compare.left)
    return found | {operand.task for operand in operands if isinstance(operand, FromTask)}


def waits(pipeline: Pipeline, tasks: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of tasks that ran: the first may start only when the second is over."""
    ran = sorted(tasks)
    groups: list[tuple[Graph, str]] = [(pipeline.graph, "")]
    while groups:
        graph, prefix = groups.pop()
        for node in graph.nodes:
            mine = [name for name in ran if belongs(name, prefix + node.name)]
            for need in upstream(graph, node):
                yield from itertools.product(mine, [name for name in ran if belongs(name, prefix + need)])
            if isinstance(node, ExitHandler):
                yield from itertools.product([name for name in ran if name == prefix + node.exit.name], mine)
                groups.append((node.body, f"{prefix}{node.name}/"))
            elif isinstance(node, Loop):
                groups += [(node.body, f"{prefix}{node.name}[{i}]/") for i in range(3)]
            elif isinstance(node, Branch):
                groups += [(arm.body, f"{prefix}{node.name}/") for arm in node.arms]


def belongs(name: str, path: str) -> bool:
    """Whether a task is this node or in it."""
    return name == path or name.startswith((f"{path}/", f"{path}["))


def exits(graph: Graph) -> set[str]:
    """The names of all exits, and nothing else: names are unique."""
    found: set[str] = set()
    for node in graph.nodes:
        if isinstance(node, ExitHandler):
            found |= {node.exit.name} | exits(node.body)
        elif isinstance(node, Loop):
            found |= exits(node.body)
        elif isinstance(node, Branch):
            found |= set().union(*(exits(arm.body) for arm in node.arms))
    return found


def note(said: list[Said]) -> Callable[[events.Event], None]:
    """A listener of the engine that records ends of tasks and of loops' items."""

    def take(event: events.Event) -> None:
        if isinstance(event, events.TaskFinished):
            said.append(Said("over", event.task, event.state))
        elif isinstance(event, events.CancelStarted):
            said.append(Said("killing" if event.killing else "cancel", ""))

    return take
