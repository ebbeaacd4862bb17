"""The arguments of a run, which anybody may type: their text in the file, and their text as the pipeline reads it.

The argument of a `str` is the text itself, or `=` and the text as JSON. Whatever submits on typedpipe's behalf sends JSON
when the text has `{{` or `$`, because an unclosed `{{` in an argument hangs a workflow forever. A number, a bool or a
member of an enum is what ``runtime.task.read_argument`` reads. The controller passes text that is wire text already, and
leaves any other text to the task that reads the value, or to a message.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from typedpipe.compiler.argo.templates import Data, Input, esc, string, tag
from typedpipe.compiler.pod import default_text, kind_of, wire_key
from typedpipe.ir import nodes as ir
from typedpipe.ir.taskspec import port_key
from typedpipe.runtime.task import FALSE, TRUE, BadArgument, error_text
from typedpipe.types.data import to_data
from typedpipe.types.display import show
from typedpipe.types.json_text import json_data, json_text
from typedpipe.types.model import (
    BOOL,
    DATETIME,
    FLOAT,
    INT,
    EnumType,
    LiteralType,
    ScalarType,
    Type,
    UnionType,
    is_artifact,
    is_optional,
    without_none,
)
from typedpipe.types.values import safe

_ESCAPED: Final = string(r'^="([^"\\\x00-\x1f]|\\(["\\/bfnrt]|u[0-9a-fA-F]{4}))*"$')
"""Literal of a regular expression: arguments that are `=` and JSON."""
_INT: Final = r"0|-?[1-9][0-9]*"
_FLOAT: Final = r"-?(0|[1-9][0-9]*)(\.[0-9]+([eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)"
_SCALARS: Final = (INT, FLOAT, BOOL)


def root_inputs(graph: ir.Graph, read: Collection[str]) -> tuple[list[Input], dict[str, str]]:
    """Inputs of the outermost template, and the path of each input of the pipeline.

    ``read`` are the arguments that the controller itself reads: if it cannot, whatever reads them fails with a message.
    """
    inputs, paths = [], {}
    for port in graph.inputs:
        if is_artifact(port.type):  # an argument is text, so only one that may be left out gets here
            key = wire_key(port.name, port.type)
            inputs.append(Input(key, default_text(port)))
        else:
            key = f"tp-in-{port_key(port.name)}"
            inputs.append(Input(key, value=tag(_to_wire(port, plain=port.name in read))))
        paths[port.name] = f"inputs.parameters.{key}"
    return inputs, paths


def _to_wire(port: ir.InputPort, *, plain: bool) -> str:
    """An expression for the wire text of an argument, or for text from which a task makes it."""
    core = without_none(port.type)
    start = json.dumps({"$tp": ["argument", port.name, to_data(port.type)]}, separators=(",", ":"))[:-2] + ","
    otherwise = f"{string(safe(start))} + {esc('toJson(x)')} + {string(']}')}"
    if plain:
        otherwise = f"sprig.fail({string(mistake(port, f'`{show(port.type)}`'))})"
    null = 'x == "null" ? "null" : ' if is_optional(port.type) else ""
    if isinstance(core, LiteralType | EnumType):
        known = {**members(core), **({"null": "null"} if null else {})}
        text = f"get({_map(known)}, x) ?? ({otherwise})"
    elif core == BOOL:
        text = f'{null}lower(x) in {_list(TRUE)} ? "true" : lower(x) in {_list(FALSE)} ? "false" : {otherwise}'
    elif scalars := _scalars(core):
        forms: dict[Type, str] = {INT: _INT, FLOAT: _FLOAT, BOOL: "true|false"}
        pattern = "|".join([*(forms[member] for member in scalars), *(["null"] if null else [])])
        if core == FLOAT:
            known = {
                word: json_text({"$tp": ["float", word]}, separators=(",", ":")) for word in ("nan", "inf", "-inf")
            }
            otherwise = f'x matches {string(f"^({_INT}|-0)$")} ? x + ".0" : get({_map(known)}, x) ?? ({otherwise})'
        text = f"x matches {string(f'^({pattern})$')} ? x : {otherwise}"
    elif core == DATETIME and not plain:
        text = null + otherwise
    elif kind_of(core) == "str":
        text = f"{null}x matches {_ESCAPED} ? x[1:] : {esc('toJson(x)')}"
    else:
        text = esc("x")
    return f'let x = workflow.parameters["{port_key(port.name)}"]; {text}'


def _map(known: Mapping[str, str]) -> str:
    return f"{{ {', '.join(f'{string(key)}: {string(safe(wire))}' for key, wire in known.items())} }}"


def _scalars(type_: Type) -> tuple[Type, ...]:
    """The types of numbers and bools of which a type consists; empty for other types."""
    found = type_.members if isinstance(type_, UnionType) else (type_,)
    return found if all(member in _SCALARS for member in found) else ()


def _list(words: Iterable[str]) -> str:
    return f"[{', '.join(map(string, words))}]"


def members(type_: LiteralType | EnumType) -> dict[str, str]:
    """The wire text of each member, by all texts that select it: the name of one comes before the value of another.

    >>> members(LiteralType(('"a"', "1")))
    {'a': '"a"', '1': '1'}
    """
    wires = type_.values if isinstance(type_, LiteralType) else tuple(member.wire for member in type_.members)
    names = {} if isinstance(type_, LiteralType) else {member.name: member.wire for member in type_.members}
    found: dict[str, str] = {}
    for text, wire in [*names.items(), *((_bare(wire), wire) for wire in wires)]:
        found.setdefault(text, wire)
        if _is_escaped(text):
            found.setdefault("=" + safe(json_text(text)), wire)
    return found


def _bare(wire: str) -> str:
    value = json_data(wire)
    return value if isinstance(value, str) else wire


def mistake(port: ir.InputPort, expected: str) -> str:
    """The message that an argument is not of its type. Argo takes it for an error, never for a value.

    >>> mistake(ir.InputPort("n", INT), "`int`")
    'error TP187: argument `n`: expected `int`'
    """
    return error_text("", BadArgument(port.name, f"expected {expected}"))


# ----------------------------------------------------------------------------------------- the arguments in the file


def argument(port: ir.InputPort) -> dict[str, Data]:
    """A workflow parameter: its name, default, allowed values and description.

    >>> from typedpipe.ir.nodes import Const
    >>> from typedpipe.types.model import STR
    >>> argument(ir.InputPort("who", STR, Const('"world"', STR)))
    {'name': 'who', 'value': 'world', 'description': 'str'}
    """
    out: dict[str, Data] = {"name": port_key(port.name)}
    if port.default is not None:
        out["value"] = to_argument(port.default.text, port.type)
    core = without_none(port.type)
    if isinstance(core, (LiteralType, EnumType)):
        texts = core.values if isinstance(core, LiteralType) else [member.wire for member in core.members]
        choices = [to_argument(text, port.type) for text in texts]
        out["enum"] = [*choices, "null"] if is_optional(port.type) else choices
    name = port.type.kind if isinstance(port.type, ScalarType) else show(port.type)
    description = name + (f": {port.description}" if port.description else "")
    out["description"] = description.replace("{{", "{ {")
    return out


def to_argument(text: str, type_: Type) -> str:
    r"""Convert wire text to an argument that the boundary converts back to the same wire text; bare where that is safe.

    >>> from typedpipe.types.model import STR
    >>> to_argument('"a b"', STR), to_argument('"{x"', STR), to_argument('"$x"', STR)
    ('a b', '{x', '="\\u0024x"')
    """
    core = without_none(type_)
    if isinstance(core, EnumType) and text != "null":
        name = next(member.name for member in core.members if member.wire == text)
        if members(core)[_bare(text)] != text:
            return name
    finite = isinstance(core, EnumType | LiteralType)
    if _scalars(core) and text[:1] == "{":
        return str(json_data(text)["$tp"][1])
    if (kind_of(core) != "str" and not (finite and text[:1] == '"')) or text == "null":
        return safe(text)
    value = json_data(text)
    return "=" + safe(text) if _is_escaped(value) else str(value)


def _is_escaped(text: str) -> bool:
    """Whether text is written as `=` and JSON."""
    plain = text.isprintable() and text == text.strip() and text not in ("", "null")
    return not plain or text[:2] == '="' or "{{" in text or "$" in text
