"""Task options: one table, read by every form of the IR, by checks, by cache keys and by engines.

A new option needs a field of :class:`Options` and its row in :data:`OPTIONS`, a method of ``dsl.task.Task``, and its
implementation in an engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

from typedpipe.diagnostics.record import Record, record
from typedpipe.ir.operands import Args, Operand
from typedpipe.types.model import INT, STR, Type, UnionType

QUANTITY = UnionType((STR, INT))
"""A Kubernetes quantity: ``"500m"``, ``"4Gi"`` or ``2``."""


@record
class Retry(Record):
    """``limit`` retries; the first waits ``backoff_seconds``, each next one ``factor`` times longer, up to ``max_seconds``."""

    limit: int
    backoff_seconds: float = 0.0
    factor: float = 2.0
    max_seconds: float = 3600.0


@record
class Options(Record):
    """The options of a task. Resources are Kubernetes quantities ("500m", "4Gi") and may be pipeline values."""

    retry: Retry | None = None
    timeout_seconds: float | None = None
    caching: bool | None = None
    cache_key: str = ""
    cpu_request: Operand | None = None
    cpu_limit: Operand | None = None
    memory_request: Operand | None = None
    memory_limit: Operand | None = None
    accelerator_type: Operand | None = None
    accelerator_count: Operand | None = None
    env: Args = ()
    image: Operand | None = None
    display_name: str = ""
    ignore_upstream_failure: bool = False
    extensions: tuple[tuple[str, str], ...] = ()
    """Settings owned by a package outside the core: its key (``"kubernetes"``) and canonical JSON text, by key."""


DEFAULT_OPTIONS = Options()

# ----------------------------------------------------------------------------------------------------- the table

Kind: TypeAlias = Literal["retry", "number", "switch", "text", "flag", "operand", "operands", "extensions"]
"""The shape of an option's value, which determines its text and its wire form.

``operand`` may be a pipeline value, ``operands`` are several by name. A ``switch`` is a bool that may be unset.
"""


class Option(NamedTuple):
    """One row. ``name`` is the field of :class:`Options`."""

    name: str
    kind: Kind
    type: Type = STR
    """The type of the value, if it may be a pipeline value."""
    word: str = ""
    """The name in the text form, if different."""
    resource: tuple[Literal["requests", "limits"], Literal["cpu", "memory"]] | None = None
    """The entry of a container's ``resources`` in Kubernetes."""
    wire: Literal["json", "field", "optional field"] = "json"
    """The form of a plain option in a saved pipeline: JSON text by name, or a field of its own as in version 1."""
    keyed: bool = False
    """Whether a stored result depends on it, so that ``resume`` runs the task again when it has changed."""
    local: Literal["honoured", "shown", "ignored"] = "ignored"
    """Effect on local runs. A run notes each option that it ignores; one that only changes what is shown needs no note."""


OPTIONS = (
    Option("retry", "retry", local="honoured"),
    Option("timeout_seconds", "number", word="timeout", wire="optional field", local="honoured"),
    Option("caching", "switch", wire="optional field", local="honoured"),
    Option("cache_key", "text", wire="field", local="honoured"),
    Option("cpu_request", "operand", QUANTITY, resource=("requests", "cpu"), local="honoured"),
    Option("cpu_limit", "operand", QUANTITY, resource=("limits", "cpu"), local="honoured"),
    Option("memory_request", "operand", resource=("requests", "memory"), local="honoured"),
    Option("memory_limit", "operand", resource=("limits", "memory"), local="honoured"),
    Option("accelerator_type", "operand"),
    Option("accelerator_count", "operand", QUANTITY, local="honoured"),
    Option("image", "operand", keyed=True, local="honoured"),
    Option("env", "operands", keyed=True, local="honoured"),
    Option("display_name", "text", wire="field", local="shown"),
    Option("ignore_upstream_failure", "flag", wire="field", local="honoured"),
    Option("extensions", "extensions"),
)
"""All options, in the order of the text form."""

OPERANDS = tuple(row.name for row in OPTIONS if row.kind == "operand")
"""Options that may be pipeline values."""
RESOURCES: tuple[tuple[str, str, str], ...] = tuple(
    (row.name, *row.resource) for row in OPTIONS if row.resource is not None
)
"""Option, side and resource of a container's requests to Kubernetes."""
BY_NAME = {row.name: row for row in OPTIONS}


def set_options(options: Options) -> Iterator[tuple[Option, Any]]:
    """Options that are set, with their rows, in the order of the table.

    >>> [(row.name, value) for row, value in set_options(Options(timeout_seconds=5.0))]
    [('timeout_seconds', 5.0)]
    """
    if options is not DEFAULT_OPTIONS:
        for row in OPTIONS:
            value = getattr(options, row.name)
            if value != getattr(DEFAULT_OPTIONS, row.name):
                yield row, value


def option_operands(options: Options) -> list[tuple[str, Operand]]:
    """Operands among a task's options, each with its name; those of ``env`` as ``env.NAME``.

    >>> option_operands(Options())
    []
    """
    if options is DEFAULT_OPTIONS:
        return []
    found: list[tuple[str, Operand]] = []
    for name in OPERANDS:
        value: Operand | None = getattr(options, name)
        if value is not None:
            found.append((name, value))
    found.extend(("env." + name, value) for name, value in options.env)
    return found
