"""Construction of IR from handles: traced graph builders become frozen nodes, with all spans resolved at once."""

from __future__ import annotations

from typing import Any

from typedpipe.diagnostics.model import NOWHERE, Span
from typedpipe.diagnostics.source import resolve_spans
from typedpipe.dsl.nodes.groups import Chain, ExitHandler, ParallelFor
from typedpipe.dsl.nodes.importer import ImporterTask
from typedpipe.dsl.nodes.task import Task
from typedpipe.dsl.tracing import GraphBuilder, Site, Trace, error
from typedpipe.ir import nodes as ir


class Spans:
    """Spans of a trace's sites. Resolving them one by one would be quadratic: all are resolved together."""

    def __init__(self, trace: Trace) -> None:
        sites: dict[Site, None] = {}
        stack = [trace.root]
        while stack:
            builder = stack.pop()
            for node in builder.nodes:
                for site, body in _sites(node):
                    if site is not None:
                        sites[site] = None
                    if body is not None:
                        stack.append(body)
            for site in builder.expr_sites:
                if site is not None:
                    sites[site] = None
        keys = list(sites)
        self._found = dict(zip(keys, resolve_spans(keys), strict=True))

    def of(self, site: Site | None) -> Span:
        return self._found.get(site, NOWHERE) if site is not None else NOWHERE


def _sites(node: Any) -> list[tuple[Site | None, GraphBuilder | None]]:
    if isinstance(node, Chain):
        return [(node.site, None), *((site, builder) for _, builder, site in node.arms)]
    if isinstance(node, ExitHandler):
        exit_site = node._exit._site if node._exit is not None else None
        return [(node._site, node._builder), (exit_site, None)]
    if isinstance(node, ParallelFor):
        return [(node._site, node._builder)]
    return [(node._site, None)]


def graph_of(
    trace: Trace, inputs: tuple[ir.InputPort, ...], outputs: list[tuple[str, ir.Operand, Any, Site | None]]
) -> ir.Graph:
    """The traced graph of a pipeline."""
    nodes = _prepare(trace)
    spans = Spans(trace)
    made = tuple(
        ir.GraphOutput(name, value, type_, spans.of(site) if site in spans._found else _span(site))
        for name, value, type_, site in outputs
    )
    return _graph(trace.root, spans, nodes, inputs, made)


def _span(site: Site | None) -> Span:
    return resolve_spans([site])[0] if site is not None else NOWHERE


def _prepare(trace: Trace) -> dict[int, ir.Options]:
    """Build options first: a pipeline value set on a task becomes an expression of the task's own graph."""
    options: dict[int, ir.Options] = {}
    stack = [trace.root]
    while stack:
        builder = stack.pop()
        for node in builder.nodes:
            tasks = [node]
            if isinstance(node, ExitHandler):
                tasks = [node._exit]
            for task in tasks:
                if isinstance(task, Task) and task._settings is not None:
                    options[id(task)] = task._options()
            stack.extend(body for _, body in _sites(node) if body is not None)
    return options


def _graph(
    builder: GraphBuilder,
    spans: Spans,
    options: dict[int, ir.Options],
    inputs: tuple[ir.InputPort, ...] = (),
    outputs: tuple[ir.GraphOutput, ...] = (),
) -> ir.Graph:
    nodes: list[ir.Node] = []
    for node in builder.nodes:
        if isinstance(node, Task) and node._callee is not None and node._callee.status and not node._trace.aborted:
            _no_status(node, spans)
        made = _task(node, spans, options) if isinstance(node, Task) else _group(node, spans, options)
        if made is not None:
            nodes.append(made)
    return ir.Graph(inputs, tuple(nodes), outputs, tuple(builder.exprs), tuple(map(spans.of, builder.expr_sites)))


def _no_status(task: Task[Any], spans: Spans) -> None:
    callee = task._callee
    assert callee is not None
    error(
        "TP168",
        f"`{callee.name}` takes a final status as `{callee.status}`, so it cannot be called as an ordinary task",
        spans.of(task._site),
        others=callee.declared(),
        help=f"use it as an exit task: `with dsl.ExitHandler({callee.name}(...)):`",
    )


def _task(task: Task[Any], spans: Spans, options: dict[int, ir.Options]) -> ir.Task | ir.Call | ir.Importer | None:
    span = spans.of(task._site)
    after = tuple(dict.fromkeys(task._after)) if task._after else ()
    if isinstance(task, ImporterTask):
        return ir.Importer(task._name, task._uri, task._type, task._metadata, task._reimport, after, span)
    callee = task._callee
    if callee is None:
        return None
    settings = options.get(id(task), ir.DEFAULT_OPTIONS)
    kind = ir.Call if callee.is_pipeline else ir.Task
    return kind(task._name, callee.key, task._args, after, settings, span)


def _group(node: Any, spans: Spans, options: dict[int, ir.Options]) -> ir.Node | None:
    if isinstance(node, Chain):
        arms = tuple(
            ir.Arm(condition, _graph(builder, spans, options), (), spans.of(site))
            for condition, builder, site in node.arms
        )
        return ir.Branch(node.name, arms, (), spans.of(node.site))
    body = _graph(node._builder, spans, options)
    span = spans.of(node._site)
    if isinstance(node, ParallelFor):
        items = node._operand if node._operand is not None else ir.Const("[]", node._item_type)
        return ir.Loop(node._name, items, "item", node._item_type, body, node._parallelism, (), (), span)
    exit_task = _task(node._exit, spans, options) if node._exit is not None else None
    if exit_task is None or isinstance(exit_task, ir.Importer):
        return None
    return ir.ExitHandler(node._name, body, exit_task, (), (), span)
