"""Placement of conditions: the task that answers each of them, as a line of Python.

A chain of If, Elif and Else is one question. It is asked of a Python task whose outputs it reads, and that comes after
everything else it reads. If it reads only inputs of its graph, the question is the caller's, and the graph receives the
answer as an input. The controller evaluates conditions on arguments of the run
(:mod:`typedpipe.compiler.argo.argument_conditions`), and those that no single task can answer
(:mod:`typedpipe.compiler.argo.expressions`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from typedpipe.compiler.argo.argument_conditions import FromArguments, arm_of
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import all_graphs, leaves, regions_in, upstream
from typedpipe.ir.program import Program, line_name, place
from typedpipe.ir.typing import GraphTypes, Ports
from typedpipe.runtime.task import Names, ask
from typedpipe.types.values import python_literal

_MOST_SITES: Final = 20
"""Places that may have to pass on one answer. A pipeline that is called from more is rare, and would become large."""

_MOST_ANSWERS: Final = 100
_MOST_TEXT: Final = 8192
"""Questions to one task, and bytes of the constants in one question: Kubernetes limits the arguments of a pod."""

ASK: Final = "tp-ask"
GIVEN: Final = "tp-given"


def answer_key(number: int) -> str:
    """Output of a task with one of its answers.

    >>> answer_key(1)
    'tp-e1'
    """
    return f"tp-e{number}"


@dataclass(frozen=True, slots=True)
class FromAnswer:
    """An answer of a task of the same graph."""

    task: str
    key: str


@dataclass(frozen=True, slots=True)
class FromCaller:
    """An answer that the graph receives as an input."""

    key: str


@dataclass(frozen=True, slots=True)
class Known:
    """An answer that the compiler found itself."""

    text: str


Source: TypeAlias = FromAnswer | FromCaller | FromArguments | Known


@dataclass(slots=True)
class Asked:
    """The questions to one task: their lines, and the operands from before the task that they read, by name."""

    lines: list[str] = field(default_factory=list)
    given: dict[str, ir.Operand] = field(default_factory=dict)
    count: int = 0
    programs: int = 0

    def name(self, operand: ir.FromInput | ir.FromTask) -> str:
        """The name of an operand in ``given``."""
        wanted = operand.name if isinstance(operand, ir.FromInput) else f"{operand.task}_{operand.output}"
        wanted = "".join(c if c.isascii() and c.isalnum() else "_" for c in wanted)
        wanted = wanted if wanted.isidentifier() else f"_{wanted}"
        name, count = wanted, 1
        while self.given.setdefault(name, operand) != operand:
            count += 1
            name = f"{wanted}_{count}"
        return name


@dataclass(frozen=True, slots=True)
class _Site:
    """A use of a graph: the graph and node around it, and which of the node's graphs it is."""

    graph: ir.Graph
    node: ir.Node
    region: ir.Region
    number: int
    passes: bool
    """Whether it can pass answers: not if it runs although what it reads may have failed."""

    def operand(self, name: str) -> ir.Operand | None:
        """The operand that is passed for an input; None for the item of a loop."""
        default = next((port.default for port in self.region.body.inputs if port.name == name), None)
        return dict(self.region.args).get(name, default)


_Frame: TypeAlias = "tuple[ir.Graph, _Site | None]"
"""A graph, and the use of it through which the question goes on; None for the graph where it is asked."""


@dataclass(slots=True)
class Asks:
    """The questions to the tasks of a pipeline. Graphs are named by their ``id``."""

    arms: dict[tuple[int, str], Source] = field(default_factory=dict)
    """For a branch: the number of the arm that is taken, 0 for Else. If it is missing, the controller evaluates."""
    asked: dict[tuple[int, str], Asked] = field(default_factory=dict)
    """The questions to a task."""
    inputs: dict[int, list[str]] = field(default_factory=dict)
    """Inputs of a graph that are answers."""
    passed: dict[tuple[int, str, int], list[tuple[str, Source]]] = field(default_factory=dict)
    """Answers that a node passes to one of its graphs, which has this number."""
    counts: dict[str, int] = field(default_factory=dict)
    """The largest number of answers of one of a component's tasks."""


NOTHING_ASKED: Final = Asks()
"""For a pipeline without branches."""


def place_questions(pipeline: ir.Pipeline, ports: Ports) -> Asks:
    """Find the task that answers the conditions of each branch."""
    placing = _Placing(pipeline, ports)
    for graph in all_graphs(pipeline):
        for node in graph.nodes:
            if isinstance(node, ir.Branch):
                placing.place(graph, node)
    return placing.asks


