"""Closing of traced IR: every value that a body uses or returns becomes an input or output of that body.

A value has a home, the scope that it belongs to. To be used elsewhere, it is lifted, through the outputs of the bodies
around its home, to the innermost scope that contains both, and captured from there, through the inputs of the bodies
around the consumer. Collected is lifting out of a loop; OneOf, out of every arm of a branch under one name. Expressions
are rebuilt where they are consumed, over captured leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import is_

from typedpipe.diagnostics.model import NOWHERE, Diagnostics, Span
from typedpipe.diagnostics.record import replace
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import expr_operands, map_node, map_region, needed, node_operands, with_operands
from typedpipe.ir.scopes import Scope, around, common
from typedpipe.ir.typing import Ports, TracedTypes, region_type
from typedpipe.types.model import NULL, Type, is_artifact, union


def close_scopes(pipeline: ir.Pipeline, report: Diagnostics) -> ir.Pipeline:  # noqa: ARG001 - the signature of a pass
    """Close every graph of a pipeline that has passed the checks.

    >>> close_scopes(ir.Pipeline("p", ir.Graph()), Diagnostics()).closed
    True
    """
    if pipeline.closed:
        return pipeline
    ports = Ports(pipeline)
    graph = _Closer(TracedTypes(pipeline, pipeline.graph, ports)).run()
    called = {name: _Closer(TracedTypes(pipeline, inner, ports)).run() for name, inner in pipeline.pipelines.items()}
    return replace(pipeline, graph=graph, pipelines=called, closed=True)


@dataclass(slots=True, eq=False)
class _Value:
    """A value as its scope's closed graph refers to it; ``hint`` is the preferred name of an input or output for it."""

    operand: ir.Operand
    scope: Scope
    type: Type
    hint: str


@dataclass(slots=True, eq=False)
class _Body:
    """The parts of a scope's closed graph."""

    scope: Scope
    item: str = ""
    inputs: dict[str, ir.InputPort] = field(default_factory=dict)
    args: list[tuple[str, ir.Operand]] = field(default_factory=list)
    outputs: list[ir.GraphOutput] = field(default_factory=list)
    exprs: dict[ir.Expr, int] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    captured: dict[ir.Operand, _Value] = field(default_factory=dict)
    lifted: dict[ir.Operand, _Value] = field(default_factory=dict)
    known: dict[ir.Operand, ir.Operand] = field(default_factory=dict)
    """Leaves that are already resolved for this scope."""
    built: dict[int, dict[int, ir.Operand]] = field(default_factory=dict)
    """Entries of each scope's table, rebuilt in this scope."""


