"""What an annotation of a component says beside the type: input or output, the object or its path.

To a type checker these are what the body and the caller see. At run time they are annotation objects; in a body the
runtime gives its own objects (a path there is a real ``str``).
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
    """What ``Input[...]`` carries in its ``Annotated``."""


class Out:
    """What ``Output[...]`` carries in its ``Annotated``."""


Input = Annotated[T, In]
"""An input artifact: ``model: Input[Model]``. For the body and for the caller it is a ``Model``."""

Output = Annotated[T, Out]
"""An output artifact that the body fills: ``model: Output[Model] = OUT``. The caller leaves it out."""


@dataclass(frozen=True, slots=True)
class PathOf:
    """``InputPath[T]`` and ``OutputPath[T]`` at run time, and KFP's ``InputPath("Dataset")``, ``OutputPath(str)``."""

    direction: Literal["in", "out"]
    target: Any

    def __or__(self, other: object) -> Any:
        return EitherOf((self, other))

    __ror__ = __or__

    def __call__(self) -> None:
        """``typing`` takes only callables as arguments of its own forms, such as ``Optional[InputPath[T]]``."""


@dataclass(frozen=True, slots=True)
class EitherOf:
    """``InputPath[T] | None`` at run time."""

    members: tuple[object, ...]

    def __or__(self, other: object) -> Any:
        return EitherOf((*self.members, other))

    def __call__(self) -> None:
        """As for :class:`PathOf`."""


if TYPE_CHECKING:

    class InputPath(os.PathLike[str], Protocol[T_co]):
        """For the body: a local path (os.PathLike[str]; a real str at run time).  For the caller: any artifact T."""

        @property
        def artifact(self) -> T_co: ...

    class OutputPath(str, Generic[T]):  # noqa: SLOT000 - for checkers only
        """For the body: a local path (str) to write a T to.  The caller leaves it out."""

        def __typedpipe_output__(self, _: T) -> T: ...

else:

    class InputPath:
        """The local path of an input: ``data: InputPath[Dataset]``. A ``str`` in the body; the caller gives a Dataset."""

        def __new__(cls, type: Any = Any) -> PathOf:
            return PathOf("in", type)

        def __class_getitem__(cls, item: Any) -> PathOf:
            return PathOf("in", item)

    class OutputPath:
        """The path to write an output to: ``rows: OutputPath[int] = OUT``. The caller leaves it out."""

        def __new__(cls, type: Any = Any) -> PathOf:
            return PathOf("out", type)

        def __class_getitem__(cls, item: Any) -> PathOf:
            return PathOf("out", item)


OUT: Any = None
"""The default of an output parameter, so that a checker lets the caller leave it out."""

STATUS: Any = None
"""The default of an exit task's ``status: PipelineTaskFinalStatus = STATUS``."""
