"""Edges: operands of nodes and expressions, the nodes that produce them, and their replacement by other operands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import is_
from typing import TypeVar

from typedpipe.diagnostics.record import replace
from typedpipe.ir import nodes as ir
from typedpipe.ir.options import OPERANDS, option_operands

_Call = TypeVar("_Call", bound=ir.Task | ir.Call)

# ------------------------------------------------------------------------------------------ operands of a node


_CALLS = (ir.Task, ir.Call)


def node_operands(node: ir.Node) -> list[ir.Operand]:
    """All operands of a node in its own graph, including those of regions' conditions and arguments and of exits."""
    if isinstance(node, _CALLS):
        args = node.args
        given = [args[0][1]] if len(args) == 1 else [value for _, value in args]
        if node.options is ir.DEFAULT_OPTIONS:
            return given
        given.extend(value for _, value in option_operands(node.options))
        return given
    found: list[ir.Operand] = []
    for name in node.operand_fields:
        value: ir.Operand | None = getattr(node, name)
        if value is not None:
            found.append(value)
    if node.is_group:
        for region in node.regions():
            if region.condition is not None:
                found.append(region.condition)
            for _, value in region.args:
                found.append(value)
        for last in node.exits():
            found.extend(node_operands(last))
    return found


def decisions(node: ir.Node) -> list[ir.Operand]:
    """Operands that determine a node's behavior: an importer's URI, the items of a loop, the conditions of arms."""
    found: list[ir.Operand] = []
    for name in node.operand_fields:
        value: ir.Operand | None = getattr(node, name)
        if value is not None:
            found.append(value)
    if node.is_group:
        found.extend([region.condition for region in node.regions() if region.condition is not None])
    return found


def regions_in(node: ir.Node, pipelines: Mapping[str, ir.Graph]) -> tuple[ir.Region, ...]:
    """Regions of a node; for a call, the called pipeline as one region."""
    if isinstance(node, ir.Call):
        return (ir.Region("body", pipelines[node.pipeline], node.args, span=node.span),)
    return node.regions()


def all_graphs(pipeline: ir.Pipeline) -> list[ir.Graph]:
    """The graph of a pipeline, those of the pipelines it calls, and the bodies of all groups, each once.

    >>> len(all_graphs(ir.Pipeline("p", ir.Graph(), pipelines={"q": ir.Graph()})))
    2
    """
    graphs = {id(graph): graph for graph in (pipeline.graph, *pipeline.pipelines.values())}
    pending = list(graphs.values())
    for graph in pending:
        for node in graph.nodes:
            if node.is_group:
                new = {id(region.body): region.body for region in node.regions() if id(region.body) not in graphs}
                graphs |= new
                pending += new.values()
    return pending


# -------------------------------------------------------------------------------------------- of an expression


def expr_operands(expr: ir.Expr) -> tuple[ir.Operand, ...]:
    """Operands of an expression, in order.

    >>> expr_operands(ir.Not(ir.FromInput("x")))
    (FromInput(name='x'),)
    """
    match expr:
        case ir.Compare():
            return (expr.left, expr.right)
        case ir.And() | ir.Or() | ir.MakeList():
            return expr.items
        case ir.Not():
            return (expr.item,)
        case ir.Contains():
            return (expr.items, expr.value)
        case ir.IsSet() | ir.Unwrap() | ir.Field() | ir.Collected():
            return (expr.value,)
        case ir.Default():
            return (expr.value, expr.default)
        case ir.Index():
            return (expr.value, expr.index)
        case ir.Format():
            return tuple(part.value for part in expr.parts if isinstance(part, ir.FormatPart))
        case ir.MakeDict():
            return tuple(value for _, value in expr.entries)
        case ir.OneOf():
            return expr.values


def with_operands(expr: ir.Expr, new: tuple[ir.Operand, ...]) -> ir.Expr:  # noqa: PLR0912 - one line per kind
    """The same expression over other operands, in the order of :func:`expr_operands`."""
    match expr:
        case ir.Compare():
            return ir.Compare(expr.op, *new)
        case ir.And():
            return ir.And(new)
        case ir.Or():
            return ir.Or(new)
        case ir.Not():
            return ir.Not(*new)
        case ir.Contains():
            return ir.Contains(*new)
        case ir.IsSet():
            return ir.IsSet(*new)
        case ir.Unwrap():
            return ir.Unwrap(*new)
        case ir.Default():
            return ir.Default(*new)
        case ir.Field():
            return ir.Field(new[0], expr.name)
        case ir.Index():
            return ir.Index(*new)
        case ir.Format():
            values = iter(new)
            return ir.Format(tuple(p if isinstance(p, str) else replace(p, value=next(values)) for p in expr.parts))
        case ir.MakeList():
            return ir.MakeList(new)
        case ir.MakeDict():
            return ir.MakeDict(
                tuple((name, value) for (name, _), value in zip(expr.entries, new, strict=True)), expr.type
            )
        case ir.Collected():
            return ir.Collected(*new)
        case ir.OneOf():
            return ir.OneOf(new)


