"""Expressions of a pipeline, evaluated by Python once their operands are available."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from typedpipe.diagnostics.model import NOWHERE, Span
from typedpipe.ir import nodes as ir
from typedpipe.ir.program import Program, line_name, place
from typedpipe.ir.typing import GraphTypes
from typedpipe.local.values import NULL_TEXT, dump, error_in, load
from typedpipe.runs.model import ArtifactRef, Value
from typedpipe.runtime.task import Asker, WireError, decode, error_text, program_lines, to_text, variable
from typedpipe.types.model import is_artifact
from typedpipe.types.values import python_literal

Lookup = Callable[["ir.FromInput | ir.FromTask"], Value]


class CannotEvaluate(Exception):
    """A value is required whose expression failed. The message is the text of the error, which locates it."""


class GraphProgram:
    """The expressions of one graph, each compiled on first use for all runs of the graph."""

    def __init__(self, graph: ir.Graph, types: GraphTypes) -> None:
        self.graph = graph
        self.types = types
        self.operands: dict[str, ir.FromInput | ir.FromTask] = {}
        """Operands by their name in lines of Python."""
        self._program = Program(graph.exprs, types.of, self._read)
        self._lines: dict[int, tuple[list[tuple[str, Any, str]], tuple[int, ...]]] = {}

    def line(self, index: int) -> tuple[list[tuple[str, Any, str]], tuple[int, ...]]:
        """The compiled line of an expression, and the expressions that it needs."""
        found = self._lines.get(index)
        if found is None:
            line = self._program.line(index)
            found = self._lines[index] = program_lines(f"{line_name(index)} = {line.python}"), line.needs
        return found

    def _read(self, operand: ir.FromInput | ir.FromTask) -> str:
        name = f".{operand.name}" if isinstance(operand, ir.FromInput) else f"{operand.task}.{operand.output}"
        self.operands[name] = operand
        return f"given[{python_literal(name)}]"


class Evaluation:
    """Expressions of one graph in one of its runs: each is evaluated once, on first use."""

    def __init__(self, program: GraphProgram, lookup: Lookup) -> None:
        self._program = program
        self._lookup = lookup
        self._artifacts: list[ArtifactRef] = []
        self._asker = Asker({}, self)

    def value(self, operand: ir.Operand, what: str = "", span: Span = NOWHERE) -> Value:
        """The value of an operand of the graph: the text of an error if its expression fails."""
        if isinstance(operand, ir.Const):
            return operand.text
        if not isinstance(operand, ir.FromExpr):
            assert not isinstance(operand, ir.FromItem), "the IR is closed"
            return self._lookup(operand)
        data = self._data(operand.index)
        if isinstance(data, WireError):
            return self._error(operand, what, span, data)
        return self._chosen(data) if is_artifact(self._program.types.of(operand)) else to_text(data)

    def required(self, operand: ir.Operand, what: str, span: Span) -> Value:
        """The value of an operand.

        Raises:
            CannotEvaluate: its expression failed.
        """
        value = self.value(operand, what, span)
        error = error_in(value)
        if error:
            raise CannotEvaluate(error)
        return value

    def plain(self, operand: ir.Operand, what: str, span: Span) -> Any:
        """The decoded value of a parameter, which is required."""
        value = self.required(operand, what, span)
        return load(value) if isinstance(value, str) else None

    def variable(self, name: str, operand: ir.Operand, span: Span) -> str:
        """The text of an environment variable, whose value is required."""
        what = f"variable {name}"
        try:
            return variable(name, self.plain(operand, what, span))
        except WireError as error:
            raise CannotEvaluate(self._error(operand, what, span, error)) from None

    def holds(self, operand: ir.Operand, what: str, span: Span) -> bool:
        """The value of a condition, which is required and a bool."""
        value = self.required(operand, what, span)
        try:
            return bool(decode(value if isinstance(value, str) else NULL_TEXT, "bool"))
        except WireError as error:
            raise CannotEvaluate(self._error(operand, what, span, error)) from None

    def items(self, operand: ir.Operand, span: Span) -> Sequence[Value]:
        """The items of a loop, each as it is passed on.

        Raises:
            CannotEvaluate: their expression failed, or is no list.
        """
        value = self.required(operand, "ParallelFor", span)
        if isinstance(value, tuple):
            return value
        try:
            found: list[Any] = decode(value if isinstance(value, str) else NULL_TEXT, ["list", "any"])
        except WireError as error:
            raise CannotEvaluate(self._error(operand, "ParallelFor", span, error)) from None
        return [dump(item) for item in found]

    def __getitem__(self, name: str) -> Any:
        """The data of an operand in a line of Python. An artifact is its number: lines only choose among artifacts."""
        return self._given(self._lookup(self._program.operands[name]))

    def _given(self, value: Value) -> Any:
        if isinstance(value, str):
            return load(value)
        if isinstance(value, ArtifactRef):
            self._artifacts.append(value)
            return len(self._artifacts) - 1
        return None if value is None else [self._given(item) for item in value]

    def _chosen(self, data: Any) -> Value:
        if isinstance(data, list):
            return tuple([self._chosen(item) for item in data])  # pyright: ignore[reportUnknownVariableType]  # JSON data
        return None if data is None else self._artifacts[data]

    def _data(self, index: int) -> Any:
        """JSON data of an expression, or its error. Not recursive: a table may be as deep as it is long."""
        names: dict[str, Any] = self._asker.names
        pending = [index]
        while pending:
            at = pending[-1]
            lines, needs = self._program.line(at)
            missing = [other for other in needs if line_name(other) not in names]
            if not missing and line_name(at) not in names:
                self._asker.answers(lines)
            pending += missing
            if not missing:
                pending.pop()
        return names.get(line_name(index))

    def _error(self, operand: ir.Operand, what: str, span: Span, error: WireError) -> str:
        return error_text(place(self._program.graph, operand, what, span), error)
