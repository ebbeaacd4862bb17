"""Objects by the thousand at little cost: frozen dataclasses whose functions are written once, but for the constructor.

``@dataclass`` compiles six functions for each class; for the sixty classes of the IR, that was half of the time of
``import typedpipe.dsl``. Here only the constructor is compiled.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from types import TracebackType
from typing import Any, ClassVar, TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[_T]) -> type[_T]:
    """A frozen dataclass with slots, for a subclass of :class:`Record`, which provides equality, hash and repr.

    >>> @record
    ... class Point(Record):
    ...     x: int
    >>> Point(1) == Point(1), Point(1)
    (True, Point(x=1))
    """
    made = dataclass(init=False, slots=True, repr=False, eq=False)(cls)
    made.__init__ = _constructor(made)  # type: ignore[method-assign]  # the class has none yet
    return made


def _constructor(cls: Any) -> Any:
    """The ``__init__`` of a record; it sets slots by their descriptors, because attributes of a record cannot be set."""
    names: dict[str, Any] = {}
    parameters, lines = [], []
    for each in fields(cls):
        names[f"_set_{each.name}"] = getattr(cls, each.name).__set__
        default, value = "", each.name
        if each.default is not MISSING:
            names[f"_default_{each.name}"] = each.default
            default = f"=_default_{each.name}"
        elif each.default_factory is not MISSING:
            names[f"_factory_{each.name}"] = each.default_factory
            default, value = "=None", f"_factory_{each.name}() if {each.name} is None else {each.name}"
        parameters.append(each.name + default)
        lines.append(f" _set_{each.name}(self,{value})")
    exec(f"def __init__(self,{','.join(parameters)}):\n" + "\n".join(lines or [" pass"]), names)  # noqa: S102  # names of fields
    return names["__init__"]


class Record:
    """Base of the classes made by :func:`record`: equal if their class and their fields are equal.

    Fields declared with ``field(compare=False)`` are not part of equality and hash.
    """

    __slots__ = ()
    _typedpipe_key: ClassVar[Any] = None
    """Reads the compared fields; created on first use and cached on the class."""

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if other.__class__ is not self.__class__:
            return NotImplemented
        key = self._typedpipe_key or _key(self.__class__)
        return bool(key(self) == key(other))

    def __hash__(self) -> int:
        return hash((self._typedpipe_key or _key(self.__class__))(self))  # not of the class: cheaper, and as good

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __reduce__(self) -> tuple[type[Record], tuple[object, ...]]:
        return self.__class__, tuple(getattr(self, name) for name in _fields(self.__class__))

    def __repr__(self) -> str:
        names = _fields(self.__class__)
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


def _key(cls: type[Record]) -> Callable[[Any], Any]:
    names = [name for name, each in _fields(cls).items() if each.compare]
    key: Callable[[Any], Any] = attrgetter(*names) if names else _nothing
    cls._typedpipe_key = staticmethod(key)
    return key


def _fields(cls: Any) -> dict[str, Any]:
    """Fields of a dataclass, by name, without class constants."""
    return {each.name: each for each in fields(cls)}


def _nothing(_: object) -> tuple[()]:
    return ()


_R = TypeVar("_R", bound=Record)
_whole: dict[type[Record], tuple[Callable[[Any], Any], dict[str, int]]] = {}


def replace(record: _R, **changes: Any) -> _R:
    """``dataclasses.replace`` for a record, at a third of the cost: passes create thousands of records.

    >>> from typedpipe.types.model import StructField, INT
    >>> replace(StructField("a", INT), required=False)
    StructField(name='a', type=ScalarType(kind='int'), required=False, init=True)
    """
    cls = record.__class__
    known = _whole.get(cls)
    if known is None:
        names = list(_fields(cls))
        known = _whole[cls] = attrgetter(*names, "__class__"), {name: i for i, name in enumerate(names)}
    get, index = known
    values = list(get(record))
    values.pop()
    for name, value in changes.items():
        values[index[name]] = value
    return cls(*values)


class NoCollection:
    """Pauses Python's cyclic garbage collector: tracing and compiling keep nearly all objects that they create.

    A tenth of a compile's time was spent in collections that found nothing.

    >>> with NoCollection():
    ...     gc.isenabled()
    False
    """

    __slots__ = ("_was",)

    def __enter__(self) -> None:
        self._was = gc.isenabled()
        gc.disable()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._was:
            gc.enable()