# -------------------------------------------------------------------------------------------------- producers


def needed(table: tuple[ir.Expr, ...], operands: Iterable[ir.Operand]) -> list[int]:
    """Entries of a table that operands depend on, earlier ones first; without recursion."""
    seen: set[int] = set()
    stack = [operand.index for operand in operands if isinstance(operand, ir.FromExpr)]
    while stack:
        index = stack.pop()
        if index not in seen:
            seen.add(index)
            stack.extend(o.index for o in expr_operands(table[index]) if isinstance(o, ir.FromExpr))
    return sorted(seen)


def leaves(table: tuple[ir.Expr, ...], operands: Iterable[ir.Operand]) -> Iterator[ir.Operand]:
    """Constants, inputs and outputs that operands depend on; each entry of the table is visited once.

    >>> list(leaves((ir.Not(ir.FromInput("x")),), [ir.FromTask("a", "y"), ir.FromExpr(0)]))
    [FromTask(task='a', output='y'), FromInput(name='x')]
    """
    seen: set[int] = set()
    for operand in operands:
        if not isinstance(operand, ir.FromExpr):
            yield operand
            continue
        stack = [] if operand.index in seen else [operand.index]
        seen.add(operand.index)
        while stack:
            for each in expr_operands(table[stack.pop()]):
                if not isinstance(each, ir.FromExpr):
                    yield each
                elif each.index not in seen:
                    seen.add(each.index)
                    stack.append(each.index)


def producers(table: tuple[ir.Expr, ...], operands: Iterable[ir.Operand]) -> dict[str, None]:
    """Names of the nodes whose outputs are used in operands, in order."""
    return {each.task: None for each in leaves(table, operands) if isinstance(each, ir.FromTask)}


def upstream(graph: ir.Graph, node: ir.Node) -> dict[str, None]:
    """Names of a node's upstream nodes, in order: those in ``after``, then producers.

    >>> list(upstream(ir.Graph(), ir.Task("c", "do", (("x", ir.FromTask("a", "y")),), after=("b",))))
    ['b', 'a']
    """
    found: dict[str, None] = dict.fromkeys(node.after) if node.after else {}
    for operand in node_operands(node):
        if type(operand) is ir.FromTask:
            found[operand.task] = None
        elif type(operand) is ir.FromExpr:
            found.update(producers(graph.exprs, (operand,)))
    if node.is_group:
        found.update(dict.fromkeys(name for last in node.exits() for name in last.after))
    return found


# ---------------------------------------------------------------------------------------------- other operands


def map_args(args: ir.Args, new: Mapping[ir.Operand, ir.Operand]) -> ir.Args:
    """Replace operands in arguments.

    >>> map_args((), {})
    ()
    """
    for _, value in args:
        if value in new:
            return tuple([(name, new.get(value, value)) for name, value in args])
    return args


def map_options(options: ir.Options, new: Mapping[ir.Operand, ir.Operand]) -> ir.Options:
    """Replace operands in task options."""
    changes: dict[str, ir.Operand] = {}
    for name in OPERANDS:
        value = getattr(options, name)
        if value is not None and value in new:
            changes[name] = new[value]
    env = map_args(options.env, new)
    if env is options.env and not changes:
        return options
    return replace(options, env=env, **changes)


def map_node(
    node: ir.Node, new: Mapping[ir.Operand, ir.Operand], regions: tuple[ir.Region, ...] | None = None
) -> ir.Node:
    """Replace a node's operands in its own graph; ``regions`` are set unchanged."""
    if isinstance(node, (ir.Task, ir.Call)):
        return _map_call(node, new)
    fields: dict[str, ir.Operand] = {}
    for name in node.operand_fields:
        value: ir.Operand | None = getattr(node, name)
        if value is not None and value in new:
            fields[name] = new[value]
    if fields:
        node = replace(node, **fields)
    if regions is None:
        regions = tuple([map_region(region, new) for region in node.regions()])
    exits = tuple([_map_call(last, new) for last in node.exits()])
    same = all(map(is_, regions, node.regions())) and all(map(is_, exits, node.exits()))
    return node if same and len(regions) == len(node.regions()) else node.with_regions(regions, exits)


def map_region(region: ir.Region, new: Mapping[ir.Operand, ir.Operand]) -> ir.Region:
    """Replace operands in a region's condition and arguments."""
    args = map_args(region.args, new)
    condition = None if region.condition is None else new.get(region.condition, region.condition)
    if args is region.args and condition is region.condition:
        return region
    return replace(region, condition=condition, args=args)


def _map_call(node: _Call, new: Mapping[ir.Operand, ir.Operand]) -> _Call:
    args = map_args(node.args, new)
    options = node.options if node.options is ir.DEFAULT_OPTIONS else map_options(node.options, new)
    if args is node.args and options is node.options:
        return node
    return replace(node, args=args, options=options)
