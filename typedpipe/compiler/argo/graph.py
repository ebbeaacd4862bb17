"""Lowering of a graph to a DAG template: one line per task, one DAG per group, and parts if it has too many tasks."""

from __future__ import annotations

from typedpipe.compiler.argo.failures import guard, when
from typedpipe.compiler.argo.groups import branch, exit_handler, loop
from typedpipe.compiler.argo.messages import EXIT, NOWHERE
from typedpipe.compiler.argo.nodes import call_node, importer_node, leaf_task
from typedpipe.compiler.argo.parts import Parts
from typedpipe.compiler.argo.read.expressions import Unsupported
from typedpipe.compiler.argo.read.late import late_settings
from typedpipe.compiler.argo.scope import GraphLowering, Lowered
from typedpipe.compiler.argo.shapes import ArtifactLocation
from typedpipe.compiler.argo.split import LIMIT, partition
from typedpipe.compiler.argo.templates import DagTask, Input, Output
from typedpipe.compiler.argo.values import expression
from typedpipe.compiler.pod import default_text, wire_key
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import decisions, producers
from typedpipe.types.model import is_artifact


def lower(scope: GraphLowering, boxed: bool = False) -> Lowered:
    """Template of this graph; ``boxed`` for the body of a loop."""
    for port in scope.graph.inputs:
        scope.dag.inputs.append(Input(wire_key(port.name, port.type), default_text(port)))
    scope.dag.inputs += [Input(key) for key in scope.lowering.asks.inputs.get(id(scope.graph), ())]
    if scope.place.called:
        scope.dag.inputs.append(Input(EXIT, NOWHERE))
    run(scope)
    shapes = outputs(scope, boxed)
    scope.lowering.templates[scope.dag.name] = scope.dag
    for answer, source in scope.lowering.asks.outputs.get(id(scope.graph), ()):
        scope.dag.outputs.append(Output(answer, path=scope.values.path(source.task, source.key)))
    held = frozenset(output.name for output in scope.graph.outputs if boxed and scope.boxes(output))
    return Lowered(scope.dag.name, shapes, held)


def run(scope: GraphLowering) -> None:
    """Create the tasks of all nodes, in the DAG or in its parts."""
    _wire_up(scope)
    if len(scope.deps) > LIMIT:
        Parts(scope, partition(scope.deps), lower_node).lower()
        return
    for node in scope.graph.nodes:
        task = lower_node(scope, node)
        if task is not None:
            scope.dag.tasks.append(task)
    if not scope.dag.tasks:
        scope.dag.tasks.append(scope.lowering.nothing())


def _wire_up(scope: GraphLowering) -> None:
    """Assign names and dependencies to the tasks."""
    names = scope.values.task_names
    memo: dict[int, dict[str, None]] = {}
    ignoring = False
    for node in scope.graph.nodes:
        names[node.name] = scope.task_names.give(node.name)
    for node in scope.graph.nodes:
        deps: dict[str, None] = {}
        for operand in operands(node):
            if type(operand) is ir.FromTask:
                deps[operand.task] = None
            elif type(operand) is ir.FromExpr:
                if operand.index not in memo:
                    memo[operand.index] = producers(scope.graph.exprs, [operand])
                deps.update(memo[operand.index])
        deps.update(dict.fromkeys(node.after))
        found = scope.with_tasks(list(deps))
        if isinstance(node, ir.Importer):
            scope.imported[node.name] = found
        else:
            scope.deps[node.name] = found
        ignoring = ignoring or (isinstance(node, (ir.Task, ir.Call)) and node.options.ignore_upstream_failure)
    if ignoring:
        _find_tried(scope)


def _find_tried(scope: GraphLowering) -> None:
    """Find upstream nodes of tasks that run whatever the upstream result: none of them may fail the workflow."""
    stack = [
        name
        for node in scope.graph.nodes
        if isinstance(node, (ir.Task, ir.Call)) and node.options.ignore_upstream_failure
        for name in scope.deps[node.name]
    ]
    while stack:
        name = stack.pop()
        if name not in scope.tried:
            scope.tried.add(name)
            stack += scope.deps[name]


def outputs(scope: GraphLowering, boxed: bool = False) -> dict[str, ArtifactLocation]:
    """Outputs of the DAG."""
    shapes: dict[str, ArtifactLocation] = {}
    for output in scope.graph.outputs:
        artifact = is_artifact(output.type)
        if artifact:
            shapes[output.name] = scope.values.shape(output.value)
        key = wire_key(output.name, output.type)
        pieces = scope.values.pieces(output.value)
        if boxed and scope.boxes(output):
            scope.dag.outputs.append(Output(key, expression=f"toJson({expression(pieces)})"))
        elif len(pieces) == 1 and pieces[0][0] == "path" and pieces[0][1].startswith("tasks."):
            scope.dag.outputs.append(Output(key, path=pieces[0][1]))
        else:
            scope.dag.outputs.append(Output(key, expression=expression(pieces)))
    return shapes


def lower_node(scope: GraphLowering, node: ir.Node) -> DagTask | None:
    """The task of one node; None for an importer, whose descriptor is written at its consumers."""
    try:
        if isinstance(node, ir.Task):
            task = scope.plain_task(node) or leaf_task(scope, node, boxed=False)
        elif isinstance(node, ir.Call):
            task = call_node(scope, node)
        elif isinstance(node, ir.Importer):
            importer_node(scope, node)
            return None
        elif isinstance(node, ir.Branch):
            task = branch(scope, node)
        elif isinstance(node, ir.Loop):
            task = loop(scope, node)
        else:
            task = exit_handler(scope, node)
    except Unsupported as error:
        _cannot(scope, error, node)
        if isinstance(node, ir.Importer):
            return None
        task = DagTask(scope.values.task_names[node.name], "none")
    names = scope.values.task_names
    task.depends = [names[dep] for dep in scope.deps[node.name]]
    guards = scope.guards(node)
    if guards:
        task.when = when("", guards)
    return guard(scope, node, task) if scope.tried else task


def _cannot(scope: GraphLowering, error: Unsupported, node: ir.Node) -> None:
    """Report a value that the controller cannot compute."""
    scope.lowering.report.error(
        "TP402",
        f"Argo cannot compute a value that is passed to `{node.name}`",
        error.span or node.span,
        error.reason,
        help="create the value in a component, and use its output",
    )


def operands(node: ir.Node) -> list[ir.Operand]:
    """Operands that a node's task in the DAG uses: all but constant and unsupported options."""
    if isinstance(node, (ir.Task, ir.Call)):
        out = [operand for _, operand in node.args]
        if isinstance(node, ir.Task) and node.options is not ir.DEFAULT_OPTIONS:
            out.extend(late.operand for late in late_settings(node.options, is_container=True))
        return out
    out = decisions(node)
    if node.is_group:
        for region in node.regions():
            out.extend([operand for _, operand in region.args])
        for last in node.exits():
            out.extend(operands(last))
    return out
