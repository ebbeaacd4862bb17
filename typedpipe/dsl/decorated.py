"""Base of components and pipelines: to the tools of Python, they are the functions that they were made from."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any

_OF_FUNCTIONS = frozenset(
    {
        "__closure__",
        "__code__",
        "__defaults__",
        "__globals__",
        "__kwdefaults__",
        "__type_params__",
    }
)
"""Attributes that ``inspect`` reads of a function, beside those that each instance has."""


class Decorated:
    """A decorated function.

    ``help``, ``inspect``, ``typing.get_type_hints``, Sphinx and debuggers see a function; ``pickle`` and ``copy`` take
    it by its name in its module, as they take functions.
    """

    def __init__(self, fn: Callable[..., Any]) -> None:
        self._fn: Any = fn
        self.__name__: str = getattr(fn, "__name__", type(fn).__name__)
        self.__qualname__: str = getattr(fn, "__qualname__", self.__name__)
        self.__doc__ = fn.__doc__
        self.__module__ = getattr(fn, "__module__", "")
        self.__wrapped__ = fn
        self.__annotations__ = getattr(fn, "__annotations__", {})

    if not TYPE_CHECKING:  # checkers know the call's signature from the class

        @property
        def __class__(self) -> type:
            """The class of functions, which ``isinstance`` accepts beside the real one (as a mock's with a spec)."""
            return FunctionType

        def __getattr__(self, name: str) -> Any:
            if name in _OF_FUNCTIONS:
                return getattr(self._fn, name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __reduce__(self) -> str:
        return self.__qualname__
