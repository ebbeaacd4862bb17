"""What a backend is: a table of what it can say, and a function from a checked pipeline to files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir


@dataclass(frozen=True, slots=True)
class No:
    """A feature that a backend does not support; ``why`` is a clause for the user, ``help`` what to type instead."""

    why: str
    help: str = ""
    what: str = ""
    """The option in words ("the retry"), where the feature is one."""
    when: Callable[[Any], bool] | None = None
    """The values of the option that are refused; all when None."""


YES: Literal["yes"] = "yes"
Answer: TypeAlias = Literal["yes"] | No
Options: TypeAlias = Mapping[str, object]
"""A backend's own options by name: the target's version, the kind of object, a namespace …"""


@dataclass(frozen=True, slots=True)
class Support:
    """A backend's answers by the name of the feature (:mod:`.support` lists them); what is not in it is supported.

    >>> Support({"loop.parallelism": No("it runs all at once")}).of("loop.parallelism").why
    'it runs all at once'
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)

    def of(self, feature: str) -> Answer:
        return self.answers.get(feature, YES)


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a backend, as the command line offers it."""

    name: str
    default: object = None
    choices: tuple[str, ...] = ()
    help: str = ""


@runtime_checkable
class Backend(Protocol):
    """What an entry point of the group ``typedpipe.backends`` names. ``lower`` makes the files, by name."""

    @property
    def name(self) -> str: ...

    @property
    def support(self) -> Support: ...

    @property
    def options(self) -> tuple[Option, ...]: ...

    def lower(self, pipeline: ir.Pipeline, options: Options, report: Diagnostics) -> dict[str, str]: ...


@runtime_checkable
class Staged(Protocol):
    """A backend with passes of its own before ``lower``. The driver raises what was found after each of them.

    ``check_target`` reports what the target cannot say; ``legalise`` rewrites what it says differently.
    """

    def check_target(self, pipeline: ir.Pipeline, options: Options, report: Diagnostics) -> None: ...

    def legalise(self, pipeline: ir.Pipeline, options: Options, report: Diagnostics) -> ir.Pipeline: ...
