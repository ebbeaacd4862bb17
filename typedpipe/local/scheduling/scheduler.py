"""Scheduler of a closed pipeline: tasks that are ready, the results of groups, and skipped nodes.

It is independent of processes: it offers :class:`TaskRun` objects and is notified of their results. Nothing here is
recursive, and each edge is visited once per run of its graph.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import producers
from typedpipe.ir.options import OPERANDS
from typedpipe.ir.plan import GraphPlan, plan
from typedpipe.ir.typing import GraphTypes, Ports, group_outputs
from typedpipe.local.scheduling.evaluation import CannotEvaluate, Evaluation, GraphProgram
from typedpipe.local.scheduling.frame import (
    Body,
    Exit,
    Frame,
    Item,
    Listener,
    LoopRun,
    NodeResult,
    Owner,
    TaskRun,
    position,
)
from typedpipe.local.scheduling.importers import CannotImport, imported
from typedpipe.local.values import dump, error_in, gathered, nothing
from typedpipe.runs.model import Value
from typedpipe.runs.paths import last_part
from typedpipe.types.json_text import value_text

ITEM_LENGTH = 40
"""Maximum length of a loop's item in displays, in characters."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """A task, or a node without a task, that failed."""

    name: str
    message: str
    position: tuple[int, ...]
    exits: bool
    """Whether it is, or is in, the exit of a handler, which changes nothing."""


