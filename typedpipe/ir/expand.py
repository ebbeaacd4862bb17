"""Expansion of expressions: text of an operand that is independent of the numbering of a graph's table."""

from __future__ import annotations

import hashlib
import re

from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import needed
from typedpipe.ir.text import expr_text, operand_text

_LONGEST = 400
_ENTRY = re.compile(r'"(?:[^"\\]|\\.)*"|%(\d+)(?![\w-])')


def expand(operand: ir.Operand, graph: ir.Graph) -> str:
    """An operand with its expressions expanded; very long text ends with a digest of the rest.

    >>> from typedpipe.ir.nodes import FromInput, Not
    >>> expand(ir.FromExpr(1), ir.Graph(exprs=(Not(FromInput("a")), Not(ir.FromExpr(0)))))
    'not((not($a)))'
    """
    if not isinstance(operand, ir.FromExpr):
        return operand_text(operand)
    texts: dict[int, str] = {}
    for index in needed(graph.exprs, [operand]):
        text = _ENTRY.sub(
            lambda match: match[0] if match[1] is None else f"({texts[int(match[1])]})", expr_text(graph.exprs[index])
        )
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]}…{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
        texts[index] = text
    return texts[operand.index]
