"""A graph becomes a DAG template: one line a task, one DAG a group, and parts where it has too many tasks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from typedpipe.compiler.argo import groups
from typedpipe.compiler.argo.container import NOT_HASHED, container_leaf, from_raw
from typedpipe.compiler.argo.demand import Demand
from typedpipe.compiler.argo.expressions import CannotSay, Controller
from typedpipe.compiler.argo.leaf import Variant, hidden, is_boxed, python_leaf
from typedpipe.compiler.argo.names import Names, slug
from typedpipe.compiler.argo.shapes import KEY, Lowered, Place, Shape, of_uri
from typedpipe.compiler.argo.split import LIMIT, partition
from typedpipe.compiler.argo.templates import Arguments, Dag, DagTask, Input, Leaf, Output, Template
from typedpipe.compiler.argo.values import Piece, Values, companion, expression, operands_of, path_expr
from typedpipe.compiler.argo.wire import esc, safe, tag
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir.nodes import (
    DEFAULT_OPTIONS,
    Branch,
    Call,
    Component,
    Const,
    ContainerImpl,
    Default,
    ExitHandler,
    Field,
    Format,
    FromExpr,
    FromTask,
    Graph,
    Importer,
    Index,
    Loop,
    Node,
    Operand,
    Pipeline,
    Task,
)
from typedpipe.ir.taskspec import port_key
from typedpipe.ir.typing import GraphTypes, Ports
from typedpipe.types.model import Type, is_artifact

_DEFERRED = (Field, Index, Default, Format)


@dataclass(slots=True)
class Known:
    """What is asked of a component for each of its tasks."""

    component: Component
    keys: dict[str, tuple[str, bool]]
    """The wire name of each input, and whether it is an artifact."""
    artifacts: tuple[str, ...]
    simple: bool
    """A Python component without artifacts: one template serves all plain tasks."""
    default: str = ""


def wire_key(name: str, type_: Type) -> str:
    """The name of a value on the wire; an artifact travels as its companion."""
    return companion(name) if is_artifact(type_) else port_key(name)


class Lowering:
    """A pipeline's templates, made in order, each once."""

    def __init__(self, pipeline: Pipeline, report: Diagnostics) -> None:
        self.pipeline = pipeline
        self.report = report
        self.templates: dict[str, Template] = {}
        self.names = Names()
        self.ports = Ports(pipeline)
        self.demand = Demand(pipeline)
        self._leaves: dict[tuple[str, Variant], str] = {}
        self._calls: dict[tuple[str, str], Lowered] = {}
        self._known: dict[str, Known] = {}
        self.raw_outputs = {n for n, c in pipeline.components.items() if isinstance(c.impl, ContainerImpl)}

    def known(self, name: str) -> Known:
        found = self._known.get(name)
        if found is None:
            component = self.pipeline.components[name]
            keys = {port.name: (wire_key(port.name, port.type), is_artifact(port.type)) for port in component.inputs}
            artifacts = tuple(port.name for port in component.outputs if is_artifact(port.type))
            simple = name not in self.raw_outputs and not artifacts and not any(a for _, a in keys.values())
            found = self._known[name] = Known(component, keys, artifacts, simple)
        return found

    def leaf(self, name: str, variant: Variant) -> str:
        """The name of the template of a component with these settings."""
        found = self._leaves.get((name, variant))
        if found is None:
            component = self.pipeline.components[name]
            found = self._leaves[name, variant] = self.names.give(name)
            make = container_leaf if name in self.raw_outputs else python_leaf
            self.templates[found] = Leaf(found, make(component, variant))
        return found

    def call(self, name: str, shapes: dict[str, Shape], path: str) -> Lowered:
        """The template of a called pipeline."""
        key = (name, repr((sorted(shapes.items(), key=lambda item: item[0]), bool(path))))
        if key not in self._calls:
            graph = self.pipeline.pipelines[name]
            inside = f"{{{{workflow.uid}}}}/{slug(name)}" if path else ""
            self._calls[key] = Scope(self, graph, name, Place(inside, shapes=shapes)).lower()
        return self._calls[key]

    def nothing(self) -> DagTask:
        """The task of a DAG without tasks, which Argo refuses: it is always skipped."""
        if "tp-nothing" not in self.templates:
            self.templates["tp-nothing"] = Leaf("tp-nothing", ["suspend: {duration: '0'}"])
        return DagTask("nothing", "tp-nothing", when="false")


