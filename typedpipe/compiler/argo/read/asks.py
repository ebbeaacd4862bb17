"""Placement of questions: the task that answers each of them, as a line of Python.

A question is a chain of If, Elif and Else, the items of a loop, or a value that the controller puts into a pod. It is asked
of a Python task whose outputs it reads, and that comes after everything else it reads. If it reads only inputs of its graph,
the question is the caller's, and the graph receives the answer as an input. If it reads an item of a loop, it is a part of
the question for the items: each item comes with its answers. The controller evaluates conditions on arguments of the run
(:mod:`typedpipe.compiler.argo.read.conditions`), and what no single task can answer
(:mod:`typedpipe.compiler.argo.read.expressions`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Final, TypeAlias

from typedpipe.compiler.argo.read.conditions import FromArguments, arm_of
from typedpipe.compiler.argo.read.late import LateValue, late_values
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import all_graphs, leaves, regions_in, upstream
from typedpipe.ir.program import Program, line_name, place
from typedpipe.ir.typing import GraphTypes, Ports
from typedpipe.runtime.task import Asker, Names, program_lines
from typedpipe.types.model import is_artifact
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
class FromRecord:
    """An answer that comes with each item of the loop whose body receives it."""

    key: str


@dataclass(slots=True)
class Known:
    """An answer that the compiler finds itself, when all questions are placed."""

    text: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of codes that different tasks give."""

    codes: tuple[Source, ...]


Source: TypeAlias = "FromAnswer | FromCaller | FromArguments | FromRecord | Known | Listed"


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

    def loop(self, names: Iterable[str]) -> ir.Loop | None:
        """The loop, if this is its body and its item is one of these inputs."""
        return self.node if isinstance(self.node, ir.Loop) and self.node.item in names else None

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
    items: dict[tuple[int, str], Source] = field(default_factory=dict)
    """For a loop: its items as JSON, each encoded, or a record of its code (``v``) and of answers about it."""
    records: set[tuple[int, str]] = field(default_factory=set)
    """Loops whose items are records."""
    values: dict[tuple[int, str, str], Source] = field(default_factory=dict)
    """For a value that the controller puts into a pod or a location, by graph, node and key: its wire text."""
    guards: dict[tuple[int, str], list[Source]] = field(default_factory=dict)
    """For a node with such values: ``true``, or the text of an error, which must not get there."""
    asked: dict[tuple[int, str], Asked] = field(default_factory=dict)
    """The questions to a task."""
    inputs: dict[int, list[str]] = field(default_factory=dict)
    """Inputs of a graph that are answers."""
    outputs: dict[int, list[tuple[str, FromAnswer]]] = field(default_factory=dict)
    """Outputs of the body of a loop that are answers: the codes of items of another loop."""
    passed: dict[tuple[int, str, int], list[tuple[str, Source]]] = field(default_factory=dict)
    """Answers that a node passes to one of its graphs, which has this number."""
    counts: dict[str, int] = field(default_factory=dict)
    """The largest number of answers of one of a component's tasks."""

    def keys(self, graph: ir.Graph, node: ir.Node) -> list[str]:
        """Outputs of a node that are answers."""
        if isinstance(node, ir.Loop):
            return [key for key, _ in self.outputs.get(id(node.body), ())]
        asked = self.asked.get((id(graph), node.name))
        return [*map(answer_key, range(1, asked.count + 1))] if asked else []


NOTHING_ASKED: Final = Asks()
"""For a pipeline without branches, loops, and values in pods."""


@dataclass(frozen=True, slots=True)
class _Chain:
    """Which arm of a branch is taken."""

    node: ir.Branch
    stem: ClassVar = "arm"
    letter: ClassVar = "b"

    def operands(self) -> list[ir.Operand]:
        return [arm.condition for arm in self.node.arms if arm.condition is not None]

    def python(self, program: Program, needs: dict[int, None], _records: str) -> str:
        return f"arm({', '.join(program.condition(each, needs, alone=True) for each in self.operands())})"

    def places(self, graph: ir.Graph) -> list[str]:
        arms = [(arm, arm.condition) for arm in self.node.arms if arm.condition is not None]
        return [place(graph, each, "Elif" if i else "If", arm.span) for i, (arm, each) in enumerate(arms)]


