"""Placement of questions: the task that answers each of them, as a line of Python.

A question is a chain of If, Elif and Else, or a value that the controller puts into a pod. It is asked of a Python task
whose outputs it reads, and that comes after everything else it reads. If it reads only inputs of its graph, the question is
the caller's, and the graph receives the answer as an input. What no single task can answer is evaluated by the controller
(:mod:`typedpipe.compiler.argo.expressions`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Final, TypeAlias

from typedpipe.compiler.argo.late import LateValue, late_values
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


Source: TypeAlias = FromAnswer | FromCaller | Known


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
    values: dict[tuple[int, str, str], Source] = field(default_factory=dict)
    """For a value that the controller puts into a pod or a location, by graph, node and key: its wire text."""
    guards: dict[tuple[int, str], list[Source]] = field(default_factory=dict)
    """For a node with such values: ``true``, or the text of an error, which must not get there."""
    asked: dict[tuple[int, str], Asked] = field(default_factory=dict)
    """The questions to a task."""
    inputs: dict[int, list[str]] = field(default_factory=dict)
    """Inputs of a graph that are answers."""
    passed: dict[tuple[int, str, int], list[tuple[str, Source]]] = field(default_factory=dict)
    """Answers that a node passes to one of its graphs, which has this number."""
    counts: dict[str, int] = field(default_factory=dict)
    """The largest number of answers of one of a component's tasks."""


NOTHING_ASKED: Final = Asks()
"""For a pipeline without branches, and without values in pods."""


@dataclass(frozen=True, slots=True)
class _Chain:
    """Which arm of a branch is taken."""

    node: ir.Branch
    stem: ClassVar = "arm"

    def operands(self) -> list[ir.Operand]:
        return [arm.condition for arm in self.node.arms if arm.condition is not None]

    def python(self, program: Program, needs: dict[int, None]) -> str:
        return f"arm({', '.join(program.condition(each, needs, alone=True) for each in self.operands())})"

    def places(self, graph: ir.Graph) -> list[str]:
        arms = [(arm, arm.condition) for arm in self.node.arms if arm.condition is not None]
        return [place(graph, each, "Elif" if i else "If", arm.span) for i, (arm, each) in enumerate(arms)]


@dataclass(frozen=True, slots=True)
class _Value:
    """A value that the controller puts into a pod or a location."""

    node: ir.Task | ir.Importer
    late: LateValue
    stem: ClassVar = "value"

    def operands(self) -> list[ir.Operand]:
        return [self.late.operand]

    def python(self, program: Program, needs: dict[int, None]) -> str:
        value = program.operand(self.late.operand, needs, alone=True)
        return f"wire(text({value}))" if self.late.form == "text" else f"wire({value})"

    def places(self, graph: ir.Graph) -> list[str]:
        return [place(graph, self.late.operand, self.late.what, self.node.span)]


@dataclass(frozen=True, slots=True)
class _Guard:
    """Whether such values have no error."""

    node: ir.Task | ir.Importer
    values: tuple[_Value, ...]
    stem: ClassVar = "ok"

    def operands(self) -> list[ir.Operand]:
        return [each.late.operand for each in self.values]

    def python(self, program: Program, needs: dict[int, None]) -> str:
        return f"ok({', '.join(each.python(program, needs) for each in self.values)})"

    def places(self, graph: ir.Graph) -> list[str]:
        return [where for each in self.values for where in each.places(graph)]


_Question: TypeAlias = "_Chain | _Value | _Guard"


