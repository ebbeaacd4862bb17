"""Tasks with more to say than a line: settings, artifacts, branches, loops, exit handlers, and what may fail."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from typedpipe.compiler.argo.container import NOT_HASHED, asked
from typedpipe.compiler.argo.expressions import (
    CannotSay,
    item_text,
    item_wire,
    items,
    kind_of,
    plain_items,
    string_items,
)
from typedpipe.compiler.argo.leaf import Variant, hidden, is_boxed
from typedpipe.compiler.argo.names import digest, slug
from typedpipe.compiler.argo.shapes import KEY, Lowered, Place, Shape, collected, entry, one_of
from typedpipe.compiler.argo.templates import Arguments, Dag, DagTask, Input, Leaf, Output
from typedpipe.compiler.argo.values import companion, path_expr
from typedpipe.compiler.argo.wire import esc, safe, tag
from typedpipe.compiler.argo.yaml import Data
from typedpipe.diagnostics.model import Diagnostic, Label
from typedpipe.ir.nodes import (
    DEFAULT_OPTIONS,
    Args,
    Branch,
    Call,
    Const,
    ExitHandler,
    FromTask,
    Graph,
    Loop,
    Node,
    Operand,
    Task,
)
from typedpipe.ir.taskspec import port_key
from typedpipe.types.model import ListType, Type, is_artifact, without_none

if TYPE_CHECKING:
    from typedpipe.compiler.argo.graph import Scope

CACHE_DAYS = 30


# --------------------------------------------------------------------------------------------------------- leaves


def leaf_task(scope: Scope, node: Task, *, boxed: bool) -> DagTask:
    """A task with settings or artifacts."""
    lowering, values = scope.lowering, scope.values
    known = lowering.known(node.component)
    component = known.component
    is_container = node.component in lowering.raw_outputs
    given: Arguments = []
    shapes: list[tuple[str, Shape]] = []
    types = {port.name: port.type for port in component.inputs}
    for name, operand in node.args:
        key, artifact = known.keys[name]
        given.append((key, _argument(scope, operand, types[name], is_container)))
        if artifact:
            shape = values.shape(operand)
            if shape.kind == "folder":
                given.append((f"tp-at-{port_key(name)}", shape.prefix))
                shape = KEY
            if shape != KEY:
                shapes.append((name, replace(shape, prefix="")))
    late = hidden(node.options)
    given += [(key, scope.argument(operand, plain=True)) for key, operand in late]
    kinds = tuple((key, kind_of(values.type(operand))) for key, operand in late)
    present = frozenset(name for name, operand in node.args if not _is_null(operand)) & asked(component)
    plain = replace(node.options, caching=None, cache_key="", ignore_upstream_failure=False)
    variant = Variant(plain, tuple(sorted(shapes, key=lambda pair: pair[0])), boxed, present, kinds)
    template = lowering.leaf(node.component, variant)
    _give(scope, node, given)
    if node.options.caching:
        template = _cached(scope, node, template)
    return DagTask(values.task_names[node.name], template, given)


def _is_null(operand: Operand) -> bool:
    return isinstance(operand, Const) and operand.text == "null"


def _argument(scope: Scope, operand: Operand, type_: Type, is_container: bool) -> str:
    if not is_container or isinstance(operand, Const) or is_artifact(type_):
        return scope.values.text(operand)
    if isinstance(without_none(type_), ListType):
        return tag(esc(f"toJson({scope.controller.native(operand)})"))
    return scope.argument(operand, plain=True)


def _give(scope: Scope, node: Task, given: Arguments) -> None:
    """Note what shapes a task's artifacts have, and where they go when it runs in a loop."""
    known = scope.lowering.known(node.component)
    path = scope.place.path
    if path and not scope.place.shared:
        path = f"{path}/{slug(node.name)}"
    for port in known.component.outputs:
        if is_artifact(port.type):
            scope.values.shapes[node.name, port.name] = Shape("key", f"{path}/{port_key(port.name)}" if path else "")
        elif node.component in scope.lowering.raw_outputs:
            scope.raw_output(node, port.name, port.type)
    if path and known.artifacts:
        given.append(("tp-path", path))


