"""Pods that run tasks: their program, the delivery of the runtime, and the names and paths of inputs and outputs.

Shared by all backends whose tasks are pods. Text in a pod's manifest contains nothing that Argo reads as a tag or that
Kubernetes expands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from typedpipe import runtime
from typedpipe.ir import nodes as ir
from typedpipe.ir.taskspec import port_key
from typedpipe.runtime.task import descriptor_key
from typedpipe.types.json_text import json_data
from typedpipe.types.model import (
    BOOL,
    FLOAT,
    INT,
    STR,
    EnumType,
    LiteralType,
    Type,
    UnionType,
    is_artifact,
)
from typedpipe.types.values import python_literal, safe

# --------------------------------------------------------------------------------------------- inputs and outputs

LIB, OUT, IN = "/tp/lib", "/tp/out", "/tp/in"


def wire_key(name: str, type_: Type) -> str:
    """Wire name of a value; an artifact is passed as its descriptor."""
    return descriptor_key(port_key(name)) if is_artifact(type_) else port_key(name)


def default_text(port: ir.InputPort) -> str | None:
    """Wire text of an input that no argument is passed to; None if one is required."""
    if port.default is not None:
        return safe(port.default.text)
    return None if port.required else "null"


def parameter_path(key: str) -> str:
    """File of an output parameter, or of the descriptor of an output artifact."""
    return f"{OUT}/p/{key}"


def artifact_path(key: str) -> str:
    """File or directory of an output artifact."""
    return f"{OUT}/a/{key}"


def input_path(key: str) -> str:
    """File or directory of an input artifact."""
    return f"{IN}/{key}"


def kind_of(type_: Type) -> str:
    """``int``, ``float``, ``bool`` or ``str`` if all values of the type have this form on the wire, otherwise ``json``.

    >>> from typedpipe.types.model import DATETIME, ListType
    >>> kind_of(DATETIME), kind_of(LiteralType(("1", "2"))), kind_of(ListType(INT))
    ('str', 'int', 'json')
    """
    if isinstance(type_, (LiteralType, EnumType)):
        texts = type_.values if isinstance(type_, LiteralType) else tuple(m.wire for m in type_.members)
        kinds = {type(json_data(text)).__name__ for text in texts}
        return kinds.pop() if len(kinds) == 1 and kinds <= {"int", "float", "bool", "str"} else "json"
    if isinstance(type_, UnionType):
        kinds = {kind_of(member) for member in type_.members}
        return kinds.pop() if len(kinds) == 1 else "float" if kinds == {"int", "float"} else "json"
    if type_ in (INT, FLOAT, BOOL, STR):
        return str(type_.kind)  # type: ignore[union-attr]  # these four are scalars
    return "str" if getattr(type_, "kind", "") == "datetime" else "json"


# ------------------------------------------------------------------------------------------------------- the pod


@dataclass(slots=True)
class Pod:
    """Parts of a task's pod that extensions can add to, in Kubernetes' terms."""

    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    container: dict[str, Any] = field(default_factory=dict)
    """Fields of the task's container, such as ``imagePullPolicy``."""
    spec: dict[str, Any] = field(default_factory=dict)
    """Fields of the pod's spec, such as ``nodeSelector``."""


RUNTIME_ANNOTATION = "typedpipe.dev/runtime"
"""The pod annotation that contains the runtime."""
RUNTIME_FIELD = f"metadata.annotations['{RUNTIME_ANNOTATION}']"
RUNTIME_FILE = "typedpipe_task.py"
"""Name of the file in :data:`LIB` that a ``downwardAPI`` volume creates from it."""
LIB_MOUNT = {"name": "tp-lib", "mountPath": LIB}
OUT_MOUNT = {"name": "tp-out", "mountPath": OUT}


def runtime_text() -> str:
    """The runtime as stored in the annotation."""
    return runtime.source_text()


# --------------------------------------------------------------------------------------------------- its program


def script(spec: Mapping[str, Any], parameters: str) -> str:
    """Program of a pod; ``parameters`` is a Python expression, or a tag that evaluates to one."""
    chunks = ",\n".join(map(_chunk, spec["chunks"]))
    rest = python_literal({key: value for key, value in spec.items() if key != "chunks"})
    return (
        f'import sys; sys.path.insert(0, "{LIB}")\n'
        "from typedpipe_task import main\n"
        f"SOURCE = [\n{chunks},\n]\n"
        f"SPEC = {rest}\n"
        f"main(dict(SPEC, chunks=SOURCE), {parameters})\n"
    )


def _chunk(chunk: Sequence[Any]) -> str:
    file, line, text, *module = chunk
    return f"({', '.join([python_literal(file), str(line), source(text), *map(python_literal, module)])})"


def source(text: str) -> str:
    r"""The user's source as a literal: unchanged where that is safe, otherwise line by line with escapes.

    >>> print(source("def f():\n    return 1\n"))
    r'''
    def f():
        return 1
    '''[1:]
    >>> print(source("x = '{{y}}'"))
    ("x = '{\x7by}}'")
    """
    unsafe = ("{{", "$$", "$(", "'''")
    plain = text.replace("\n", "").replace("\t", "")
    if plain.isprintable() and not any(mark in text for mark in unsafe) and text[-1:] not in ("'", "\\", ""):
        return f"r'''\n{text}'''[1:]"
    lines = "\n ".join(python_literal(line) for line in text.splitlines(keepends=True)) or '""'
    return f"({lines})"


# -------------------------------------------------------------------------------------- names of templates and tasks
#
# The user's if engines and Kubernetes take them, otherwise a slug and a number.

_WORDS = frozenset(
    [
        "in",
        "not",
        "or",
        "and",
        "matches",
        "contains",
        "startsWith",
        "endsWith",
        "let",
        "if",
        "else",
        "true",
        "false",
        "nil",
        "null",
    ]
)
"""Operators of the language of ``depends``: a task with such a name cannot be a dependency."""
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
LONGEST = 60


def slug(name: str) -> str:
    """Lower case letters, digits and hyphens, a letter first; never empty.

    >>> slug("My_Train step"), slug("größe"), slug("2nd")
    ('my-train-step', 'gr-e', 't-2nd')
    """
    if _LOWER.issuperset(name) and name[:1] in _LETTERS and name[-1:] != "-" and len(name) <= LONGEST:
        return name
    text = "".join(c if c in _LOWER else " " for c in name.lower())
    short = "-".join(part for part in "-".join(text.split()).split("-") if part)[:LONGEST].strip("-")
    return short if short[:1] in _LETTERS else f"t-{short}" if short else "t"


class Names:
    """Unique names: a duplicate gets a number, in the order of the requests."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def give(self, wanted: str) -> str:
        """A free name similar to the wanted one.

        >>> names = Names(); names.give("map"), names.give("in"), names.give("Map")
        ('map', 'in-task', 'map-2')
        """
        name = slug(wanted)
        if name in _WORDS:
            name += "-task"
        if name in self._taken:
            count = 2
            while f"{name}-{count}" in self._taken:
                count += 1
            name = f"{name}-{count}"
        self._taken.add(name)
        return name


def digest(text: str, length: int = 8) -> str:
    """First digits of a text's sha256, for names that distinguish configurations."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]
