"""Arguments of a run: values of a pipeline's parameters, as wire text by name.

Arguments are values. They are stored next to the pipeline and never written into it as defaults, so that the same
pipeline is stored however a run of it is started.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from shlex import quote
from types import MappingProxyType
from typing import Literal, Protocol, TypeAlias

from typedpipe.diagnostics.model import NOWHERE, Diagnostics, Label
from typedpipe.diagnostics.words import nearest
from typedpipe.ir import nodes as ir
from typedpipe.runs.forms import LONGEST, NotOfType, WireText, choices, from_json, from_python, from_text, sample
from typedpipe.types.display import enum_members, show
from typedpipe.types.model import BOOL, STR, AnyType, ListType, Type, is_artifact, without_none

Form: TypeAlias = Literal["text", "json", "python"]
"""The form of the given arguments: typed on a command line, JSON data, or Python values."""


def bind(
    pipeline: ir.Pipeline,
    given: Mapping[str, object],
    report: Diagnostics,
    form: Form = "python",
    *,
    complete: bool = True,
    known: Mapping[str, WireText] = MappingProxyType({}),
    file: str = "",
) -> dict[str, WireText]:
    """The caller's arguments as wire text, each checked against its parameter; invalid ones are reported.

    Args:
        pipeline: The pipeline, whose inputs are the parameters.
        given: Values by name; for ``text``, a name may have dashes instead of underscores.
        report: Receives TP187 to TP189.
        form: The form of the values.
        complete: Whether a required parameter without a value is reported.
        known: Arguments that are bound already, such as those from a file; ``given`` takes precedence.
        file: The file that the values are from, for messages.

    >>> from typedpipe.ir.nodes import Graph, InputPort
    >>> from typedpipe.types.model import INT
    >>> pipeline = ir.Pipeline("p", Graph((InputPort("n", INT),)))
    >>> report = Diagnostics()
    >>> bind(pipeline, {"n": "3"}, report, "text"), bind(pipeline, {"n": 3}, report)
    ({'n': '3'}, {'n': '3'})
    """
    read, words = _READERS[form], _TYPED if form == "text" else _Passed(file)
    ports = {port.name: port for port in pipeline.graph.inputs}
    values: dict[str, object] = {}
    reported = False
    for name, value in given.items():
        plain = name if name in ports or form != "text" else name.replace("-", "_")
        if plain in ports:
            values[plain] = value
        else:
            words.unknown(pipeline, name, report)
            reported = True
    bound: dict[str, WireText] = {}
    missing: list[ir.InputPort] = []
    for port in ports.values():
        if port.name in values:
            try:
                bound[port.name] = _read(values[port.name], port, read)
            except NotOfType as error:
                words.unfit(pipeline, port, values[port.name], error, report)
                reported = True
        elif port.name in known:
            bound[port.name] = known[port.name]
        elif port.required:
            missing.append(port)
    if complete and not (reported and form == "text"):  # a misspelled name is often the missing one
        for port in missing:
            words.missing(pipeline, port, report)
    return bound


def _read(value: object, port: ir.InputPort, read: Callable[[object, Type], WireText]) -> WireText:
    if not is_artifact(port.type):
        return read(value, port.type)
    from typedpipe.runs.locations import from_location

    return from_location(value, port)


def _typed(value: object, type_: Type) -> WireText:
    return from_text(str(value), type_)


_READERS: Mapping[Form, Callable[[object, Type], WireText]] = {
    "text": _typed,
    "json": from_json,
    "python": from_python,
}


# ------------------------------------------------------------------------------------------------------ the words


class _Words(Protocol):
    """Messages of the errors, in terms of the caller's interface."""

    def unknown(self, pipeline: ir.Pipeline, name: str, report: Diagnostics) -> None: ...
    def unfit(
        self, pipeline: ir.Pipeline, port: ir.InputPort, value: object, error: NotOfType, report: Diagnostics
    ) -> None: ...
    def missing(self, pipeline: ir.Pipeline, port: ir.InputPort, report: Diagnostics) -> None: ...


