"""Saved pipelines: protobuf, with a header that specifies the required reader.

This is the only module that uses protobuf. Groups are nested by index, so a file has no depth; invalid contents of a
file are detected by :func:`typedpipe.ir.wire.decode` or by ``verify``, and reported as coded diagnostics.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from typedpipe.diagnostics.errors import PipelineError
from typedpipe.diagnostics.model import NOWHERE, Diagnostic, Label, Span
from typedpipe.files import write_whole
from typedpipe.ir import nodes as ir
from typedpipe.ir._pb import pipeline_pb2 as pb
from typedpipe.ir.edges import expr_operands
from typedpipe.ir.options import Option, set_options
from typedpipe.ir.wire_read import EXPRESSIONS, HOWS, RETURNS, BadFile, Reader
from typedpipe.types.data import BadTypeData, to_data
from typedpipe.types.json_text import json_text
from typedpipe.types.model import Type

MAGIC = b"typedpipe-ir\n"
VERSION = 3
"""The format version written. Increase it with each change, and ``MIN_READER`` if older readers would misread it."""
MIN_READER = 1
MAX_BYTES = 1 << 30

_KINDS: dict[type[Any], int] = {kind: at for at, kind in enumerate(EXPRESSIONS, start=1)}


# ----------------------------------------------------------------------------------------------- files


def save(pipeline: ir.Pipeline, path: str | os.PathLike[str]) -> None:
    """Write a pipeline to a file: completely, or not at all on failure.

    Raises:
        PipelineError: TP322 when the file cannot be written.
    """
    try:
        write_whole(path, encode(pipeline))
    except OSError as error:
        reason = error.strerror or str(error)
        raise _failed("TP322", f"`{path}` cannot be written: {reason}", str(path), "choose another path") from None


def load(path: str | os.PathLike[str]) -> ir.Pipeline:
    """Read a pipeline from a file.

    Raises:
        PipelineError: TP320 if the file is corrupted or not a pipeline, TP321 if it has a newer version.
    """
    if Path(path).exists() and not Path(path).is_file():  # opening a pipe would wait for a writer
        raise _damaged(str(path), "it is not a regular file")
    try:
        with Path(path).open("rb") as stream:
            return read(stream, str(path))
    except OSError as error:
        raise _damaged(str(path), error.strerror or str(error)) from None


def read(stream: BinaryIO, file: str) -> ir.Pipeline:
    """Read a pipeline from an open file; no more of it than its header if it is something else, or too large.

    Raises:
        PipelineError: as :func:`load`.
        OSError: it cannot be read.
    """
    head = stream.read(len(MAGIC))
    if head != MAGIC:
        return decode(head, file)  # which says so
    size = os.fstat(stream.fileno()).st_size
    if size > MAX_BYTES:
        raise _damaged(file, f"the file has {size} bytes, but at most {MAX_BYTES} are supported")
    return decode(head + stream.read(MAX_BYTES), file)


def encode(pipeline: ir.Pipeline) -> bytes:
    """Encode a pipeline as bytes; equal pipelines have equal bytes.

    >>> decode(encode(ir.Pipeline("p", ir.Graph()))).name
    'p'
    """
    written = _Writer().pipeline(pipeline)
    message = pb.PipelineFile(version=VERSION, min_reader=_min_reader(written), pipeline=written)
    return MAGIC + message.SerializeToString(deterministic=True)


def _min_reader(pipeline: pb.Pipeline) -> int:
    """The oldest version that does not misread a pipeline. Version 3 added classes whose objects travel as their state,
    source of several modules, and text that is escaped or has the texts of an enum's members.
    """
    news = (
        any('"state"]' in text for text in pipeline.types),
        any(chunk.module for component in pipeline.components for chunk in component.python.chunks),
        any(
            piece.value.escapes or piece.value.table
            for graph in pipeline.graphs
            for expression in graph.expressions
            for piece in expression.pieces
        ),
    )
    return 3 if any(news) else MIN_READER


def decode(data: bytes, file: str = "") -> ir.Pipeline:
    """Decode a pipeline from bytes. Raises the same errors as :func:`load`."""
    if not data.startswith(MAGIC):
        raise _damaged(file, "the header of a saved pipeline is missing")
    message = pb.PipelineFile()
    try:
        message.ParseFromString(data[len(MAGIC) :])
    except DecodeError:
        raise _damaged(file, "the file is truncated or corrupted") from None
    if message.min_reader > VERSION:
        raise _newer(
            file, f"it requires format version {message.min_reader}, but this typedpipe reads version {VERSION}"
        )
    if message.version == 0 or not message.HasField("pipeline"):
        raise _damaged(file, "the file contains no pipeline")
    if _has_unknown(message):
        raise _newer(file, "it contains fields that this typedpipe does not know")
    try:
        return Reader(message.pipeline).pipeline()
    except (BadFile, BadTypeData, ValueError, TypeError, LookupError, RecursionError) as error:
        raise _damaged(file, str(error) or type(error).__name__) from None


def _has_unknown(message: Message) -> bool:
    stack: list[Message] = [message]
    while stack:
        each = stack.pop()
        if len(UnknownFieldSet(each)):
            return True
        for field, value in each.ListFields():
            if field.message_type is not None:
                stack.extend(value if isinstance(value, Iterable) else [value])
    return False


def _number(message: Any, field: str, number: int) -> None:
    """Set an enum's field by its number, for which protobuf's stubs have no type."""
    setattr(message, field, number)


def _failed(code: str, message: str, file: str, help_: str) -> PipelineError:
    return PipelineError([Diagnostic(code, message, Label(Span(file)), help=help_)])


def _damaged(file: str, why: str) -> PipelineError:
    return _failed("TP320", f"not a saved pipeline, or the file is corrupted: {why}", file, "save the pipeline again")


def _newer(file: str, why: str) -> PipelineError:
    return _failed("TP321", f"this pipeline was saved by a newer typedpipe: {why}", file, "install a newer typedpipe")


# --------------------------------------------------------------------------------------------- writing


class _Writer:
    def __init__(self) -> None:
        self.out = pb.Pipeline()
        self.types: dict[Type, int] = {}
        self.files: dict[str, int] = {"": 0}

    def pipeline(self, value: ir.Pipeline) -> pb.Pipeline:
        out = self.out
        out.name, out.display_name, out.description = value.name, value.display_name, value.description
        out.closed = value.closed
        self.span(out.span, value.span)
        out.graph = self.graphs(value.graph)
        for key, component in value.components.items():
            self.component(out.components.add(key=key), component)
        for name, graph in value.pipelines.items():
            out.pipelines.add(name=name, graph=self.graphs(graph))
        out.types.extend(json.dumps(to_data(type_), separators=(",", ":")) for type_ in self.types)
        out.files.extend(list(self.files)[1:])
        return out

    def type(self, type_: Type) -> int:
        return self.types.setdefault(type_, len(self.types))

    def file(self, name: str) -> int:
        return self.files.setdefault(name, len(self.files))

    def span(self, out: pb.Span, span: Span) -> None:
        if span != NOWHERE:
            out.file = self.file(span.file)
            out.line, out.column, out.end_line, out.end_column = span.line, span.column, span.end_line, span.end_column

    def graphs(self, graph: ir.Graph) -> int:
        """Write a graph and all graphs in it, and return its index; a body comes after the graph that contains it."""
        first = len(self.out.graphs)
        todo = [graph]
        self.out.graphs.add()
        for at, each in enumerate(todo):  # grows as bodies are found
            body = first + len(todo)
            for node in each.nodes:
                inner = node.regions()
                todo.extend(region.body for region in inner)
                for _ in inner:
                    self.out.graphs.add()
            self.graph(self.out.graphs[first + at], each, body)
        return first

    def graph(self, out: pb.Graph, graph: ir.Graph, body: int) -> None:
        for port in graph.inputs:
            self.port(out.inputs.add(), port)
        for node in graph.nodes:
            self.node(out.nodes.add(), node, body)
            body += len(node.regions())
        for output in graph.outputs:
            made = out.outputs.add(name=output.name, type=self.type(output.type))
            self.operand(made.value, output.value)
            self.span(made.span, output.span)
        out.has_spans = bool(graph.expr_spans)
        for at, expr in enumerate(graph.exprs):
            entry = out.expressions.add()
            self.expression(entry, expr)
            if graph.expr_spans:
                self.span(entry.span, graph.expr_spans[at])

    def operand(self, out: pb.Operand, operand: ir.Operand) -> None:
        match operand:
            case ir.Const():
                out.constant.json, out.constant.type = operand.text, self.type(operand.type)
            case ir.FromInput():
                out.input = operand.name
            case ir.FromTask():
                out.task.task, out.task.output = operand.task, operand.output
            case ir.FromItem():
                out.item = operand.loop
            case ir.FromExpr():
                out.expression = operand.index

    def args(self, out: Any, args: ir.Args) -> None:
        for name, value in args:
            self.operand(out.add(name=name).value, value)

    def expression(self, out: pb.Expression, expr: ir.Expr) -> None:
        _number(out, "kind", _KINDS[type(expr)])
        for operand in expr_operands(expr):
            self.operand(out.operands.add(), operand)
        match expr:
            case ir.Compare():
                out.name = expr.op
            case ir.Field():
                out.name = expr.name
            case ir.Format():
                for part in expr.parts:
                    if isinstance(part, str):
                        out.pieces.add(text=part)
                    else:
                        value = out.pieces.add().value
                        value.spec, value.conversion, value.escapes = part.spec, part.conversion, part.escapes
                        for wire, text in part.table:
                            value.table.add(wire=wire, text=text)
                        value.SetInParent()
            case ir.MakeDict():
                out.keys.extend(name for name, _ in expr.entries)
                out.type = 0 if expr.type is None else self.type(expr.type) + 1
            case _:
                pass

    def port(self, out: pb.Port, port: ir.InputPort | ir.OutputPort) -> None:
        out.name, out.type, out.description = port.name, self.type(port.type), port.description
        _number(out, "how", HOWS.index(port.how))
        if isinstance(port, ir.InputPort) and port.default is not None:
            out.default.json, out.default.type = port.default.text, self.type(port.default.type)
        self.span(out.span, port.span)

    def component(self, out: pb.Component, value: ir.Component) -> None:
        out.name, out.image, out.description = value.name, value.image, value.description
        for port in (*value.inputs,):
            self.port(out.inputs.add(), port)
        for output in value.outputs:
            self.port(out.outputs.add(), output)
        self.span(out.span, value.span)
        impl = value.impl
        if isinstance(impl, ir.ContainerImpl):
            out.container.command_json = json.dumps(_command_data(impl.command))
            out.container.args_json = json.dumps(_command_data(impl.args))
            return
        python = out.python
        python.entry = impl.entry
        _number(python, "returns", RETURNS.index(impl.returns))
        python.min_python_major, python.min_python_minor = impl.min_python
        for chunk in impl.chunks:
            python.chunks.add(text=chunk.text, file=self.file(chunk.file), line=chunk.line, module=chunk.module)
        python.packages.extend(impl.packages)
        python.pip_index_urls.extend(impl.pip_index_urls)
        python.pip_trusted_hosts.extend(impl.pip_trusted_hosts)

    def options(self, out: pb.Options, options: ir.Options) -> None:
        for row, value in set_options(options):
            self.option(out, row, value)

    def option(self, out: pb.Options, row: Option, value: Any) -> None:
        match row.kind:
            case "operand":
                self.args(out.resources, ((row.name, value),))
            case "operands":
                self.args(out.env, value)
            case "retry":
                out.retry.limit, out.retry.backoff_seconds = value.limit, value.backoff_seconds
                out.retry.factor, out.retry.max_seconds = value.factor, value.max_seconds
            case "extensions":
                for key, text in value:
                    out.extensions.add(name=key, json=text)
            case _ if row.wire == "json":
                out.others.add(name=row.name, json=json_text(value))
            case _:
                setattr(out, row.name, value)

    def node(self, out: pb.Node, node: ir.Node, body: int) -> None:
        out.name = node.name
        out.after.extend(node.after)
        self.span(out.span, node.span)
        match node:
            case ir.Task() | ir.Call():
                if isinstance(node, ir.Task):
                    out.call.component = node.component
                else:
                    out.call.pipeline = node.pipeline
                self.args(out.call.args, node.args)
                if node.options != ir.DEFAULT_OPTIONS:
                    self.options(out.call.options, node.options)
            case ir.Importer():
                self.operand(out.importer.uri, node.uri)
                out.importer.type, out.importer.reimport = self.type(node.type), node.reimport
                if node.metadata is not None:
                    self.operand(out.importer.metadata, node.metadata)
            case ir.Branch():
                out.branch.SetInParent()
                for at, arm in enumerate(node.arms):
                    made = out.branch.arms.add(body=body + at)
                    if arm.condition is not None:
                        self.operand(made.condition, arm.condition)
                    self.args(made.args, arm.args)
                    self.span(made.span, arm.span)
            case ir.Loop():
                out.loop.body, out.loop.item, out.loop.parallelism = body, node.item, node.parallelism
                out.loop.item_type = self.type(node.item_type)
                self.operand(out.loop.items, node.items)
                self.args(out.loop.args, node.args)
            case ir.ExitHandler():
                out.exit_handler.body = body
                self.node(out.exit_handler.exit, node.exit, 0)
                self.args(out.exit_handler.args, node.args)


def _command_data(parts: tuple[ir.CommandPart, ...]) -> list[object]:
    found: list[object] = []
    for part in parts:
        match part:
            case str():
                found.append(part)
            case ir.Placeholder():
                found.append(["placeholder", part.kind, part.name])
            case ir.Concat():
                found.append(["concat", _command_data(part.items)])
            case ir.IfPresent():
                found.append(["if_present", part.input, _command_data(part.then), _command_data(part.otherwise)])
    return found
