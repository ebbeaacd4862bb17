"""The types of values in a pipeline: a closed union of frozen dataclasses.

The compiler, the passes, the backends and the IR use these types. ``types.annotations`` builds them from Python
annotations; the rule of compatibility is ``types.assignable.mismatch``.
"""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Final, Literal, TypeAlias

from typedpipe.diagnostics.record import Record, record

ScalarKind: TypeAlias = Literal["int", "float", "bool", "str", "datetime"]
StructForm: TypeAlias = Literal["typeddict", "dataclass", "namedtuple", "pydantic", "literal"]


@record
class AnyType(Record):
    """Anything; checked in the container."""


@record
class NeverType(Record):
    """No value at all: the item type of an empty list literal."""


@record
class NullType(Record):
    """The type of ``None``."""


@record
class ScalarType(Record):
    """A plain value: a number, a bool, a string or a point in time."""

    kind: ScalarKind


@record
class ListType(Record):
    """``list[T]`` of parameters, or of artifacts if ``item`` is an :class:`ArtifactType`."""

    item: Type
    entries: tuple[Type, ...] = field(default=(), compare=False)
    """Types by position, if all lists have this many entries: the rows of a list that was written in a pipeline."""

    def entry(self, index: str) -> Type | None:
        """The type of the entry at an index, a JSON text; None if there is none.

        >>> ListType(INT, (INT, INT)).entry("-1"), ListType(INT, (INT, INT)).entry("2"), ListType(INT).entry("2")
        (ScalarType(kind='int'), None, ScalarType(kind='int'))
        """
        if not self.entries or not index.lstrip("-").isdigit() or len(index) > 9:
            return self.item
        at, count = int(index), len(self.entries)
        return self.entries[at] if -count <= at < count else None


@record
class DictType(Record):
    """``dict[str, T]``; keys are always strings."""

    value: Type


@record
class StructField(Record):
    """A field of a struct; it can be omitted if it is not ``required``."""

    name: str
    type: Type
    required: bool = True
    init: bool = True
    """Whether the constructor takes it. Others, such as private attributes, are in the values of objects only."""


@record
class StructType(Record):
    """Named fields. ``form`` is the kind of class the user wrote; ``literal`` is the type of a dict display.

    ``name`` is the path of the class in its module; ``module:`` precedes it if that is not the component's own.
    """

    name: str
    form: StructForm
    fields: tuple[StructField, ...]
    restored: bool = False
    """Whether objects are rebuilt from their state, because the constructor does more than assign the fields."""
    home: str = field(default="", compare=False)
    """The module of the class, while the program that defines it runs. It is no part of the type."""


@record
class LiteralType(Record):
    """``Literal[...]``. ``values`` holds the wire (JSON) text of each value, so that 1, True and "1" stay distinct."""

    values: tuple[str, ...]


@record
class EnumMember(Record):
    """A member of an enum."""

    name: str
    wire: str
    """Wire (JSON) text of the member's value."""


@record
class EnumType(Record):
    """A Python ``Enum``: name and members."""

    name: str
    members: tuple[EnumMember, ...]
    home: str = field(default="", compare=False)
    """As for :class:`StructType`."""


def short_name(type_: StructType | EnumType) -> str:
    """The last part of a class's name, as a constant of it has: ``Mode`` of ``settings:Trainer.Mode``."""
    return type_.name.rpartition(":")[2].rpartition(".")[2]


@record
class UnionType(Record):
    """``A | B``, flattened, without duplicates; ``T | None`` has :class:`NullType` as its last member."""

    members: tuple[Type, ...]


@record
class ArtifactType(Record):
    """An artifact class: its schema title and version and the titles of its bases, nearest first.

    Identity is this data, never Python's ``is``: a reloaded class is still the same type.
    """

    title: str
    version: str = "0.0.1"
    bases: tuple[str, ...] = ()


@record
class StatusType(Record):
    """``PipelineTaskFinalStatus``: provided by the engine, never by a caller."""


Type: TypeAlias = (
    AnyType
    | NeverType
    | NullType
    | ScalarType
    | ListType
    | DictType
    | StructType
    | LiteralType
    | EnumType
    | UnionType
    | ArtifactType
    | StatusType
)

ANY = AnyType()
NEVER = NeverType()
NULL = NullType()
INT = ScalarType("int")
FLOAT = ScalarType("float")
BOOL = ScalarType("bool")
STR = ScalarType("str")
DATETIME = ScalarType("datetime")
STATUS_TYPE = StatusType()
ARTIFACT = ArtifactType("system.Artifact")


def union(*members: Type) -> Type:
    """The union of types: flattened, without duplicates, ``None`` last; a single member is returned as it is.

    >>> union(INT, NULL, INT) == UnionType((INT, NULL))
    True
    """
    flat: dict[Type, None] = {}
    for member in members:
        for part in member.members if isinstance(member, UnionType) else (member,):
            if not isinstance(part, NeverType):
                flat[part] = None
    if NULL in flat:
        del flat[NULL]
        flat[NULL] = None
    if not flat:
        return NEVER
    return next(iter(flat)) if len(flat) == 1 else UnionType(tuple(flat))


def is_optional(type_: Type) -> bool:
    """Whether the type itself includes ``None``."""
    return type_ == NULL or (isinstance(type_, UnionType) and NULL in type_.members)


def without_none(type_: Type) -> Type:
    """``T`` of ``T | None``; any other type unchanged."""
    return union(*(m for m in type_.members if m != NULL)) if isinstance(type_, UnionType) else type_


def artifact_of(type_: Type) -> ArtifactType | None:
    """The artifact type if the value is an artifact, an optional one, or a (nested) list of them; otherwise None."""
    core = without_none(type_)
    while isinstance(core, ListType):
        core = without_none(core.item)
    return core if isinstance(core, ArtifactType) else None


def is_artifact(type_: Type) -> bool:
    """Whether values of the type are passed as artifacts (files), not as parameters (JSON)."""
    return type_.__class__ is not ScalarType and artifact_of(type_) is not None  # most are scalars, asked in hot loops


PLAIN: Final[dict[object, Type]] = {
    int: INT,
    float: FLOAT,
    bool: BOOL,
    str: STR,
    datetime: DATETIME,
    type(None): NULL,
    list: ListType(ANY),
    dict: DictType(ANY),
}
"""The types of Python's own classes, and of those that were registered."""


def plain(annotation: object) -> Type | None:
    """The type of an annotation that needs no further resolution."""
    try:
        return PLAIN.get(annotation)
    except TypeError:  # unhashable, such as Annotated[int, []]
        return None
