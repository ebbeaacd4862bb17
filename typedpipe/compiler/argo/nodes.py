"""Lowering of nodes other than groups to DAG tasks: calls of components and pipelines, and importers."""

from __future__ import annotations

import json
from dataclasses import replace

from typedpipe.compiler.argo.container import NOT_HASHED, asked, from_raw
from typedpipe.compiler.argo.leaf import Variant
from typedpipe.compiler.argo.messages import EXIT, NOWHERE
from typedpipe.compiler.argo.read.asks import ASK, GIVEN, answer_key
from typedpipe.compiler.argo.read.expressions import list_text
from typedpipe.compiler.argo.read.late import ENV, METADATA, URI, LateValue, late_settings
from typedpipe.compiler.argo.scope import GraphLowering
from typedpipe.compiler.argo.shapes import KEY, ArtifactLocation, of_uri
from typedpipe.compiler.argo.templates import Arguments, Dag, DagTask, Data, Input, Leaf, Output, esc, tag
from typedpipe.compiler.argo.values import Piece, path_expr, tagged
from typedpipe.compiler.pod import default_text, digest, kind_of, slug, wire_key
from typedpipe.diagnostics.model import Diagnostic, Label
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import map_options
from typedpipe.ir.taskspec import port_key
from typedpipe.types.json_text import json_data
from typedpipe.types.model import ListType, Type, is_artifact, without_none
from typedpipe.types.values import safe

CACHE_DAYS = 30


def call_node(scope: GraphLowering, node: ir.Call) -> DagTask:
    """Lower a call of a pipeline."""
    graph = scope.lowering.pipeline.pipelines[node.pipeline]
    shapes = scope.input_shapes(graph, node.args)
    lowered = scope.lowering.call(node.pipeline, shapes, scope.place.path)
    scope.took(node.name, lowered)
    given = [*scope.arguments(node, graph, node.args), *scope.told(node)]
    return DagTask(scope.values.task_names[node.name], lowered.name, given)


def importer_node(scope: GraphLowering, node: ir.Importer) -> None:
    """Write the descriptor of an existing artifact where it is used."""
    type_ = node.type
    head = json.dumps({"type": type_.title, "version": type_.version, "name": node.name}, separators=(",", ":"))
    scope.late_value(node, URI, node.uri)  # an error is the importer's, not that of the tasks that read the artifact
    if node.metadata is not None and scope.lowering.reads_metadata:
        scope.check_assembled(node, METADATA, node.metadata)

    def pieces() -> list[Piece]:
        metadata = scope.metadata(node, METADATA, node.metadata) if node.metadata is not None else [("text", "{}")]
        return [
            ("text", safe(head[:-1]) + ',"metadata":'),
            *metadata,
            ("text", ',"uri":'),
            *scope.late_value(node, URI, node.uri),
            ("text", f',"digest":"{NOT_HASHED}","size":0,"key":""}}'),
        ]

    scope.values.made[node.name, "artifact"] = pieces
    scope.values.shapes[node.name, "artifact"] = of_uri(_start(scope, node.uri))


def _start(scope: GraphLowering, uri: ir.Operand) -> str | None:
    """The URI, or the text with which it starts; None if it is known only when the pipeline runs."""
    if isinstance(uri, ir.Const):
        return str(json_data(uri.text))
    expr = scope.graph.exprs[uri.index] if isinstance(uri, ir.FromExpr) else None
    first = expr.parts[0] if isinstance(expr, ir.Format) and expr.parts else None
    return first if isinstance(first, str) else None


def _raw_output(scope: GraphLowering, node: ir.Task, output: str, type_: Type) -> None:
    """Convert an output that a container writes as raw text to wire text at its consumers."""
    key = port_key(output)
    scope.values.made[node.name, output] = lambda: [
        ("expr", from_raw(path_expr(scope.values.path(node.name, key)), type_))
    ]


