"""Tasks that run whatever the upstream result, and tasks that may fail without failing the workflow."""

from __future__ import annotations

import re
from collections.abc import Iterable

from typedpipe.compiler.argo.scope import GraphLowering
from typedpipe.compiler.argo.templates import Arguments, Dag, DagTask, Exit, Input, Output, string, tag
from typedpipe.compiler.argo.values import Piece, expression, path_expr
from typedpipe.compiler.pod import default_text, wire_key
from typedpipe.ir import nodes as ir


def guard(scope: GraphLowering, node: ir.Node, task: DagTask) -> DagTask:
    """Guard a task in a graph where some task runs whatever the result of its upstream tasks."""
    ignoring = node if isinstance(node, (ir.Task, ir.Call)) and node.options.ignore_upstream_failure else None
    ok = "" if ignoring else _all_succeeded(scope, scope.deps[node.name])
    task.strict = True
    if ignoring:
        task.arguments = _with_defaults(scope, ignoring, task.arguments)
    elif ok:
        task.arguments = _if_ok(task.arguments, ok)
        if task.exit:
            task.exit.arguments = _if_ok(task.exit.arguments, ok)
        task.when = when(ok, scope.guards(node))
    return _try(scope, node, task) if node.name in scope.tried else task


def when(ok: str, answers: list[str]) -> str:
    """Condition of a task: ``ok``, an expression, and answers that are ``true``, by their paths. "" if there is none.

    Without expression around it, the text of an error is an error of the task, not just another text.

    >>> when("", ["tasks.a.outputs.parameters.tp-e1"])
    '{{tasks.a.outputs.parameters.tp-e1}}'
    """
    if not ok:
        return " && ".join(f"{{{{{path}}}}}" for path in answers)
    if not answers:
        return tag(ok)
    found = ' + " && " + '.join(map(path_expr, answers))
    return tag(f'{ok} ? {found} : "false"')


_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def _if_ok(arguments: Arguments, ok: str) -> Arguments:
    """Arguments of a task that does not run unless ``ok`` holds: Argo evaluates them before it looks whether it runs."""
    return [
        (key, _TAG.sub(lambda tag: _tag_if_ok(tag[1], ok), text) if "{{=" in text else text) for key, text in arguments
    ]


def _tag_if_ok(content: str, ok: str) -> str:
    return tag(f'{ok} ? ({content[1:]}) : "null"') if content.startswith("=") else f"{{{{{content}}}}}"


def _with_defaults(scope: GraphLowering, node: ir.Task | ir.Call, arguments: Arguments) -> Arguments:
    """Arguments of a task that ignores failures: the default of an input unless all tasks that make its value succeeded."""
    ports = {wire_key(port.name, port.type): port for port in scope.lowering.ports.inputs(node).values()}
    operands = dict(node.args)
    given = dict(arguments)
    for key, text in arguments:
        port = ports.get(key)
        ok = _all_succeeded(scope, scope.sources(operands[port.name])) if port else ""
        if port and ok:
            given[key] = tag(f"{ok} ? ({expression(_pieces(text))}) : {string(default_text(port) or 'null')}")
    return list(given.items())


def _all_succeeded(scope: GraphLowering, names: Iterable[str]) -> str:
    """Condition that none of these tasks failed; "" if none of them can."""
    paths = [scope.values.path(name, "tp-status") for name in names if name in scope.tried]
    return " && ".join(f'{path_expr(path)} == "Succeeded"' for path in paths)


def _pieces(text: str) -> list[Piece]:
    """The pieces that a text with tags was made of."""
    out: list[Piece] = []
    for i, part in enumerate(_TAG.split(text)):
        if i % 2 == 0:
            out += [("text", part)] if part else []
        else:
            out.append(("expr", part[1:]) if part.startswith("=") else ("path", part))
    return out


def _try(scope: GraphLowering, node: ir.Node, task: DagTask) -> DagTask:
    """A DAG that succeeds whatever the result of its one task, and outputs that result."""
    dag = Dag(scope.lowering.names.give(f"try-{task.name}"))
    given = [*task.arguments]
    inner = DagTask(task.name, task.template, go_on=True)
    inner.arguments = [(key, f"{{{{inputs.parameters.{key}}}}}") for key, _ in task.arguments]
    if task.exit:
        given += [(f"tp-exit-{key}", text) for key, text in task.exit.arguments]
        passed = [(key, f"{{{{inputs.parameters.tp-exit-{key}}}}}") for key, _ in task.exit.arguments]
        inner.exit = Exit(task.exit.template, passed, task.exit.status)
    if task.when:
        given.append(("tp-ok", task.when))
        inner.when = "{{inputs.parameters.tp-ok}}"
    dag.inputs = [Input(key) for key, _ in given]
    dag.tasks.append(inner)
    for output, type_ in scope.lowering.ports.outputs(node).items():
        key = wire_key(output, type_)
        dag.outputs.append(Output(key, path=f"tasks.{task.name}.outputs.parameters.{key}"))
    for key in scope.lowering.asks.keys(scope.graph, node):
        dag.outputs.append(Output(key, path=f"tasks.{task.name}.outputs.parameters.{key}", default=""))
    dag.outputs.append(Output("tp-status", expression=f'tasks["{task.name}"].status'))
    scope.lowering.templates[dag.name] = dag
    return DagTask(task.name, dag.name, given, task.depends, strict=True)