def place_questions(pipeline: ir.Pipeline, ports: Ports, *, metadata: bool) -> Asks:
    """Find the tasks that answer for each branch and each value in a pod. ``metadata`` as for :func:`late_values`."""
    placing = _Placing(pipeline, ports)
    for graph in all_graphs(pipeline):
        for node in graph.nodes:
            if isinstance(node, ir.Branch):
                placing.place_chain(graph, node)
            elif isinstance(node, ir.Importer | ir.Task):
                placing.place_values(graph, node, metadata=metadata)
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

    def place_chain(self, graph: ir.Graph, node: ir.Branch) -> None:
        """Ask for the arm of a branch, if one task can answer."""
        source = self._place(graph, _Chain(node))
        if source is not None:
            self.asks.arms[id(graph), node.name] = source

    def place_values(self, graph: ir.Graph, node: ir.Importer | ir.Task, *, metadata: bool) -> None:
        """Ask for the values that the controller puts into a pod: those that it would have to compute."""
        ignoring = isinstance(node, ir.Task) and node.options.ignore_upstream_failure
        component = self._pipeline.components[node.component] if isinstance(node, ir.Task) else None
        late = [] if ignoring else [*late_values(node, component, metadata=metadata)]
        found = [_Value(node, each) for each in late if self._is_computed(graph, each.operand)]
        if not found:
            return
        together = self._place(graph, _Guard(node, tuple(found)))
        if together is not None:
            self.asks.guards[id(graph), node.name] = [together]
        for value in found:
            if together is None:
                guard = self._place(graph, _Guard(node, (value,)))
                if guard is None:
                    continue
                self.asks.guards.setdefault((id(graph), node.name), []).append(guard)
            source = self._place(graph, value)
            if source is not None:
                self.asks.values[id(graph), node.name, value.late.key] = source

    def _is_computed(self, graph: ir.Graph, operand: ir.Operand) -> bool:
        """Whether a value is an expression, or an input for which some caller passes one."""
        if isinstance(operand, ir.FromInput):
            given = ((site.graph, site.operand(operand.name)) for site in self._sites.get(id(graph), ()))
            return any(each is not None and self._is_computed(around, each) for around, each in given)
        return isinstance(operand, ir.FromExpr)

    def _place(self, graph: ir.Graph, question: _Question) -> Source | None:
        """Ask a question, if one task can answer."""
        operands = question.operands()
        size = sum(len(leaf.text) for leaf in leaves(graph.exprs, operands) if isinstance(leaf, ir.Const))
        can = size <= _MOST_TEXT and self._can(graph, operands) > 0
        return self._put(graph, operands, question, ()) if can else None

    def _can(self, graph: ir.Graph, operands: list[ir.Operand], budget: int = _MOST_SITES) -> int:
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
            return 0
        for site in sites:
            given = [site.operand(name) for name in names]
            budget -= 1
            if not site.passes or budget <= 0 or None in given:
                return 0
            budget = self._can(site.graph, [operand for operand in given if operand is not None], budget)
        return budget

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

    def _put(
        self, graph: ir.Graph, operands: list[ir.Operand], question: _Question, inner: tuple[_Frame, ...]
    ) -> Source:
        """Ask a question of the graph inside ``inner`` frames, the innermost first."""
        found = list(leaves(graph.exprs, operands))
        frames = (*inner, (graph, None))
        task = self._last(graph, found)
        if task is not None:
            return self._ask(task, question, frames)
        names = [leaf.name for leaf in found if isinstance(leaf, ir.FromInput)]
        if not names:
            lines = self._lines(question, frames, None, Asked()).all(answer_key(1))
            return Known(ask("\n".join(lines), Names(), Names())[answer_key(1)])
        inputs = self.asks.inputs.setdefault(id(graph), [])
        key = f"tp-{question.stem}-{len(inputs) + 1}"
        inputs.append(key)
        for site in self._sites[id(graph)]:
            given = [operand for name in dict.fromkeys(names) if (operand := site.operand(name)) is not None]
            source = self._put(site.graph, given, question, (*inner, (graph, site)))
            self.asks.passed.setdefault((id(site.graph), site.node.name, site.number), []).append((key, source))
        return FromCaller(key)

    def _ask(self, task: ir.Task, question: _Question, frames: tuple[_Frame, ...]) -> FromAnswer:
        graph = frames[-1][0]
        asked = self.asks.asked.setdefault((id(graph), task.name), Asked())
        asked.count += 1
        self.asks.counts[task.component] = max(self.asks.counts.get(task.component, 0), asked.count)
        key = answer_key(asked.count)
        asked.lines += self._lines(question, frames, task, asked).all(key)
        return FromAnswer(task.name, key)

    def _lines(self, question: _Question, frames: tuple[_Frame, ...], task: ir.Task | None, asked: Asked) -> _Lines:
        return _Lines(question, frames, [self._types_of(graph) for graph, _ in frames], task, asked)

    def _types_of(self, graph: ir.Graph) -> GraphTypes:
        found = self._types.get(id(graph))
        if found is None:
            found = self._types[id(graph)] = GraphTypes(self._pipeline, graph, self._ports)
        return found


class _Lines:
    """The lines of one question. Each graph that it comes through has its own program."""

    def __init__(
        self,
        question: _Question,
        frames: tuple[_Frame, ...],
        types: list[GraphTypes],
        task: ir.Task | None,
        asked: Asked,
    ) -> None:
        self._question = question
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

    def all(self, key: str) -> list[str]:
        """The lines that have not been written for the task yet; the last one is the question."""
        held = self._question.python(self._programs[0], self._needs[0])
        where = "; ".join(self._question.places(self._frames[0][0]))
        found = [f"{key} = {held}  # {python_literal(where)[1:-1]}"]
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
