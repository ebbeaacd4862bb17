"""Tasks that run whatever the upstream result, and tasks that may fail without failing the workflow."""

from __future__ import annotations

from typedpipe.compiler.argo.scope import GraphLowering
from typedpipe.compiler.argo.templates import Dag, DagTask, Input, Output
from typedpipe.compiler.argo.values import path_expr
from typedpipe.compiler.pod import wire_key
from typedpipe.ir import nodes as ir
from typedpipe.ir.taskspec import port_key
from typedpipe.types.values import safe


def guard(scope: GraphLowering, node: ir.Node, task: DagTask) -> DagTask:
    """Guard a task in a graph where some task runs whatever the result of its upstream tasks."""
    tried = [scope.values.path(dep, "tp-status") for dep in scope.deps[node.name] if dep in scope.tried]
    ignores = isinstance(node, (ir.Task, ir.Call)) and node.options.ignore_upstream_failure
    ok = " && ".join(f'{path_expr(path)} == "Succeeded"' for path in tried)
    task.strict = True
    if ignores:
        task.arguments = [(key, _or_default(scope, node, key, text)) for key, text in task.arguments]
    elif ok and node.name not in scope.tried:
        task.when = "{{=" + ok + "}}"
    return _try(scope, node, task, ok if not ignores else "") if node.name in scope.tried else task


def _or_default(scope: GraphLowering, node: ir.Node, key: str, text: str) -> str:
    """Fall back to the input's default if no value arrives."""
    if isinstance(node, ir.Task):
        ports = scope.lowering.known(node.component).component.inputs
    else:
        assert isinstance(node, ir.Call)
        ports = scope.lowering.pipeline.pipelines[node.pipeline].inputs
    for port in ports:
        if (
            port.default is not None
            and key == port_key(port.name)
            and port.default.text != "null"
            and ("{{tasks." in text or isinstance(dict(node.args).get(port.name), ir.FromTask))
        ):
            return f'{{"$tp":["default",{text},{safe(port.default.text)}]}}'
    return text


def _try(scope: GraphLowering, node: ir.Node, task: DagTask, ok: str) -> DagTask:
    """A DAG that succeeds whatever the result of its one task, and outputs that result."""
    dag = Dag(scope.lowering.names.give(f"try-{task.name}"))
    hook = [(f"tp-exit-{key}", text) for key, text in task.exit[1] if "workflow.name" not in text] if task.exit else []
    given = [*task.arguments, *hook]
    inner = DagTask(task.name, task.template, go_on=True)
    inner.arguments = [(key, f"{{{{inputs.parameters.{key}}}}}") for key, _ in task.arguments]
    if task.exit:
        moved = [
            (key, text if "workflow.name" in text else f"{{{{inputs.parameters.tp-exit-{key}}}}}")
            for key, text in task.exit[1]
        ]
        inner.exit = (task.exit[0], moved)
    if ok:
        given.append(("tp-ok", "{{=" + ok + "}}"))
        inner.when = '{{=inputs.parameters["tp-ok"] == "true"}}'
    dag.inputs = [Input(key) for key, _ in given]
    dag.tasks.append(inner)
    for output, type_ in scope.lowering.ports.outputs(node).items():
        key = wire_key(output, type_)
        dag.outputs.append(Output(key, path=f"tasks.{task.name}.outputs.parameters.{key}"))
    dag.outputs.append(Output("tp-status", expression=f'tasks["{task.name}"].status'))
    scope.lowering.templates[dag.name] = dag
    return DagTask(task.name, dag.name, given, strict=True)
