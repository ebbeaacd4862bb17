"""Where people's text becomes wire text: the arguments of the workflow.

A `str` may be given bare or as JSON; whatever submits for us sends JSON when the text has ``{{``, ``$`` or a leading
quote, because an unclosed ``{{`` in an argument hangs a workflow for ever.
"""

from __future__ import annotations

import json

from typedpipe.compiler.argo.templates import Input
from typedpipe.compiler.argo.wire import esc, tag
from typedpipe.compiler.argo.yaml import Data
from typedpipe.compiler.pod import kind_of
from typedpipe.ir import nodes as ir
from typedpipe.ir.taskspec import port_key
from typedpipe.types.display import show
from typedpipe.types.model import EnumType, LiteralType, Type, is_optional, without_none
from typedpipe.types.values import safe


def root_inputs(graph: ir.Graph) -> tuple[list[Input], dict[str, str]]:
    """The inputs of the outermost template, and the path of each input of the pipeline."""
    inputs, paths = [], {}
    for port in graph.inputs:
        key = port_key(port.name)
        given = f"workflow.parameters.{key}"
        if kind_of(without_none(port.type)) in ("int", "float", "bool"):
            paths[port.name] = given
            continue
        text = f'workflow.parameters["{key}"]'
        inputs.append(Input(f"tp-in-{key}", value=tag(_to_wire(text, port.type))))
        paths[port.name] = f"inputs.parameters.tp-in-{key}"
    return inputs, paths


def _to_wire(text: str, type_: Type) -> str:
    if kind_of(without_none(type_)) != "str":
        return esc(text)
    bare = esc(f"toJson({text})")
    null = f'{text} == "null" ? "null" : ' if is_optional(type_) else ""
    return f'{null}{text} startsWith "\\"" ? {text} : {bare}'


def argument(port: ir.InputPort) -> dict[str, Data]:
    """A parameter of the workflow: what a person may type, and what it means.

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
    description = show(port.type) + (f": {port.description}" if port.description else "")
    out["description"] = description.replace("{{", "{ {")
    return out


def to_argument(text: str, type_: Type) -> str:
    r"""Wire text as an argument that the boundary turns into the same wire text; bare where that is safe.

    >>> from typedpipe.types.model import STR
    >>> to_argument('"a b"', STR), to_argument('"{x"', STR), to_argument('"$x"', STR)
    ('a b', '{x', '"\\u0024x"')
    """
    if kind_of(without_none(type_)) != "str" or text == "null":
        return safe(text)
    value = json.loads(text)
    plain = isinstance(value, str) and value.isprintable() and value == value.strip()
    if not plain or value[:1] == '"' or "{{" in value or "$" in value or value in ("", "null"):
        return safe(text)
    return str(value)
