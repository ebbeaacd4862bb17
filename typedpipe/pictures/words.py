"""Operands and conditions in words, close to what the user wrote."""

from __future__ import annotations

import json

from typedpipe.ir.nodes import (
    And,
    Branch,
    Collected,
    Compare,
    Const,
    Contains,
    Default,
    Expr,
    Field,
    Format,
    FormatPart,
    FromExpr,
    FromInput,
    FromItem,
    FromTask,
    Graph,
    Index,
    IsSet,
    MakeDict,
    MakeList,
    Not,
    OneOf,
    Operand,
    Or,
    Unwrap,
)

DEEPEST = 6
LONGEST = 60


def operand_text(operand: Operand, graph: Graph) -> str:
    """A value as a person would say it, cut when it is long.

    >>> operand_text(FromTask("train", "Output"), Graph())
    'train'
    """
    return _cut(_operand(operand, graph, 0))


def condition_text(operand: Operand, graph: Graph) -> str:
    """A condition as a person would say it, cut when it is long."""
    return operand_text(operand, graph)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _operand(operand: Operand, graph: Graph, depth: int) -> str:
    match operand:
        case Const():
            return _constant(operand.text)
        case FromInput():
            return operand.name
        case FromTask(task=name, output=chosen) if chosen.startswith("oneof-"):
            return _chosen(name, chosen, graph, depth)
        case FromTask():
            plain = operand.output.lower() in ("output", "return", "artifact")
            return operand.task if plain else f"{operand.task}.{operand.output}"
        case FromItem():
            return f"item of {operand.loop}"
        case FromExpr():
            return "…" if depth > DEEPEST else _expr(graph.exprs[operand.index], graph, depth + 1)


def _chosen(name: str, output: str, graph: Graph, depth: int) -> str:
    """What the branches of a chain give for one `OneOf`, in their order."""
    arms = [arm for node in graph.nodes if node.name == name and isinstance(node, Branch) for arm in node.arms]
    given = [(out, arm.body) for arm in arms for out in arm.body.outputs if out.name == output]
    if depth > DEEPEST or not given:
        return name
    return "one of " + ", ".join(_operand(out.value, body, depth + 1) for out, body in given[:8])


def _constant(wire: str) -> str:
    text = wire if len(wire) < LONGEST else wire[:LONGEST] + "…"
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


def _expr(expr: Expr, graph: Graph, depth: int) -> str:
    def say(operand: Operand) -> str:
        return _operand(operand, graph, depth)

    def many(operands: tuple[Operand, ...], word: str) -> str:
        return word.join(say(operand) for operand in operands[:8]) + ("…" if len(operands) > 8 else "")

    match expr:
        case Compare():
            return f"{say(expr.left)} {expr.op} {say(expr.right)}"
        case And() | Or():
            return f"({many(expr.items, ' & ' if isinstance(expr, And) else ' | ')})"
        case Not():
            return f"not ({say(expr.item)})"
        case Contains():
            return f"{say(expr.value)} in {say(expr.items)}"
        case IsSet():
            return f"{say(expr.value)} is set"
        case Unwrap():
            return say(expr.value)
        case Default():
            return f"{say(expr.value)} or {say(expr.default)}"
        case _:
            return _made(expr, graph, depth)


def _made(expr: Field | Index | Format | MakeList | MakeDict | Collected | OneOf, graph: Graph, depth: int) -> str:
    def say(operand: Operand) -> str:
        return _operand(operand, graph, depth)

    match expr:
        case Field():
            return f"{say(expr.value)}.{expr.name}"
        case Index():
            return f"{say(expr.value)}[{say(expr.index)}]"
        case Format():
            return '"' + "".join(_part(part, graph, depth) for part in expr.parts) + '"'
        case MakeList():
            return "[" + ", ".join(say(item) for item in expr.items[:8]) + ("…]" if len(expr.items) > 8 else "]")
        case MakeDict():
            return "{" + ", ".join(f"{key}: {say(value)}" for key, value in expr.entries[:8]) + "}"
        case Collected():
            return f"all of {say(expr.value)}"
        case OneOf():
            return "one of " + ", ".join(say(value) for value in expr.values[:8])


def _part(part: str | FormatPart, graph: Graph, depth: int) -> str:
    return part if isinstance(part, str) else f"{{{_operand(part.value, graph, depth)}}}"
