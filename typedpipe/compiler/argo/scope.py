"""State of a lowering: the templates created so far, and the graph being lowered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from typedpipe.compiler.argo.asks import (
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
from typedpipe.compiler.argo.container import container_leaf, reads_metadata
from typedpipe.compiler.argo.demand import ControllerInputs
from typedpipe.compiler.argo.expressions import Controller, Unsupported
from typedpipe.compiler.argo.late import ENV, late_variables
from typedpipe.compiler.argo.leaf import Variant, python_leaf
from typedpipe.compiler.argo.shapes import KEY, ArtifactLocation
from typedpipe.compiler.argo.templates import Arguments, Dag, DagTask, Nothing, Template
from typedpipe.compiler.argo.values import Piece, Values, tagged
from typedpipe.compiler.argo.wire import esc, is_boxed
from typedpipe.compiler.pod import wire_key
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
        if not any(self._may_ask(node) for graph in all_graphs(self.pipeline) for node in graph.nodes):
            return NOTHING_ASKED
        return place_questions(self.pipeline, self.ports, metadata=self.reads_metadata)

    def _may_ask(self, node: ir.Node) -> bool:
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
            self.templates[found] = (
                container_leaf(found, component, variant)
                if name in self.raw_outputs
                else python_leaf(
                    found,
                    component,
                    variant,
                    stand_ins=self._stand_ins,
                    answers=self.asks.counts.get(name, 0),
                    variables=name in self.with_variables,
                )
            )
        return found

    def call(self, name: str, shapes: dict[str, ArtifactLocation], path: str) -> Lowered:
        """Template of a called pipeline."""
        key = (name, repr((sorted(shapes.items(), key=lambda item: item[0]), bool(path))))
        if key not in self._calls:
            graph = self.pipeline.pipelines[name]
            inside = f"{{{{workflow.uid}}}}/{slug(name)}" if path else ""
            scope = GraphLowering(self, graph, name, ArtifactPrefix(inside, shapes=shapes))
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
        given += self.questions(node)
        return DagTask(values.task_names[node.name], known.default, given)

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
        return [*given, *((key, self.answer(source)) for key, source in answers if not isinstance(source, FromRecord))]

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


# -------------------------------------------------------------------------------------------------- names
#
# The user's where Argo and Kubernetes take them, a slug and a number where they do not.

_WORDS = frozenset(
    [
        "in",
        "not",
        "or",
        "and",
        "matches",
        "contains",
        "startsWith",
        "endsWith",
        "let",
        "if",
        "else",
        "true",
        "false",
        "nil",
        "null",
    ]
)
"""Operators of the language of ``depends``: a task with such a name cannot be a dependency."""
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
LONGEST = 60


def slug(name: str) -> str:
    """Lower case letters, digits and hyphens, a letter first; never empty.

    >>> slug("My_Train step"), slug("größe"), slug("2nd")
    ('my-train-step', 'gr-e', 't-2nd')
    """
    if _LOWER.issuperset(name) and name[:1] in _LETTERS and name[-1:] != "-" and len(name) <= LONGEST:
        return name
    text = "".join(c if c in _LOWER else " " for c in name.lower())
    short = "-".join(part for part in "-".join(text.split()).split("-") if part)[:LONGEST].strip("-")
    return short if short[:1] in _LETTERS else f"t-{short}" if short else "t"


class Names:
    """Unique names: a duplicate gets a number, in the order of the requests."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, wanted: str) -> str:
        """A free name similar to the wanted one.

        >>> names = Names(); names.give("map"), names.give("in"), names.give("Map")
        ('map', 'in-task', 'map-2')
        """
        name = slug(wanted)
        if name in _WORDS:
            name += "-task"
        if name in self._taken:
            count = 2
            while f"{name}-{count}" in self._taken:
                count += 1
            name = f"{name}-{count}"
        self._taken.add(name)
        return name


def digest(text: str, length: int = 8) -> str:
    """First digits of a text's sha256, for names that distinguish configurations."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]