@dataclass(frozen=True, slots=True)
class _Items:
    """The items of a loop."""

    node: ir.Loop
    stem: ClassVar = "items"
    letter: ClassVar = "l"

    def operands(self) -> list[ir.Operand]:
        return [self.node.items]

    def python(self, program: Program, needs: dict[int, None], records: str) -> str:
        return f"items({program.operand(self.node.items, needs, alone=True)}{records})"

    def places(self, graph: ir.Graph) -> list[str]:
        return [place(graph, self.node.items, "ParallelFor", self.node.span)]


@dataclass(frozen=True, slots=True)
class _Code:
    """One item of a loop over a list that no single task gives."""

    node: ir.Loop
    value: ir.Operand
    stem: ClassVar = "item"
    letter: ClassVar = "c"

    def operands(self) -> list[ir.Operand]:
        return [self.value]

    def python(self, program: Program, needs: dict[int, None], _records: str) -> str:
        return f"item({program.operand(self.value, needs, alone=True)})"

    def places(self, graph: ir.Graph) -> list[str]:
        return [place(graph, self.value, "ParallelFor", self.node.span)]


@dataclass(frozen=True, slots=True)
class _Value:
    """A value that the controller puts into a pod or a location."""

    node: ir.Task | ir.Importer
    late: LateValue
    stem: ClassVar = "value"
    letter: ClassVar = ""  # text with quotes cannot come with an item

    def operands(self) -> list[ir.Operand]:
        return [self.late.operand]

    def python(self, program: Program, needs: dict[int, None], _records: str = "") -> str:
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
    letter: ClassVar = ""

    def operands(self) -> list[ir.Operand]:
        return [each.late.operand for each in self.values]

    def python(self, program: Program, needs: dict[int, None], _records: str = "") -> str:
        return f"ok({', '.join(each.python(program, needs) for each in self.values)})"

    def places(self, graph: ir.Graph) -> list[str]:
        return [where for each in self.values for where in each.places(graph)]


_Question: TypeAlias = _Chain | _Items | _Code | _Value | _Guard


@dataclass(frozen=True, slots=True)
class _Part:
    """A question about an item of a loop. The outermost of the frames is the body of the loop."""

    key: str
    question: _Question
    frames: tuple[_Frame, ...]
    given: tuple[ir.Operand, ...]
    """What it reads besides the item, in the graph of the loop."""


class _CannotPlace(Exception):
    """The items of a loop cannot be asked for together with what is asked about them."""

    def __init__(self, parts: list[_Part]) -> None:
        super().__init__()
        self.parts = parts


def place_questions(pipeline: ir.Pipeline, ports: Ports, *, metadata: bool) -> Asks:
    """Find the tasks that answer for branches, loops and values in pods. ``metadata`` as for :func:`late_values`."""
    refused: set[int] = set()
    while True:
        placing = _Placing(pipeline, ports, refused)
        try:
            return placing.run(metadata=metadata)
        except _CannotPlace as error:
            refused |= {id(part.question.node) for part in error.parts}


def _inner_first(pipeline: ir.Pipeline) -> list[ir.Graph]:
    """All graphs of a pipeline, each after those inside it."""
    found: dict[int, ir.Graph] = {}
    pending = all_graphs(pipeline)[::-1]
    opened: set[int] = set()
    while pending:
        graph = pending[-1]
        if id(graph) in opened:
            found.setdefault(id(graph), pending.pop())
            continue
        opened.add(id(graph))
        for node in graph.nodes:
            for last in (node, *node.exits()):
                pending += [r.body for r in regions_in(last, pipeline.pipelines) if id(r.body) not in opened]
    return list(found.values())