def leaf_task(scope: GraphLowering, node: ir.Task, *, boxed: bool) -> DagTask:
    """A task with settings or artifacts."""
    lowering, values = scope.lowering, scope.values
    known = lowering.known(node.component)
    component = known.component
    is_container = node.component in lowering.raw_outputs
    given: Arguments = []
    shapes: list[tuple[str, ArtifactLocation]] = []
    types = {port.name: port.type for port in component.inputs}
    for name, operand in node.args:
        key, artifact = known.keys[name]
        given.append((key, _argument(scope, node, name, operand, types[name], is_container)))
        if artifact:
            shape = values.shape(operand)
            if shape.kind == "folder":
                given.append((f"tp-at-{port_key(name)}", shape.prefix))
                shape = replace(KEY, undescribed=shape.undescribed)
            if shape != KEY:
                shapes.append((name, replace(shape, prefix="")))
    late = late_settings(node.options, is_container=is_container)
    given += [(each.key, tagged(scope.late_value(node, each.key, each.operand))) for each in late]
    kinds = tuple((each.key, _kind(scope, node, each)) for each in late)
    present = frozenset(name for name, operand in node.args if not _is_null(operand)) & asked(component)
    variant = Variant(
        _constant(node.options, late, is_container),
        tuple(sorted(shapes, key=lambda pair: pair[0])),
        boxed,
        present,
        kinds,
    )
    template = lowering.leaf(node.component, variant)
    _give(scope, node, given)
    given += [*scope.variables(node), *scope.told(node), *scope.questions(node)]
    if node.options.caching:
        template = _cached(scope, node, template)
    return DagTask(values.task_names[node.name], template, given)


def _kind(scope: GraphLowering, node: ir.Task, late: LateValue) -> str:
    asked = (id(scope.graph), node.name, late.key) in scope.lowering.asks.values
    return "str" if asked and late.form == "text" else kind_of(scope.values.type(late.operand))


def _constant(options: ir.Options, late: list[LateValue], is_container: bool) -> ir.Options:
    """The options that distinguish two templates: whichever value a setting has in the run, the template is the same."""
    if not is_container:
        constant = tuple(pair for pair in options.env if isinstance(pair[1], ir.Const))
        options = options if constant == options.env else replace(options, env=constant)
    options = map_options(options, {each.operand: ir.FromInput(each.key) for each in late})
    return replace(options, caching=None, cache_key="", ignore_upstream_failure=False)


def _is_null(operand: ir.Operand) -> bool:
    return isinstance(operand, ir.Const) and operand.text == "null"


def _argument(
    scope: GraphLowering, node: ir.Task, name: str, operand: ir.Operand, type_: Type, is_container: bool
) -> str:
    if not is_container or isinstance(operand, ir.Const) or is_artifact(type_):
        return scope.values.text(operand)
    is_asked = (id(scope.graph), node.name, name) in scope.lowering.asks.values
    if isinstance(without_none(type_), ListType) and not is_asked:
        scope.check_plain(operand)
        if isinstance(operand, ir.FromExpr):
            return tag(esc(f"toJson({scope.controller.native(operand)})"))
        return tag(list_text(scope.values.expr(operand)))
    return tagged(scope.late_value(node, name, operand))


def _give(scope: GraphLowering, node: ir.Task, given: Arguments) -> None:
    """Record the shapes of a task's artifacts, and their location if the task runs in a loop."""
    known = scope.lowering.known(node.component)
    path = scope.place.path
    is_container = node.component in scope.lowering.raw_outputs
    if path and not scope.place.shared:
        path = f"{path}/{slug(node.name)}"
    for port in known.component.outputs:
        if is_artifact(port.type):
            scope.values.shapes[node.name, port.name] = ArtifactLocation(
                "key",
                f"{path}/{port_key(port.name)}" if path else "",
                undescribed=is_container and not node.options.caching,  # a cached one may have been deleted
            )
        elif is_container:
            _raw_output(scope, node, port.name, port.type)
    if path and known.artifacts:
        given.append(("tp-path", path))