class Scheduler:
    """State of one run of a pipeline."""

    def __init__(self, pipeline: ir.Pipeline, run: str, listener: Listener) -> None:
        self._pipeline = pipeline
        self._run = run
        self._listener = listener
        self._ports = Ports(pipeline)
        self._plans: dict[int, tuple[GraphPlan, GraphTypes, GraphProgram]] = {}
        self._work: deque[Callable[[], None]] = deque()
        self._failures: list[_Failure] = []
        self._settling = False
        self.canceled = False
        """Nothing new starts but exits."""
        self.cause = "the run was canceled"
        """Why tasks are stopped and not started, if they are: a canceled run, its timeout, its first failure."""
        self.interrupted = False
        """It was canceled by the user: the run will be CANCELED, not FAILED."""
        self.killed = False
        """Nothing new starts."""
        self.result: NodeResult | None = None

    def begin(self, arguments: Mapping[str, Value]) -> None:
        self._open(self._pipeline.graph, "", arguments, None, False)
        self._settle()

    def finish(self, run: TaskRun, result: NodeResult) -> None:
        """Handle the end of a task."""
        if result.state == "FAILED":
            self._record(run.name, result.message, run.owner.scope, run.owner.index)
        self._close(run.owner, result)
        self._settle()

    def ignored(self, run: TaskRun) -> bool:
        """Whether a downstream task runs although this one failed."""
        scope, index = run.owner.scope, run.owner.index
        users = (scope.plan.graph.nodes[user] for user in scope.plan.needed_by[index])
        return any(tolerant(user) for user in users)

    def _settle(self) -> None:
        if self._settling:  # a task ended while it was offered, as a cached one does
            return
        self._settling = True
        try:
            while self._work:
                self._work.popleft()()
        finally:
            self._settling = False

    # ------------------------------------------------------------------------------------------- scopes

    def _open(self, graph: ir.Graph, prefix: str, given: Mapping[str, Value], owner: Owner, protected: bool) -> None:
        known = self._plans.get(id(graph))
        if known is None:
            types = GraphTypes(self._pipeline, graph, self._ports)
            known = self._plans[id(graph)] = (plan(graph), types, GraphProgram(graph, types))
        order, types, program = known
        size = len(graph.nodes)
        inputs = {port.name: given.get(port.name, fallback(port)) for port in graph.inputs}
        waiting = [len(needs) for needs in order.needs]
        scope = Frame(order, prefix, inputs, types, owner, protected, [None] * size, waiting, size, _item(owner))
        scope.evaluation = Evaluation(program, lambda operand: self._lookup(scope, operand))
        if not size:
            self._work.append(lambda: self._scope_done(scope))
        for index, count in enumerate(waiting):
            if not count:
                self._later(scope, index)

    def _stopped(self, scope: Frame) -> bool:
        return self.killed or (self.canceled and not scope.protected)

    def _later(self, scope: Frame, index: int) -> None:
        self._work.append(lambda: self._begin(scope, index))

    def _lookup(self, scope: Frame, operand: ir.FromInput | ir.FromTask) -> Value:
        if isinstance(operand, ir.FromInput):
            return scope.inputs[operand.name]
        place = scope.plan.place[operand.task]
        result = scope.results[place]
        if result is not None and operand.output in result.outputs:
            return result.outputs[operand.output]
        return nothing(scope.types.of(operand))  # output of a failed task, for one that ignores failures

    def _done(self, scope: Frame, index: int, result: NodeResult) -> None:
        """Handle the end of a node: those that only waited for it can start."""
        scope.results[index] = result
        scope.left -= 1
        for user in scope.plan.needed_by[index]:
            scope.waiting[user] -= 1
            if not scope.waiting[user]:
                self._later(scope, user)
        if not scope.left:
            self._work.append(lambda: self._scope_done(scope))

    def _scope_done(self, scope: Frame) -> None:
        """End a graph, which fails if a node without downstream nodes does not succeed: they represent the others."""
        states = {result.state for i in scope.plan.sinks if (result := scope.results[i]) is not None and not result.ok}
        result = ended_badly(states) if states else self._outputs(scope)
        owner = scope.owner
        if owner is None:
            self.result = result
        elif isinstance(owner, Item):
            self._item_done(owner, result)
        else:
            self._close(owner, result)

    def _outputs(self, scope: Frame) -> NodeResult:
        """Outputs of a graph that succeeded. If an expression failed, only the pipeline itself fails with it."""
        found = {o.name: scope.evaluation.value(o.value, f"output {o.name}", o.span) for o in scope.plan.graph.outputs}
        error = next(filter(None, map(error_in, found.values())), "") if scope.owner is None else ""
        return self._failed(self._pipeline.name, error, scope) if error else NodeResult("SUCCEEDED", found)

    def _record(self, name: str, message: str, scope: Frame, index: int) -> None:
        exits = scope.protected or isinstance(scope.plan.graph.nodes[index], ir.ExitHandler)
        self._failures.append(_Failure(name, message, position(scope, index), exits))

    def _failed(self, name: str, message: str, scope: Frame, index: int = 0) -> NodeResult:
        result = NodeResult("FAILED", message=message)
        self._record(name, message, scope, index)
        self._listener.ended(name, "", result)
        return result

    def _close(self, owner: Body | Exit, result: NodeResult) -> None:
        scope, index = owner.scope, owner.index
        if isinstance(owner, Exit):
            self._done(scope, index, owner.body)  # a failing exit changes nothing, as on Argo
            return
        node = scope.plan.graph.nodes[index]
        if isinstance(node, ir.ExitHandler):
            self._exit(scope, index, node, result)
        elif isinstance(node, ir.Branch) and result.ok:
            self._done(scope, index, NodeResult("SUCCEEDED", branch_outputs(node, result.outputs)))
        else:
            self._done(scope, index, result)

    # -------------------------------------------------------------------------------------------- nodes

    def _begin(self, scope: Frame, index: int) -> None:
        node = scope.plan.graph.nodes[index]
        name = scope.prefix + node.name
        broken = [need for need in scope.plan.needs[index] if not (r := scope.results[need]) or not r.ok]
        stopped = self._stopped(scope)
        if stopped or (broken and not tolerant(node)):
            component = node.component if isinstance(node, ir.Task) else ""
            result = NodeResult("OMITTED", message=self.cause if stopped else blame(scope, broken))
            self._listener.ended(name, component, result)
            self._done(scope, index, result)
            return
        try:
            self._enter(scope, index, node, name)
        except (CannotEvaluate, CannotImport) as error:
            self._done(scope, index, self._failed(name, str(error), scope, index))

    def _enter(self, scope: Frame, index: int, node: ir.Node, name: str) -> None:
        match node:
            case ir.Task() | ir.Call():
                self._call(node, name, Body(scope, index), scope.protected, None)
            case ir.Importer():
                plain = scope.evaluation.plain
                uri = plain(node.uri, "artifact_uri", node.span)
                metadata = None if node.metadata is None else plain(node.metadata, "metadata", node.span)
                result = NodeResult("SUCCEEDED", {"artifact": imported(node, uri, metadata)})
                self._listener.ended(name, "importer", result)
                self._done(scope, index, result)
            case ir.Branch():
                self._branch(scope, index, node, name)
            case ir.Loop():
                self._loop(scope, index, node, name)
            case ir.ExitHandler():
                given = {key: scope.evaluation.value(value, span=node.span) for key, value in node.args}
                self._open(node.body, name + "/", given, Body(scope, index), scope.protected)

    def _call(
        self, node: ir.Task | ir.Call, name: str, owner: Body | Exit, protected: bool, status: str | None
    ) -> None:
        """Start a task, or a called pipeline. ``status`` is for the input that requests it."""
        scope = owner.scope
        ports = self._ports.inputs(node)
        values = self._given(scope, owner.index, node)
        for port in ports.values():
            if port.how == "status":
                values[port.name] = status or self._upstream_status(scope, owner.index, node)
        if isinstance(node, ir.Call):
            self._open(self._pipeline.pipelines[node.pipeline], name + "/", values, owner, protected)
            return
        given = {port.name: values.get(port.name, fallback(port)) for port in ports.values()}
        plain = scope.evaluation.plain
        env = {key: scope.evaluation.variable(key, value, node.span) for key, value in node.options.env}
        settings: dict[str, object] = {}
        if node.options is not ir.DEFAULT_OPTIONS:
            asked = ((key, getattr(node.options, key)) for key in OPERANDS)
            settings = {key: plain(operand, key, node.span) for key, operand in asked if operand is not None}
        self._listener.submit(TaskRun(name, node, given, env, settings, protected, owner, scope.item))

    def _given(self, scope: Frame, index: int, node: ir.Task | ir.Call) -> dict[str, Value]:
        """Arguments of a call; those from failed nodes are omitted and take their defaults. Only a task requires them."""
        nodes = scope.plan.graph.nodes
        lost = {nodes[need].name for need in scope.plan.needs[index] if not (r := scope.results[need]) or not r.ok}
        value = scope.evaluation.required if isinstance(node, ir.Task) else scope.evaluation.value
        return {
            key: value(operand, f"argument {key}", node.span)
            for key, operand in node.args
            if not lost or lost.isdisjoint(producers(scope.plan.graph.exprs, [operand]))
        }

    def _upstream_status(self, scope: Frame, index: int, node: ir.Task | ir.Call) -> str:
        ok = all((r := scope.results[need]) and r.ok for need in scope.plan.needs[index])
        return self._status("SUCCEEDED" if ok else "FAILED", node.name, self._failures[:1])

    def _status(self, state: str, name: str, failures: Sequence[_Failure]) -> str:
        """The status that a task receives; its words are those of KFP: CANCELLED is the state CANCELED of a run."""
        canceled = state == "CANCELLED" or (state == "FAILED" and self.canceled)
        said = "\n".join(f"{last_part(failure.name)}: {failure.message}" for failure in failures)
        general = self.cause if canceled else f"{name} failed"
        return dump(
            {
                "state": state,
                "error_message": "" if state == "SUCCEEDED" else said if said and state == "FAILED" else general,
                "pipeline_job_resource_name": self._run,
                "pipeline_task_name": name,
            }
        )

    def _exit(self, scope: Frame, index: int, node: ir.ExitHandler, body: NodeResult) -> None:
        if self.killed:
            self._done(scope, index, body)
            return
        try:
            stopped = self.interrupted and not scope.protected
            inside = [each for each in self._failures if each.name.startswith(f"{scope.prefix}{node.name}/")]
            told = sorted((each for each in inside if not each.exits), key=lambda each: each.position)
            status = self._status("SUCCEEDED" if body.ok else "CANCELLED" if stopped else "FAILED", node.name, told)
            self._call(node.exit, scope.prefix + node.exit.name, Exit(scope, index, body), True, status)
        except CannotEvaluate as error:
            self._failed(scope.prefix + node.exit.name, str(error), scope, index)
            self._done(scope, index, body)

    def _branch(self, scope: Frame, index: int, node: ir.Branch, name: str) -> None:
        arm = self._taken(scope, node)
        if arm is None:
            self._done(scope, index, NodeResult("SUCCEEDED", branch_outputs(node, {})))
            return
        given = {key: scope.evaluation.value(value, span=arm.span) for key, value in arm.args}
        self._open(arm.body, name + "/", given, Body(scope, index), scope.protected)

    def _taken(self, scope: Frame, node: ir.Branch) -> ir.Arm | None:
        for index, arm in enumerate(node.arms):
            what = "Elif" if index else "If"
            if arm.condition is None or scope.evaluation.holds(arm.condition, what, arm.span):
                return arm
        return None

    # -------------------------------------------------------------------------------------------- loops

    def _loop(self, scope: Frame, index: int, node: ir.Loop, name: str) -> None:
        items = scope.evaluation.items(node.items, node.span)
        shared = {key: scope.evaluation.value(value, span=node.span) for key, value in node.args}
        run = LoopRun(scope, index, node, items, shared, [None] * len(items))
        self._listener.looped(name, 0, len(items))
        self._more(run)

    def _more(self, run: LoopRun) -> None:
        """Start bodies up to the loop's limit; end the loop when all have ended."""
        limit = run.node.parallelism or len(run.items)
        stopped = self._stopped(run.scope)
        while run.next < len(run.items) and run.running < limit and not stopped:
            position = run.next
            run.next += 1
            run.running += 1
            prefix = f"{run.scope.prefix}{run.node.name}[{position}]/"
            given = {**run.shared, run.node.item: run.items[position]}
            self._open(run.node.body, prefix, given, Item(run, position), run.scope.protected)
        if not run.running:
            self._done(run.scope, run.index, self._loop_result(run))

    def _item_done(self, owner: Item, result: NodeResult) -> None:
        run = owner.loop
        run.results[owner.position] = result
        run.running -= 1
        run.done += 1
        self._listener.looped(run.scope.prefix + run.node.name, run.done, len(run.items))
        self._more(run)

    def _loop_result(self, run: LoopRun) -> NodeResult:
        results = [result or NodeResult("CANCELED") for result in run.results]
        bad = {result.state for result in results if not result.ok}
        if bad:
            return ended_badly(bad)
        outputs = run.node.body.outputs
        return NodeResult(
            "SUCCEEDED", {o.name: gathered([r.outputs[o.name] for r in results], o.type) for o in outputs}
        )


