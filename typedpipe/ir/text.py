"""The text form of IR, for people, ``--print-after``, golden files and digests.

One line per task. Every constant appears as its own wire text, so 1, 1.0, true and "1" stay distinct. Spans, and the
file and line of shipped source, are omitted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from typedpipe.ir import nodes as ir
from typedpipe.ir.options import Option, set_options
from typedpipe.ir.type_names import NAMES, TypeNames, type_text

INDENT = "  "


def dump(pipeline: ir.Pipeline) -> str:
    """A pipeline as readable text: a named type is defined once, at the top.

    >>> print(dump(ir.Pipeline("p", ir.Graph())), end="")
    pipeline p
    <BLANKLINE>
    graph
    """
    names = TypeNames()
    token = NAMES.set(names)
    try:
        lines = list(_pipeline(pipeline))
    finally:
        NAMES.reset(token)
    head = lines.index("")
    defined = list(names.definitions())
    lines[head:head] = ["", *defined] if defined else []
    return "\n".join(lines) + "\n"


def digest(pipeline: ir.Pipeline) -> str:
    """SHA-256 of a pipeline's text, with each type in full: equal for equal programs, wherever they are stored."""
    text = "\n".join(_pipeline(pipeline))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _pipeline(pipeline: ir.Pipeline) -> Iterator[str]:
    yield f"pipeline {name_text(pipeline.name)}{' closed' if pipeline.closed else ''}"
    for word, text in (("display_name", pipeline.display_name), ("description", pipeline.description)):
        if text:
            yield f"{INDENT}{word} {_quoted(text)}"
    for key, component in sorted(pipeline.components.items()):
        yield ""
        yield from component_lines(key, component)
    for name, graph in sorted(pipeline.pipelines.items()):
        yield ""
        yield f"graph {name_text(name)}"
        yield from graph_lines(graph)
    yield ""
    yield "graph"
    yield from graph_lines(pipeline.graph)


# ---------------------------------------------------------------------------------------------- components


def component_lines(key: str, component: ir.Component) -> Iterator[str]:
    """One component: its ports, then its implementation."""
    yield f"component {name_text(key)}{'' if key == component.name else ' named ' + name_text(component.name)}"
    if component.description:
        yield f"{INDENT}description {_quoted(component.description)}"
    for port in component.inputs:
        yield f"{INDENT}in {_input(port)}"
    for output in component.outputs:
        about = f" # {_quoted(output.description)}" if output.description else ""
        yield f"{INDENT}out {name_text(output.name)}: {type_text(output.type)} by {output.how}{about}"
    yield f"{INDENT}image {_quoted(component.image)}"
    impl = component.impl
    if isinstance(impl, ir.PythonImpl):
        yield f"{INDENT}python {name_text(impl.entry)} returns {impl.returns} min {impl.min_python[0]}.{impl.min_python[1]}"
        for word, values in (
            ("package", impl.packages),
            ("index", impl.pip_index_urls),
            ("trusted", impl.pip_trusted_hosts),
        ):
            yield from (f"{INDENT}{word} {_quoted(value)}" for value in values)
        for chunk in impl.chunks:
            yield from _chunk(chunk)
    else:
        yield from _container(impl)


def _input(port: ir.InputPort) -> str:
    default = f" = {const_text(port.default)}" if port.default is not None else ""
    about = f" # {_quoted(port.description)}" if port.description else ""
    return f"{name_text(port.name)}: {type_text(port.type)} by {port.how}{default}{about}"


def _chunk(chunk: ir.Chunk) -> Iterator[str]:
    yield f"{INDENT}source{' of ' + name_text(chunk.module) if chunk.module else ''}"
    yield from (f"{INDENT}{INDENT}| {_line(line)}" for line in chunk.text.split("\n"))


def _line(line: str) -> str:
    return line if line.isprintable() else json.dumps(line)


def _container(impl: ir.ContainerImpl) -> Iterator[str]:
    for word, parts in (("command", impl.command), ("args", impl.args)):
        if parts:
            yield f"{INDENT}{word} {command_text(parts)}"


def command_text(parts: tuple[ir.CommandPart, ...]) -> str:
    """Parts of a container's command, in brackets."""
    return f"[{', '.join(map(_part, parts))}]"


