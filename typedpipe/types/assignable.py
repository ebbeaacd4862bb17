"""The single rule of type compatibility, for edges, constants, defaults, loop items and outputs."""

from __future__ import annotations

from typing import TypeAlias

from typedpipe.runtime.task import class_name
from typedpipe.types.display import show
from typedpipe.types.model import (
    ANY,
    NULL,
    AnyType,
    ArtifactType,
    DictType,
    EnumType,
    ListType,
    LiteralType,
    NeverType,
    NullType,
    ScalarType,
    StatusType,
    StructType,
    Type,
    UnionType,
    artifact_of,
    short_name,
    without_none,
)

Found: TypeAlias = tuple[tuple[str, ...], str]
"""The path inside the type to the mismatch, from the outside in, and the reason."""

_ROOT: tuple[str, ...] = ()
_CLASSES = ("dataclass", "namedtuple", "pydantic")
_ROOT_ARTIFACT = "system.Artifact"
_NUMBER = "-0123456789"
_FIRST_CHARACTERS = {"int": _NUMBER, "float": _NUMBER, "bool": "tf", "str": '"', "datetime": ""}
"""First characters of the wire text of literals that match a scalar; a ``Literal`` holds no floats."""


def mismatch(source: Type, target: Type) -> str | None:
    """The reason why a value of type ``source`` is not valid for ``target``; None if it is.

    >>> from typedpipe.types.model import FLOAT, INT, STR, ListType
    >>> mismatch(INT, FLOAT) is None
    True
    >>> mismatch(ListType(STR), ListType(INT))
    'items: expected `int`, found `str`'
    """
    if source is target:
        return None
    found = _check(source, target)
    if found is None:
        return None
    path, why = found
    return f"{', '.join(path)}: {why}" if path else why


CONVERT = "convert the value in a component, or change one of the two annotations"
"""The advice if no better one is known."""


def advice(source: Type, target: Type) -> str:
    """A suggested fix for an incompatible pair; empty if it would add nothing to the reason.

    >>> from typedpipe.types.model import INT, NULL, UnionType
    >>> advice(UnionType((INT, NULL)), INT)
    'provide a default with `dsl.Some(value, default)`, or branch on the value with `with dsl.IfSet(value) as v:`'
    """
    if isinstance(target, StatusType):
        return "omit it from the call: the engine passes the status to the exit task of an `ExitHandler`"
    from_artifact, to_artifact = artifact_of(source), artifact_of(target)
    if from_artifact and not to_artifact:
        return f"read the artifact in a component, or annotate the input as `Input[{show(from_artifact)}]`"
    held = None if from_artifact else _held(source)
    if held is not None and not to_artifact:
        return f"pass the artifact by itself, to an input that is annotated as `Input[{show(held)}]`"
    if to_artifact and not from_artifact:
        return "pass the output of a task that creates the artifact, or use `dsl.importer` for an existing URI"
    core = without_none(source)
    if core not in (source, NULL) and mismatch(core, target) is None:
        return "provide a default with `dsl.Some(value, default)`, or branch on the value with `with dsl.IfSet(value) as v:`"
    if isinstance(target, ListType) and mismatch(source, target.item) is None:
        return "pass a list, or `dsl.Collected(value)` for an output inside a `ParallelFor`"
    if isinstance(source, ListType) and mismatch(source.item, target) is None:
        return "select one element by index, or loop over the list with `with dsl.ParallelFor(values) as item:`"
    if isinstance(source, ListType) and isinstance(target, ListType):
        item = without_none(source.item)
        if item not in (source.item, NULL) and mismatch(item, target.item) is None:
            return f"annotate the input as `{show(source)}`: an entry is None if the task that produces it did not run"
    field = fitting_field(source, target)
    if field is not None:
        return f"pass a field of it: add `.{field}`"
    if _are_objects(source, target):
        return f"annotate the input as `{show(source)}`, or pass a `{show(target)}`: a task receives exactly the class that it names"
    return CONVERT


def fitting_field(source: Type, target: Type) -> str | None:
    """The first field of a class that fits a type that has no fields.

    >>> from typedpipe.types.model import FLOAT, STR, StructField
    >>> fitting_field(StructType("Row", "namedtuple", (StructField("name", STR), StructField("loss", FLOAT))), FLOAT)
    'loss'
    """
    if not isinstance(source, StructType) or source.form not in _CLASSES or isinstance(target, StructType):
        return None
    return next((each.name for each in source.fields if mismatch(each.type, target) is None), None)


def advice_for_one(source: Type, target: Type) -> str:
    """As :func:`advice`, for a place that has no annotation of its own: an option, the URI of an import, a default.

    >>> from typedpipe.types.model import INT, STR
    >>> advice_for_one(INT, STR)
    'use a value of type `str`, or convert it in a component'
    """
    found = advice(source, target)
    return f"use a value of type `{show(target)}`, or convert it in a component" if found is CONVERT else found


def _are_objects(source: Type, target: Type) -> bool:
    types = (source, without_none(target))
    return all(isinstance(each, StructType) and each.form in _CLASSES for each in types)


def _held(type_: Type) -> ArtifactType | None:
    """An artifact somewhere inside a value."""
    stack = [type_]
    while stack:
        top = stack.pop()
        found = artifact_of(top)
        if found is not None:
            return found
        if isinstance(top, StructType):
            stack += [field.type for field in top.fields]
        elif isinstance(top, UnionType):
            stack += top.members
        elif isinstance(top, ListType):
            stack.append(top.item)
    return None


