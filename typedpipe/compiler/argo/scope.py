"""State of a lowering: the templates created so far, and the graph being lowered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from typedpipe.compiler.argo.container import container_leaf, reads_metadata
from typedpipe.compiler.argo.leaf import Variant, python_leaf
from typedpipe.compiler.argo.messages import EXIT, NOTHING_TOLD, Told, join, told
from typedpipe.compiler.argo.read.asks import (
    ASK,
    GIVEN,
    NOTHING_ASKED,
    Asks,
    FromAnswer,
    FromCaller,
    FromRecord,
    Known as Answered,
    Listed,
    Source,
    place_questions,
)
from typedpipe.compiler.argo.read.conditions import FromArguments
from typedpipe.compiler.argo.read.demand import ControllerInputs
from typedpipe.compiler.argo.read.expressions import Controller, Unsupported
from typedpipe.compiler.argo.read.late import ENV, late_variables
from typedpipe.compiler.argo.shapes import KEY, ArtifactLocation
from typedpipe.compiler.argo.templates import Arguments, Dag, DagTask, Nothing, Template, esc, tag
from typedpipe.compiler.argo.values import Piece, Values, path_expr, tagged
from typedpipe.compiler.argo.wire import is_boxed
from typedpipe.compiler.pod import Names, slug, wire_key
from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import all_graphs, leaves, needed, producers, regions_in, upstream
from typedpipe.ir.typing import GraphTypes, Ports
from typedpipe.runtime.task import ERROR
from typedpipe.types.model import ArtifactType, is_artifact

_DEFERRED = (ir.Field, ir.Index, ir.Default, ir.Format)


@dataclass(slots=True)
class ArtifactPrefix:
    """Position of a graph: its path for artifacts of loops ("" outside), and the shapes of its inputs."""

    path: str = ""
    shared: bool = False
    """All tasks in the graph write into one directory, because a branch returns the artifact of any of them."""
    shapes: dict[str, ArtifactLocation] = field(default_factory=dict)
    told: str | None = ""
    """The path of the graph for the messages of its tasks; None in a loop."""
    called: bool = False
    """Whether the path starts with the caller's."""
    inside: bool = False
    """Whether it is in the block of an exit handler."""


@dataclass(slots=True)
class Lowered:
    """A template, and what the graph around it must know of its outputs."""

    name: str
    shapes: dict[str, ArtifactLocation] = field(default_factory=dict)
    boxed: frozenset[str] = frozenset()
    """Outputs of a loop's body that are text of wire text."""


LowerGraph: TypeAlias = "Callable[[GraphLowering, bool], Lowered]"
"""Creates the template of a graph; True for the body of a loop."""


@dataclass(slots=True)
class Known:
    """Facts about a component that each of its tasks needs."""

    component: ir.Component
    keys: dict[str, tuple[str, bool]]
    """Wire name of each input, and whether it is an artifact."""
    artifacts: tuple[str, ...]
    simple: bool
    """A Python component without artifacts: one template serves all plain tasks."""
    default: str = ""


