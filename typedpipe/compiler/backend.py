"""The interface of a backend: a table of supported features, and a function from a checked pipeline to files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from typedpipe.diagnostics.model import Diagnostics
from typedpipe.ir import nodes as ir


@dataclass(frozen=True, slots=True)
class No:
    """A feature that a backend does not support; ``why`` is a clause for the user, ``help`` a suggested alternative."""

    why: str
    help: str = ""
    what: str = ""
    """The option in words ("retries"), if the feature is an option."""
    when: Callable[[Any], bool] | None = None
    """The unsupported values of the option; None means all."""
    omitted: bool = False
    """The output lacks the option and gives the same results: a warning."""


YES: Literal["yes"] = "yes"
Answer: TypeAlias = Literal["yes"] | No
Options: TypeAlias = Mapping[str, object]
"""Options of a backend by name: the target's version, the kind of object, a namespace …"""


@dataclass(frozen=True, slots=True)
class Support:
    """A backend's support by feature name (:mod:`.support` lists them); features that are not listed are supported.

    >>> Support({"loop.parallelism": No("it runs all at once")}).of("loop.parallelism").why
    'it runs all at once'
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)

    def of(self, feature: str) -> Answer:
        return self.answers.get(feature, YES)


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a backend, as offered on the command line."""

    name: str
    default: object = None
    choices: tuple[str, ...] = ()
    help: str = ""
    metavar: str = "TEXT"
    """Placeholder of the value in the help, if there are no choices."""


@runtime_checkable
class Backend(Protocol):
    """The object that an entry point of the group ``typedpipe.backends`` names. ``lower`` returns the files by name."""

    @property
    def name(self) -> str: ...

    @property
    def support(self) -> Support: ...

    @property
    def options(self) -> tuple[Option, ...]: ...

    def lower(self, pipeline: ir.Pipeline, options: Options, report: Diagnostics) -> dict[str, str]: ...


@runtime_checkable
class Staged(Protocol):
    """A backend with its own passes before ``lower``. The driver raises the reported errors after each of them.

    ``check_target`` reports features that the target does not support; ``legalise`` rewrites those that it expresses
    differently.
    """

    def check_target(self, pipeline: ir.Pipeline, options: Options, report: Diagnostics) -> None: ...

    def legalise(self, pipeline: ir.Pipeline, options: Options, report: Diagnostics) -> ir.Pipeline: ...
