"""Conversion of protobuf messages to a pipeline, with rejection of invalid ones.

The messages are ``Any`` here: only ``ir.wire`` uses protobuf. An index out of its table is a ``LookupError``;
``ir.wire`` converts all exceptions raised here to one diagnostic.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_args

from typedpipe.diagnostics.model import NOWHERE, Span
from typedpipe.ir import nodes as ir
from typedpipe.ir.edges import with_operands
from typedpipe.ir.options import OPERANDS, OPTIONS
from typedpipe.runtime.task import any_digits
from typedpipe.types.data import from_data
from typedpipe.types.json_text import json_data, json_text
from typedpipe.types.model import ArtifactType, Type

EXPRESSIONS: tuple[type[Any], ...] = get_args(ir.Expr)
"""Kinds of expressions, in the order of their numbers in a file, which start at 1."""
HOWS = ("", "value", "path", "artifact", "status", "return", "field")
RETURNS = ("", "none", "one", "fields")
_PLAIN = [row for row in OPTIONS if row.kind in ("number", "switch", "text", "flag")]
_BY_NAME = {row.name for row in _PLAIN if row.wire == "json"}
_OUTPUT_HOWS = get_args(ir.OutputHow)
_INPUT_HOWS = get_args(ir.InputHow)
_FIXED: dict[type[Any], int] = {
    ir.Compare: 2,
    ir.Not: 1,
    ir.Contains: 2,
    ir.IsSet: 1,
    ir.Unwrap: 1,
    ir.Default: 2,
    ir.Field: 1,
    ir.Index: 2,
    ir.Collected: 1,
}
_NOTHING = ir.FromInput("")


def _canonical(text: str) -> str:
    """JSON text of an extension; invalid JSON is rejected."""
    return json_text(json_data(text), sort_keys=True, separators=(",", ":"))


class BadFile(Exception):
    """The contents of the file are not a valid pipeline."""


class Reader:
    """Reads one pipeline message."""

    def __init__(self, message: Any) -> None:
        self.message = message
        self.types: list[Type] = [from_data(json.loads(text)) for text in message.types]
        self.files: list[str] = ["", *message.files]
        self.constants: dict[tuple[str, int], ir.Const] = {}
        self.graphs: dict[int, ir.Graph] = {}
        self.free: set[int] = set(range(len(message.graphs)))

    def pipeline(self) -> ir.Pipeline:
        """Read the pipeline. Bodies come after graphs that contain them, so reading backwards needs no recursion."""
        message = self.message
        for at in range(len(message.graphs) - 1, -1, -1):
            self.graphs[at] = self._graph(message.graphs[at], at)
        result = ir.Pipeline(
            message.name,
            self._take(message.graph, -1),
            self._unique({each.key: self._component(each) for each in message.components}, message.components),
            self._unique({each.name: self._take(each.graph, -1) for each in message.pipelines}, message.pipelines),
            message.display_name,
            message.description,
            message.closed,
            self._span(message.span),
        )
        if self.free:
            raise BadFile("the file contains unused graphs")
        return result

    def _unique(self, found: dict[str, Any], all_: Sequence[Any]) -> dict[str, Any]:
        if len(found) < len(all_):
            raise BadFile("the file contains a component or a pipeline twice")
        return found

    def _take(self, index: int, holder: int) -> ir.Graph:
        """A graph, which has one holder that comes before it: so no graph contains itself, and none is shared."""
        if index not in self.free or index <= holder:
            raise BadFile(f"graph {index} is used twice, or in an invalid position")
        self.free.discard(index)
        return self.graphs[index]

    def _span(self, span: Any) -> Span:
        if not span.file and not span.line:
            return NOWHERE
        return Span(self.files[span.file], span.line, span.column, span.end_line, span.end_column)

    # ------------------------------------------------------------------------------------------- values

    def _const(self, message: Any) -> ir.Const:
        key = (message.json, message.type)
        found = self.constants.get(key)
        if found is None:
            any_digits(lambda: json.loads(message.json, parse_constant=_no_constant))
            found = self.constants[key] = ir.Const(message.json, self.types[message.type])
        return found

    def _operand(self, message: Any) -> ir.Operand:
        match message.WhichOneof("kind"):
            case "constant":
                return self._const(message.constant)
            case "input":
                return ir.FromInput(message.input)
            case "task":
                return ir.FromTask(message.task.task, message.task.output)
            case "item":
                return ir.FromItem(message.item)
            case "expression":
                return ir.FromExpr(message.expression)
            case _:
                raise BadFile("an operand is empty")

    def _args(self, messages: Any) -> ir.Args:
        return tuple([(each.name, self._operand(each.value)) for each in messages])

    def _expression(self, message: Any, at: int) -> ir.Expr:
        if not 0 < message.kind <= len(EXPRESSIONS):
            raise BadFile(f"expression {at} has an unknown kind")
        kind = EXPRESSIONS[message.kind - 1]
        operands = tuple(self._operand(each) for each in message.operands)
        if any(isinstance(each, ir.FromExpr) and each.index >= at for each in operands):
            raise BadFile(f"expression {at} refers to a later one")
        if len(operands) != _FIXED.get(kind, len(operands)):
            raise BadFile(f"expression {at} has {len(operands)} operands")
        if kind is ir.Format:
            return self._format(message, operands)
        if kind is ir.MakeDict:
            type_ = self.types[message.type - 1] if message.type else None
            return ir.MakeDict(tuple(zip(message.keys, operands, strict=True)), type_)
        if kind is ir.Compare:
            if message.name not in get_args(ir.CompareOp):
                raise BadFile(f"`{message.name}` has no comparison operator")
            return ir.Compare(message.name, operands[0], operands[1])
        if kind is ir.Field:
            return ir.Field(operands[0], message.name)
        empty = (_NOTHING,) * _FIXED[kind] if kind in _FIXED else ((),)
        blank: ir.Expr = kind(*empty)
        return with_operands(blank, operands)

    def _format(self, message: Any, operands: tuple[ir.Operand, ...]) -> ir.Format:
        parts: list[str | ir.FormatPart] = []
        values = iter(operands)
        for piece in message.pieces:
            if piece.WhichOneof("kind") == "text":
                parts.append(piece.text)
                continue
            value = next(values, None)
            how = piece.value
            if value is None or how.conversion not in ("", "r", "s", "a") or set(how.escapes) - {"a", "u"}:
                raise BadFile("an f-string is invalid")
            table = tuple([(each.wire, each.text) for each in how.table])
            parts.append(ir.FormatPart(value, how.spec, how.conversion, how.escapes, table))
        if next(values, None) is not None:
            raise BadFile("an f-string is invalid")
        return ir.Format(tuple(parts))

    # ------------------------------------------------------------------------------------------- graphs

    def _graph(self, message: Any, at: int) -> ir.Graph:
        spans = tuple(self._span(each.span) for each in message.expressions) if message.has_spans else ()
        return ir.Graph(
            tuple([self._input(port) for port in message.inputs]),
            tuple([self._node(node, at) for node in message.nodes]),
            tuple(
                ir.GraphOutput(each.name, self._operand(each.value), self.types[each.type], self._span(each.span))
                for each in message.outputs
            ),
            tuple([self._expression(each, index) for index, each in enumerate(message.expressions)]),
            spans,
        )

    def _input(self, port: Any) -> ir.InputPort:
        how = HOWS[port.how]
        if how not in _INPUT_HOWS:
            raise BadFile(f"the input `{port.name}` cannot be passed by `{how}`")
        default = self._const(port.default) if port.HasField("default") else None
        return ir.InputPort(port.name, self.types[port.type], default, how, port.description, self._span(port.span))  # type: ignore[arg-type]  # checked above

    def _output(self, port: Any) -> ir.OutputPort:
        how = HOWS[port.how]
        if how not in _OUTPUT_HOWS:
            raise BadFile(f"the output `{port.name}` cannot be returned by `{how}`")
        return ir.OutputPort(port.name, self.types[port.type], how, port.description, self._span(port.span))  # type: ignore[arg-type]  # checked above

    def _node(self, message: Any, at: int) -> ir.Node:
        name, after, span = message.name, tuple(message.after), self._span(message.span)
        match message.WhichOneof("kind"):
            case "call":
                return self._call(message)
            case "importer":
                value = message.importer
                type_ = self.types[value.type]
                if not isinstance(type_, ArtifactType):
                    raise BadFile(f"the importer `{name}` does not return an artifact")
                metadata = self._operand(value.metadata) if value.HasField("metadata") else None
                return ir.Importer(name, self._operand(value.uri), type_, metadata, value.reimport, after, span)
            case "branch":
                return ir.Branch(name, tuple([self._arm(arm, at) for arm in message.branch.arms]), after, span)
            case "loop":
                loop = message.loop
                body, args = self._take(loop.body, at), self._args(loop.args)
                items, type_ = self._operand(loop.items), self.types[loop.item_type]
                return ir.Loop(name, items, loop.item, type_, body, loop.parallelism, args, after, span)
            case "exit_handler":
                handler = message.exit_handler
                if handler.exit.WhichOneof("kind") != "call":
                    raise BadFile(f"the exit task of `{name}` is not a call")
                body = self._take(handler.body, at)
                return ir.ExitHandler(name, body, self._call(handler.exit), self._args(handler.args), after, span)
            case _:
                raise BadFile(f"the node `{name}` has an unknown kind")

    def _arm(self, arm: Any, at: int) -> ir.Arm:
        condition = self._operand(arm.condition) if arm.HasField("condition") else None
        return ir.Arm(condition, self._take(arm.body, at), self._args(arm.args), self._span(arm.span))

    def _call(self, message: Any) -> ir.Task | ir.Call:
        call = message.call
        options = self._options(call.options) if call.HasField("options") else ir.DEFAULT_OPTIONS
        rest = (self._args(call.args), tuple(message.after), options, self._span(message.span))
        match call.WhichOneof("target"):
            case "component":
                return ir.Task(message.name, call.component, *rest)
            case "pipeline":
                return ir.Call(message.name, call.pipeline, *rest)
            case _:
                raise BadFile(f"the task `{message.name}` calls nothing")

    def _options(self, value: Any) -> ir.Options:
        found: dict[str, Any] = dict(self._args(value.resources))
        if found.keys() - set(OPERANDS):
            raise BadFile("a task has an unknown option")
        for other in value.others:
            if other.name not in _BY_NAME or other.name in found:
                raise BadFile("a task has an unknown option")
            found[other.name] = json_data(other.json)
        for row in _PLAIN:
            if row.wire == "field" or (row.wire == "optional field" and value.HasField(row.name)):
                found[row.name] = getattr(value, row.name)
        if value.HasField("retry"):
            each = value.retry
            found["retry"] = ir.Retry(each.limit, each.backoff_seconds, each.factor, each.max_seconds)
        return ir.Options(
            env=self._args(value.env),
            extensions=tuple((each.name, _canonical(each.json)) for each in value.extensions),
            **found,
        )

    # --------------------------------------------------------------------------------------- components

    def _component(self, value: Any) -> ir.Component:
        inputs = tuple(self._input(port) for port in value.inputs)
        outputs = tuple(self._output(port) for port in value.outputs)
        impl: ir.PythonImpl | ir.ContainerImpl
        match value.WhichOneof("impl"):
            case "python":
                impl = self._python(value.python)
            case "container":
                command = _command(json.loads(value.container.command_json))
                impl = ir.ContainerImpl(command, _command(json.loads(value.container.args_json)))
            case _:
                raise BadFile(f"the component `{value.name}` has no implementation")
        return ir.Component(value.name, inputs, outputs, impl, value.image, value.description, self._span(value.span))

    def _python(self, value: Any) -> ir.PythonImpl:
        returns = RETURNS[value.returns]
        if not returns:
            raise BadFile(f"`{value.entry}` does not declare its return kind")
        return ir.PythonImpl(
            value.entry,
            tuple(ir.Chunk(each.text, self.files[each.file], each.line, each.module) for each in value.chunks),
            returns,  # type: ignore[arg-type]  # one of three words
            (value.min_python_major, value.min_python_minor),
            tuple(value.packages),
            tuple(value.pip_index_urls),
            tuple(value.pip_trusted_hosts),
        )


def _no_constant(text: str) -> None:
    raise BadFile(f"`{text}` is not a constant")


def _command(data: Any) -> tuple[ir.CommandPart, ...]:
    if not isinstance(data, list):
        raise BadFile("a command is not a list")
    found: list[ir.CommandPart] = []
    for part in data:
        match part:
            case str():
                found.append(part)
            case ["placeholder", str() as kind, str() as name] if kind in get_args(ir.PlaceholderKind):
                found.append(ir.Placeholder(kind, name))  # type: ignore[arg-type]  # checked by the guard
            case ["concat", list() as items]:
                found.append(ir.Concat(_command(items)))
            case ["if_present", str() as name, list() as then, list() as otherwise]:
                found.append(ir.IfPresent(name, _command(then), _command(otherwise)))
            case _:
                raise BadFile("a command contains an unknown part")
    return tuple(found)