class Lowering:
    """Templates of a pipeline, created in order, each once."""

    def __init__(self, pipeline: ir.Pipeline, report: Diagnostics, lower: LowerGraph) -> None:
        self.pipeline = pipeline
        self.report = report
        self.lower = lower
        self.templates: dict[str, Template] = {}
        self.names = Names()
        self.ports = Ports(pipeline)
        self._leaves: dict[tuple[str, Variant], str] = {}
        self.cached: dict[tuple[str, str], str] = {}
        """Template that memoizes another one, by that and the user's key."""
        self._calls: dict[tuple[str, str], Lowered] = {}
        self._known: dict[str, Known] = {}
        self.raw_outputs = {n for n, c in pipeline.components.items() if isinstance(c.impl, ir.ContainerImpl)}

    @cached_property
    def demand(self) -> ControllerInputs:
        """Inputs of graphs that the controller reads."""
        return ControllerInputs(self.pipeline, self.asks, metadata=self.reads_metadata)

    @cached_property
    def asks(self) -> Asks:
        """Questions to tasks, whose answers the controller reads."""
        if not self.reads_values:
            return NOTHING_ASKED
        return place_questions(self.pipeline, self.ports, metadata=self.reads_metadata)

    @cached_property
    def reads_values(self) -> bool:
        """Whether the controller may read values: for a branch, a loop, a setting, a container or an importer."""
        nodes = (node for graph in all_graphs(self.pipeline) for node in graph.nodes)
        return any(self._reads_values(each) for node in nodes for each in (node, *node.exits()))

    def _reads_values(self, node: ir.Node) -> bool:
        if type(node) is ir.Task:
            return node.options is not ir.DEFAULT_OPTIONS or node.component in self.raw_outputs
        return type(node) in (ir.Branch, ir.Loop, ir.Importer)

    @cached_property
    def reads_metadata(self) -> bool:
        """Whether some container reads the metadata of an artifact."""
        return any(reads_metadata(self.pipeline.components[name]) for name in self.raw_outputs)

    @cached_property
    def with_variables(self) -> frozenset[str]:
        """Python components with a task that has environment variables known only at run time."""
        found: set[str] = set()
        for graph in all_graphs(self.pipeline):
            for node in (*graph.nodes, *(last for each in graph.nodes for last in each.exits())):
                if isinstance(node, ir.Task) and node.options.env and late_variables(node.options):
                    found.add(node.component)
        return frozenset(found - self.raw_outputs)

    @cached_property
    def told(self) -> Told:
        """What tells its messages to exit handlers."""
        handlers = any(type(node) is ir.ExitHandler for graph in all_graphs(self.pipeline) for node in graph.nodes)
        return told(self.pipeline) if handlers else NOTHING_TOLD

    @cached_property
    def _stand_ins(self) -> bool:
        """Whether an empty directory may reach a container."""
        return any(
            isinstance(port.type, ArtifactType) for n in self.raw_outputs for port in self.pipeline.components[n].inputs
        )

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
        """Name of the template of a component with these settings."""
        found = self._leaves.get((name, variant))
        if found is None:
            component = self.pipeline.components[name]
            found = self._leaves[name, variant] = self.names.give(name)
            if name in self.raw_outputs:
                self.templates[found] = container_leaf(found, component, variant)
            else:
                self.templates[found] = python_leaf(
                    found,
                    component,
                    variant,
                    stand_ins=self._stand_ins,
                    answers=self.asks.counts.get(name, 0),
                    variables=name in self.with_variables,
                    tells=name in self.told.components,
                )
        return found

    def call(self, name: str, shapes: dict[str, ArtifactLocation], path: str) -> Lowered:
        """Template of a called pipeline."""
        key = (name, repr((sorted(shapes.items(), key=lambda item: item[0]), bool(path))))
        if key not in self._calls:
            graph = self.pipeline.pipelines[name]
            inside = f"{{{{workflow.uid}}}}/{slug(name)}" if path else ""
            place = ArtifactPrefix(inside, shapes=shapes)
            if name in self.told.pipelines:
                place.called, place.inside = True, name in self.told.inside
            scope = GraphLowering(self, graph, name, place)
            self._calls[key] = self.lower(scope, False)
        return self._calls[key]

    def nothing(self) -> DagTask:
        """Task for a DAG without tasks, which Argo rejects: it is always skipped."""
        if "tp-nothing" not in self.templates:
            self.templates["tp-nothing"] = Nothing("tp-nothing")
        return DagTask("nothing", "tp-nothing", when="false")


