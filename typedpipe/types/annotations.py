"""Types of Python annotations: of parameters, returns and class fields.

Each annotation is resolved separately, so that one that cannot be resolved does not affect the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from typedpipe.types.display import show
from typedpipe.types.forms import Names, Reader
from typedpipe.types.markers import In, Out, PathOf
from typedpipe.types.model import (
    NULL,
    ArtifactType,
    ListType,
    StatusType,
    Type,
    is_artifact,
    plain,
    union,
    without_none,
)
from typedpipe.types.problems import BadAnnotation, Problem

Class: TypeAlias = type  # a field below is named `type`
How: TypeAlias = Literal["value", "path", "artifact", "status"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A parameter of a component or pipeline. ``classes`` are the user's classes that the annotation names."""

    type: Type
    how: How = "value"
    direction: Literal["in", "out"] = "in"
    classes: tuple[Class, ...] = ()


@dataclass(frozen=True, slots=True)
class Returned:
    """The result of a function: nothing, one value, or the named fields of a NamedTuple or dataclass."""

    kind: Literal["none", "one", "fields"]
    fields: tuple[tuple[str, Type], ...] = ()
    """Names and types of the fields; a single value is one field named ``Output``."""
    classes: tuple[type, ...] = ()
    whole: Type | None = None
    """The type of the class with the fields, if its objects can be passed on as one value."""


_NOTHING: Final = Returned("none")
_TOO_DEEP: Final = Problem("TP101", "the type is nested too deeply, or contains itself", "use `Any` for nested data")
_NO_NAMES: Final[Mapping[str, object]] = {}


def resolve(
    annotation: object, names: Mapping[str, object] = _NO_NAMES, local: Mapping[str, object] = _NO_NAMES
) -> Resolved | Problem:
    """The type of a parameter's annotation; a :class:`Problem` if it has none.

    Args:
        annotation: the entry of ``__annotations__``, possibly a string.
        names: the globals of the function, in which the names in the string are looked up.
        local: names that take precedence over the globals, such as those of an enclosing function.

    >>> from typedpipe.types.model import INT
    >>> resolve("list[int] | None").type == union(ListType(INT), NULL)
    True
    """
    known = plain(annotation)
    if known is not None:
        return Resolved(known)
    reader = Reader(Names(names, local))
    try:
        return _parameter(reader, annotation)
    except BadAnnotation as error:
        return error.problem
    except RecursionError:
        return _TOO_DEEP


def resolve_return(
    annotation: object, names: Mapping[str, object] = _NO_NAMES, local: Mapping[str, object] = _NO_NAMES
) -> Returned | Problem:
    """The outputs of a return annotation: none, one, or one per field.

    >>> resolve_return(int).fields
    (('Output', ScalarType(kind='int')),)
    """
    if annotation is None:
        return _NOTHING
    known = plain(annotation)
    if known is not None:
        return _NOTHING if known == NULL else Returned("one", (("Output", known),))
    reader = Reader(Names(names, local))
    try:
        return _returned(reader, annotation)
    except BadAnnotation as error:
        return error.problem
    except RecursionError:
        return _TOO_DEEP


def struct_type(cls: type) -> Type:
    """The type of a class with fields (or any other class that an annotation may name).

    Raises:
        BadAnnotation: the class, or one of its fields, is not supported as an input or output type.
    """
    return Reader(Names(_NO_NAMES, _NO_NAMES)).type_of(cls)


def _parameter(reader: Reader, annotation: object) -> Resolved:
    written = reader.evaluated(annotation)
    members = reader.members(written)
    markers = [reader.marker(member) for member in members]
    if any(marker is not None for marker in markers) and len(members) > 1:
        return _optional(reader, members)
    return _marked(reader, written)


def _optional(reader: Reader, members: tuple[object, ...]) -> Resolved:
    """``Optional[Input[T]]``, ``InputPath[T] | None``."""
    rest = [member for member in members if member not in (None, type(None))]
    if len(rest) != 1 or len(rest) == len(members):
        raise BadAnnotation(
            "TP102",
            "`Input` and `InputPath` cannot be members of a larger union",
            "use a single `Input[T]` or `InputPath[T]`, or `Input[T] | None`",
        )
    inner = _marked(reader, rest[0])
    if inner.direction == "out":
        raise BadAnnotation(
            "TP102", "an output cannot be optional", "remove `| None`: the component always has this output"
        )
    return Resolved(union(inner.type, NULL), inner.how, inner.direction, inner.classes)


def _marked(reader: Reader, written: object) -> Resolved:
    marker = reader.marker(written)
    if isinstance(marker, PathOf):
        return _path(reader, marker)
    if marker is not None:
        type_ = reader.type_of(reader.unmarked(written))
        return _artifact(type_, marker, reader)
    type_ = reader.type_of(written)
    if isinstance(type_, StatusType):
        return Resolved(type_, "status")
    return Resolved(type_, "artifact" if is_artifact(type_) else "value", "in", reader.classes)


def _path(reader: Reader, marker: PathOf) -> Resolved:
    word = "InputPath" if marker.direction == "in" else "OutputPath"
    type_ = reader.named_type(marker.target) if isinstance(marker.target, str) else reader.type_of(marker.target)
    if isinstance(without_none(type_), ListType) and is_artifact(type_):
        raise BadAnnotation(
            "TP102",
            f"`{word}` does not support a list of artifacts, because a list has no single path",
            f"use `Input[{show(type_)}]`" if marker.direction == "in" else "declare one output for each artifact",
        )
    return Resolved(type_, "path", marker.direction, reader.classes)


def _artifact(type_: Type, marker: type, reader: Reader) -> Resolved:
    core = without_none(type_)
    if not is_artifact(type_):
        word, shown = ("Input", show(type_)) if marker is In else ("OutputPath", show(type_))
        help_ = f"use `{shown}`" if marker is In else f"return the value, or use `OutputPath[{shown}]`"
        raise BadAnnotation("TP102", f"`{word if marker is In else 'Output'}[{shown}]` is not an artifact", help_)
    if marker is In:
        return Resolved(type_, "artifact", "in", reader.classes)
    if not isinstance(core, ArtifactType) or core != type_:
        raise BadAnnotation(
            "TP102",
            f"`Output[{show(type_)}]` is not a single artifact",
            "declare one `Output[T]` for each artifact",
        )
    return Resolved(type_, "artifact", "out", reader.classes)


def _whole(reader: Reader, cls: object) -> Type | None:
    try:
        return reader.type_of(cls)
    except BadAnnotation:  # its objects cannot be rebuilt from its fields, but each field is an output
        return None


def _returned(reader: Reader, annotation: object) -> Returned:
    written = reader.evaluated(annotation)
    if written is None or written is type(None):
        return _NOTHING
    fields = reader.field_annotations(written)
    if fields is not None:
        found = tuple((name, reader.output_of(value, owner)) for name, value, owner in fields)
        return Returned(
            "fields", found, reader.classes, None if any(is_artifact(t) for _, t in found) else _whole(reader, written)
        )
    marker = reader.marker(written)
    if marker is In or isinstance(marker, PathOf):
        raise BadAnnotation(
            "TP102",
            "a return annotation cannot use `Input`, `InputPath` or `OutputPath`",
            "annotate the return type itself, such as `-> Model`",
        )
    type_ = reader.output_of(reader.unmarked(written) if marker is Out else written, None)
    return Returned("one", (("Output", type_),), reader.classes)