def _check(source: Type, target: Type) -> Found | None:
    if isinstance(target, ScalarType):  # first, because most edges and constants end here
        if isinstance(source, ScalarType):
            fits = source.kind == target.kind or (source.kind == "int" and target.kind == "float")
            return None if fits else _expected(source, target)
        if isinstance(source, LiteralType):
            accepted = _FIRST_CHARACTERS[target.kind]
            return None if all(value[0] in accepted for value in source.values) else _expected(source, target)
    if source == target or isinstance(source, NeverType):
        return None
    if isinstance(target, StatusType):
        return _ROOT, f"a caller cannot pass `{show(target)}`"
    if isinstance(source, UnionType):
        return next((found for member in source.members if (found := _from_member(member, source, target))), None)
    if isinstance(target, UnionType):
        return _to_union(source, target)
    if (artifact_of(source) is None) != (artifact_of(target) is None) and not _holds_nothing(source, target):
        return _ROOT, _artifact_and_parameter(source, target)
    if isinstance(source, AnyType):
        return None  # checked in the container
    return _to_any(source) if isinstance(target, AnyType) else _same_shape(source, target)


def _to_any(source: Type) -> Found | None:
    """Whatever is JSON is valid for ``Any``: an artifact inside of a list or a dict is not."""
    if isinstance(source, ListType):
        return _inside("items", _check(source.item, ANY))
    if isinstance(source, StructType):
        checked = ((f"`{field.name}`", _check(field.type, ANY)) for field in source.fields)
        return next((_inside(name, found) for name, found in checked if found), None)
    return None


def _same_shape(source: Type, target: Type) -> Found | None:
    match source, target:
        case ListType(), ListType():
            return _inside("items", _check(source.item, target.item))
        case DictType(), DictType():
            return _inside("values", _check(source.value, target.value))
        case StructType(), DictType() if source.form in ("literal", "typeddict"):
            checked = ((f"`{field.name}`", _check(field.type, target.value)) for field in source.fields)
            return next((_inside(name, found) for name, found in checked if found), None)
        case DictType(), StructType() if isinstance(source.value, AnyType):
            return None
        case StructType(), StructType() if source.form in ("literal", target.form):
            return _structs(source, target)
        case LiteralType(), LiteralType():
            other = tuple(value for value in source.values if value not in target.values)
            return _expected(LiteralType(other), target) if other else None
        case EnumType(), EnumType() if short_name(source) == short_name(target):
            return None if set(source.members) <= set(target.members) else _expected(source, target)
        case ArtifactType(), ArtifactType() if target.title == _ROOT_ARTIFACT or target.title in _titles(source):
            return None
        case _:
            return _expected(source, target)


def _structs(source: StructType, target: StructType) -> Found | None:
    if source.form in _CLASSES and class_name(source.name) != class_name(target.name):
        return _expected(source, target)  # a task receives objects of the class that it names, not of a subclass
    given = {field.name: field for field in source.fields}
    accepted = [field for field in target.fields if field.init or source.form in _CLASSES]
    for field in accepted:
        own = given.get(field.name)
        if own is None or (field.required and not own.required and source.form == "typeddict"):
            if field.required:
                return _ROOT, f"`{show(target)}` requires the field `{field.name}`"
            continue
        found = _check(own.type, field.type)
        if found:
            return _inside(f"`{field.name}`", found)
    wanted = {field.name for field in accepted}
    unknown = next((name for name in given if name not in wanted), None)
    return None if unknown is None else (_ROOT, f"`{show(target)}` has no field `{unknown}`")


def _from_member(member: Type, source: UnionType, target: Type) -> Found | None:
    found = _check(member, target)
    if found is None:
        return None
    if isinstance(member, NullType):
        return _ROOT, f"expected `{show(target)}`, found `{show(source)}`, which can be None"
    return found if found[0] else _expected(source, target)


def _to_union(source: Type, target: UnionType) -> Found | None:
    if isinstance(source, LiteralType) and len(source.values) > 1:  # its values may match different members
        bad = (value for value in source.values if _to_union(LiteralType((value,)), target))
        first = next(bad, None)
        return None if first is None else _expected(LiteralType((first,)), target)
    reasons: list[Found] = []
    for member in target.members:
        found = _check(source, member)
        if found is None:
            return None
        reasons.append(found)
    alike = [found for found in reasons if found[0]]  # a member of the same shape is more specific than all together
    return alike[0] if len(alike) == 1 else _expected(source, target)


def _titles(source: ArtifactType) -> tuple[str, ...]:
    return (source.title, *source.bases)


def _holds_nothing(source: Type, target: Type) -> bool:
    """An empty list is also valid for a list of artifacts."""
    if source == NULL:
        return True  # compared as a plain value, which None is not
    while isinstance(source, ListType) and isinstance(target, ListType):
        source, target = source.item, target.item
    return isinstance(source, NeverType)


def _artifact_and_parameter(source: Type, target: Type) -> str:
    expected = "a parameter" if target == ANY else f"the parameter `{show(target)}`"
    if artifact_of(target) is not None:
        return f"expected the artifact `{show(target)}`, found the parameter `{show(source)}`"
    return f"expected {expected}, found the artifact `{show(source)}`"


def _expected(source: Type, target: Type) -> Found:
    return _ROOT, f"expected `{show(target)}`, found `{show(source)}`"


def _inside(part: str, found: Found | None) -> Found | None:
    return None if found is None else ((part, *found[0]), found[1])
