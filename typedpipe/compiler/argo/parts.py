"""Graphs with more tasks than a DAG may have: a DAG of parts, each a DAG of tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from typedpipe.compiler.argo.scope import GraphLowering
from typedpipe.compiler.argo.templates import Dag, DagTask, Input, Output
from typedpipe.ir import nodes as ir


class _Paths(Mapping[str, str]):
    """Paths of a graph's inputs; records which inputs each part reads."""

    def __init__(self, paths: Mapping[str, str], parts: Parts) -> None:
        self._paths = paths
        self._parts = parts

    def __getitem__(self, name: str) -> str:
        path = self._paths[name]
        if path.startswith("inputs."):
            self._parts.reads(path)
        return path

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


class Parts:
    """Parts of one graph under construction."""

    def __init__(
        self,
        scope: GraphLowering,
        part_of: Mapping[str, int],
        lower_node: Callable[[GraphLowering, ir.Node], DagTask | None],
    ) -> None:
        self._scope = scope
        self._lower_node = lower_node
        self._part_of = part_of
        self._now: int | None = None
        count = max(part_of.values()) + 1
        names = [scope.lowering.names.give(f"{scope.dag.name}-part-{i + 1}") for i in range(count)]
        self._dags = [Dag(name) for name in names]
        self._given: list[dict[str, str]] = [{} for _ in range(count)]
        self._waits: list[dict[int, None]] = [{} for _ in range(count)]
        self._gives: list[dict[str, str]] = [{} for _ in range(count)]

    def lower(self) -> None:
        """Fill the parts and the DAG that contains them."""
        scope = self._scope
        scope.values.elsewhere = self.elsewhere
        scope.values.inputs = _Paths(scope.values.inputs, self)
        for node in scope.graph.nodes:
            number = self._part_of.get(node.name)
            if number != self._now and number is not None:
                self._now = number
                scope.values.forget()
                scope.controller.forget()
            task = self._lower_node(scope, node)
            if task is None or number is None:
                continue
            inside = [dep for dep in scope.deps[node.name] if self._part_of[dep] == number]
            for dep in scope.deps[node.name]:
                if self._part_of[dep] != number:
                    self._waits[number][self._part_of[dep]] = None
            task.depends = [scope.values.task_names[dep] for dep in inside]
            self._dags[number].tasks.append(task)
        self._now = None
        scope.values.forget()
        scope.controller.forget()
        scope.dag.tasks = [self._task(number) for number in range(len(self._dags))]
        for dag in self._dags:
            scope.lowering.templates[dag.name] = dag

    def _task(self, number: int) -> DagTask:
        dag = self._dags[number]
        dag.inputs = [Input(key) for key in self._given[number]]
        given = [(key, f"{{{{{path}}}}}") for key, path in self._given[number].items()]
        return DagTask(f"part-{number + 1}", dag.name, given, [f"part-{wait + 1}" for wait in self._waits[number]])

    def reads(self, path: str) -> None:
        """Record that a part reads an input of the graph."""
        if self._now is not None:
            self._given[self._now][path.rpartition(".")[2]] = path

    def elsewhere(self, task: str, key: str) -> str | None:
        """The path of an output of another part; None within the same part."""
        source = self._part_of[task]
        if source == self._now:
            return None
        name = self._scope.values.task_names[task]
        alias = f"{name}--{key}"
        if alias not in self._gives[source]:
            self._gives[source][alias] = ""
            self._dags[source].outputs.append(Output(alias, path=f"tasks.{name}.outputs.parameters.{key}"))
        outer = f"tasks.part-{source + 1}.outputs.parameters.{alias}"
        if self._now is None:
            return outer
        self._given[self._now][alias] = outer
        self._waits[self._now][source] = None
        return f"inputs.parameters.{alias}"
