"""Markers of a component's annotations: input or output, object or path.

To a type checker, these are the types that the function and the caller see. At run time they are annotation objects;
inside the function the runtime provides its own objects (a path is a real ``str`` there).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, Protocol, TypeVar

from typedpipe.runtime.task import PipelineTaskFinalStatus

__all__ = ["OUT", "STATUS", "Input", "InputPath", "Output", "OutputPath", "PathOf", "PipelineTaskFinalStatus"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class In:
    """The marker in the ``Annotated`` of ``Input[...]``."""


class Out:
    """The marker in the ``Annotated`` of ``Output[...]``."""


Input = Annotated[T, In]
"""An input artifact: ``model: Input[Model]``. The function and the caller see a ``Model``."""

Output = Annotated[T, Out]
"""An output artifact that the function fills: ``model: Output[Model] = OUT``. The caller omits it."""


@dataclass(frozen=True, slots=True)
class PathOf:
    """``InputPath[T]`` and ``OutputPath[T]`` at run time, and KFP's ``InputPath("Dataset")``, ``OutputPath(str)``."""

    direction: Literal["in", "out"]
    target: Any

    def __or__(self, other: object) -> Any:
        return EitherOf((self, other))

    __ror__ = __or__

    def __call__(self) -> None:
        """Satisfy ``typing``, which accepts only callables in its own forms, such as ``Optional[InputPath[T]]``."""


@dataclass(frozen=True, slots=True)
class EitherOf:
    """``InputPath[T] | None`` at run time."""

    members: tuple[object, ...]

    def __or__(self, other: object) -> Any:
        return EitherOf((*self.members, other))

    def __call__(self) -> None:
        """See :class:`PathOf`."""


if TYPE_CHECKING:

    class InputPath(os.PathLike[str], Protocol[T_co]):
        """For the function: a local path (os.PathLike[str]; a real str at run time).  For the caller: any T."""

        @property
        def artifact(self) -> T_co: ...

    class OutputPath(str, Generic[T]):  # noqa: SLOT000 - for checkers only
        """For the function: a local path (str) to write a T to.  The caller omits it."""

        def __typedpipe_output__(self, _: T) -> T: ...

else:

    class InputPath:
        """The local path of an input: ``data: InputPath[Dataset]``. Functions get a ``str``, callers pass a Dataset."""

        def __new__(cls, type: Any = Any) -> PathOf:
            return PathOf("in", type)

        def __class_getitem__(cls, item: Any) -> PathOf:
            return PathOf("in", item)

    class OutputPath:
        """The path to write an output to: ``rows: OutputPath[int] = OUT``. The caller omits it."""

        def __new__(cls, type: Any = Any) -> PathOf:
            return PathOf("out", type)

        def __class_getitem__(cls, item: Any) -> PathOf:
            return PathOf("out", item)


OUT: Any = None
"""The default of an output parameter, so that checkers allow the caller to omit it."""

STATUS: Any = None
"""The default of an exit task's ``status: PipelineTaskFinalStatus = STATUS``."""