class _Placing:
    """The questions placed so far."""

    def __init__(self, pipeline: ir.Pipeline, ports: Ports) -> None:
        self.asks = Asks()
        self._pipeline = pipeline
        self._ports = ports
        self._sites: dict[int, list[_Site]] = {}
        self._nodes: dict[int, dict[str, ir.Node]] = {}
        self._types: dict[int, GraphTypes] = {}
        for graph in all_graphs(pipeline):
            for node in graph.nodes:
                self._find_sites(graph, node)

    # ----------------------------------------------------------------------------------------- where to ask

    def _find_sites(self, graph: ir.Graph, node: ir.Node) -> None:
        """Record a node as a use of the graphs in it."""
        pipelines = self._pipeline.pipelines
        passes = not (isinstance(node, ir.Call) and node.options.ignore_upstream_failure)
        for number, region in enumerate(regions_in(node, pipelines)):
            self._sites.setdefault(id(region.body), []).append(_Site(graph, node, region, number, passes))
        for last in node.exits():
            for region in regions_in(last, pipelines):
                self._sites.setdefault(id(region.body), []).append(_Site(graph, last, region, 0, passes=False))

    def place(self, graph: ir.Graph, node: ir.Branch) -> None:
        """Ask for the arm of a branch, if one task can answer."""
        conditions = [arm.condition for arm in node.arms if arm.condition is not None]
        size = sum(len(leaf.text) for leaf in leaves(graph.exprs, conditions) if isinstance(leaf, ir.Const))
        if size <= _MOST_TEXT and self._can(graph, conditions, node, ()) > 0:
            self.asks.arms[id(graph), node.name] = self._put(graph, conditions, node, ())

    def _can(
        self,
        graph: ir.Graph,
        operands: list[ir.Operand],
        node: ir.Branch,
        inner: tuple[_Frame, ...],
        budget: int = _MOST_SITES,
    ) -> int:
        """What remains of the number of sites if a question can be placed; 0 if it cannot."""
        found = list(leaves(graph.exprs, operands))
        if any(isinstance(leaf, ir.FromTask) for leaf in found):
            task = self._last(graph, found)
            asked = None if task is None else self.asks.asked.get((id(graph), task.name))
            full = asked is not None and asked.count >= _MOST_ANSWERS
            return 0 if task is None or full else budget
        names = {leaf.name: None for leaf in found if isinstance(leaf, ir.FromInput)}
        sites = self._sites.get(id(graph), []) if names else []
        if names and not sites:
            return budget if self._of_arguments(node, (*inner, (graph, None))) else 0
        for site in sites:
            given = [site.operand(name) for name in names]
            budget -= 1
            if not site.passes or budget <= 0 or None in given:
                return 0
            passed = [operand for operand in given if operand is not None]
            budget = self._can(site.graph, passed, node, (*inner, (graph, site)), budget)
        return budget

    def _of_arguments(self, node: ir.Branch, frames: tuple[_Frame, ...]) -> FromArguments | None:
        """The arm of a chain that reads only arguments of the run."""
        graph = self._pipeline.graph
        if frames[-1][0] is not graph:
            return None  # of a pipeline that is not called

        def outward(level: int, name: str) -> ir.Operand | None:
            site = frames[level][1]
            return None if site is None else site.operand(name)

        conditions = [arm.condition for arm in node.arms if arm.condition is not None]
        return arm_of(conditions, [each for each, _ in frames], outward, {port.name: port for port in graph.inputs})

    def _last(self, graph: ir.Graph, found: Iterable[ir.Operand]) -> ir.Task | None:
        """The Python task that comes after all others among the leaves of an expression."""
        names = {leaf.task: None for leaf in found if isinstance(leaf, ir.FromTask)}
        nodes = self._nodes_of(graph)
        for name in names:
            node = nodes[name]
            if not isinstance(node, ir.Task) or node.options.ignore_upstream_failure:
                continue
            if isinstance(self._pipeline.components[node.component].impl, ir.ContainerImpl):
                continue
            others = names.keys() - {name}
            if not others or others <= _before(graph, nodes, node):
                return node
        return None

    def _nodes_of(self, graph: ir.Graph) -> dict[str, ir.Node]:
        found = self._nodes.get(id(graph))
        if found is None:
            found = self._nodes[id(graph)] = {node.name: node for node in graph.nodes}
        return found

    # ------------------------------------------------------------------------------------------ how to ask

    def _put(self, graph: ir.Graph, operands: list[ir.Operand], node: ir.Branch, inner: tuple[_Frame, ...]) -> Source:
        """Ask a question of the graph inside ``inner`` frames, the innermost first."""
        found = list(leaves(graph.exprs, operands))
        frames = (*inner, (graph, None))
        task = self._last(graph, found)
        if task is not None:
            return self._ask(task, node, frames)
        names = [leaf.name for leaf in found if isinstance(leaf, ir.FromInput)]
        if not names:
            lines = self._question(frames, None, Asked()).lines(node, answer_key(1))
            return Known(ask("\n".join(lines), Names(), Names())[answer_key(1)])
        if id(graph) not in self._sites and (arm := self._of_arguments(node, frames)):
            return arm
        inputs = self.asks.inputs.setdefault(id(graph), [])
        key = f"tp-arm-{len(inputs) + 1}"
        inputs.append(key)
        for site in self._sites[id(graph)]:
            given = [operand for name in dict.fromkeys(names) if (operand := site.operand(name)) is not None]
            source = self._put(site.graph, given, node, (*inner, (graph, site)))
            self.asks.passed.setdefault((id(site.graph), site.node.name, site.number), []).append((key, source))
        return FromCaller(key)

    def _ask(self, task: ir.Task, node: ir.Branch, frames: tuple[_Frame, ...]) -> FromAnswer:
        graph = frames[-1][0]
        asked = self.asks.asked.setdefault((id(graph), task.name), Asked())
        asked.count += 1
        self.asks.counts[task.component] = max(self.asks.counts.get(task.component, 0), asked.count)
        key = answer_key(asked.count)
        asked.lines += self._question(frames, task, asked).lines(node, key)
        return FromAnswer(task.name, key)

    def _question(self, frames: tuple[_Frame, ...], task: ir.Task | None, asked: Asked) -> _Question:
        return _Question(frames, [self._types_of(graph) for graph, _ in frames], task, asked)

    def _types_of(self, graph: ir.Graph) -> GraphTypes:
        found = self._types.get(id(graph))
        if found is None:
            found = self._types[id(graph)] = GraphTypes(self._pipeline, graph, self._ports)
        return found