class _Closer:
    def __init__(self, types: TracedTypes) -> None:
        self.types = types
        self.scopes = types.scopes
        self.bodies = [_Body(scope) for scope in self.scopes.all]
        self.output_names: dict[str, set[str]] = {}
        self.resolved: dict[tuple[int, int], _Value] = {}
        self.chosen: dict[tuple[str, tuple[ir.Operand, ...]], _Value] = {}
        self.others: dict[str, _Body] = {}
        self.after: dict[str, dict[str, None]] = {}

    def run(self) -> ir.Graph:
        root = self.bodies[0]
        root.inputs = {port.name: port for port in self.types.graph.inputs}
        for body in self.bodies:
            region = body.scope.region
            if region is not None and region.item_type is not None:
                body.item = region.item
                body.inputs[region.item] = _port(region.item, region.item_type)
        maps = [self._close(body) for body in self.bodies]
        for scope in self.scopes.all:
            for node in scope.graph.nodes:
                self._order(node, scope)
                if node.is_group:
                    for last in node.exits():
                        self._order(last, scope)
        graphs: dict[int, ir.Graph] = {}
        for body in reversed(self.bodies):
            graphs[body.scope.index] = self._graph(body, maps[body.scope.index], graphs)
        return graphs[0]

    # ----------------------------------------------------------------------------------------- consumers

    def _close(self, body: _Body) -> dict[ir.Operand, ir.Operand]:
        """Resolve all operands used in a scope; return the changed ones, from old to new."""
        scope = body.scope
        operands = [operand for node in scope.graph.nodes for operand in node_operands(node)]
        operands.extend(output.value for output in scope.graph.outputs)
        for index in needed(scope.graph.exprs, operands):
            self._resolve_group(index, scope)
        changed: dict[ir.Operand, ir.Operand] = {}
        home = self.scopes.home
        for operand in operands:
            if type(operand) is ir.FromTask and home[operand.task] is scope and operand.task not in self.scopes.exits:
                continue
            new = self._resolve(operand, scope, body)
            if new != operand:
                changed[operand] = new
        if scope.parent is None:
            for output in scope.graph.outputs:
                body.outputs.append(replace(output, value=changed.get(output.value, output.value)))
        return changed

    def _resolve(self, operand: ir.Operand, owner: Scope, body: _Body) -> ir.Operand:
        """Resolve an operand of ``owner``'s graph to one of ``body``'s."""
        if isinstance(operand, ir.Const):
            return operand
        if isinstance(operand, ir.FromExpr):
            return self._build(operand.index, owner, body)
        found = body.known.get(operand)
        if found is None:
            found = body.known[operand] = self._bring(self._leaf(operand, owner), body).operand
        return found

    def _leaf(self, operand: ir.FromInput | ir.FromTask | ir.FromItem, owner: Scope) -> _Value:
        home = self.types.home(operand, owner)
        type_ = self.types.of(operand, owner)
        match operand:
            case ir.FromInput():
                return _Value(operand, home, type_, operand.name)
            case ir.FromTask():
                return _Value(operand, home, type_, f"{operand.task}-{operand.output}")
            case ir.FromItem():
                item = self.bodies[home.index].item
                return _Value(ir.FromInput(item), home, type_, item)

    def _build(self, index: int, owner: Scope, body: _Body) -> ir.Operand:
        """An expression of ``owner``'s table, built in ``body``'s graph."""
        built = body.built.setdefault(owner.index, {})
        if index in built:
            return built[index]
        table = owner.graph.exprs
        spans = owner.graph.expr_spans
        for entry in self._parts(index, owner, built):
            group = self.resolved.get((owner.index, entry))
            if group is not None:
                built[entry] = self._bring(group, body).operand
                continue
            new = with_operands(
                table[entry],
                tuple(
                    built[o.index] if isinstance(o, ir.FromExpr) else self._resolve(o, owner, body)
                    for o in expr_operands(table[entry])
                ),
            )
            at = body.exprs.setdefault(new, len(body.exprs))
            if at == len(body.spans):
                body.spans.append(spans[entry] if spans else NOWHERE)
            built[entry] = ir.FromExpr(at)
        return built[index]

    def _parts(self, index: int, owner: Scope, built: dict[int, ir.Operand]) -> list[int]:
        """Parts of an expression that are not built yet, down to Collected and OneOf, earlier entries first."""
        seen: set[int] = set()
        stack = [index]
        while stack:
            entry = stack.pop()
            if entry in seen or entry in built:
                continue
            seen.add(entry)
            if (owner.index, entry) not in self.resolved:
                stack.extend(o.index for o in expr_operands(owner.graph.exprs[entry]) if isinstance(o, ir.FromExpr))
        return sorted(seen)

    # ------------------------------------------------------------------------------------ between scopes

    def _bring(self, value: _Value, body: _Body) -> _Value:
        """Make a value of any scope available in ``body``: lift it to the scope around both, capture it from there."""
        target = body.scope
        if value.scope is target:
            return value
        meeting = common(value.scope, target)
        for scope in list(value.scope.up(meeting)):
            value = self._lift(value, self.bodies[scope.index])
        for scope in reversed(list(target.up(meeting))):
            value = self._capture(value, self.bodies[scope.index])
        return value

    def _capture(self, value: _Value, body: _Body) -> _Value:
        found = body.captured.get(value.operand)
        if found is None:
            name = _unique(value.hint, body.inputs)
            body.inputs[name] = _port(name, value.type)
            body.args.append((name, value.operand))
            found = body.captured[value.operand] = _Value(ir.FromInput(name), body.scope, value.type, value.hint)
        return found

    def _lift(self, value: _Value, body: _Body) -> _Value:
        found = body.lifted.get(value.operand)
        group, region = body.scope.group, body.scope.region
        if found is None and group is not None and region is not None and body.scope.parent is not None:
            name = _unique(value.hint, self.output_names.setdefault(group.name, set()))
            self.output_names[group.name].add(name)
            body.outputs.append(ir.GraphOutput(name, value.operand, value.type))
            type_ = region_type(region, value.type)
            if region.role == "arm":  # it might not be taken
                type_ = union(type_, NULL)
            found = _Value(ir.FromTask(group.name, name), body.scope.parent, type_, value.hint)
            body.lifted[value.operand] = found
        return found or value

    # ------------------------------------------------------------------------------- Collected and OneOf

    def _resolve_group(self, index: int, owner: Scope) -> None:
        expr = owner.graph.exprs[index]
        if isinstance(expr, ir.Collected):
            value = self._at_home(expr.value, owner)
            loop = value.scope.loop()
            if loop is not None and loop.parent is not None:
                for scope in list(value.scope.up(loop.parent)):
                    value = self._lift(value, self.bodies[scope.index])
            self.resolved[owner.index, index] = value
        elif isinstance(expr, ir.OneOf):
            self.resolved[owner.index, index] = self._one_of(ir.FromExpr(index), expr, owner)

    def _at_home(self, operand: ir.Operand, owner: Scope) -> _Value:
        """A value in its home scope."""
        home = self.types.home(operand, owner)
        if isinstance(operand, (ir.FromInput, ir.FromTask, ir.FromItem)):
            return self._leaf(operand, owner)
        new = self._resolve(operand, owner, self.bodies[home.index])
        return _Value(new, home, self.types.of(operand, owner, home), self._hint(operand, owner))

    def _hint(self, operand: ir.Operand, owner: Scope) -> str:
        while isinstance(operand, ir.FromExpr):
            value = self.resolved.get((owner.index, operand.index))
            if value is not None:
                return value.hint
            inner = expr_operands(owner.graph.exprs[operand.index])
            operand = next((o for o in inner if not isinstance(o, ir.Const)), inner[0] if inner else ir.Const("", NULL))
        return "value" if isinstance(operand, ir.Const) else self._leaf(operand, owner).hint

    def _one_of(self, operand: ir.FromExpr, expr: ir.OneOf, owner: Scope) -> _Value:
        home = self.types.home(operand, owner)
        type_ = self.types.of(operand, owner, home)
        values = [self._at_home(value, owner) for value in expr.values]
        arms: list[tuple[_Body, _Value]] = []
        group: ir.Group | None = None
        for value in values:
            arm = value.scope.branch()
            if arm is None or arm.parent is not home:
                break
            group = arm.group
            arms.append((self.bodies[arm.index], self._bring(value, self.bodies[arm.index])))
        assert group is not None
        key = (group.name, tuple(value.operand for _, value in arms))
        if len(arms) < len(values):
            outside = self._bring(values[-1], self.bodies[home.index])
            key = (group.name, (*key[1], outside.operand))
            arms.append(self._other(group, home, outside))
        if key not in self.chosen:
            name = _unique(f"oneof-{values[0].hint}", self.output_names.setdefault(group.name, set()))
            self.output_names[group.name].add(name)
            for body, value in arms:
                body.outputs.append(ir.GraphOutput(name, value.operand, type_))
            self.chosen[key] = _Value(ir.FromTask(group.name, name), home, type_, values[0].hint)
        return self.chosen[key]

    def _other(self, group: ir.Group, home: Scope, value: _Value) -> tuple[_Body, _Value]:
        """The Else that represents the missing one, and the value passed through it."""
        body = self.others.get(group.name)
        if body is None:
            region = ir.Region("arm", ir.Graph(), span=group.span)
            scope = Scope(-1, region.body, home, group, region, len(group.regions()), home.depth + 1)
            body = self.others[group.name] = _Body(scope)
        if isinstance(value.operand, ir.Const):
            return body, value
        return body, self._capture(value, body)

    # ------------------------------------------------------------------------------------------- results

    def _order(self, node: ir.Node, scope: Scope) -> None:
        """Apply ``.after`` to nodes of one graph: the groups that contain the two, in the scope that contains both."""
        for name in node.after:
            home = self.scopes.home.get(name)
            if home is None:
                continue
            meeting = common(scope, home)
            first = self.scopes.exits.get(name, name) if home is meeting else around(meeting, home)
            then = self.scopes.exits.get(node.name, node.name) if scope is meeting else around(meeting, scope)
            if first != then:
                self.after.setdefault(then, {})[first] = None

    def _graph(self, body: _Body, changed: dict[ir.Operand, ir.Operand], graphs: dict[int, ir.Graph]) -> ir.Graph:
        graph = body.scope.graph
        nodes = tuple([self._node(node, changed, graphs) for node in graph.nodes])
        spans = tuple(body.spans) if graph.expr_spans or body.spans.count(NOWHERE) < len(body.spans) else ()
        same = all(map(is_, nodes, graph.nodes)) and tuple(body.exprs) == graph.exprs
        if same and body.scope.parent is None:
            return graph
        return ir.Graph(tuple(body.inputs.values()), nodes, tuple(body.outputs), tuple(body.exprs), spans)

    def _node(self, node: ir.Node, changed: dict[ir.Operand, ir.Operand], graphs: dict[int, ir.Graph]) -> ir.Node:
        if node.is_group:
            node = map_node(node, changed, self._regions(node, changed, graphs))
            if any(last.after for last in node.exits()):  # the group depends on its upstream nodes
                node = node.with_regions(node.regions(), tuple([replace(last, after=()) for last in node.exits()]))
        elif changed:
            node = map_node(node, changed)
        after = tuple(self.after.get(node.name, ()))
        return node if after == node.after else replace(node, after=after)

    def _regions(
        self, node: ir.Node, changed: dict[ir.Operand, ir.Operand], graphs: dict[int, ir.Graph]
    ) -> tuple[ir.Region, ...]:
        pairs = zip(node.regions(), self.scopes.bodies[node.name], strict=True)
        regions = [_closed(region, changed, graphs[inner.index], self.bodies[inner.index]) for region, inner in pairs]
        other = self.others.get(node.name)
        if other is not None and other.scope.region is not None:
            body = ir.Graph(tuple(other.inputs.values()), (), tuple(other.outputs))
            regions.append(_closed(other.scope.region, changed, body, other))
        return tuple(regions)


def _closed(region: ir.Region, changed: dict[ir.Operand, ir.Operand], graph: ir.Graph, body: _Body) -> ir.Region:
    if changed:
        region = map_region(region, changed)
    return replace(region, body=graph, args=tuple(body.args))


def _port(name: str, type_: Type) -> ir.InputPort:
    return ir.InputPort(name, type_, how="artifact" if is_artifact(type_) else "value")


def _unique(base: str, taken: dict[str, ir.InputPort] | set[str]) -> str:
    name, count = base, 1
    while name in taken:
        count += 1
        name = f"{base}-{count}"
    return name