def _part(part: ir.CommandPart) -> str:
    match part:
        case str():
            return _quoted(part)
        case ir.Placeholder():
            return f"${part.kind}({name_text(part.name)})"
        case ir.Concat():
            return f"$concat{command_text(part.items)}"
        case ir.IfPresent():
            return f"$if({name_text(part.input)}){command_text(part.then)}{command_text(part.otherwise)}"


# -------------------------------------------------------------------------------------------------- graphs


def graph_lines(graph: ir.Graph, depth: int = 1) -> Iterator[str]:
    """Lines of one graph; bodies of groups are indented. Uses an explicit stack: groups nest to any depth."""
    stack: list[Iterator[str | tuple[ir.Graph, int]]] = [_graph(graph, depth)]
    while stack:
        line = next(stack[-1], None)
        if line is None:
            stack.pop()
        elif isinstance(line, str):
            yield line
        else:
            stack.append(_graph(*line))


def _graph(graph: ir.Graph, depth: int) -> Iterator[str | tuple[ir.Graph, int]]:
    pad = INDENT * depth
    for port in graph.inputs:
        yield f"{pad}in {_input(port)}"
    for index, expr in enumerate(graph.exprs):
        yield f"{pad}%{index} = {expr_text(expr)}"
    for node in graph.nodes:
        yield from _node(node, depth)
    for output in graph.outputs:
        yield f"{pad}out {name_text(output.name)}: {type_text(output.type)} = {operand_text(output.value)}"


def _node(node: ir.Node, depth: int) -> Iterator[str | tuple[ir.Graph, int]]:
    pad = INDENT * depth
    after = f" after {', '.join('%' + name_text(name) for name in node.after)}" if node.after else ""
    match node:
        case ir.Task() | ir.Call() | ir.Importer():
            yield pad + node_text(node)
        case ir.Branch():
            yield f"{pad}%{name_text(node.name)} = branch{after}"
            for arm in node.arms:
                condition = "else" if arm.condition is None else f"if {operand_text(arm.condition)}"
                yield f"{pad}{INDENT}{condition}{_args(arm.args)}:"
                yield arm.body, depth + 2
        case ir.Loop():
            limit = f" parallelism {node.parallelism}" if node.parallelism else ""
            item = f"{name_text(node.item)}: {type_text(node.item_type)}"
            items = operand_text(node.items)
            yield f"{pad}%{name_text(node.name)} = for {item} in {items}{_args(node.args)}{limit}{after}:"
            yield node.body, depth + 1
        case ir.ExitHandler():
            yield f"{pad}%{name_text(node.name)} = try{_args(node.args)}{after}:"
            yield node.body, depth + 1
            yield f"{pad}finally {node_text(node.exit)}"


def node_text(node: ir.Leaf) -> str:
    """One task, call or importer, on one line.

    >>> node_text(ir.Task("add-2", "add", (("a", ir.FromTask("add", "return")), ("b", ir.FromInput("n")))))
    '%add-2 = add(a=%add.return, b=$n)'
    """
    after = f" after {', '.join('%' + name_text(name) for name in node.after)}" if node.after else ""
    head = f"%{name_text(node.name)} = "
    match node:
        case ir.Task():
            return f"{head}{name_text(node.component)}({_pairs(node.args)}){options_text(node.options)}{after}"
        case ir.Call():
            return f"{head}call {name_text(node.pipeline)}({_pairs(node.args)}){options_text(node.options)}{after}"
        case ir.Importer():
            metadata = f", metadata={operand_text(node.metadata)}" if node.metadata is not None else ""
            again = " reimport" if node.reimport else ""
            return f"{head}import {type_text(node.type)}(uri={operand_text(node.uri)}{metadata}){again}{after}"


def options_text(options: ir.Options) -> str:
    """Options of a task that are set; empty if none is."""
    found = [_option(row, value) for row, value in set_options(options)]
    return f" with {' '.join(found)}" if found else ""