def _cached(scope: GraphLowering, node: ir.Task, template: str) -> str:
    """Wrap a memoized leaf in a DAG: memoizing the leaf itself would make a hit hang after a retry."""
    lowering = scope.lowering
    known = lowering.known(node.component)
    if scope.place.path and known.artifacts:
        lowering.report.add(_warning(node))
        return template
    leaf = lowering.templates[template]
    assert isinstance(leaf, Leaf)
    names = [key for key, _ in known.keys.values()]
    late = _late(scope, node)
    lists = [
        f"tp-at-{port_key(p.name)}"
        for p in known.component.inputs
        if is_artifact(p.type) and isinstance(without_none(p.type), ListType)
    ]
    with_default = _with_default(scope, node)
    name = lowering.cached.get((template, node.options.cache_key), "")
    if not name:
        name = lowering.cached[template, node.options.cache_key] = lowering.names.give(f"cached-{template}")
        dag = Dag(name, memoize=_memoize(scope, node, "\n".join(leaf.lines())))
        dag.inputs += [Input(known.keys[port.name][0], default_text(port)) for port in known.component.inputs]
        dag.inputs += [Input(key) for key in late] + [Input(key, "tp-absent") for key in lists]
        dag.inputs += [Input(key, "") for key in with_default]
        path = [EXIT] if node.component in lowering.told.components else []
        dag.inputs += [Input(key, NOWHERE) for key in path]
        passed = [(key, f"{{{{inputs.parameters.{key}}}}}") for key in [*names, *late, *lists, *with_default, *path]]
        dag.tasks.append(DagTask("run", template, passed))
        for port in known.component.outputs:
            key = wire_key(port.name, port.type)
            dag.outputs.append(Output(key, path=f"tasks.run.outputs.parameters.{key}"))
        for key in map(answer_key, range(1, lowering.asks.counts.get(node.component, 0) + 1)):
            dag.outputs.append(Output(key, path=f"tasks.run.outputs.parameters.{key}", default=""))
        lowering.templates[name] = dag
    return name


def _late(scope: GraphLowering, node: ir.Task) -> list[str]:
    return [each.key for each in late_settings(node.options, is_container=node.component in scope.lowering.raw_outputs)]


def _with_default(scope: GraphLowering, node: ir.Task) -> list[str]:
    """Inputs of a task that each task of its component has, because one of them needs it."""
    lowering = scope.lowering
    return [
        *([ENV] if node.component in lowering.with_variables else []),
        *([GIVEN, ASK] if node.component in lowering.asks.counts else []),
    ]


def _warning(node: ir.Task) -> Diagnostic:
    return Diagnostic(
        "TP406",
        f"`{node.name}` creates artifacts in a loop, so it is not cached on Argo",
        Label(node.span, "runs every time"),
        notes=("a cached artifact is stored under another run, where `Collected` does not find it",),
        severity="warning",
    )


def _memoize(scope: GraphLowering, node: ir.Task, body: str) -> dict[str, Data]:
    known = scope.lowering.known(node.component)
    chosen = node.options.cache_key and digest(known.component.name + "\n" + node.options.cache_key, 64)
    if chosen:
        parts = [f'"{chosen}"']
        more = [GIVEN, ASK] if node.component in scope.lowering.asks.counts else []
    else:
        parts = [f'"{digest(body, 32)}"']
        for port in known.component.inputs:
            text = f'inputs.parameters["{known.keys[port.name][0]}"]'
            single = is_artifact(port.type) and not isinstance(without_none(port.type), ListType)
            parts.append(_identity(text) if single else text)
        more = [*_late(scope, node), *_with_default(scope, node)]
    parts += [f'inputs.parameters["{name}"]' for name in more]
    key = chosen if chosen and not more else "{{=sprig.sha256sum(" + ' + "," + '.join(parts) + ")}}"
    name = "tp-cache-" + slug(scope.lowering.pipeline.name)
    return {"key": key, "maxAge": f"{CACHE_DAYS * 24}h", "cache": {"configMap": {"name": name}}}


def _identity(text: str) -> str:
    """The ``id`` of a descriptor, which the runtime writes first, or the whole text: decoding it would lose digits."""
    return f'({text} startsWith "{{\\"id\\":\\"" ? {text}[7:71] : {text})'
