"""What a user types for a pipeline's parameter: from text to the wire text of a value of its type."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast

from typedpipe.diagnostics.model import NOWHERE, Diagnostics, Label
from typedpipe.ir import nodes as ir
from typedpipe.types.display import show
from typedpipe.types.model import (
    NULL,
    STR,
    AnyType,
    DictType,
    EnumType,
    ListType,
    LiteralType,
    NullType,
    ScalarType,
    StructType,
    Type,
    UnionType,
    is_artifact,
    without_none,
)
from typedpipe.types.values import NotAConstant, constant

TRUE = ("true", "yes", "on", "1")
FALSE = ("false", "no", "off", "0")


class NotOfType(ValueError):
    """A value is not of the type; the text says where in it, and what was expected."""


def from_text(text: str, type_: Type) -> str:
    """The wire text of what was typed for a parameter.

    Raises:
        NotOfType: it is not of the type.

    >>> from typedpipe.types.model import INT, FLOAT
    >>> from_text("3", INT), from_text("3", FLOAT), from_text("[1, 2]", ListType(INT))
    ('3', '3.0', '[1,2]')
    """
    core = without_none(type_)
    if text == "null" and core not in (type_, STR):
        return "null"
    if isinstance(core, UnionType):
        return _first([lambda member=member: from_text(text, member) for member in core.members], type_, text)
    match core:
        case ScalarType("str"):
            return _plain(text)
        case ScalarType("bool"):
            return _bool(text)
        case ScalarType("int" | "float"):
            return _wire(_number(text, core), core, "")
        case ScalarType("datetime"):
            return _wire(text, core, "")
        case EnumType() | LiteralType():
            return _choice(text, core)
        case AnyType():
            return _any_text(text)
        case _:
            return _wire(_json(text, core), core, "")


def choices(type_: Type) -> list[str]:
    """What can be typed for a parameter of a closed set of values; nothing for any other."""
    core = without_none(type_)
    if isinstance(core, EnumType):
        return [member.name for member in core.members]
    if isinstance(core, LiteralType):
        return [_typed_text(wire) for wire in core.values]
    return []


def _typed_text(wire: str) -> str:
    value = json.loads(wire)
    return value if isinstance(value, str) else wire


def _choice(text: str, type_: EnumType | LiteralType) -> str:
    pairs: Iterable[tuple[str, str]]
    if isinstance(type_, EnumType):
        pairs = [(member.name, member.wire) for member in type_.members]
    else:
        pairs = [(_typed_text(wire), wire) for wire in type_.values]
    for name, wire in pairs:
        if text == name:
            return wire
    for _, wire in pairs:
        if text == _typed_text(wire):
            return wire
    raise NotOfType(f"expected one of {', '.join(name for name, _ in pairs)}")


def _bool(text: str) -> str:
    if text.lower() in TRUE:
        return "true"
    if text.lower() in FALSE:
        return "false"
    raise NotOfType("expected true or false")


def _number(text: str, type_: ScalarType) -> int | float:
    try:
        return int(text) if type_.kind == "int" else float(text)
    except ValueError:
        raise NotOfType(f"expected `{type_.kind}`") from None


def _json(text: str, type_: Type) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        raise NotOfType(f"expected `{show(type_)}` as JSON, and this does not parse: {said}") from None


def _any_text(text: str) -> str:
    try:
        return _wire(json.loads(text), AnyType(), "")
    except (ValueError, RecursionError):
        return _plain(text)


def _plain(value: object) -> str:
    try:
        return constant(value)[0]
    except NotAConstant as error:
        raise NotOfType(error.reason) from None


def _first(tries: list[Any], type_: Type, value: object) -> str:
    for attempt in tries:
        try:
            wire: str = attempt()
        except NotOfType:
            continue
        return wire
    raise _expected(type_, value, "")


def _expected(type_: Type, value: object, path: str) -> NotOfType:
    found = json.dumps(value)
    shown = found if len(found) <= 60 else f"{found[:57]}..."
    return NotOfType(f"{path + ': ' if path else ''}expected `{show(type_)}`, found {shown}")


def _wire(value: object, type_: Type, path: str) -> str:
    """The wire text of a JSON value of a type."""
    match type_:
        case AnyType():
            return _plain(value)
        case NullType() if value is None:
            return "null"
        case ScalarType():
            return _scalar(value, type_, path)
        case ListType() if isinstance(value, list):
            items = cast("list[object]", value)
            return f"[{','.join(_wire(item, type_.item, f'{path}[{index}]') for index, item in enumerate(items))}]"
        case DictType() if isinstance(value, dict):
            given = cast("dict[str, object]", value)
            return _object(
                [f"{_plain(key)}:{_wire(item, type_.value, _inside(path, key))}" for key, item in given.items()], given
            )
        case StructType() if isinstance(value, dict):
            return _struct(cast("dict[str, object]", value), type_, path)
        case EnumType() if isinstance(value, (str, int, float)):
            return _member(value, type_, path)
        case LiteralType() if (value is None or isinstance(value, (str, int, float))) and _plain(value) in type_.values:
            return _plain(value)
        case UnionType():
            return _union(value, type_, path)
        case _:
            raise _expected(type_, value, path)


def _inside(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _object(entries: list[str], value: dict[str, object]) -> str:
    text = "{" + ",".join(entries) + "}"
    return _plain({"$tp": None}).replace("null", text, 1) if "$tp" in value else text


def _scalar(value: Any, type_: ScalarType, path: str) -> str:
    kind = type_.kind
    if kind == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return _plain(float(value))
        except OverflowError:
            raise _expected(type_, value, path) from None
    if kind == "datetime" and isinstance(value, str):
        return _datetime(value, path)
    wanted = {"int": int, "bool": bool, "str": str}.get(kind)
    if wanted is not None and type(value) is wanted:
        return _plain(value)
    raise _expected(type_, value, path)


def _datetime(text: str, path: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NotOfType(f"{path + ': ' if path else ''}expected a date and time such as 2026-01-31T12:00:00Z") from None
    return _plain(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _struct(value: dict[str, object], type_: StructType, path: str) -> str:
    known = {item.name: item for item in type_.fields}
    for key in value:
        if key not in known:
            raise NotOfType(f"{_inside(path, key)}: `{type_.name}` has no such field; it has {', '.join(known)}")
    for item in type_.fields:
        if item.required and item.name not in value:
            raise NotOfType(f"{_inside(path, item.name)}: this field of `{type_.name}` is missing")
    return (
        "{"
        + ",".join(f"{_plain(key)}:{_wire(item, known[key].type, _inside(path, key))}" for key, item in value.items())
        + "}"
    )


def _member(value: Any, type_: EnumType, path: str) -> str:
    for member in type_.members:
        if member.name == value or member.wire == _plain(value):
            return member.wire
    raise _expected(type_, value, path)


def _union(value: Any, type_: UnionType, path: str) -> str:
    for member in sorted(type_.members, key=lambda item: isinstance(item, ScalarType) and item.kind == "float"):
        try:
            return _wire(value, member, path)
        except NotOfType:
            continue
    raise _expected(type_, value, path)


# ---------------------------------------------------------------------------------------- for a pipeline's inputs


def bind(
    pipeline: ir.Pipeline, texts: Iterable[tuple[str, str]], report: Diagnostics, complete: bool = True
) -> dict[str, str]:
    """The wire texts of named arguments; what does not fit is reported. Artifacts keep what was typed: a path or URI."""
    ports = {port.name: port for port in pipeline.graph.inputs}
    bound: dict[str, str] = {}
    for name, text in texts:
        port = ports.get(name) or ports.get(name.replace("-", "_"))
        if port is None:
            _unknown(pipeline, name, report)
            continue
        try:
            bound[port.name] = text if is_artifact(port.type) else from_text(text, port.type)
        except NotOfType as error:
            message = f"`{text}` is no value for `{port.name}` of `{pipeline.name}`: {error}"
            report.error("TP187", message, port.span, f"declared as `{show(port.type)}`", help=example(port))
    if complete:
        for port in pipeline.graph.inputs:
            if port.default is None and port.name not in bound and not _reported(report):
                _missing(pipeline, port, report)
    return bound


def _reported(report: Diagnostics) -> bool:
    return any(item.code in ("TP187", "TP188") for item in report)


def _unknown(pipeline: ir.Pipeline, name: str, report: Diagnostics) -> None:
    from typedpipe.diagnostics.words import nearest

    names = [port.name for port in pipeline.graph.inputs]
    near = nearest(name, names)
    known = f"it has {', '.join(f'`{item}`' for item in names)}" if names else "it has none"
    report.error(
        "TP188",
        f"`{pipeline.name}` has no parameter `{name}`",
        NOWHERE,
        others=[Label(pipeline.span, "declared here")],
        help=f"did you mean `{near}`?" if near else known,
    )


def _missing(pipeline: ir.Pipeline, port: ir.InputPort, report: Diagnostics) -> None:
    message = f"`{port.name}` of `{pipeline.name}` has no default, and was given no value"
    report.error("TP189", message, port.span, f"declared as `{show(port.type)}`", help=example(port))


def example(port: ir.InputPort) -> str:
    """How to type a value of the parameter."""
    option = f"--{port.name.replace('_', '-')}"
    match without_none(port.type):
        case ScalarType("int"):
            return f"type {option} 3"
        case ScalarType("float"):
            return f"type {option} 0.5"
        case ScalarType("bool"):
            return f"type {option} or --no-{port.name.replace('_', '-')}"
        case ScalarType("datetime"):
            return f"type {option} 2026-01-31T12:00:00Z"
        case ListType():
            return f"type {option} '[…]', a JSON list"
        case DictType() | StructType():
            return f"type {option} '{{…}}', a JSON object"
        case EnumType() | LiteralType():
            return f"type {option} {'|'.join(choices(port.type))}"
        case _:
            return f"type {option} VALUE"


def with_defaults(pipeline: ir.Pipeline, bound: dict[str, str]) -> ir.Pipeline:
    """The pipeline with these wire texts as the defaults of its inputs."""
    from dataclasses import replace

    if not bound:
        return pipeline
    inputs = tuple(
        replace(port, default=ir.Const(bound[port.name], NULL if bound[port.name] == "null" else port.type))
        if port.name in bound
        else port
        for port in pipeline.graph.inputs
    )
    return replace(pipeline, graph=replace(pipeline.graph, inputs=inputs))