class _Placing:
    """The questions placed so far."""

    def __init__(self, pipeline: ir.Pipeline, ports: Ports, refused: set[int]) -> None:
        self.asks = Asks()
        self._refused = refused
        self._pipeline = pipeline
        self._ports = ports
        self._sites: dict[int, list[_Site]] = {}
        self._nodes: dict[int, dict[str, ir.Node]] = {}
        self._types: dict[int, GraphTypes] = {}
        self._parts: dict[tuple[int, str], list[_Part]] = {}
        """Questions about the items of a loop."""
        self._placed: list[tuple[_Question, tuple[_Frame, ...], ir.Task | None, FromAnswer | Known]] = []
        for graph in all_graphs(pipeline):
            for node in graph.nodes:
                self._find_sites(graph, node)

    def run(self, *, metadata: bool) -> Asks:
        """Place all questions; those for items last, inner loops first, when what is asked about each item is known."""
        for graph in all_graphs(self._pipeline):
            for node in graph.nodes:
                if isinstance(node, ir.Branch):
                    source = self._place(graph, _Chain(node))
                    if source is not None:
                        self.asks.arms[id(graph), node.name] = source
                elif isinstance(node, ir.Importer | ir.Task) and id(node) not in self._refused:
                    self._place_values(graph, node, metadata=metadata)
        for graph in _inner_first(self._pipeline):
            for node in graph.nodes:
                if isinstance(node, ir.Loop) and not is_artifact(node.item_type):
                    source = self._place(graph, _Items(node))
                    if source is not None:
                        self.asks.items[id(graph), node.name] = source
        for question, frames, task, source in self._placed:
            self._write(question, frames, task, source)
        return self.asks

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

    def _place_values(self, graph: ir.Graph, node: ir.Importer | ir.Task, *, metadata: bool) -> None:
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
        """Ask a question, if one task can answer; the items of a loop perhaps of several."""
        node = question.node
        parts = self._parts.get((id(graph), node.name), [])
        if isinstance(node, ir.Loop) and isinstance(node.items, ir.Const) and not parts:
            return None  # written by the compiler
        operands = [*question.operands(), *(operand for part in parts for operand in part.given)]
        can = id(node) not in self._refused
        chain = question if isinstance(question, _Chain) else None
        if can and self._can(graph, operands, chain=chain, asked=bool(parts), in_items=bool(question.letter)) > 0:
            return self._put(graph, operands, question, ())
        if parts:
            raise _CannotPlace(parts)
        return self._listed(graph, node) if can and isinstance(node, ir.Loop) else None

    def _listed(self, graph: ir.Graph, loop: ir.Loop) -> Source | None:
        """Items that different tasks give, each its own, or the tasks of another loop; None if they do not."""
        operand = loop.items
        if isinstance(operand, ir.FromTask):
            return self._gathered(graph, loop, operand)
        expr = graph.exprs[operand.index] if isinstance(operand, ir.FromExpr) else None
        if not isinstance(expr, ir.MakeList) or any(isinstance(item, ir.FromExpr) for item in expr.items):
            return None  # an expression that raises fails the loop, not one of its bodies
        if not all(self._can(graph, [item]) > 0 for item in expr.items):
            return None
        return Listed(tuple([self._put(graph, [item], _Code(loop, item), ()) for item in expr.items]))

    def _gathered(self, graph: ir.Graph, loop: ir.Loop, operand: ir.FromTask) -> FromAnswer | None:
        """Items that the bodies of another loop give."""
        other = self._nodes_of(graph)[operand.task]
        if not isinstance(other, ir.Loop) or is_artifact(loop.item_type):
            return None
        value = next(output.value for output in other.body.outputs if output.name == operand.output)
        if (
            isinstance(value, ir.FromExpr)
            or self._last(other.body, [value]) is None
            or not self._can(other.body, [value])
        ):
            return None
        source = self._put(other.body, [value], _Code(loop, value), ())
        assert isinstance(source, FromAnswer)
        outputs = self.asks.outputs.setdefault(id(other.body), [])
        key = f"tp-items-{len(outputs) + 1}"
        outputs.append((key, source))
        return FromAnswer(operand.task, key)

    def _can(
        self,
        graph: ir.Graph,
        operands: list[ir.Operand],
        budget: int = _MOST_SITES,
        *,
        chain: _Chain | None = None,
        inner: tuple[_Frame, ...] = (),
        asked: bool = False,
        in_items: bool = True,
    ) -> int:
        """What remains of the number of sites if a question can be placed; 0 if it cannot.

        Args:
            graph: The graph that the question has come to.
            operands: What it reads there.
            budget: The number of sites.
            chain: The question, if it is one that the controller may answer.
            inner: The frames that it has come through.
            asked: A part of the question is placed, so nothing else may be an obstacle now.
            in_items: The answer can come with an item of a loop.
        """
        found = list(leaves(graph.exprs, operands))
        size = sum(len(leaf.text) for leaf in found if isinstance(leaf, ir.Const))
        if size > _MOST_TEXT and not all(isinstance(leaf, ir.Const) for leaf in found):
            return 0
        if any(isinstance(leaf, ir.FromTask) for leaf in found):
            task = self._last(graph, found)
            before = None if task is None else self.asks.asked.get((id(graph), task.name))
            full = before is not None and before.count >= _MOST_ANSWERS and not asked
            return 0 if task is None or full else budget
        names = {leaf.name: None for leaf in found if isinstance(leaf, ir.FromInput)}
        sites = self._sites.get(id(graph), []) if names else []
        if names and not sites:
            return budget if self._of_arguments(chain, (*inner, (graph, None))) else 0
        for site in sites:
            given = self._given(site, names)
            loop = site.loop(names)
            fits = loop is None or (in_items and self._has_room(site.graph, loop))
            budget -= 1
            if given is None or budget <= 0 or not site.passes or not fits:
                return 0
            if loop is not None:
                parts = self._parts.get((id(site.graph), loop.name), ())
                given += [loop.items, *(operand for part in parts for operand in part.given)]
            rest, around = (chain, (*inner, (graph, site))) if loop is None else (None, ())
            budget = self._can(site.graph, given, budget, chain=rest, inner=around, asked=asked, in_items=in_items)
        return budget

    def _of_arguments(self, chain: _Chain | None, frames: tuple[_Frame, ...]) -> FromArguments | None:
        """The arm of a chain that reads only arguments of the run."""
        graph = self._pipeline.graph
        if chain is None or frames[-1][0] is not graph:
            return None  # of a pipeline that is not called

        def outward(level: int, name: str) -> ir.Operand | None:
            site = frames[level][1]
            return None if site is None else site.operand(name)

        ports = {port.name: port for port in graph.inputs}
        return arm_of(chain.operands(), [each for each, _ in frames], outward, ports)

    def _given(self, site: _Site, names: Iterable[str]) -> list[ir.Operand] | None:
        """What a site passes for inputs, without the item of its loop; None if it passes nothing for one of them."""
        loop = site.loop(names)
        given = [site.operand(name) for name in names if loop is None or name != loop.item]
        return None if None in given else [operand for operand in given if operand is not None]

    def _has_room(self, graph: ir.Graph, loop: ir.Loop) -> bool:
        """Whether items of a loop can come with one more answer."""
        full = len(self._parts.get((id(graph), loop.name), ())) >= _MOST_ANSWERS
        return not full and not is_artifact(loop.item_type) and id(loop) not in self._refused

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
    ) -> FromAnswer | FromCaller | FromArguments | Known:
        """Ask a question of the graph inside ``inner`` frames, the innermost first."""
        found = list(leaves(graph.exprs, operands))
        frames = (*inner, (graph, None))
        names = {leaf.name: None for leaf in found if isinstance(leaf, ir.FromInput)}
        task = self._last(graph, found)
        if task is not None or not names:
            source = Known() if task is None else self._ask(graph, task)
            self._placed.append((question, frames, task, source))
            return source
        chain = question if isinstance(question, _Chain) and id(graph) not in self._sites else None
        arm = self._of_arguments(chain, frames)
        if arm is not None:
            return arm
        inputs = self.asks.inputs.setdefault(id(graph), [])
        key = f"tp-{question.stem}-{len(inputs) + 1}"
        inputs.append(key)
        for site in self._sites[id(graph)]:
            given = self._given(site, names) or []
            loop = site.loop(names)
            around = (*inner, (graph, site))
            passed: Source
            if loop is None:
                passed = self._put(site.graph, given, question, around)
            else:
                self.asks.records.add((id(site.graph), loop.name))
                parts = self._parts.setdefault((id(site.graph), loop.name), [])
                passed = FromRecord(f"{question.letter}{len(parts) + 1}")
                parts.append(_Part(passed.key, question, around, tuple(given)))
            self.asks.passed.setdefault((id(site.graph), site.node.name, site.number), []).append((key, passed))
        return FromCaller(key)

    def _ask(self, graph: ir.Graph, task: ir.Task) -> FromAnswer:
        asked = self.asks.asked.setdefault((id(graph), task.name), Asked())
        asked.count += 1
        self.asks.counts[task.component] = max(self.asks.counts.get(task.component, 0), asked.count)
        return FromAnswer(task.name, answer_key(asked.count))

    def _write(
        self, question: _Question, frames: tuple[_Frame, ...], task: ir.Task | None, source: FromAnswer | Known
    ) -> None:
        """Write the lines of a question for its task, or find the answer here."""
        if task is not None and isinstance(source, FromAnswer):
            asked = self.asks.asked[id(frames[-1][0]), task.name]
            asked.lines += self._lines(question, frames, task, asked).all(source.key)
        elif isinstance(source, Known):
            lines = program_lines("\n".join(self._lines(question, frames, None, Asked()).all("known")))
            answer = Asker(Names(), Names()).answers(lines)["known"]
            source.text = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"))

    def _lines(
        self,
        question: _Question,
        frames: tuple[_Frame, ...],
        task: ir.Task | None,
        asked: Asked,
        outer: _Lines | None = None,
    ) -> _Lines:
        lines = _Lines(question, frames, [self._types_of(graph) for graph, _ in frames], task, asked, outer)
        for part in self._parts.get((id(frames[0][0]), question.node.name), ()):
            lines.parts[part.key] = self._lines(part.question, part.frames, task, asked, lines)
        return lines

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
        outer: _Lines | None,
    ) -> None:
        self._question = question
        self._frames = frames
        self._task = task
        self._asked = asked
        self._outer = outer
        """The question for the items of a loop, if this one is about an item."""
        self.depth: int = 1 if outer is None else outer.depth + 1
        self.parts: dict[str, _Lines] = {}
        self._needs: list[dict[int, None]] = [{} for _ in frames]
        count = len(frames) if outer else len(frames) - 1  # the lines of the task's own graph are shared
        self._prefixes = [f"_{number}_" for number in range(asked.programs + 1, asked.programs + 1 + count)] + ["_"]
        asked.programs += count
        self._programs = [
            Program(graph.exprs, types[level].of, partial(self._read, level), self._prefixes[level])
            for level, (graph, _) in enumerate(frames)
        ]

    @property
    def item(self) -> str:
        """The name of an item in the questions about it."""
        return "x" if self.depth == 1 else f"x{self.depth}"

    def all(self, key: str) -> list[str]:
        """The lines that have not been written for the task yet; the last one is the question."""
        records = [line for name, part in self.parts.items() for line in part.all(name)]
        text = ""
        if records:
            text = f", {python_literal(chr(10).join([*records, f'v = item({self.item})']))}"
            text += "" if self.item == "x" else f", {python_literal(self.item)}"
        held = self._question.python(self._programs[0], self._needs[0], text)
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
        if self._outer is not None and level == len(self._frames) - 1:
            loop = site.loop([operand.name]) if isinstance(operand, ir.FromInput) else None
            return self._outer.item if loop is not None else self._outer.passed(site, operand, 0)
        return self.passed(site, operand, level + 1)

    def passed(self, site: _Site, operand: ir.FromInput | ir.FromTask, level: int) -> str:
        """Python of what a site passes for an input, in the graph around it, which is at this level."""
        passed = site.operand(operand.name) if isinstance(operand, ir.FromInput) else None
        if passed is None:
            raise TypeError("only arguments are read from outside")
        if isinstance(passed, ir.FromExpr):
            self._needs[level][passed.index] = None
            return line_name(passed.index, self._prefixes[level])
        return self._programs[level].operand(passed, self._needs[level])


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