def _option(row: Option, value: Any) -> str:
    name = row.word or row.name
    match row.kind:
        case "retry":
            return f"{name}={value.limit}/{value.backoff_seconds!r}/{value.factor!r}/{value.max_seconds!r}"
        case "number":
            return f"{name}={value!r}"
        case "switch":
            return f"{name}={'on' if value else 'off'}"
        case "text":
            return f"{name}={_quoted(value)}"
        case "flag":
            return name
        case "operand":
            return f"{name}={operand_text(value)}"
        case "operands":
            return f"{name}=({_pairs(value)})"
        case "extensions":
            return " ".join(f"{key}:{text}" for key, text in value)


def _args(args: ir.Args) -> str:
    return f" with ({_pairs(args)})" if args else ""


def _pairs(args: ir.Args) -> str:
    return ", ".join([f"{name_text(name)}={operand_text(value)}" for name, value in args])


# ----------------------------------------------------------------------------------- operands, expressions


def operand_text(operand: ir.Operand) -> str:
    """An operand: ``3``, ``$input``, ``%task.output``, ``%loop.*`` (its item), ``%0`` (an expression)."""
    match operand:
        case ir.Const():
            return const_text(operand)
        case ir.FromInput():
            return f"${name_text(operand.name)}"
        case ir.FromTask():
            return f"%{name_text(operand.task)}.{name_text(operand.output)}"
        case ir.FromItem():
            return f"%{name_text(operand.loop)}.*"
        case ir.FromExpr():
            return f"%{operand.index}"


_PLAIN_FIRST = frozenset('"-0123456789tf')


def const_text(const: ir.Const) -> str:
    """A constant's wire text, with its type if the text alone does not determine it."""
    if const.text[:1] in _PLAIN_FIRST:
        known = getattr(const.type, "values", None)
        if known is not None and len(known) == 1 and known[0] == const.text:
            return const.text
    return f"{const.text}:{type_text(const.type)}"


def expr_text(expr: ir.Expr) -> str:
    """An expression over operands.

    >>> expr_text(ir.Compare("<", ir.FromInput("n"), ir.FromExpr(0)))
    '$n < %0'
    """
    match expr:
        case ir.Compare():
            return f"{operand_text(expr.left)} {expr.op} {operand_text(expr.right)}"
        case ir.And() | ir.Or():
            word = "and" if isinstance(expr, ir.And) else "or"
            return f"{word}({_list(expr.items)})"
        case ir.Not():
            return f"not({operand_text(expr.item)})"
        case ir.Contains():
            return f"{operand_text(expr.value)} in {operand_text(expr.items)}"
        case ir.IsSet():
            return f"is_set({operand_text(expr.value)})"
        case ir.Unwrap():
            return f"unwrap({operand_text(expr.value)})"
        case ir.Default():
            return f"default({operand_text(expr.value)}, {operand_text(expr.default)})"
        case ir.Field():
            return f"{operand_text(expr.value)}.{_quoted(expr.name)}"
        case ir.Index():
            return f"{operand_text(expr.value)}[{operand_text(expr.index)}]"
        case ir.Format():
            return f"format({_pieces(expr)})"
        case ir.MakeList():
            return f"[{_list(expr.items)}]"
        case ir.MakeDict():
            return f"{{{_pairs(expr.entries)}}}{f': {type_text(expr.type)}' if expr.type is not None else ''}"
        case ir.Collected():
            return f"collected({operand_text(expr.value)})"
        case ir.OneOf():
            return f"one_of({_list(expr.values)})"


def _list(operands: tuple[ir.Operand, ...]) -> str:
    return ", ".join(map(operand_text, operands))


def _pieces(expr: ir.Format) -> str:
    found: list[str] = []
    for part in expr.parts:
        if isinstance(part, str):
            found.append(_quoted(part))
        else:
            how = f"!{part.conversion}" if part.conversion else ""
            how += f":{_quoted(part.spec)}" if part.spec else ""
            how += f" in json {part.escapes}" if part.escapes else ""
            how += f" from {json.dumps(dict(part.table))}" if part.table else ""
            found.append(f"{operand_text(part.value)}{how}")
    return ", ".join(found)


# --------------------------------------------------------------------------------------------------- words


def name_text(name: str) -> str:
    """A name, quoted if it is not a plain word."""
    return name if name.replace("-", "_").replace(".", "_").isidentifier() and "." not in name else _quoted(name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())
