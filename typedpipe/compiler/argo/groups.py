"""Lowering of groups to DAGs: branches, loops and exit handlers."""

from __future__ import annotations

import json
from dataclasses import replace

from typedpipe.compiler.argo.messages import arm_name, errors, join
from typedpipe.compiler.argo.nodes import call_node, leaf_task
from typedpipe.compiler.argo.read.asks import Known
from typedpipe.compiler.argo.read.expressions import Unsupported, item_wire, items
from typedpipe.compiler.argo.scope import ArtifactPrefix, GraphLowering, Lowered
from typedpipe.compiler.argo.shapes import KEY, collected, entry, one_of
from typedpipe.compiler.argo.templates import Arguments, Dag, DagTask, Exit, Input, Output, tag
from typedpipe.compiler.argo.values import path_expr
from typedpipe.compiler.pod import kind_of, slug, wire_key
from typedpipe.ir import nodes as ir
from typedpipe.ir.taskspec import port_key
from typedpipe.runtime.task import item_code
from typedpipe.types.json_text import json_data, json_text
from typedpipe.types.model import is_artifact
from typedpipe.types.values import safe


def branch(scope: GraphLowering, node: ir.Branch) -> DagTask:
    """Lower If, Elif, Else to a DAG whose tasks are the branches; its outputs are those of the branch that ran."""
    name = scope.values.task_names[node.name]
    dag = Dag(scope.lowering.names.give(node.name))
    path = scope.place.path
    place = replace(
        scope.place, path=path if scope.place.shared or not path else f"{path}/{slug(node.name)}", shared=True
    )
    given: Arguments = []
    earlier: list[str] = []
    arms: list[tuple[str, ir.Graph, Lowered]] = []
    answer = scope.lowering.asks.arms.get((id(scope.graph), node.name))
    if answer is not None:
        given.append(("tp-arm", scope.answer(answer)))
    for i, arm in enumerate(node.arms):
        label = f"arm-{i + 1}"
        when = [f'inputs.parameters["tp-if-{j + 1}"] != "true"' for j in range(len(earlier))]
        if answer is None and arm.condition is not None:
            given.append((f"tp-if-{i + 1}", scope.condition(arm.condition)))
            earlier.append(f"tp-if-{i + 1}")
            when.append(f'inputs.parameters["tp-if-{i + 1}"] == "true"')
        here = None if place.told is None else join(place.told, arm_name(name, i + 1))
        lowered = scope.body(arm.body, f"{node.name}-{i + 1}", arm.args, replace(place, shapes={}, told=here))
        task = DagTask(label, lowered.name)
        for key, text in scope.arguments(node, arm.body, arm.args, i):
            task.arguments.append((key, f"{{{{inputs.parameters.{_bind(given, key, text)}}}}}"))
        if answer is not None:
            # not as an expression: the text of an error is an error here, and never just another number
            task.when = f"{{{{inputs.parameters.tp-arm}}}} == {0 if arm.condition is None else i + 1}"
        else:
            task.when = "{{=" + " && ".join(when) + "}}" if when else ""
        dag.tasks.append(task)
        arms.append((label, arm.body, lowered))
    dag.inputs = [Input(key) for key, _ in given]
    _branch_outputs(scope, node, dag, arms)
    scope.lowering.templates[dag.name] = dag
    return DagTask(name, dag.name, given)


def _bind(given: Arguments, key: str, text: str) -> str:
    """Input of a wrapper that carries a text: one per distinct text."""
    name, count = key, 1
    known = dict(given)
    while known.get(name, text) != text:
        count += 1
        name = f"{key}-{count}"
    if name not in known:
        given.append((name, text))
    return name


def _branch_outputs(scope: GraphLowering, node: ir.Branch, dag: Dag, arms: list[tuple[str, ir.Graph, Lowered]]) -> None:
    for output, type_ in scope.lowering.ports.outputs(node).items():
        key = wire_key(output, type_)
        text = '"null"'
        shapes = []
        for label, graph, lowered in reversed(arms):
            if all(each.name != output for each in graph.outputs):
                continue
            taken = f'tasks["{label}"].outputs.parameters["{key}"]'
            text = f'(tasks["{label}"].status == "Succeeded" ? {taken} : {text})'
            shapes.append(lowered.shapes.get(output, KEY))
        dag.outputs.append(Output(key, expression=text))
        if is_artifact(type_):
            shape = one_of(shapes)
            if shape is None:
                raise Unsupported(f"the branches store `{output}` in different kinds of locations", node.span)
            scope.values.shapes[node.name, output] = shape