def _cached(scope: Scope, node: Task, template: str) -> str:
    """A DAG around the leaf that Argo remembers: on the leaf itself a hit would hang after a retry."""
    lowering = scope.lowering
    known = lowering.known(node.component)
    if scope.place.path and known.artifacts:
        lowering.report.add(_warning(node))
        return template
    name = f"cached-{template}"
    leaf = lowering.templates[template]
    assert isinstance(leaf, Leaf)
    names = [key for key, _ in known.keys.values()]
    late = [key for key, _ in hidden(node.options)]
    lists = [
        f"tp-at-{port_key(p.name)}"
        for p in known.component.inputs
        if is_artifact(p.type) and isinstance(without_none(p.type), ListType)
    ]
    if name not in lowering.templates or node.options.cache_key:
        name = lowering.names.give(name)
        dag = Dag(name, memoize=_memoize(scope, node, "\n".join(leaf.lines)))
        optional = {port.name: port.default for port in known.component.inputs}
        for port_name, (key, artifact) in known.keys.items():
            default = optional[port_name]
            dag.inputs.append(Input(key, safe(default.text) if default is not None else "null" if artifact else None))
        dag.inputs += [Input(key) for key in late] + [Input(key, "tp-absent") for key in lists]
        passed = [(key, f"{{{{inputs.parameters.{key}}}}}") for key in [*names, *late, *lists]]
        dag.tasks.append(DagTask("run", template, passed))
        for port in known.component.outputs:
            key = companion(port.name) if is_artifact(port.type) else port_key(port.name)
            dag.outputs.append(Output(key, path=f"tasks.run.outputs.parameters.{key}"))
        lowering.templates[name] = dag
    return name


def _warning(node: Task) -> Diagnostic:
    return Diagnostic(
        "TP406",
        f"`{node.name}` creates artifacts in a loop, so it is not cached on Argo",
        Label(node.span, "runs every time"),
        notes=("a cached artifact is stored under another run, where `Collected` does not find it",),
        severity="warning",
    )


def _memoize(scope: Scope, node: Task, body: str) -> dict[str, Data]:
    known = scope.lowering.known(node.component)
    if node.options.cache_key:
        key = digest(known.component.name + "\n" + node.options.cache_key, 64)
    else:
        parts = [f'"{digest(body, 32)}"']
        for port in known.component.inputs:
            text = f'inputs.parameters["{known.keys[port.name][0]}"]'
            parts.append(
                _identity(text)
                if is_artifact(port.type) and not isinstance(without_none(port.type), ListType)
                else text
            )
        key = "{{=sprig.sha256sum(" + ' + "," + '.join(parts) + ")}}"
    name = "tp-cache-" + slug(scope.lowering.pipeline.name)
    return {"key": key, "maxAge": f"{CACHE_DAYS * 24}h", "cache": {"configMap": {"name": name, "key": "tp"}}}


def _identity(text: str) -> str:
    data = f"fromJSON({text})"
    known = f'{data}.digest in ["", "{NOT_HASHED}"] ? {data}.uri : {data}.digest'
    return f'({text} == "null" ? "null" : ({known}) + toJson({data}.metadata))'


# --------------------------------------------------------------------------------------------------------- groups


def body(scope: Scope, graph: Graph, name: str, args: Args, place: Place, *, boxed: bool = False) -> Lowered:
    """The template of a group's body; ``place`` has the shapes that no argument brings."""
    place.shapes = {**scope.input_shapes(graph, args), **place.shapes}
    return scope.inner(graph, name, place).lower(boxed)