class _Question:
    """The lines of one question. Each graph that it comes through has its own program."""

    def __init__(self, frames: tuple[_Frame, ...], types: list[GraphTypes], task: ir.Task | None, asked: Asked) -> None:
        self._frames = frames
        self._task = task
        self._asked = asked
        self._needs: list[dict[int, None]] = [{} for _ in frames]
        numbers = range(asked.programs + 1, asked.programs + len(frames))
        self._prefixes = [*(f"_{number}_" for number in numbers), "_"]
        asked.programs += len(frames) - 1
        self._programs = [
            Program(graph.exprs, types[level].of, partial(self._read, level), self._prefixes[level])
            for level, (graph, _) in enumerate(frames)
        ]

    def lines(self, node: ir.Branch, key: str) -> list[str]:
        """The lines of a chain that have not been written for the task yet."""
        held: list[str] = []
        places: list[str] = []
        for arm in node.arms:
            if arm.condition is not None:
                held.append(self._programs[0].condition(arm.condition, self._needs[0], alone=True))
                places.append(place(self._frames[0][0], arm.condition, "Elif" if places else "If", arm.span))
        found = [f"{key} = arm({', '.join(held)})  # {python_literal('; '.join(places))[1:-1]}"]
        for program, needs in zip(self._programs, self._needs, strict=True):  # inner ones first: they need outer ones
            found = [*program.before(needs), *found]
        return [line for line in found if line not in self._asked.lines]

    def _read(self, level: int, operand: ir.FromInput | ir.FromTask) -> str:
        site = self._frames[level][1]
        if site is None:
            if isinstance(operand, ir.FromTask) and self._task is not None and operand.task == self._task.name:
                return f"out[{python_literal(operand.output)}]"
            return f"given[{python_literal(self._asked.name(operand))}]"
        passed = site.operand(operand.name) if isinstance(operand, ir.FromInput) else None
        if passed is None:
            raise TypeError("only arguments are read from outside")
        if isinstance(passed, ir.FromExpr):
            self._needs[level + 1][passed.index] = None
            return line_name(passed.index, self._prefixes[level + 1])
        return self._programs[level + 1].operand(passed, self._needs[level + 1])


def _before(graph: ir.Graph, nodes: dict[str, ir.Node], node: ir.Node) -> set[str]:
    """Names of the nodes that have succeeded when a node runs."""
    ignoring = any(isinstance(n, ir.Task | ir.Call) and n.options.ignore_upstream_failure for n in graph.nodes)
    found = set(upstream(graph, node))
    pending = [] if ignoring else list(found)  # one further up may have failed
    while pending:
        new = upstream(graph, nodes[pending.pop()]).keys() - found
        found |= new
        pending += new
    return found