class GraphLowering:
    """Lowering of one graph: the paths of its values, and the tasks created for its nodes."""

    def __init__(self, lowering: Lowering, graph: ir.Graph, name: str, place: ArtifactPrefix) -> None:
        self.lowering = lowering
        self.graph = graph
        self.place = place
        self.dag = Dag(lowering.names.give(name))
        paths = {port.name: f"inputs.parameters.{wire_key(port.name, port.type)}" for port in graph.inputs}
        paths.update((key, f"inputs.parameters.{key}") for key in lowering.asks.inputs.get(id(graph), ()))
        if place.called:
            paths[EXIT] = f"inputs.parameters.{EXIT}"
        self.values = Values(graph, GraphTypes(lowering.pipeline, graph, lowering.ports), paths)
        self.values.input_shapes = place.shapes
        self.values.plain = self._native
        self.task_names = Names()
        self.deps: dict[str, list[str]] = {}
        self.imported: dict[str, list[str]] = {}
        """Dependencies of importers, which have no task: they are those of what reads the artifact."""
        self.tried: set[str] = set()

    @cached_property
    def controller(self) -> Controller:
        """Values that the controller itself computes."""
        return Controller(self.values)

    def _native(self, operand: ir.Operand) -> str:
        return self.controller.native(operand)

    @cached_property
    def _nodes(self) -> dict[str, ir.Node]:
        return {node.name: node for node in self.graph.nodes}

    def plain_task(self, node: ir.Task) -> DagTask | None:
        """A call of a component as one line; None where it has settings or artifacts."""
        known = self.lowering.known(node.component)
        if not known.simple or node.options is not ir.DEFAULT_OPTIONS:
            return None
        if not known.default:
            known.default = self.lowering.leaf(node.component, Variant())
        values, keys = self.values, known.keys
        text = values.text
        given = [(keys[key][0], text(operand)) for key, operand in node.args]
        given += [*self.told(node), *self.questions(node)]
        return DagTask(values.task_names[node.name], known.default, given)

    def told(self, node: ir.Task | ir.Call) -> Arguments:
        """Argument of a task, or a called pipeline, that tells its messages to an exit handler: its path."""
        place, known = self.place, self.lowering.told
        if isinstance(node, ir.Task):
            tells = place.inside and node.component in known.components
        else:
            tells = node.pipeline in known.pipelines
        if place.told is None or not tells:
            return []
        start = f"{{{{{self.values.inputs[EXIT]}}}}}" if place.called else ""
        return [(EXIT, join(start, *([place.told] if place.told else []), self.values.task_names[node.name]))]

    def questions(self, node: ir.Task) -> Arguments:
        """Arguments of a task that is asked something: the values from before it, and the questions."""
        asked = self.lowering.asks.asked.get((id(self.graph), node.name))
        if asked is None:
            return []
        lines = [f"{name} = {self.values.text(operand)}" for name, operand in asked.given.items()]
        return [*([(GIVEN, "\n".join(lines))] if lines else []), (ASK, "\n".join(asked.lines))]

    def variables(self, node: ir.Task) -> Arguments:
        """Argument with the environment variables of a Python task that are known only at run time."""
        if node.component not in self.lowering.with_variables:
            return []
        late = late_variables(node.options)
        return [(ENV, self.values.pairs(late))] if late else []

    def answer(self, source: Source) -> str:
        """Text of an answer as an argument."""
        if isinstance(source, Answered):
            return source.text
        if isinstance(source, FromRecord):
            return f"{{{{item.{source.key}}}}}"
        if isinstance(source, Listed):
            return "[" + ",".join(f'"{self.answer(code)}"' for code in source.codes) + "]"
        if isinstance(source, FromArguments):
            known = [f"let {name} = {path_expr(self.values.inputs[each])}; " for name, each in source.variables]
            return tag("".join(known) + source.expression)
        return f"{{{{{self._path(source)}}}}}"

    def _path(self, source: Source) -> str:
        values = self.values
        if isinstance(source, FromCaller):
            return values.inputs[source.key]
        assert isinstance(source, FromAnswer)  # the others are for the items of a loop
        return values.path(source.task, source.key)

    def late_value(self, node: ir.Node, key: str, operand: ir.Operand) -> list[Piece]:
        """Wire text of a value that the controller puts into a pod or a location: an answer, or its own."""
        source = self.lowering.asks.values.get((id(self.graph), node.name, key))
        if source is None:
            return self.pieces(operand, plain=True)
        if not isinstance(source, Answered):
            return [("path", self._path(source))]
        if source.text.startswith(ERROR):  # no value begins so: it is JSON
            raise Unsupported(source.text)
        return [("text", source.text)]

    def guards(self, node: ir.Node) -> list[str]:
        """Paths of the answers that must be ``true``, or else the node has an error: those of its importers, too."""
        asked = self.lowering.asks.guards
        ignoring = isinstance(node, (ir.Task, ir.Call)) and node.options.ignore_upstream_failure
        if not asked or ignoring:
            return []
        found = [*asked.get((id(self.graph), node.name), ())]
        for name in upstream(self.graph, node) if self.imported else ():
            if name in self.imported:
                found += asked.get((id(self.graph), name), ())
        return list(dict.fromkeys(self._path(each) for each in found if not isinstance(each, Answered)))

    def body(self, graph: ir.Graph, name: str, args: ir.Args, place: ArtifactPrefix, *, boxed: bool = False) -> Lowered:
        """Template of a group's body; ``place`` has the shapes that no argument provides."""
        place.shapes = {**self.input_shapes(graph, args), **place.shapes}
        return self.lowering.lower(GraphLowering(self.lowering, graph, name, place), boxed)

    def sources(self, operand: ir.Operand) -> list[str]:
        """Tasks of the DAG that make a value."""
        found = [operand.task] if isinstance(operand, ir.FromTask) else [*producers(self.graph.exprs, [operand])]
        return self.with_tasks(found)

    def with_tasks(self, nodes: list[str]) -> list[str]:
        """Nodes, with the dependencies of an importer in its place."""
        if not self.imported:
            return nodes
        return list(dict.fromkeys(dep for name in nodes for dep in self.imported.get(name, (name,))))

    def took(self, name: str, lowered: Lowered) -> None:
        for output, shape in lowered.shapes.items():
            self.values.shapes[name, output] = shape

    def input_shapes(self, graph: ir.Graph, args: Iterable[tuple[str, ir.Operand]]) -> dict[str, ArtifactLocation]:
        """Shapes of the artifacts passed to a graph."""
        types = {port.name: port.type for port in graph.inputs}
        given = ((name, operand) for name, operand in args if name in types and is_artifact(types[name]))
        return {name: shape for name, operand in given if (shape := self.values.shape(operand)) != KEY}

    def arguments(self, node: ir.Node, graph: ir.Graph, args: ir.Args, number: int = 0) -> Arguments:
        """Arguments of the template of a graph, the ``number``-th one in a node."""
        types = {port.name: port.type for port in graph.inputs}
        plain = self.lowering.demand.inputs(graph)
        given = [(wire_key(name, types[name]), self.argument(operand, name in plain)) for name, operand in args]
        answers = self.lowering.asks.passed.get((id(self.graph), node.name, number), ())
        given += [(key, self.answer(source)) for key, source in answers if not isinstance(source, FromRecord)]
        if self.place.called and isinstance(node, ir.Branch | ir.ExitHandler):
            given.append((EXIT, f"{{{{{self.values.inputs[EXIT]}}}}}"))
        return given

    def of_item(self, node: ir.Loop) -> Arguments:
        """Arguments of the body of a loop that are answers about the item."""
        answers = self.lowering.asks.passed.get((id(self.graph), node.name, 0), ())
        return [(key, self.answer(source)) for key, source in answers if isinstance(source, FromRecord)]

    def argument(self, operand: ir.Operand, plain: bool) -> str:
        """Text of an argument; ``plain`` if the controller reads it."""
        return tagged(self.pieces(operand, plain=True)) if plain else self.values.text(operand)

    def pieces(self, operand: ir.Operand, *, plain: bool) -> list[Piece]:
        """The pieces of an argument's text."""
        if plain:
            self.check_plain(operand)
            if _assembled(self.graph, operand):
                return [("expr", esc(f"toJson({self.controller.native(operand)})"))]
        return self.values.pieces(operand)

    def check_plain(self, operand: ir.Operand) -> None:
        """Reject a value that a group or a called pipeline assembles if the controller would have to read it."""
        for each in leaves(self.graph.exprs, [operand]):
            if isinstance(each, ir.FromTask) and self._deferred(self._nodes[each.task], each.output):
                raise Unsupported(f"`{each.output}` of `{each.task}` is assembled by the task that reads it")

    def metadata(self, node: ir.Importer, key: str, operand: ir.Operand) -> list[Piece]:
        """Wire text of the metadata of an imported artifact, which its consumers may assemble."""
        asked = (id(self.graph), node.name, key) in self.lowering.asks.values
        return self.late_value(node, key, operand) if asked else self.values.pieces(operand)

    def check_assembled(self, node: ir.Importer, key: str, operand: ir.Operand) -> None:
        """Reject a value that contains an expression, of which a container would get the text."""
        if (id(self.graph), node.name, key) in self.lowering.asks.values:
            return
        self.check_plain(operand)
        if _assembled(self.graph, operand):
            raise Unsupported("a container reads the metadata of artifacts, and these contain an expression")

    def _deferred(self, node: ir.Node, output: str) -> bool:
        """Whether a body that always runs outputs an expression that its consumers evaluate."""
        for region in regions_in(node, self.lowering.pipeline.pipelines):
            graph = region.body
            value = next((each.value for each in graph.outputs if each.name == output), None)
            if region.role == "body" and value is not None:
                return _assembled(graph, value)
        return False

    def boxes(self, output: ir.GraphOutput) -> bool:
        """Whether a loop passes an output as text of wire text: lists and maps, and what may be put together by its reader.

        Otherwise the controller would parse it.
        """
        value = output.value
        made = isinstance(value, ir.FromTask) and isinstance(self._nodes[value.task], ir.Task)
        return not made or is_boxed(output.type)

    def condition(self, operand: ir.Operand) -> str:
        """A condition as the argument of a branch."""
        self.check_plain(operand)
        return self.values.text(operand)


def _assembled(graph: ir.Graph, operand: ir.Operand) -> bool:
    """Whether a value contains an expression that its reader evaluates."""
    return any(isinstance(graph.exprs[index], _DEFERRED) for index in needed(graph.exprs, [operand]))