class Scope:
    """One graph while it is lowered."""

    def __init__(self, lowering: Lowering, graph: Graph, name: str, place: Place) -> None:
        self.lowering = lowering
        self.graph = graph
        self.place = place
        self.dag = Dag(lowering.names.give(name))
        paths = {port.name: f"inputs.parameters.{wire_key(port.name, port.type)}" for port in graph.inputs}
        self.values = Values(graph, GraphTypes(lowering.pipeline, graph, lowering.ports), paths)
        self.values.input_shapes = place.shapes
        self.controller = Controller(self.values)
        self.nodes = {node.name: node for node in graph.nodes}
        self.task_names = Names()
        self.deps: dict[str, list[str]] = {}
        self.tried: set[str] = set()
        self.tasks: dict[str, DagTask] = {}

    def inner(self, graph: Graph, name: str, place: Place) -> Scope:
        """The scope of a graph inside this one."""
        return Scope(self.lowering, graph, name, place)

    def lower(self, boxed: bool = False) -> Lowered:
        """The template of this graph; ``boxed`` for the body of a loop."""
        for port in self.graph.inputs:
            default = safe(port.default.text) if port.default is not None else None
            self.dag.inputs.append(Input(wire_key(port.name, port.type), default))
        self.run()
        shapes = self.outputs(boxed)
        self.lowering.templates[self.dag.name] = self.dag
        return Lowered(self.dag.name, shapes)

    def run(self) -> None:
        """Tasks of all nodes, in the DAG or in its parts."""
        self.wire_up()
        if len(self.deps) > LIMIT:
            from typedpipe.compiler.argo.parts import Parts

            Parts(self, partition(self.deps)).lower()
            return
        for node in self.graph.nodes:
            task = self.node(node)
            if task is not None:
                self.dag.tasks.append(task)
        if not self.dag.tasks:
            self.dag.tasks.append(self.lowering.nothing())

    def wire_up(self) -> None:
        """Names of tasks, and what each waits for."""
        names = self.values.task_names
        imported: dict[str, list[str]] = {}
        memo: dict[int, list[str]] = {}
        ignoring = False
        for node in self.graph.nodes:
            names[node.name] = self.task_names.give(node.name)
        for node in self.graph.nodes:
            deps: dict[str, None] = {}
            for operand in operands(node):
                if type(operand) is FromTask:
                    deps[operand.task] = None
                elif type(operand) is FromExpr:
                    deps.update(dict.fromkeys(self._refs(operand.index, memo)))
            deps.update(dict.fromkeys(node.after))
            found = list(deps)
            if imported:
                found = list(dict.fromkeys(d for name in found for d in imported.get(name, (name,))))
            if isinstance(node, Importer):
                imported[node.name] = found
            else:
                self.deps[node.name] = found
            ignoring = ignoring or (isinstance(node, (Task, Call)) and node.options.ignore_upstream_failure)
        if ignoring:
            self._find_tried()

    def _refs(self, index: int, memo: dict[int, list[str]]) -> list[str]:
        if index not in memo:
            found: dict[str, None] = {}
            seen = {index}
            stack = [index]
            while stack:
                for operand in operands_of(self.graph.exprs[stack.pop()]):
                    if isinstance(operand, FromTask):
                        found[operand.task] = None
                    elif isinstance(operand, FromExpr) and operand.index not in seen:
                        seen.add(operand.index)
                        stack.append(operand.index)
            memo[index] = list(found)
        return memo[index]

    def _find_tried(self) -> None:
        """All that a task waits for which runs whatever became of it: none of them may fail the workflow."""
        stack = [
            name
            for node in self.graph.nodes
            if isinstance(node, (Task, Call)) and node.options.ignore_upstream_failure
            for name in self.deps[node.name]
        ]
        while stack:
            name = stack.pop()
            if name not in self.tried:
                self.tried.add(name)
                stack += self.deps[name]

    def outputs(self, boxed: bool = False) -> dict[str, Shape]:
        """The outputs of the DAG."""
        shapes: dict[str, Shape] = {}
        for output in self.graph.outputs:
            artifact = is_artifact(output.type)
            if artifact:
                shapes[output.name] = self.values.shape(output.value)
            key = wire_key(output.name, output.type)
            pieces = self.values.pieces(output.value)
            if boxed and is_boxed(output.type):
                self.dag.outputs.append(Output(key, expression=f"toJson({expression(pieces)})"))
            elif len(pieces) == 1 and pieces[0][0] == "path" and pieces[0][1].startswith("tasks."):
                self.dag.outputs.append(Output(key, path=pieces[0][1]))
            else:
                self.dag.outputs.append(Output(key, expression=expression(pieces)))
        return shapes

    # ------------------------------------------------------------------------------------------------- one node

    def node(self, node: Node) -> DagTask | None:
        """The task of one node; none for an importer, which is said at its consumers."""
        try:
            if isinstance(node, Task):
                task = self.task(node)
            elif isinstance(node, Call):
                task = self.call(node)
            elif isinstance(node, Importer):
                self.importer(node)
                return None
            elif isinstance(node, Branch):
                task = groups.branch(self, node)
            elif isinstance(node, Loop):
                task = groups.loop(self, node)
            else:
                task = groups.exit_handler(self, node)
        except CannotSay as error:
            self.cannot(error, node)
            task = DagTask(self.values.task_names[node.name], "none")
        names = self.values.task_names
        task.depends = [names[dep] for dep in self.deps[node.name]]
        return groups.guard(self, node, task) if self.tried else task

    def cannot(self, error: CannotSay, node: Node) -> None:
        """Report what the controller cannot make."""
        self.lowering.report.error(
            "TP402",
            f"Argo does not support a value that `{node.name}` needs",
            error.span or node.span,
            error.reason,
            help="create the value in a component, and use its output",
        )

    def task(self, node: Task) -> DagTask:
        known = self.lowering.known(node.component)
        values = self.values
        name = values.task_names[node.name]
        if known.simple and node.options is DEFAULT_OPTIONS:
            if not known.default:
                known.default = self.lowering.leaf(node.component, Variant())
            keys, text = known.keys, values.text
            return DagTask(name, known.default, [(keys[key][0], text(operand)) for key, operand in node.args])
        return groups.leaf_task(self, node, boxed=False)

    def call(self, node: Call) -> DagTask:
        graph = self.lowering.pipeline.pipelines[node.pipeline]
        shapes = self.input_shapes(graph, node.args)
        lowered = self.lowering.call(node.pipeline, shapes, self.place.path)
        self.took(node.name, lowered)
        given = self.arguments(graph, node.args)
        return DagTask(self.values.task_names[node.name], lowered.name, given)

    def took(self, name: str, lowered: Lowered) -> None:
        for output, shape in lowered.shapes.items():
            self.values.shapes[name, output] = shape

    def input_shapes(self, graph: Graph, args: Iterable[tuple[str, Operand]]) -> dict[str, Shape]:
        """The shapes of the artifacts that a graph is given."""
        types = {port.name: port.type for port in graph.inputs}
        given = ((name, operand) for name, operand in args if name in types and is_artifact(types[name]))
        return {name: shape for name, operand in given if (shape := self.values.shape(operand)) != KEY}

    def arguments(self, graph: Graph, args: Iterable[tuple[str, Operand]]) -> Arguments:
        """The arguments of a graph's template."""
        types = {port.name: port.type for port in graph.inputs}
        plain = self.lowering.demand.inputs(graph)
        return [(wire_key(name, types[name]), self.argument(operand, name in plain)) for name, operand in args]

    def argument(self, operand: Operand, plain: bool) -> str:
        """The text of an argument; ``plain`` where the controller reads it."""
        if plain:
            self.check_plain(operand)
            if isinstance(operand, FromExpr) and isinstance(self.graph.exprs[operand.index], _DEFERRED):
                return tag(esc(f"toJson({self.controller.native(operand)})"))
        return self.values.text(operand)

    def check_plain(self, operand: Operand) -> None:
        """Refuse what a group or a called pipeline puts together and the controller would have to read."""
        stack = [operand]
        while stack:
            each = stack.pop()
            if isinstance(each, FromExpr):
                stack += operands_of(self.graph.exprs[each.index])
            elif isinstance(each, FromTask):
                graph = self._given_by(self.nodes[each.task])
                value = next((o.value for o in graph.outputs if o.name == each.output), None) if graph else None
                if graph and isinstance(value, FromExpr) and isinstance(graph.exprs[value.index], _DEFERRED):
                    raise CannotSay(f"`{each.output}` of `{each.task}` is assembled by the task that reads it")

    def _given_by(self, node: Node) -> Graph | None:
        if isinstance(node, Call):
            return self.lowering.pipeline.pipelines[node.pipeline]
        return node.body if isinstance(node, ExitHandler) else None

    def condition(self, operand: Operand) -> str:
        """A condition as the argument of a branch."""
        self.check_plain(operand)
        return self.values.text(operand)

    def importer(self, node: Importer) -> None:
        """An artifact that is there already: its companion is written where it is used."""
        type_ = node.type
        head = json.dumps({"type": type_.title, "version": type_.version, "name": "artifact"}, separators=(",", ":"))

        def pieces() -> list[Piece]:
            metadata = self.values.pieces(node.metadata) if node.metadata is not None else [("text", "{}")]
            return [
                ("text", safe(head[:-1]) + ',"metadata":'),
                *metadata,
                ("text", ',"uri":'),
                *self.values.pieces(node.uri),
                ("text", f',"digest":"{NOT_HASHED}","size":0,"key":""}}'),
            ]

        uri = json.loads(node.uri.text) if isinstance(node.uri, Const) else None
        self.values.made[node.name, "artifact"] = pieces
        self.values.shapes[node.name, "artifact"] = of_uri(uri)

    def raw_output(self, node: Task, output: str, type_: Type) -> None:
        """An output that a container writes as raw text becomes wire text at its consumers."""
        key = port_key(output)
        self.values.made[node.name, output] = lambda: [
            ("expr", from_raw(path_expr(self.values.path(node.name, key)), type_))
        ]


def operands(node: Node) -> Iterable[Operand]:
    """What a node takes of its graph."""
    match node:
        case Task():
            out = [operand for _, operand in node.args]
            return out if node.options is DEFAULT_OPTIONS else [*out, *(o for _, o in hidden(node.options))]
        case Call():
            return [operand for _, operand in node.args]
        case Importer():
            return [node.uri, *([node.metadata] if node.metadata is not None else [])]
        case Branch():
            conditions = [arm.condition for arm in node.arms if arm.condition is not None]
            return [*conditions, *(operand for arm in node.arms for _, operand in arm.args)]
        case Loop():
            return [node.items, *(operand for _, operand in node.args)]
        case ExitHandler():
            return [*(operand for _, operand in node.args), *operands(node.exit)]