class _Typed:
    """Messages for a command line."""

    def unknown(self, pipeline: ir.Pipeline, name: str, report: Diagnostics) -> None:
        names = [port.name for port in pipeline.graph.inputs]
        near = nearest(name, names)
        known = (
            f"the parameters are {', '.join(f'`{item}`' for item in names)}"
            if names
            else "the pipeline has no parameters"
        )
        report.error(
            "TP188",
            f"`{pipeline.name}` has no parameter `{name}`",
            NOWHERE,
            others=[Label(pipeline.span, "declared here")],
            help=f"did you mean `{near}`?" if near else known,
        )

    def unfit(
        self, pipeline: ir.Pipeline, port: ir.InputPort, value: object, error: NotOfType, report: Diagnostics
    ) -> None:
        text = str(value)
        shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
        message = f"`{shown}` is not a valid value for `{port.name}` of `{pipeline.name}`: {error}"
        members = "" if choices(port.type) else enum_members(port.type)
        help_ = "; ".join(filter(None, (_example(port), members)))
        report.error("TP187", message, port.span, f"declared as `{show(port.type)}`", help=help_)

    def missing(self, pipeline: ir.Pipeline, port: ir.InputPort, report: Diagnostics) -> None:
        message = f"`{port.name}` of `{pipeline.name}` requires a value, because it has no default"
        report.error("TP189", message, port.span, f"declared as `{show(port.type)}`", help=_example(port))


@dataclass(frozen=True, slots=True)
class _Passed:
    """Messages for a function call, or for a file of parameters."""

    file: str = ""

    def unknown(self, pipeline: ir.Pipeline, name: str, report: Diagnostics) -> None:
        names = [port.name for port in pipeline.graph.inputs]
        close = nearest(name, names)
        known = ", ".join(f"`{port}`" for port in names) or "none"
        report.error(
            "TP188",
            f"`{self.file}` sets `{name}`, but the pipeline `{pipeline.name}` has no such parameter"
            if self.file
            else f"the pipeline `{pipeline.name}` has no parameter `{name}`",
            pipeline.span,
            help=f"did you mean `{close}`?" if close else f"its parameters: {known}",
        )

    def unfit(
        self,
        pipeline: ir.Pipeline,
        port: ir.InputPort,
        value: object,  # noqa: ARG002 - it may be as long as it likes
        error: NotOfType,
        report: Diagnostics,
    ) -> None:
        report.error(
            "TP187",
            f"the argument `{port.name}`{f' in `{self.file}`' if self.file else ''} does not match `{show(port.type)}`: {error}",
            port.span if port.span.line else pipeline.span,
            f"`{port.name}` is declared here",
            help="pass the path of an existing file or directory, or a URI"
            if is_artifact(port.type)
            else "; ".join(filter(None, (f"pass a value of type `{show(port.type)}`", enum_members(port.type)))),
        )

    def missing(self, pipeline: ir.Pipeline, port: ir.InputPort, report: Diagnostics) -> None:
        report.error(
            "TP189",
            f"the pipeline `{pipeline.name}` requires a value for `{port.name}`",
            port.span if port.span.line else pipeline.span,
            f"`{port.name}` is a `{show(port.type)}` without a default",
            help=f"pass `{port.name}=...`",
        )


_TYPED: _Words = _Typed()


def _example(port: ir.InputPort) -> str:
    option = f"--{port.name.replace('_', '-')}"
    if without_none(port.type) == BOOL:
        return f"pass {option} or --no-{port.name.replace('_', '-')}"
    return example(port.type, f"{option} ")


def example(type_: Type, start: str) -> str:
    """A hint how to type a value, after a text such as ``--rate ``.

    >>> from typedpipe.types.model import INT
    >>> example(INT, "--n "), example(ListType(INT), "--ns ")
    ('pass a value of type `int`, such as --n 3', "pass a value of type `list[int]` as JSON, such as --ns '[3]'")
    """
    core = without_none(type_)
    if is_artifact(core):
        paths = isinstance(core, ListType)
        return f"use {start}'[\"…\", …]', a JSON list of paths or URIs" if paths else f"use {start}PATH, or a URI"
    if values := choices(core):
        return f"pass one of the values: {start}{'|'.join(values)}"
    if core == STR or isinstance(core, AnyType):
        return f"pass a value: {start}VALUE"
    value = sample(core)
    if isinstance(value, list | dict):
        return f"pass a value of type `{show(core)}` as JSON, such as {start}{quote(json.dumps(value, ensure_ascii=False))}"
    text = value if isinstance(value, str) else json.dumps(value)
    return f"pass a value of type `{show(core)}`, such as {start}{text}"