def branch(scope: Scope, node: Branch) -> DagTask:
    """If, Elif, Else: a DAG whose tasks are the arms; its outputs are those of the arm that ran."""
    name = scope.values.task_names[node.name]
    dag = Dag(scope.lowering.names.give(node.name))
    path = scope.place.path
    place = replace(
        scope.place, path=path if scope.place.shared or not path else f"{path}/{slug(node.name)}", shared=True
    )
    given: Arguments = []
    earlier: list[str] = []
    arms: list[tuple[str, Graph, Lowered]] = []
    for i, arm in enumerate(node.arms):
        label = f"arm-{i + 1}"
        when = [f'inputs.parameters["tp-if-{j + 1}"] != "true"' for j in range(len(earlier))]
        if arm.condition is not None:
            given.append((f"tp-if-{i + 1}", scope.condition(arm.condition)))
            earlier.append(f"tp-if-{i + 1}")
            when.append(f'inputs.parameters["tp-if-{i + 1}"] == "true"')
        lowered = body(scope, arm.body, f"{node.name}-{i + 1}", arm.args, replace(place, shapes={}))
        task = DagTask(label, lowered.name)
        for key, text in scope.arguments(arm.body, arm.args):
            task.arguments.append((key, f"{{{{inputs.parameters.{_bind(given, key, text)}}}}}"))
        task.when = "{{=" + " && ".join(when) + "}}" if when else ""
        dag.tasks.append(task)
        arms.append((label, arm.body, lowered))
    dag.inputs = [Input(key) for key, _ in given]
    _branch_outputs(scope, node, dag, arms)
    scope.lowering.templates[dag.name] = dag
    return DagTask(name, dag.name, given)


def _bind(given: Arguments, key: str, text: str) -> str:
    """The input of a wrapper that carries a text: one of its own for each that differs."""
    name, count = key, 1
    known = dict(given)
    while known.get(name, text) != text:
        count += 1
        name = f"{key}-{count}"
    if name not in known:
        given.append((name, text))
    return name


def _branch_outputs(scope: Scope, node: Branch, dag: Dag, arms: list[tuple[str, Graph, Lowered]]) -> None:
    for output, type_ in scope.lowering.ports.outputs(node).items():
        key = companion(output) if is_artifact(type_) else port_key(output)
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
                raise CannotSay(f"the branches store `{output}` in different kinds of locations", node.span)
            scope.values.shapes[node.name, output] = shape


def loop(scope: Scope, node: Loop) -> DagTask:
    """A DAG of one looped task; its outputs are the lists of what the bodies gave."""
    values = scope.values
    path = f"{scope.place.path or '{{workflow.uid}}'}/{slug(node.name)}"
    dag = Dag(scope.lowering.names.give(node.name), parallelism=node.parallelism)
    item = {node.item: entry(values.shape(node.items))} if is_artifact(node.item_type) else {}
    lowered = body(scope, node.body, f"{node.name}-body", node.args, Place(path, shapes=item), boxed=True)
    given = scope.arguments(node.body, node.args)
    kind = kind_of(node.item_type)
    simple = kind in ("int", "float", "bool")
    task = DagTask("body", lowered.name, [(key, f"{{{{inputs.parameters.{key}}}}}") for key, _ in given])
    if any(port.name == node.item for port in node.body.inputs):
        key = companion(node.item) if is_artifact(node.item_type) else port_key(node.item)
        task.arguments.append((key, "{{item}}" if simple else tag(item_wire())))
    if isinstance(node.items, Const):
        texts = [json.dumps(each, separators=(",", ":")) for each in json.loads(node.items.text)]
        task.with_param = safe(json.dumps([text if simple else item_text(safe(text)) for text in texts]))
    else:
        given.insert(0, ("tp-items", scope.argument(node.items, plain=True)))
        path_ = 'inputs.parameters["tp-items"]'
        escaped = esc("toJson(#)")
        text = plain_items(path_) if simple else (string_items if kind == "str" else items)(path_, escaped)
        task.with_param = "{{=" + text + "}}"
    dag.inputs = [Input(key) for key, _ in given]
    dag.tasks.append(task)
    _loop_outputs(scope, node, dag, lowered)
    scope.lowering.templates[dag.name] = dag
    return DagTask(values.task_names[node.name], dag.name, given)


