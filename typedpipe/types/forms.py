"""Reader of one annotation: its string, its generic forms, its classes. ``annotations`` interprets the result."""

from __future__ import annotations

import builtins
import sys
import types
from collections import abc
from collections.abc import Mapping, Sequence
from dataclasses import fields as dataclass_fields, is_dataclass
from enum import Enum
from functools import lru_cache
from types import CodeType
from typing import (
    Annotated,
    Any,
    Final,
    ForwardRef,
    Generic,
    Literal,
    NamedTuple,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from typedpipe.diagnostics.record import replace
from typedpipe.types import classes
from typedpipe.types.artifacts import Artifact, PipelineTaskFinalStatus
from typedpipe.types.display import show
from typedpipe.types.guarded import only_for_checking
from typedpipe.types.kinds import is_named_tuple, is_pydantic, is_typed_dict, names_of, struct_form
from typedpipe.types.markers import EitherOf, In, Out, PathOf
from typedpipe.types.model import (
    ANY,
    NULL,
    DictType,
    EnumType,
    ListType,
    LiteralType,
    StatusType,
    StructType,
    Type,
    artifact_of,
    plain,
    union,
)
from typedpipe.types.problems import BadAnnotation
from typedpipe.types.structs import owner
from typedpipe.types.texts import remember
from typedpipe.types.unions import ambiguous_union, optional_tag
from typedpipe.types.values import NotAConstant, constant

_LISTS: Final = (list, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection)
_DICTS: Final = (dict, abc.Mapping, abc.MutableMapping)
_KFP_NAMES: Final[dict[str, object]] = {
    "String": str,
    "Integer": int,
    "Float": float,
    "Double": float,
    "Boolean": bool,
    "Bool": bool,
    "List": list,
    "JsonArray": list,
    "Dict": dict,
    "JsonObject": dict,
    "Any": Any,
}


Environments: TypeAlias = dict[type, dict[object, Type]]
"""Types of type variables, by the class whose annotations contain them."""


class Names(NamedTuple):
    """Namespaces in which the names of an annotation string are looked up."""

    globals: Mapping[str, object]
    local: Mapping[str, object]


class Reader:
    """Reads one annotation and collects the user's classes in it, dependencies first."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._open: list[object] = []
        """Classes, aliases and forms that are being read."""
        self._found: dict[type, None] = {}
        self._variables: Environments = {}
        """Types of the type variables of the class that is being read, and of its bases."""
        self._bound: Mapping[object, Type] = {}
        """Types of the type variables in the annotation that is being read."""

    @property
    def classes(self) -> tuple[type, ...]:
        return tuple(self._found)

    # -------------------------------------------------------------------------------------------- text

    def evaluated(self, annotation: object, owner: type | None = None) -> object:
        """The annotation as an object: a string is evaluated, with the names of its class, if any."""
        if isinstance(annotation, ForwardRef):
            annotation = annotation.__forward_arg__
        if is_alias(annotation):
            alias: Any = annotation
            return self.evaluated(alias.__value__, owner)
        if not isinstance(annotation, str):
            return annotation
        names, local = self._scope(owner)
        simple = local.get(annotation, names.get(annotation, vars(builtins).get(annotation, _MISSING)))
        if simple is not _MISSING and simple != annotation:
            return self.evaluated(simple, owner)
        try:
            return self.evaluated(eval(_compiled(annotation), dict(names), local), owner)  # noqa: S307 - the user's own
        except NameError as error:
            raise self._unknown(annotation, str(error.name), names) from None
        except BadAnnotation:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the user's annotation raises
            raise BadAnnotation(
                "TP100",
                f"the annotation `{annotation}` cannot be evaluated: {error}",
                "write the annotation as a valid Python expression",
            ) from None

    def _scope(self, owner: type | None) -> Names:
        if owner is None:
            return self._names
        module = sys.modules.get(owner.__module__)
        found = dict(self._names.globals) | (dict(vars(module)) if module is not None else {})
        return Names(found, {**self._names.local, owner.__name__: owner})

    def _unknown(self, text: str, name: str, names: Mapping[str, object]) -> BadAnnotation:
        if only_for_checking(name, names.get("__file__")):
            return BadAnnotation(
                "TP121",
                f"`{name}` in the annotation `{text}` is imported only for type checkers",
                f"move the import of `{name}` out of `if TYPE_CHECKING:`: typedpipe needs the type when the pipeline is built",
                undefined=name,
            )
        message = f"`{name}` in the annotation `{text}` is not defined"
        return BadAnnotation("TP100", message, f"import or define `{name}`", undefined=name)

    # --------------------------------------------------------------------------------------- structure

    def members(self, written: object) -> tuple[object, ...]:
        """Members of a union as written; for any other annotation, the annotation alone."""
        if isinstance(written, EitherOf):
            return tuple(self.evaluated(member) for member in written.members)
        if get_origin(written) in (Union, types.UnionType):
            return tuple(self.evaluated(member) for member in get_args(written))
        return (written,)

    def marker(self, written: object) -> Any:
        """:class:`In`, :class:`Out` or the :class:`PathOf` of an annotation; None if it is not marked."""
        if isinstance(written, PathOf):
            return written
        return next((m for m in getattr(written, "__metadata__", ()) if m in (In, Out)), None)

    def unmarked(self, written: object) -> object:
        return get_args(written)[0]

    def type_of(self, annotation: object, owner: type | None = None) -> Type:
        """The type of an annotation without a marker."""
        if is_alias(annotation):
            return self._alias(annotation, (), owner)
        written = self.evaluated(annotation, owner)
        known = plain(written)
        if known is not None:
            return known
        if written is Any:
            return ANY
        if written is None:
            return NULL
        if isinstance(written, type) and get_origin(written) is None:
            return self._class(written)
        bound = self._bound.get(written) if isinstance(written, TypeVar) else None
        if bound is not None:
            return bound
        if any(written is form for form in self._open):
            raise _contains_itself(f"`{annotation}`" if isinstance(annotation, str) else "this type")
        self._open.append(written)
        try:
            return self._form(written, owner)
        finally:
            self._open.pop()

    def _form(self, written: Any, owner: type | None) -> Type:
        origin, args = get_origin(written), get_args(written)
        if isinstance(written, EitherOf) or origin in (Union, types.UnionType):
            return self._union(written.members if isinstance(written, EitherOf) else args, owner)
        if origin is Annotated:
            return self.type_of(args[0], owner)
        if origin is Literal:
            return _literal(args)
        if origin in _LISTS or written in _LISTS:
            return ListType(self.type_of(args[0], owner) if args else ANY)
        if origin in _DICTS or written in _DICTS:
            return self._dict(args, owner)
        if hasattr(written, "__supertype__"):  # NewType
            return self.type_of(written.__supertype__, owner)
        if is_alias(origin):
            return self._alias(origin, args, owner)
        if isinstance(origin, type) and struct_form(origin) is not None:
            return self._class(origin, args, owner)
        if isinstance(written, TypeVar):
            raise BadAnnotation(
                "TP101",
                f"the type variable `{written.__name__}` has no type here",
                "write the type in brackets after the class, as in `Box[int]`",
            )
        name = getattr(origin or written, "__name__", None) or str(written)
        if isinstance(written, PathOf):
            raise BadAnnotation(
                "TP102",
                "`InputPath` and `OutputPath` cannot be nested in another annotation",
                "use `InputPath[T]` or `OutputPath[T]` as the whole annotation",
            )
        raise classes.not_a_type(str(name))

    def _union(self, members: tuple[object, ...], owner: type | None) -> Type:
        type_ = union(*(self.type_of(member, owner) for member in members))
        why = ambiguous_union(type_)
        if why is not None:
            raise BadAnnotation(
                "TP122",
                f"the members of `{show(type_)}` cannot be distinguished when the value is read: {why}",
                "use another value for the member of the enum that is None"
                if why.endswith("`None` have the same JSON form")
                else f"remove the default of `{tag}` in each of them: a value that is always given distinguishes them"
                if (tag := optional_tag(type_))
                else "keep one of the two, or wrap each in a dataclass with different field names",
            )
        return type_

    def _dict(self, args: tuple[Any, ...], owner: type | None) -> Type:
        if not args:
            return DictType(ANY)
        key = self.evaluated(args[0], owner)
        if key is not str and key is not Any:
            raise BadAnnotation(
                "TP101",
                "dict keys must be `str`",
                "use `dict[str, T]`, or a list of NamedTuples with a key and a value",
            )
        value = self.type_of(args[1], owner)
        artifact = artifact_of(value)
        if artifact is not None:
            name = show(artifact)
            raise BadAnnotation(
                "TP102",
                f"a dict of artifacts is not supported: `{name}` is passed as a file, and a dict as JSON",
                f"declare one input or output for each `{name}`, or pass several as `Input[list[{name}]]`, "
                "with their names as a `list[str]`",
            )
        return DictType(value)

    def _alias(self, alias: Any, args: tuple[Any, ...], owner: type | None) -> Type:
        """A generic alias with arguments: ``Maybe[str]`` of ``type Maybe[T] = T | None``."""
        if alias in self._open or any(form is alias.__value__ for form in self._open):
            raise _contains_itself(f"`{alias.__name__}`")
        bound = dict(zip(alias.__type_params__, [self.type_of(arg, owner) for arg in args], strict=False))
        self._open.append(alias)
        before, self._bound = self._bound, bound
        try:
            return self.type_of(alias.__value__, owner)
        finally:
            self._open.pop()
            self._bound = before

    def _class(self, cls: type, args: tuple[Any, ...] = (), owner: type | None = None) -> Type:
        if cls is PipelineTaskFinalStatus:
            return StatusType()
        if cls in self._open:
            raise _contains_itself(f"`{cls.__name__}`")
        types_ = [self.type_of(arg, owner) for arg in args]
        before = self._variables, self._bound
        self._variables = self._environments(cls, types_)
        self._open.append(cls)
        try:
            type_ = self._in_module(cls, classes.class_type(cls, self._field))
        finally:
            self._open.pop()
            self._variables, self._bound = before
        if classes.is_user_class(cls):
            self._found[cls] = None
        if types_ and isinstance(type_, StructType):
            type_ = replace(type_, name=f"{type_.name}[{', '.join(map(show, types_))}]")
        remember(cls, type_)
        return type_

    def _in_module(self, cls: type, type_: Type) -> Type:
        """Name the class as the runtime finds it: by its path in its module, and by the module unless it is this one."""
        if not isinstance(type_, StructType | EnumType):
            return type_
        dotted = cls.__qualname__.rpartition("<locals>.")[2]
        name = dotted if all(map(str.isidentifier, dotted.split("."))) else type_.name
        here = self._names.globals.get("__name__", cls.__module__)
        return replace(type_, name=name if cls.__module__ == here else f"{cls.__module__}:{name}")

    def _environments(self, cls: type, args: Sequence[Type]) -> Environments:
        """Types of the type variables of a class and of its bases: ``class Ints(Box[int])`` gives ``T`` of ``Box``."""
        found: Environments = {cls: dict(zip(getattr(cls, "__parameters__", ()), args, strict=False))}
        pending = [cls]
        for derived in pending:  # grows
            for base in vars(derived).get("__orig_bases__", ()):
                origin: Any = get_origin(base)
                if isinstance(origin, type) and origin is not Generic and origin not in found:
                    self._bound = found[derived]
                    types_ = [self.type_of(arg, derived) for arg in get_args(base)]
                    found[origin] = dict(zip(getattr(origin, "__parameters__", ()), types_, strict=False))
                    pending.append(origin)
            for base in derived.__bases__:
                if base not in found:
                    found[base] = {}
                    pending.append(base)
        return found

    def _field(self, cls: type, annotation: object) -> tuple[Type, bool | None]:
        self._bound = self._variables.get(cls, {})
        if is_typed_dict(cls):  # it has the annotations of its bases as its own
            self._bound = {key: type_ for each in reversed(self._variables.values()) for key, type_ in each.items()}
        written = self.evaluated(annotation, cls)
        required: bool | None = None
        while (name := getattr(get_origin(written), "_name", "")) in ("Required", "NotRequired", "ReadOnly"):
            required = required if name == "ReadOnly" else name == "Required"
            written = self.evaluated(get_args(written)[0], cls)
        return self.type_of(written, cls), required

    # ------------------------------------------------------------------------------------------ others

    def named_type(self, name: str) -> Type:
        """The type of KFP's call form: ``InputPath("Dataset")``, ``OutputPath("String")``."""
        if name in _KFP_NAMES:
            return self.type_of(_KFP_NAMES[name])
        known = _artifact_class(name)
        if known is not None and name not in self._names.globals:
            return self.type_of(known)
        return self.type_of(name)

    def field_annotations(self, written: object) -> list[tuple[str, object, type]] | None:
        """Fields of a returned NamedTuple or dataclass: name, annotation, owner; None for anything else."""
        origin = get_origin(written)
        if isinstance(origin, type) and struct_form(origin) is not None:
            self._variables = self._environments(origin, [self.type_of(arg) for arg in get_args(written)])
        elif isinstance(written, type) and origin is None:
            self._variables = self._environments(written, [])
            origin = written
        else:
            return None
        cls: type[Any] = origin
        if issubclass(cls, Artifact | Enum) or is_pydantic(cls):
            return None
        fields: list[tuple[str, object, type]]
        if is_named_tuple(cls):
            hints = getattr(cls, "__annotations__", {})
            fields = [(name, hints.get(name, Any), cls) for name in names_of(cls)]
        elif is_dataclass(cls):
            fields = [(f.name, f.type, owner(cls, f.name)) for f in dataclass_fields(cls)]
        else:
            return None
        if not fields:
            raise BadAnnotation("TP101", f"`{cls.__name__}` has no fields", "annotate `-> None` if there is no output")
        return fields

    def output_of(self, annotation: object, owner: type | None) -> Type:
        """The type of one output: a parameter or an artifact."""
        if owner is not None:
            self._bound = self._variables.get(owner, {})
        written = self.evaluated(annotation, owner)
        marker = self.marker(written)
        type_ = self.type_of(self.unmarked(written) if marker is Out else written, owner)
        if owner is not None and classes.is_user_class(owner):
            self._found[owner] = None
        if isinstance(type_, StatusType):
            raise BadAnnotation(
                "TP102", "`PipelineTaskFinalStatus` cannot be an output", "return its `state`, which is a `str`"
            )
        return type_


def is_alias(value: Any) -> bool:
    """Whether a value is an alias that a ``type`` statement made."""
    return type(value).__name__ == "TypeAliasType"


def _contains_itself(what: str) -> BadAnnotation:
    return BadAnnotation(
        "TP101",
        f"{what} contains itself, and recursive types are not supported",
        "use `dict[str, Any]` for nested data",
    )


_MISSING: Final = object()


@lru_cache(maxsize=4096)
def _compiled(text: str) -> CodeType:
    return compile(text.strip(), "<annotation>", "eval")


def _literal(values: tuple[object, ...]) -> Type:
    texts: list[str] = []
    for value in values:
        if isinstance(value, Enum):
            raise BadAnnotation(
                "TP101",
                "a `Literal` cannot contain enum members",
                f"use the enum as the annotation: `{type(value).__name__}`",
            )
        try:
            texts.append(constant(value)[0])
        except NotAConstant as error:
            raise BadAnnotation(
                "TP101", f"unsupported value in a `Literal`: {error.reason}", "use only str, int, bool and None"
            ) from None
    plain = tuple(dict.fromkeys(text for text in texts if text != "null"))
    literal: tuple[Type, ...] = (LiteralType(plain),) if plain else ()
    return union(*literal, *((NULL,) if "null" in texts else ()))


def _artifact_class(name: str) -> type[Artifact] | None:
    """The typedpipe artifact class with this name or title."""
    from typedpipe.runtime.task import ARTIFACTS

    return next((cls for cls in ARTIFACTS if name in (cls.__name__, cls.schema_title)), None)
