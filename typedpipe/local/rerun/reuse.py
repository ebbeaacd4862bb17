"""Results of a run that remain valid when it is resumed.

A task's result is valid if the task succeeded, nothing that it depends on runs again, and its own code is the same. The
graphs are walked as they ran: bodies of loops once for each item that was started, branches by the arm that was taken.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import decisions, leaves, node_operands
from typedpipe.ir.plan import GraphPlan, plan
from typedpipe.local.rerun.changes import Changes, NodeKey
from typedpipe.runs.model import Value
from typedpipe.runs.paths import TaskPath

Outputs: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Outcome of a node: whether something in it runs again, and which outputs may then change."""

    again: bool = False
    outputs: frozenset[str] = frozenset()
    all: bool = False

    def gives_other(self, output: str) -> bool:
        return self.all or output in self.outputs


_CLEAN = _Outcome()
_ALL = _Outcome(True, all=True)


@dataclass(slots=True)
class _Here:
    """One execution of a graph under examination."""

    graph: ir.Graph
    owner: str
    """The called pipeline that contains the graph; "" for the pipeline itself."""
    prefix: str
    other: Collection[str]
    """Inputs that may have other values now."""
    found: dict[str, _Outcome] = field(default_factory=dict[str, _Outcome])


@dataclass(slots=True)
class ReusePlan:
    """Computes the results that remain valid, and the tasks that run again.

    Args:
        pipeline: The closed IR to run now.
        begun: The paths of all tasks known in the run, in order.
        result: The outputs of a task by its path; None if it has not succeeded, or they are lost.
        forced: Whether the node with this path runs again unconditionally.
        changes: Differences from the pipeline that was run.
    """

    pipeline: ir.Pipeline
    begun: Iterable[str]
    result: Callable[[str, ir.Task], Outputs | None]
    forced: Callable[[str], bool]
    changes: Changes = field(default_factory=Changes)
    done: dict[str, Outputs] = field(default_factory=dict[str, Outputs])
    """Reused outputs, by path."""
    again: list[str] = field(default_factory=list[str])
    """Tasks that run, as far as known."""
    unclear: list[NodeKey] = field(default_factory=list[NodeKey])
    """Loops and branches that were started, have changed, and are not forced."""
    _known: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    _items: dict[str, dict[int, None]] = field(default_factory=dict[str, dict[int, None]])
    _plans: dict[int, GraphPlan] = field(default_factory=dict[int, GraphPlan])

    def compute(self) -> None:
        """Fill :attr:`done`, :attr:`again` and :attr:`unclear`."""
        for name in self.begun:
            self._note(name)
        changed = self.changes.inputs.get(("", ""), frozenset())
        self._scope(_Here(self.pipeline.graph, "", "", changed))

    def _note(self, name: str) -> None:
        """Record the groups, and the items of loops, that a task's path passes through."""
        place = ""
        for step in TaskPath.parse(name).steps:
            if step.item is not None:
                self._known.setdefault(place + step.node, []).append(name)
                self._items.setdefault(place + step.node, {})[step.item] = None
            self._known.setdefault(f"{place}{step}", []).append(name)
            place += f"{step}/"

    # --------------------------------------------------------------------------------------------- the walk

    def _scope(self, here: _Here) -> _Outcome:
        graph = here.graph
        order = self._plans.get(id(graph)) or self._plans.setdefault(id(graph), plan(graph))
        waiting = [len(needs) for needs in order.needs]
        ready = [index for index, count in enumerate(waiting) if not count]
        for index in ready:  # grows
            node = graph.nodes[index]
            here.found[node.name] = self._node(here, node)
            for user in order.needed_by[index]:
                waiting[user] -= 1
                if not waiting[user]:
                    ready.append(user)
        outputs = frozenset(output.name for output in graph.outputs if self._other(here, output.value))
        return _Outcome(any(outcome.again for outcome in here.found.values()), outputs)

    def _other(self, here: _Here, *operands: ir.Operand) -> bool:
        """Whether one of the operands may have another value now."""
        for leaf in leaves(here.graph.exprs, operands):
            match leaf:
                case ir.FromInput(name=name) if name in here.other:
                    return True
                case ir.FromTask(task=task, output=output) if here.found[task].gives_other(output):
                    return True
                case _:
                    pass
        return False

    def _node(self, here: _Here, node: ir.Node) -> _Outcome:
        path = here.prefix + node.name
        forced = self.forced(path)
        again = forced or any(here.found[name].again for name in node.after if name in here.found)
        changed = (here.owner, node.name) in self.changes.nodes
        match node:
            case ir.Task():
                return self._task(here, node, path, again or changed)
            case ir.Call():
                return self._call(here, node, path, again or changed)
            case ir.Importer():
                other = again or changed or self._other(here, *node_operands(node)) or path not in self._known
                return _ALL if other else _CLEAN
            case _:
                if changed and not again and decisions(node) and path in self._known:
                    self.unclear.append((here.owner, path))
                return self._group(here, node, path, again or changed)

    def _task(self, here: _Here, node: ir.Task, path: str, again: bool) -> _Outcome:
        if not again and not self._other(here, *node_operands(node)):
            outputs = self.result(path, node)
            if outputs is not None:
                self.done[path] = outputs
                return _CLEAN
        self.again.append(path)
        return _ALL

    def _whole(self, path: str) -> _Outcome:
        """Run a whole group again."""
        self.again.extend(dict.fromkeys(self._known.get(path, [path])))
        return _ALL

    def _call(self, here: _Here, node: ir.Call, path: str, again: bool) -> _Outcome:
        if again:
            return self._whole(path)
        other = self._inputs(here, node.name, node.args)
        return self._scope(_Here(self.pipeline.pipelines[node.pipeline], node.pipeline, path + "/", other))

    def _inputs(self, here: _Here, name: str, args: Iterable[tuple[str, ir.Operand]]) -> frozenset[str]:
        known = self.changes.inputs.get((here.owner, name), frozenset())
        return known | {key for key, operand in args if self._other(here, operand)}

    def _group(self, here: _Here, node: ir.Group, path: str, again: bool) -> _Outcome:
        """Handle a group. One that depends on values, e.g. a loop or a branch, runs again as a whole if these may
        change.
        """
        if again or self._other(here, *decisions(node)):
            found = self._whole(path)
        else:
            bodies = [body for region in node.regions() for body in self._bodies(here, node.name, region, path)]
            found = self._together(here, node.name, [self._body(body) for body in bodies])
        late = found.again
        for last in node.exits():
            late = self._exit(here, last, found.again).again or late
        return _Outcome(late, found.outputs, found.all)

    def _bodies(self, here: _Here, name: str, region: ir.Region, path: str) -> list[_Here]:
        """Runs of a region that were started."""
        other = self._inputs(here, name, region.args)
        match region.role:
            case "item":
                items = sorted(self._items.get(path, {}))
                return [_Here(region.body, here.owner, f"{path}[{item}]/", other) for item in items]
            case "arm" if not any(f"{path}/{inner.name}" in self._known for inner in region.body.nodes):
                return []
            case _:
                return [_Here(region.body, here.owner, path + "/", other)]

    def _exit(self, here: _Here, node: ir.Task | ir.Call, again: bool) -> _Outcome:
        path = here.prefix + node.name
        again = again or self.forced(path) or (here.owner, node.name) in self.changes.nodes
        return self._task(here, node, path, again) if isinstance(node, ir.Task) else self._call(here, node, path, again)

    def _body(self, here: _Here) -> _Outcome:
        place = here.prefix[:-1]
        item = TaskPath.parse(place).steps[-1].item
        return self._whole(place) if item is not None and self.forced(place) else self._scope(here)

    def _together(self, here: _Here, name: str, outcomes: list[_Outcome]) -> _Outcome:
        outputs = self.changes.outputs.get((here.owner, name), frozenset()).union(*(o.outputs for o in outcomes))
        return _Outcome(any(o.again for o in outcomes), outputs, any(o.all for o in outcomes))