def _loop_outputs(scope: Scope, node: Loop, dag: Dag, lowered: Lowered) -> None:
    for output in node.body.outputs:
        artifact = is_artifact(output.type)
        key = companion(output.name) if artifact else port_key(output.name)
        form = "boxed" if is_boxed(output.type) else "collected"
        taken = path_expr(f"tasks.body.outputs.parameters.{key}")
        text = f'{taken} == "null" ? "[]" : "{{\\"\\u0024tp\\":[\\"{form}\\"," + {taken} + "]}}"'
        dag.outputs.append(Output(key, expression=text, default="[]"))
        if artifact:
            shape = collected(lowered.shapes.get(output.name, KEY))
            if shape is None:
                reason = f"`{output.name}` is not created in the loop, so its entries are not in one directory"
                raise CannotSay(reason, output.span if output.span.file else node.span)
            scope.values.shapes[node.name, output.name] = shape


def exit_handler(scope: Scope, node: ExitHandler) -> DagTask:
    """A DAG with an exit hook on its task."""
    lowered = body(scope, node.body, node.name, node.args, replace(scope.place, shapes={}))
    scope.took(node.name, lowered)
    name = scope.values.task_names[node.name]
    ran = f'tasks["{name}"].status == "Succeeded"'
    state, message = (
        tag(f'{ran} ? "{good}" : "{bad}"') for good, bad in (("SUCCEEDED", "FAILED"), ("", f"{name} failed"))
    )
    status = (
        f'{{"state":"{state}","error_message":"{message}","pipeline_job_resource_name":"{{{{workflow.name}}}}",'
        f'"pipeline_task_name":{safe(json.dumps(node.name))}}}'
    )
    last = node.exit
    scope.values.task_names.setdefault(last.name, scope.task_names.give(last.name))
    if isinstance(last, Call):
        graph = scope.lowering.pipeline.pipelines[last.pipeline]
        task = scope.call(last)
        ports = graph.inputs
    else:
        task = scope.task(last) if last.options is DEFAULT_OPTIONS else leaf_task(scope, last, boxed=False)
        ports = scope.lowering.known(last.component).component.inputs
    given = dict(task.arguments)
    for port in ports:
        if port.how == "status" or type(port.type).__name__ == "StatusType":
            given[port_key(port.name)] = status
    return DagTask(name, lowered.name, scope.arguments(node.body, node.args), exit=(task.template, list(given.items())))


# ----------------------------------------------------------------------------------------------- what may fail


def guard(scope: Scope, node: Node, task: DagTask) -> DagTask:
    """In a graph where a task runs whatever became of those before it."""
    tried = [scope.values.path(dep, "tp-status") for dep in scope.deps[node.name] if dep in scope.tried]
    ignores = isinstance(node, (Task, Call)) and node.options.ignore_upstream_failure
    ok = " && ".join(f'{path_expr(path)} == "Succeeded"' for path in tried)
    task.strict = True
    if ignores:
        task.arguments = [(key, _or_default(scope, node, key, text)) for key, text in task.arguments]
    elif ok and node.name not in scope.tried:
        task.when = "{{=" + ok + "}}"
    return _try(scope, node, task, ok if not ignores else "") if node.name in scope.tried else task


def _or_default(scope: Scope, node: Node, key: str, text: str) -> str:
    """Where nothing came, the input's own default."""
    if isinstance(node, Task):
        ports = scope.lowering.known(node.component).component.inputs
    else:
        assert isinstance(node, Call)
        ports = scope.lowering.pipeline.pipelines[node.pipeline].inputs
    for port in ports:
        if (
            port.default is not None
            and key == port_key(port.name)
            and port.default.text != "null"
            and ("{{tasks." in text or isinstance(dict(node.args).get(port.name), FromTask))
        ):
            return f'{{"$tp":["default",{text},{safe(port.default.text)}]}}'
    return text


def _try(scope: Scope, node: Node, task: DagTask, ok: str) -> DagTask:
    """A DAG that succeeds whatever becomes of the one task in it, and says what did."""
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
        key = companion(output) if is_artifact(type_) else port_key(output)
        dag.outputs.append(Output(key, path=f"tasks.{task.name}.outputs.parameters.{key}"))
    dag.outputs.append(Output("tp-status", expression=f'tasks["{task.name}"].status'))
    scope.lowering.templates[dag.name] = dag
    return DagTask(task.name, dag.name, given, strict=True)
