"""Fields of classes: dataclasses, TypedDicts, NamedTuples and pydantic models, and what their constructors accept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from typedpipe.runtime.task import adapter, layout_of
from typedpipe.types.kinds import names_of
from typedpipe.types.model import ANY, StructField, StructForm, StructType, Type, is_artifact
from typedpipe.types.problems import BadAnnotation

FieldOf: TypeAlias = Callable[[type, object], tuple[Type, bool | None]]
"""Resolves the annotation of a class field: its type, and whether ``Required``/``NotRequired`` is given."""


def struct(cls: type[Any], form: StructForm, field_of: FieldOf) -> StructType:
    """The type of a class with fields.

    Raises:
        BadAnnotation: a field is not supported, or objects of the class cannot be rebuilt from their fields.
    """
    fields = _FIELDS[form](cls, field_of)
    layout = layout_of(cls) if form != "typeddict" else None
    if layout is not None and not layout.plain:
        _check_constructor(cls, form, {field.name for field in fields if field.init})
    return StructType(cls.__name__, form, fields, layout is not None and not layout.plain, cls.__module__)


def _typed_dict(cls: Any, field_of: FieldOf) -> tuple[StructField, ...]:
    fields: list[StructField] = []
    for name, annotation in cls.__annotations__.items():
        type_, required = field_of(cls, annotation)
        fields.append(_field(cls, name, type_, name in cls.__required_keys__ if required is None else required))
    return tuple(fields)


def _named_tuple(cls: Any, field_of: FieldOf) -> tuple[StructField, ...]:
    fields: list[StructField] = []
    for name in names_of(cls):
        home = owner(cls, name)
        hints = getattr(home, "__annotations__", {})
        type_ = field_of(home, hints[name])[0] if name in hints else ANY
        fields.append(_field(cls, name, type_, name not in cls._field_defaults))
    return tuple(fields)


def _dataclass(cls: Any, field_of: FieldOf) -> tuple[StructField, ...]:
    builtin = next((base for base in cls.__mro__[:-1] if base.__module__ == "builtins"), None)
    if builtin is not None:
        raise BadAnnotation(
            "TP101",
            f"`{cls.__name__}` is a dataclass and a `{builtin.__name__}`, of which only the fields can be passed on",
            f"remove `{builtin.__name__}` from its bases, and add a field for what it holds",
        )
    fields: list[StructField] = []
    for field in dataclasses.fields(cls):
        if _is_property(cls, field.name):
            raise BadAnnotation(
                "TP101",
                f"`{cls.__name__}.{field.name}` is a property, so it cannot be set as a field",
                "use another name for the property, or for the field",
            )
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        type_ = field_of(owner(cls, field.name), field.type)[0]
        fields.append(_field(cls, field.name, type_, required and field.init, init=field.init))
    return tuple(fields)


def _is_property(cls: type[Any], name: str) -> bool:
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    return hasattr(type(found), "__set__") and type(found).__name__ != "member_descriptor"  # those of slots


def _pydantic(cls: Any, field_of: FieldOf) -> tuple[StructField, ...]:
    generic: dict[str, Any] = getattr(cls, "__pydantic_generic_metadata__", {})
    if generic.get("origin") is not None or generic.get("parameters"):
        name = generic["origin"].__name__ if generic.get("origin") else cls.__name__
        argument = cls.__name__.partition("[")[2] or "int]"
        raise BadAnnotation(
            "TP101",
            f"`{cls.__name__}` is a generic pydantic model, which cannot be shipped with its arguments",
            f"define a class of its own, such as `class My{name}({name}[{argument}): pass`, and use it",
        )
    fields = [
        _field(cls, name, _pydantic_type(cls, name, field.annotation, field_of), bool(field.is_required()))
        for name, field in cls.model_fields.items()
    ]
    return (*fields, *_private(cls, field_of))


def _pydantic_type(cls: type[Any], name: str, annotation: object, field_of: FieldOf) -> Type:
    """The type of a field; ``Any`` for a type of pydantic's own, such as a date, which pydantic writes as JSON."""
    try:
        return field_of(cls, annotation)[0]
    except BadAnnotation as error:
        if error.problem.code not in ("TP101", "TP122"):
            raise
        try:
            codec = adapter(annotation)
            schema = codec.json_schema()
        except Exception:  # noqa: BLE001 - pydantic has an exception for each kind of reason
            raise error from None
        if any(map(_has_logic, _classes(codec.core_schema))):
            raise  # validators would be applied again
        if '"writeOnly": True' in str(schema).replace("'", '"'):
            raise BadAnnotation(
                "TP101",
                f"`{cls.__name__}.{name}` is a secret, which would be stored and displayed with the parameters of tasks",
                "read it in the task from an environment variable or a mounted secret",
            ) from None
        return ANY


