"""Operands and conditions in words, close to the user's code."""

from __future__ import annotations

from typedpipe.ir import nodes as ir
from typedpipe.types.json_text import json_text, plain, value_text

DEEPEST = 6
LONGEST = 60


def operand_text(operand: ir.Operand, graph: ir.Graph) -> str:
    """A readable form of a value, truncated if long.

    >>> operand_text(ir.FromTask("train", "Output"), ir.Graph())
    'train'
    """
    return _cut(_operand(operand, graph, 0))


def condition_text(operand: ir.Operand, graph: ir.Graph) -> str:
    """A readable form of a condition, truncated if long."""
    return operand_text(operand, graph)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _operand(operand: ir.Operand, graph: ir.Graph, depth: int) -> str:
    match operand:
        case ir.Const():
            return _constant(operand.text)
        case ir.FromInput():
            return operand.name
        case ir.FromTask(task=name, output=chosen) if chosen.startswith("oneof-"):
            return _chosen(name, chosen, graph, depth)
        case ir.FromTask():
            plain = operand.output.lower() in ("output", "return", "artifact")
            return operand.task if plain else f"{operand.task}.{operand.output}"
        case ir.FromItem():
            return f"item of {operand.loop}"
        case ir.FromExpr():
            return "…" if depth > DEEPEST else _expr(graph.exprs[operand.index], graph, depth + 1)


def _chosen(name: str, output: str, graph: ir.Graph, depth: int) -> str:
    """Outputs of a chain's branches for one `OneOf`, in order."""
    arms = [arm for node in graph.nodes if node.name == name for arm in node.regions()]
    given = [(out, arm.body) for arm in arms for out in arm.body.outputs if out.name == output]
    if depth > DEEPEST or not given:
        return name
    return "one of " + ", ".join(_operand(out.value, body, depth + 1) for out, body in given[:8])


def _constant(wire: str) -> str:
    text = value_text(wire)
    return text if len(text) >= LONGEST else json_text(plain(wire), ensure_ascii=False)


def _expr(expr: ir.Expr, graph: ir.Graph, depth: int) -> str:
    def say(operand: ir.Operand) -> str:
        return _operand(operand, graph, depth)

    def many(operands: tuple[ir.Operand, ...], word: str) -> str:
        return word.join(say(operand) for operand in operands[:8]) + ("…" if len(operands) > 8 else "")

    match expr:
        case ir.Compare():
            return f"{say(expr.left)} {expr.op} {say(expr.right)}"
        case ir.And() | ir.Or():
            return f"({many(expr.items, ' & ' if isinstance(expr, ir.And) else ' | ')})"
        case ir.Not():
            return f"not ({say(expr.item)})"
        case ir.Contains():
            return f"{say(expr.value)} in {say(expr.items)}"
        case ir.IsSet():
            return f"{say(expr.value)} is set"
        case ir.Unwrap():
            return say(expr.value)
        case ir.Default():
            return f"{say(expr.value)} or {say(expr.default)}"
        case _:
            return _made(expr, graph, depth)


def _made(
    expr: ir.Field | ir.Index | ir.Format | ir.MakeList | ir.MakeDict | ir.Collected | ir.OneOf,
    graph: ir.Graph,
    depth: int,
) -> str:
    def say(operand: ir.Operand) -> str:
        return _operand(operand, graph, depth)

    match expr:
        case ir.Field():
            return f"{say(expr.value)}.{expr.name}"
        case ir.Index():
            return f"{say(expr.value)}[{say(expr.index)}]"
        case ir.Format():
            return '"' + "".join(_part(part, graph, depth) for part in expr.parts) + '"'
        case ir.MakeList():
            return "[" + ", ".join(say(item) for item in expr.items[:8]) + ("…]" if len(expr.items) > 8 else "]")
        case ir.MakeDict():
            return "{" + ", ".join(f"{key}: {say(value)}" for key, value in expr.entries[:8]) + "}"
        case ir.Collected():
            return f"all of {say(expr.value)}"
        case ir.OneOf():
            return "one of " + ", ".join(say(value) for value in expr.values[:8])


def _part(part: str | ir.FormatPart, graph: ir.Graph, depth: int) -> str:
    return part if isinstance(part, str) else f"{{{_operand(part.value, graph, depth)}}}"
