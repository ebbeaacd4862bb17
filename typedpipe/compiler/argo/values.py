"""Text of arguments: the operands of one graph as wire text with tags, or as an expression.

Text with tags describes how to assemble a value; the consumer's runtime assembles it. Values that the controller itself
reads (conditions, items, resources) are in :mod:`.expressions`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

from typedpipe.compiler.argo.shapes import KEY, ArtifactLocation, entry
from typedpipe.compiler.argo.templates import esc, string
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import needed
from typedpipe.ir.taskspec import port_key
from typedpipe.ir.typing import GraphTypes
from typedpipe.runtime.task import descriptor_key
from typedpipe.types.data import to_data
from typedpipe.types.json_text import json_text
from typedpipe.types.model import Type, is_artifact
from typedpipe.types.values import object_mark_of, safe

Piece: TypeAlias = tuple[str, str]
"""``("text", wire text)``, ``("path", tag's path)`` or ``("expr", expression)``."""


def path_expr(path: str) -> str:
    """A tag's path as an expression.

    >>> path_expr("tasks.add-1.outputs.parameters.x")
    'tasks["add-1"].outputs.parameters["x"]'
    """
    parts = path.split(".")
    if parts[0] == "tasks":
        return (
            f'tasks["{parts[1]}"].outputs.parameters["{parts[4]}"]'
            if len(parts) > 3
            else f'tasks["{parts[1]}"].{parts[2]}'
        )
    return f'{parts[0]}.{parts[1]}["{parts[2]}"]' if len(parts) > 2 else path


def tagged(pieces: list[Piece]) -> str:
    """Text of an argument."""
    out = []
    for kind, text in pieces:
        out.append(text if kind == "text" else f"{{{{{text}}}}}" if kind == "path" else f"{{{{={text}}}}}")
    return "".join(out)


def expression(pieces: list[Piece]) -> str:
    """The same text as an expression that evaluates to it."""
    return (
        " + ".join(
            string(text) if kind == "text" else path_expr(text) if kind == "path" else f"({text})"
            for kind, text in pieces
        )
        or '""'
    )


class Values:
    """Values of one graph: their paths, their text, and the shapes of their artifacts."""

    def __init__(self, graph: ir.Graph, types: GraphTypes, inputs: Mapping[str, str]) -> None:
        self.graph = graph
        self.types = types
        self.inputs = inputs
        """The path of each input of the graph."""
        self.shapes: dict[tuple[str, str], ArtifactLocation] = {}
        self.input_shapes: Mapping[str, ArtifactLocation] = {}
        self.made: dict[tuple[str, str], Callable[[], list[Piece]]] = {}
        """Outputs that are no output parameter: an importer's, and a container's raw text."""
        self.task_names: dict[str, str] = {}
        self.elsewhere: Callable[[str, str], str | None] = lambda _task, _key: None
        """The path of an output that another part of a split graph gives."""
        self.plain: Callable[[ir.Operand], str] = lambda _operand: ""
        self._pieces: dict[int, list[Piece]] = {}

    def forget(self) -> None:
        """Discard all cached expressions: in another part their leaves have other paths."""
        self._pieces.clear()

    def type(self, operand: ir.Operand) -> Type:
        return self.types.of(operand)

    def text(self, operand: ir.Operand) -> str:
        """Wire text of a value, with tags."""
        kind = type(operand)
        if kind is ir.FromTask:
            task, output = operand.task, operand.output  # type: ignore[union-attr]  # faster than isinstance
            if (task, output) not in self.made and (task, output) not in self.shapes:
                return f"{{{{{self.path(task, port_key(output))}}}}}"
        elif kind is ir.FromInput:
            return f"{{{{{self.inputs[operand.name]}}}}}"  # type: ignore[union-attr]  # as above
        elif kind is ir.Const:
            return safe(operand.text)  # type: ignore[union-attr]  # as above
        return tagged(self.pieces(operand))

    def expr(self, operand: ir.Operand) -> str:
        """An expression that evaluates to the wire text of a value."""
        return expression(self.pieces(operand))

    def pairs(self, args: ir.Args) -> str:
        """Wire text of a list of pairs of a name and a value, with tags."""
        return tagged(_list([_list([[("text", _quote(name))], self.pieces(value)]) for name, value in args]))

    def path(self, task: str, key: str) -> str:
        return self.elsewhere(task, key) or f"tasks.{self.task_names[task]}.outputs.parameters.{key}"

    def pieces(self, operand: ir.Operand) -> list[Piece]:
        if isinstance(operand, ir.Const):
            return [("text", safe(operand.text))]
        if isinstance(operand, ir.FromInput):
            return [("path", self.inputs[operand.name])]
        if isinstance(operand, ir.FromTask):
            place = (operand.task, operand.output)
            if place in self.made:
                return self.made[place]()
            key = port_key(place[1])
            return [("path", self.path(operand.task, descriptor_key(key) if place in self.shapes else key))]
        if isinstance(operand, ir.FromItem):
            raise TypeError("the IR is not closed")
        for index in needed(self.graph.exprs, [operand]):
            if index not in self._pieces:
                self._pieces[index] = self._make(index, self.graph.exprs[index])
        return self._pieces[operand.index]

    def _make(self, index: int, expr: ir.Expr) -> list[Piece]:
        match expr:
            case ir.Field() | ir.Index() | ir.Default() if is_artifact(self.type(ir.FromExpr(index))):
                return [("expr", esc(f"toJson({self.plain(ir.FromExpr(index))})"))]
            case ir.Unwrap():
                return self.pieces(expr.value)
            case ir.Field():
                return self._op("field", self.pieces(expr.value), [("text", _quote(expr.name))])
            case ir.Index():
                return self._op("index", self.pieces(expr.value), self.pieces(expr.index))
            case ir.Default():
                return self._op("default", self.pieces(expr.value), self.pieces(expr.default))
            case ir.MakeList():
                items = _list([self.pieces(item) for item in expr.items])
                return self._op("keyed", items) if is_artifact(self.type(ir.FromExpr(index))) else items
            case ir.MakeDict():
                made = [(name, self.pieces(value)) for name, value in expr.entries]
                mark = object_mark_of(expr.type)
                if mark:
                    return _dict([*made, ("$tp", [("text", mark)])])
                return self._op("quote", _dict(made)) if any(name == "$tp" for name, _ in expr.entries) else _dict(made)
            case ir.Format():
                return self._op("format", _list([self._part(part) for part in expr.parts]))
            case _:
                return [("expr", f"toJson({self.plain(ir.FromExpr(index))})")]

    def _part(self, part: str | ir.FormatPart) -> list[Piece]:
        if isinstance(part, str):
            return [("text", _quote(part))]
        rest = [_compact(to_data(self.type(part.value))), _quote(part.spec), _quote(part.conversion)]
        if part.escapes or part.table:
            rest += [_quote(part.escapes), _compact(dict(part.table))]
        return _list([self.pieces(part.value), *([("text", text)] for text in rest)])

    def _op(self, name: str, *values: list[Piece]) -> list[Piece]:
        out: list[Piece] = [("text", f'{{"$tp":["{name}"')]
        for value in values:
            out += [("text", ","), *value]
        return [*out, ("text", "]}")]

    def shape(self, operand: ir.Operand) -> ArtifactLocation:
        """Shape of an artifact value."""
        while isinstance(operand, ir.FromExpr):
            expr = self.graph.exprs[operand.index]
            if isinstance(expr, ir.MakeList):
                return ArtifactLocation("list", items=tuple(self.shape(item) for item in expr.items))
            if isinstance(expr, ir.Index):
                return entry(self.shape(expr.value))
            if not isinstance(expr, (ir.Unwrap, ir.Default)):
                return KEY
            operand = expr.value
        if isinstance(operand, ir.FromInput):
            return self.input_shapes.get(operand.name, KEY)
        return self.shapes.get((operand.task, operand.output), KEY) if isinstance(operand, ir.FromTask) else KEY


def _quote(text: str) -> str:
    return safe(json.dumps(text))


def _compact(data: object) -> str:
    return safe(json_text(data, separators=(",", ":")))


def _list(items: list[list[Piece]]) -> list[Piece]:
    out: list[Piece] = [("text", "[")]
    for i, item in enumerate(items):
        out += [("text", ","), *item] if i else item
    return [*out, ("text", "]")]


def _dict(entries: list[tuple[str, list[Piece]]]) -> list[Piece]:
    out: list[Piece] = [("text", "{")]
    for i, (name, value) in enumerate(entries):
        out += [("text", ("," if i else "") + _quote(name) + ":"), *value]
    return [*out, ("text", "}")]