def loop(scope: GraphLowering, node: ir.Loop) -> DagTask:
    """Lower a loop to a DAG of one looped task; its outputs are the lists of the bodies' outputs."""
    values = scope.values
    path = f"{scope.place.path or '{{workflow.uid}}'}/{slug(node.name)}"
    dag = Dag(scope.lowering.names.give(node.name), parallelism=node.parallelism)
    item = {node.item: entry(values.shape(node.items))} if is_artifact(node.item_type) else {}
    lowered = scope.body(
        node.body, f"{node.name}-body", node.args, ArtifactPrefix(path, shapes=item, told=None), boxed=True
    )
    given = scope.arguments(node, node.body, node.args)
    task = DagTask("body", lowered.name, [(key, f"{{{{inputs.parameters.{key}}}}}") for key, _ in given])
    task.arguments += scope.of_item(node)
    place = (id(scope.graph), node.name)
    answer = scope.lowering.asks.items.get(place)
    if any(port.name == node.item for port in node.body.inputs):
        read = is_artifact(node.item_type) or node.item in scope.lowering.demand.inputs(node.body)
        path = "item.v" if place in scope.lowering.asks.records else "item"
        text = _item(path, kind_of(node.item_type), read, coded=answer is not None or isinstance(node.items, ir.Const))
        task.arguments.append((wire_key(node.item, node.item_type), text))
    if isinstance(answer, Known):
        task.with_param = answer.text
    elif answer is not None:
        given.insert(0, ("tp-items", scope.answer(answer)))
        task.with_param = "{{inputs.parameters.tp-items}}"
    elif isinstance(node.items, ir.Const):
        codes = [item_code(safe(json_text(each, separators=(",", ":")))) for each in json_data(node.items.text)]
        task.with_param = safe(json.dumps(codes))
    else:
        given.insert(0, ("tp-items", scope.argument(node.items, plain=True)))
        looped = scope.lowering.demand.looped(scope.graph, node.items)
        task.with_param = items(kind_of(node.item_type), looped=looped)
    dag.inputs = [Input(key) for key, _ in given]
    dag.tasks.append(task)
    _loop_outputs(scope, node, dag, lowered)
    scope.lowering.templates[dag.name] = dag
    return DagTask(values.task_names[node.name], dag.name, given)


def _item(path: str, kind: str, read: bool, *, coded: bool) -> str:
    """The argument for the item of a loop: its text, where that is its code, or how the reader decodes the code."""
    if kind in ("int", "bool") or (kind == "float" and not coded):
        return f"{{{{{path}}}}}"
    return tag(item_wire(path)) if read else f'{{"\\u0024tp":["item","{{{{{path}}}}}"]}}'


def _loop_outputs(scope: GraphLowering, node: ir.Loop, dag: Dag, lowered: Lowered) -> None:
    for output in node.body.outputs:
        artifact = is_artifact(output.type)
        key = wire_key(output.name, output.type)
        form = "boxed" if output.name in lowered.boxed else "collected"
        taken = path_expr(f"tasks.body.outputs.parameters.{key}")
        text = f'{taken} == "null" ? "[]" : "{{\\"\\u0024tp\\":[\\"{form}\\"," + {taken} + "]}}"'
        dag.outputs.append(Output(key, expression=text, default="[]"))
        if artifact:
            shape = collected(lowered.shapes.get(output.name, KEY))
            if shape is None:
                reason = f"`{output.name}` is not created in the loop, so its entries are not in one directory"
                raise Unsupported(reason, output.span if output.span.file else node.span)
            scope.values.shapes[node.name, output.name] = shape
    for key in scope.lowering.asks.keys(scope.graph, node):
        taken = path_expr(f"tasks.body.outputs.parameters.{key}")
        dag.outputs.append(Output(key, expression=f'{taken} == "null" ? "[]" : {taken}', default="[]"))


def exit_handler(scope: GraphLowering, node: ir.ExitHandler) -> DagTask:
    """Lower an exit handler to a DAG with an exit hook on its task."""
    name = scope.values.task_names[node.name]
    place = scope.place
    here = None if place.told is None else join(place.told, name)
    lowered = scope.body(node.body, node.name, node.args, replace(place, shapes={}, told=here, inside=True))
    scope.took(node.name, lowered)
    said = "[]" if here is None else errors(scope.lowering.pipeline, node.body, here, place.called)
    ran = f'tasks["{name}"].status == "Succeeded"'
    state, message = (
        tag(f'{ran} ? "{good}" : "{bad}"') for good, bad in (("SUCCEEDED", "FAILED"), ("", f"{name} failed"))
    )
    status = (
        f'{{"state":"{state}","error_message":"{message}","errors":{said},"pipeline_job_resource_name":"{{{{workflow.name}}}}",'
        f'"pipeline_task_name":{safe(json.dumps(node.name))}}}'
    )
    last = node.exit
    scope.values.task_names.setdefault(last.name, scope.task_names.give(last.name))
    if isinstance(last, ir.Call):
        graph = scope.lowering.pipeline.pipelines[last.pipeline]
        task = call_node(scope, last)
        ports = graph.inputs
    else:
        task = scope.plain_task(last) or leaf_task(scope, last, boxed=False)
        ports = scope.lowering.known(last.component).component.inputs
    told = [
        (port_key(port.name), status)
        for port in ports
        if port.how == "status" or type(port.type).__name__ == "StatusType"
    ]
    given = [(key, text) for key, text in task.arguments if key not in dict(told)]
    after = Exit(task.template, given, told)
    return DagTask(name, lowered.name, scope.arguments(node, node.body, node.args), exit=after)