def _classes(schema: Any) -> Iterable[Any]:
    """Models and dataclasses in a schema of pydantic's core."""
    pending = [schema]
    for part in pending:  # grows
        if isinstance(part, dict):
            items: dict[str, Any] = part
            if items.get("type") in ("model", "dataclass"):
                yield items["cls"]
            pending += items.values()
        elif isinstance(part, list | tuple):
            pending += part


def _has_logic(cls: Any) -> bool:
    """Whether a class does more with its fields than to check their types."""
    layout = layout_of(cls)
    if not hasattr(cls, "__pydantic_decorators__") or layout is None:
        return layout is None or not layout.plain
    found = cls.__pydantic_decorators__
    validators = (found.validators, found.field_validators, found.root_validators, found.model_validators)
    metadata = [type(each).__name__ for field in cls.model_fields.values() for each in field.metadata]
    return bool(
        any(validators)
        or cls.__private_attributes__
        or cls.__pydantic_post_init__
        or cls.__pydantic_custom_init__
        or any(name.endswith("Validator") for name in metadata)
    )


def _private(cls: Any, field_of: FieldOf) -> Iterable[StructField]:
    """Private attributes with an annotation. Others are passed on if they are plain data."""
    for name in cls.__private_attributes__:
        home = owner(cls, name)
        annotation = vars(home).get("__annotations__", {}).get(name)
        if annotation is None:
            continue
        try:
            yield _field(cls, name, field_of(home, annotation)[0], required=False, init=False)
        except BadAnnotation as error:
            raise BadAnnotation(
                error.problem.code,
                f"`{cls.__name__}.{name}` is a private attribute that cannot be passed on: {error.problem.message}",
                f"{error.problem.help}; or make it a `functools.cached_property`, which each task computes",
            ) from None


def _check_constructor(cls: Any, form: StructForm, names: set[str]) -> None:
    """Reject a class that cannot be rebuilt from its fields, as it is from a dict."""
    if form == "pydantic" and not cls.__pydantic_custom_init__:
        return
    import inspect

    maker = cls.__new__ if form == "namedtuple" and cls.__init__ is object.__init__ else cls.__init__
    parameters = list(inspect.signature(maker).parameters.values())[1:]
    kinds = {parameter.kind for parameter in parameters}
    accepted = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    extra = next((name for name in needed if name not in names), None)
    if extra is not None:
        raise _not_rebuilt(cls, f"its constructor requires `{extra}`, which is not a field", extra)
    lacking = next((name for name in sorted(names) if name not in accepted), None)
    if lacking is not None and inspect.Parameter.VAR_KEYWORD not in kinds:
        raise BadAnnotation(
            "TP101",
            f"`{cls.__name__}` cannot be rebuilt from its fields: its constructor does not take `{lacking}`",
            f"add a parameter `{lacking}` to it, or declare the field with `field(init=False)`",
        )


def _not_rebuilt(cls: type[Any], why: str, name: str) -> BadAnnotation:
    return BadAnnotation(
        "TP101",
        f"`{cls.__name__}` cannot be rebuilt from its fields: {why}",
        f"declare `{name}` as a field of `{cls.__name__}`, or pass its value to the task as a separate input",
    )


def owner(cls: type[Any], name: str) -> type:
    """The base class that annotates the field: its module holds the annotation's names."""
    return next((base for base in cls.__mro__ if name in vars(base).get("__annotations__", {})), cls)


def _field(cls: type[Any], name: str, type_: Type, required: bool, *, init: bool = True) -> StructField:
    if is_artifact(type_):
        raise BadAnnotation(
            "TP102",
            f"`{cls.__name__}.{name}` is an artifact, which a parameter cannot contain",
            "add a separate input for the artifact: `Input[T]`",
        )
    return StructField(name, type_, required, init)


_FIELDS: Final[dict[StructForm, Callable[[Any, FieldOf], tuple[StructField, ...]]]] = {
    "typeddict": _typed_dict,
    "namedtuple": _named_tuple,
    "pydantic": _pydantic,
    "dataclass": _dataclass,
}