def _item(owner: Owner) -> str:
    """Items of the loops around a frame, as text; an artifact has none."""
    if owner is None:
        return ""
    if not isinstance(owner, Item):
        return owner.scope.item
    outer, value = owner.loop.scope.item, owner.loop.items[owner.position]
    inner = short_text(value) if isinstance(value, str) else ""
    return f"{outer}, {inner}" if outer and inner else outer or inner


def short_text(wire: str) -> str:
    """A value in one short line, for people.

    >>> short_text("0.01"), short_text('{"a":1,"$tp":["object","Row"]}'), short_text("x" * 50)
    ('0.01', '{"a":1}', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…')
    """
    line = " ".join(value_text(wire)[: 4 * ITEM_LENGTH].split())
    return line if len(line) <= ITEM_LENGTH else f"{line[: ITEM_LENGTH - 1]}…"


def tolerant(node: ir.Node) -> bool:
    """Whether it runs even if its upstream nodes fail."""
    return isinstance(node, ir.Task | ir.Call) and node.options.ignore_upstream_failure


def ended_badly(states: Collection[str]) -> NodeResult:
    """Result of a group with these unsuccessful states."""
    return NodeResult("CANCELED" if set(states) == {"CANCELED"} else "FAILED")


def fallback(port: ir.InputPort) -> Value:
    """The value of an input without an argument."""
    return port.default.text if port.default is not None else nothing(port.type)


def branch_outputs(node: ir.Branch, outputs: Mapping[str, Value]) -> dict[str, Value]:
    return {name: outputs.get(name, nothing(type_)) for name, type_ in group_outputs(node).items()}


def blame(scope: Frame, broken: Sequence[int]) -> str:
    """The reason why a node does not run."""
    nodes = scope.plan.graph.nodes
    names = [f"`{nodes[index].name}`" for index in broken[:3]]
    return f"{', '.join(names)}{' and more' if len(broken) > 3 else ''} did not succeed"
